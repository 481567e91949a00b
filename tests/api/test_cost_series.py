"""The cost of each day over GraphQL: its amount, what the bill was by then, and its lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from tests.api.builders import (
    MAY,
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    amounts,
    asked,
    event,
    fee,
    per_unit,
    preview_of,
    price,
    tiers,
    used,
)
from tests.api.changing import cancel, change, commit
from tests.api.conftest import Api
from tests.api.invoicing import the_usual

COSTS = """
query ($id: ID!, $period: PeriodInput) {
  planSubscription(id: $id) {
    costSeries(period: $period) {
      period { start end } amount { amount currency } cumulativeAmount { amount }
      lines { kind component { key } metric { key } quantity amount { amount currency } }
    }
  }
}
"""
LATER = "2026-07-20T00:00:00+00:00"


async def costs(api: Api, subscription: Json, period: Json | None = None) -> list[Json]:
    """The days, of the running period unless said; whatever they are, they keep the laws."""
    found = await asked(api, COSTS, id=subscription["id"], period=period)
    days: list[Json] = found["costSeries"]
    total = Decimal(0)
    for one in days:
        amount = Decimal(one["amount"]["amount"])
        assert amount == sum(Decimal(line["amount"]["amount"]) for line in one["lines"])
        total += amount
        assert Decimal(one["cumulativeAmount"]["amount"]) == total
    return days


def by_day(days: Sequence[Json]) -> dict[int, str]:
    """The amounts of days that cost something, by the day of the month on which they end."""
    ends = [datetime.fromisoformat(day["period"]["end"]) - timedelta(hours=3) for day in days]
    found = [(end.day, day["amount"]["amount"]) for end, day in zip(ends, days, strict=True)]
    return {day: amount for day, amount in found if Decimal(amount)}


def lines(day: Json) -> list[tuple[str, str | None, str, str]]:
    """Kind, component, quantity and amount."""
    return [
        (
            line["kind"],
            (line["component"] or {}).get("key"),
            line["quantity"],
            line["amount"]["amount"],
        )
        for line in day["lines"]
    ]


def on(day: int, quantity: object = "1", **more: object) -> Json:
    """Usage at noon on a day of May."""
    return {**event(quantity), "eventTime": f"2026-05-{day:02}T12:00:00Z", **more}


async def test_fees_grow_with_time_and_usage_costs_when_it_happens(api: Api) -> None:
    subscription = await the_usual(api, fee("31"), per_unit("2"))
    await used(api, on(5, "3"), on(9, "1.5"))

    days = await costs(api, subscription)

    assert len(days) == 31
    assert days[0]["period"] == {"start": "2026-05-01T00:00:00Z", "end": "2026-05-02T00:00:00Z"}
    assert lines(days[0]) == [("FEE", "fee", "1", "1.00")]
    assert lines(days[4]) == [("FEE", "fee", "0", "1.00"), ("USAGE", "usage", "3", "6.00")]
    assert days[4]["lines"][1]["metric"] == {"key": "calls"}
    assert days[8]["amount"] == {"amount": "4.00", "currency": "USD"}
    # The tenth is today; coming days are listed with their fees.
    assert {day["amount"]["amount"] for day in days[9:]} == {"1.00"}
    bill = await preview_of(api, subscription)
    assert days[-1]["cumulativeAmount"]["amount"] == bill["total"]["amount"] == "40.00"


async def test_a_day_costs_what_it_adds_within_the_tiers(sqlite_api: Api) -> None:
    graduated = price({"graduated": tiers(("10", "1", "0"), (None, "0.5", "0"))}, key="graduated")
    volume = price({"volume": tiers(("10", "1", "0"), (None, "0.25", "0"))}, key="volume")
    package = price({"package": {"size": "10", "price": "3"}}, key="package")
    subscription = await the_usual(sqlite_api, graduated, volume, package)
    await used(sqlite_api, on(2, "8"), on(3, "8"), on(4, "2"))

    days = await costs(sqlite_api, subscription)

    assert lines(days[1]) == [
        ("USAGE", "graduated", "8", "8.00"),
        ("USAGE", "volume", "8", "8.00"),
        ("USAGE", "package", "8", "3.00"),
    ]
    # All 16 units are of the cheaper tier from now on.
    assert lines(days[2]) == [
        ("USAGE", "graduated", "8", "5.00"),
        ("USAGE", "volume", "8", "-4.00"),
        ("USAGE", "package", "8", "3.00"),
    ]
    assert lines(days[3]) == [
        ("USAGE", "graduated", "2", "1.00"),
        ("USAGE", "volume", "2", "0.50"),
        ("USAGE", "package", "2", "0.00"),
    ]


async def test_a_maximum_caps_from_the_first_day_and_a_minimum_grows(sqlite_api: Api) -> None:
    capped = price({"perUnit": {"unitPrice": "1"}}, key="capped", maximum="10")
    least = price({"perUnit": {"unitPrice": "1"}}, key="least", minimum="31")
    await the_usual(sqlite_api)
    await a_plan(sqlite_api, capped, key="capped")
    await a_plan(sqlite_api, least, key="least")
    maximum = await a_subscription(sqlite_api, plan="capped")
    await a_customer(sqlite_api, "ajax")
    minimum = await a_subscription(sqlite_api, "ajax", "least")
    for customer in ("acme", "ajax"):
        await used(sqlite_api, on(2, "8", customer=customer), on(3, "8", customer=customer))
    await used(sqlite_api, on(2, "8", customer="acme", subscriptionId=maximum["id"]))
    await used(sqlite_api, on(3, "8", customer="acme", subscriptionId=maximum["id"]))

    assert by_day(await costs(sqlite_api, maximum)) == {2: "8.00", 3: "2.00"}
    days = await costs(sqlite_api, minimum)
    assert by_day(days) == {1: "1.00", 2: "7.00", 3: "8.00"} | dict.fromkeys(range(17, 32), "1.00")
    assert lines(days[1]) == [("USAGE", "least", "8", "8.00"), ("MINIMUM", "least", "-1", "-1.00")]


async def test_what_a_commitment_covers_is_free_from_the_first_day(sqlite_api: Api) -> None:
    subscription = await the_usual(sqlite_api, per_unit("5"))
    sqlite_api.clock.set("2026-05-01T00:00:00+00:00")
    await commit(sqlite_api, subscription, committedQuantity="31", rate="1", overageRate="2")
    sqlite_api.clock.set(LATER)
    await used(sqlite_api, on(2, "30"), on(3, "4"))

    days = await costs(sqlite_api, subscription, MAY)

    assert lines(days[0]) == [("COMMITMENT", None, "31", "1.00")]
    assert lines(days[1]) == [("COMMITMENT", None, "0", "1.00"), ("USAGE", None, "30", "0.00")]
    assert lines(days[2]) == [("COMMITMENT", None, "0", "1.00"), ("USAGE", None, "4", "6.00")]
    assert days[-1]["cumulativeAmount"]["amount"] == "37.00"


async def test_a_flat_fee_falls_on_the_first_day_on_the_plan_that_charges_it(
    sqlite_api: Api,
) -> None:
    await a_plan(sqlite_api, fee("12.34", "setup", "flat"), key="other")
    subscription = await the_usual(sqlite_api, fee("10", "setup", "flat"), fee("31"))

    assert by_day(await costs(sqlite_api, subscription)) == {1: "11.00"} | dict.fromkeys(
        range(2, 32), "1.00"
    )

    await change(sqlite_api, subscription, "other")  # on the tenth, at noon

    days = await costs(sqlite_api, subscription)
    assert by_day(days) == dict.fromkeys(range(1, 10), "1.00") | {10: "12.84"}
    assert lines(days[9]) == [("FEE", "fee", "0", "0.50"), ("FEE", "setup", "1", "12.34")]


async def test_levels_are_paid_for_by_the_time_that_they_are_held(api: Api) -> None:
    await a_metric(api, "seats", type="GAUGE", aggregation="MAX")
    await a_metric(api, "disk", type="GAUGE", aggregation="TIME_WEIGHTED")
    subscription = await the_usual(
        api, per_unit("31", "seats", "seats"), per_unit("31", "disk", "disk")
    )
    await used(api, on(2, "2", metric="seats"), on(4, "3", metric="seats"))
    await used(api, on(4, "4", metric="disk"))

    days = await costs(api, subscription)

    # Every day so far of the larger number, once it is known.
    assert lines(days[1]) == [("USAGE", "seats", "2", "4.00")]
    assert lines(days[2]) == [("USAGE", "seats", "0", "2.00")]
    assert ("USAGE", "seats", "1", "6.00") in lines(days[3])
    # Half a day of 4 of 31 days; a level is known until now, which is noon on the tenth.
    half, day = "0.064516129032258065", "0.129032258064516129"
    assert ("USAGE", "disk", half, "2.00") in lines(days[3])
    assert ("USAGE", "disk", day, "4.00") in lines(days[5])
    assert [line[1] for line in lines(days[10])] == ["seats"]
    assert amounts(await preview_of(api, subscription)) == [
        ("USAGE", "seats", "93.00"),
        ("USAGE", "disk", "24.00"),
    ]


async def test_days_are_local_and_as_long_as_the_clocks_make_them(sqlite_api: Api) -> None:
    await a_customer(sqlite_api, timezone="Europe/Berlin")
    march = {"start": "2026-02-28T23:00:00Z", "end": "2026-03-31T22:00:00Z"}
    await a_plan(sqlite_api, fee("743"))  # as many as March has hours
    subscription = await a_subscription(sqlite_api, startAt=march["start"])

    days = await costs(sqlite_api, subscription, march)

    assert len(days) == 31
    assert by_day(days) == dict.fromkeys(range(1, 32), "24.00") | {29: "23.00"}
    assert days[28]["period"] == {"start": "2026-03-28T23:00:00Z", "end": "2026-03-29T22:00:00Z"}


async def test_days_are_cut_where_the_period_and_a_trial_begin_and_end(sqlite_api: Api) -> None:
    await a_plan(sqlite_api, fee("310"), trialDays=2)
    await a_customer(sqlite_api)
    subscription = await a_subscription(
        sqlite_api, startAt="2026-05-04T18:00:00Z", billingAnchor="2026-05-01T00:00:00Z"
    )

    days = await costs(sqlite_api, subscription)

    assert days[0]["period"] == {"start": "2026-05-04T18:00:00Z", "end": "2026-05-05T00:00:00Z"}
    assert by_day(days) == {6: "2.50"} | dict.fromkeys(range(7, 32), "10.00")
    part = await costs(
        sqlite_api, subscription, {"start": "2026-05-07T12:00:00Z", "end": "2026-05-08T06:00:00Z"}
    )
    assert [day["amount"]["amount"] for day in part] == ["5.00", "2.50"]


async def test_before_a_subscription_begins_and_after_it_ended_there_is_its_nearest_period(
    sqlite_api: Api,
) -> None:
    await a_customer(sqlite_api)
    await a_plan(sqlite_api, fee("31"))
    coming = await a_subscription(sqlite_api, startAt="2026-07-01T00:00:00Z")
    ended = await a_subscription(sqlite_api)
    await cancel(sqlite_api, ended)
    sqlite_api.clock.set("2026-06-20T00:00:00+00:00")

    july = await costs(sqlite_api, coming)
    assert (len(july), july[-1]["cumulativeAmount"]["amount"]) == (31, "31.00")
    may = await costs(sqlite_api, ended)
    assert by_day(may) == dict.fromkeys(range(1, 10), "1.00") | {10: "0.50"}
    assert by_day(await costs(sqlite_api, ended, {**MAY, "end": LATER})) == by_day(may)


async def test_several_billing_periods_are_each_rated_anew(sqlite_api: Api) -> None:
    subscription = await the_usual(
        sqlite_api,
        price({"perUnit": {"unitPrice": "1", "freeUnits": "5"}}),
        fee("3", "setup", "flat"),
    )
    sqlite_api.clock.set(LATER)
    await used(sqlite_api, on(31, "7"), event("7", eventTime="2026-06-01T00:00:00Z"))

    days = await costs(sqlite_api, subscription, {**MAY, "end": "2026-06-03T00:00:00Z"})

    assert [day["amount"]["amount"] for day in days[-4:]] == ["0.00", "2.00", "5.00", "0.00"]
    assert days[0]["amount"]["amount"] == "3.00"


async def test_later_usage_changes_no_earlier_day(api: Api) -> None:
    await a_metric(api, "seats", type="GAUGE", aggregation="LAST")
    table = tiers(("10", "1", "5"), (None, "0.5", "7"))
    graduated = price({"graduated": table}, minimum="40")
    subscription = await the_usual(api, graduated, per_unit("31", "seats", "seats"))
    await used(api, on(2, "8"), on(2, "3", metric="seats"))
    before = await costs(api, subscription)

    await used(api, on(6, "8"), on(6, "1", metric="seats"))

    after = await costs(api, subscription)
    assert after[:5] == before[:5]
    assert after[5] != before[5]


async def test_a_day_whose_bill_has_no_amount_fails_the_series(sqlite_api: Api) -> None:
    dynamic = {"baseRate": "1", "formula": "base_rate / (quantity - 4)", "variables": {}}
    subscription = await the_usual(sqlite_api, price({"dynamic": dynamic}))
    await used(sqlite_api, on(2, "4"), on(3, "4"))

    (error,) = await sqlite_api.errors(COSTS, id=subscription["id"])

    assert error["extensions"]["code"] == "FORMULA_FAILED"
    assert error["extensions"]["component"] == "usage"
    assert (await preview_of(sqlite_api, subscription))["total"]["amount"] == "2.00"


async def test_no_more_than_four_hundred_days_are_listed(sqlite_api: Api) -> None:
    subscription = await the_usual(sqlite_api)
    most = {"start": "2026-05-01T00:00:00Z", "end": "2027-06-05T00:00:00Z"}

    assert len(await costs(sqlite_api, subscription, most)) == 400
    most["end"] = "2027-06-05T00:00:01Z"
    (error,) = await sqlite_api.errors(COSTS, id=subscription["id"], period=most)

    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert "400 days" in error["message"]


async def test_statements_depend_on_neither_days_nor_subscriptions(api: Api) -> None:
    await a_metric(api, "seats", type="GAUGE", aggregation="LAST")
    await a_metric(api, "disk", type="GAUGE", aggregation="TIME_WEIGHTED")
    await a_metric(api, "users", aggregation="UNIQUE_COUNT", property="user")
    named = ("calls", "seats", "disk", "users")
    subscription = await the_usual(api, *(per_unit("1", key, key) for key in named))
    await used(api, on(2), on(3, metric="seats"), on(4, metric="disk"))
    two_days = {"start": "2026-05-02T00:00:00Z", "end": "2026-05-04T00:00:00Z"}
    with api.statements() as of_two_days:
        await costs(api, subscription, two_days)
    for _ in range(5):
        await a_subscription(api)
    document = (
        '{ customer(key: "acme") { subscriptions(first: 10) { nodes { '
        'costSeries(period: {start: "2026-05-01T00:00:00Z", end: "2027-05-01T00:00:00Z"}) '
        "{ lines { component { key } metric { key } amount { amount } } } } } } }"
    )

    with api.statements() as of_a_year:
        found = await asked(api, document)

    assert len(found["subscriptions"]["nodes"]) == 6
    assert len(of_a_year) <= len(of_two_days) + 1  # the page of subscriptions is one more
