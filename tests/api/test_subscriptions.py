"""Subscriptions: when they begin and end, how their life is cut, and how often they are made."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from tests.api.builders import (
    CANCEL,
    SUBSCRIBE,
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    amounts,
    asked,
    counted_rows,
    event,
    fee,
    made,
    preview_of,
    price,
    refused,
    subscribing,
    tiers,
    used,
)
from tests.api.changing import invoiced, stored
from tests.api.conftest import Api

FIND = """
query ($id: ID!) {
  planSubscription(id: $id) {
    id startAt endAt trialEndAt timezone billingAnchor status
    customer { key } plan { id key version } currentPeriod { start end }
  }
}
"""
PERIODS = """
query ($id: ID!, $first: Int, $after: String) {
  planSubscription(id: $id) {
    periods(first: $first, after: $after) {
      nodes { period { start end } isClosed }
      pageInfo { hasNextPage hasPreviousPage endCursor }
    }
  }
}
"""


async def the_parties(api: Api, trial_days: int = 0, frequency: str = "MONTHLY") -> None:
    """A customer and a plan."""
    await a_customer(api)
    await a_plan(api, trialDays=trial_days, billingFrequency=frequency)


async def status_of(api: Api, subscription: Json) -> tuple[str, str | None]:
    """Its status, and when its current period starts."""
    found = await asked(api, FIND, id=subscription["id"])
    period = found["currentPeriod"]
    return found["status"], period["start"][:10] if period else None


async def periods_of(api: Api, subscription: Json) -> list[tuple[str, str]]:
    """The starts and ends of its first periods."""
    found = await asked(api, PERIODS, id=subscription["id"], first=100)
    return [(node["period"]["start"], node["period"]["end"]) for node in found["periods"]["nodes"]]


def days(*dates: str, time: str = "T00:00:00Z") -> list[tuple[str, str]]:
    """The periods between dates."""
    instants = [date + time for date in dates]
    return list(pairwise(instants))


async def test_a_subscription_begins_now_unless_said(api: Api) -> None:
    await the_parties(api)

    subscription = await made(api, SUBSCRIBE, input=subscribing())

    assert subscription == {
        "id": subscription["id"],
        "startAt": "2026-05-10T12:00:00Z",
        "endAt": None,
        "trialEndAt": None,
        "timezone": "UTC",
        "billingAnchor": "2026-05-10T12:00:00Z",
        "status": "ACTIVE",
        "customer": {"key": "acme"},
        "plan": {"id": subscription["plan"]["id"], "key": "pro", "version": 1},
        "currentPeriod": {"start": "2026-05-10T12:00:00Z", "end": "2026-06-10T12:00:00Z"},
    }
    assert await asked(api, FIND, id=subscription["id"]) == subscription


async def test_a_subscription_may_have_begun_in_the_past(api: Api) -> None:
    await the_parties(api)

    subscription = await a_subscription(api, startAt="2026-03-15T00:00:00Z")

    assert await periods_of(api, subscription) == days("2026-03-15", "2026-04-15", "2026-05-15")
    assert await status_of(api, subscription) == ("ACTIVE", "2026-04-15")


async def test_a_subscription_to_come_has_no_period_yet(api: Api) -> None:
    await the_parties(api)

    subscription = await a_subscription(api, startAt="2026-06-01T00:00:00Z")

    assert await status_of(api, subscription) == ("SCHEDULED", None)
    assert await periods_of(api, subscription) == []


async def test_an_end_cuts_the_last_period_short(api: Api) -> None:
    await the_parties(api)

    subscription = await a_subscription(
        api, startAt="2026-03-01T00:00:00Z", endAt="2026-04-11T00:00:00Z"
    )

    assert await status_of(api, subscription) == ("ENDED", None)
    assert await periods_of(api, subscription) == days("2026-03-01", "2026-04-01", "2026-04-11")


async def test_the_31st_is_clamped_and_comes_back(api: Api) -> None:
    await the_parties(api)

    subscription = await a_subscription(api, startAt="2026-01-31T08:00:00Z")

    assert await periods_of(api, subscription) == days(
        "2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31", time="T08:00:00Z"
    )


async def test_what_comes_before_an_explicit_anchor_is_a_stub(api: Api) -> None:
    await the_parties(api)

    subscription = await a_subscription(
        api, startAt="2026-04-21T00:00:00Z", billingAnchor="2026-05-01T00:00:00Z"
    )

    assert await periods_of(api, subscription) == days("2026-04-21", "2026-05-01", "2026-06-01")
    stub = await preview_of(
        api, subscription, period={"start": "2026-04-21T00:00:00Z", "end": "2026-05-01T00:00:00Z"}
    )
    assert amounts(stub) == [("FEE", "fee", "10.00")]  # 10 of 30 days


async def test_an_anchor_far_away_gives_the_same_grid(api: Api) -> None:
    await the_parties(api)

    subscription = await a_subscription(
        api, startAt="2026-04-21T00:00:00Z", billingAnchor="2031-12-31T00:00:00Z"
    )

    assert await periods_of(api, subscription) == days("2026-04-21", "2026-04-30", "2026-05-31")


async def test_a_period_keeps_the_local_time_across_daylight_saving(api: Api) -> None:
    await a_customer(api, timezone="America/New_York")
    await a_plan(api)

    subscription = await a_subscription(api, startAt="2026-02-01T05:00:00Z")

    assert await periods_of(api, subscription) == [
        ("2026-02-01T05:00:00Z", "2026-03-01T05:00:00Z"),
        ("2026-03-01T05:00:00Z", "2026-04-01T04:00:00Z"),
        ("2026-04-01T04:00:00Z", "2026-05-01T04:00:00Z"),
        ("2026-05-01T04:00:00Z", "2026-06-01T04:00:00Z"),
    ]


async def test_a_subscription_keeps_the_timezone_that_it_began_in(api: Api) -> None:
    await a_customer(api, timezone="Asia/Tokyo")
    await a_plan(api)
    subscription = await a_subscription(api, startAt="2026-04-30T15:00:00Z")

    await api.ask(
        """mutation { updateCustomer(customer: {key: "acme"}, input: {timezone: "UTC"}) {
          errors { code } } }"""
    )

    found = await asked(api, FIND, id=subscription["id"])
    assert found["timezone"] == "Asia/Tokyo"
    assert found["currentPeriod"] == {
        "start": "2026-04-30T15:00:00Z",
        "end": "2026-05-31T15:00:00Z",
    }
    later = await a_subscription(api)
    assert later["timezone"] == "UTC"


@pytest.mark.parametrize(
    ("frequency", "ends"),
    [
        ("DAILY", "2026-05-11"),
        ("WEEKLY", "2026-05-15"),
        ("MONTHLY", "2026-06-01"),
        ("QUARTERLY", "2026-08-01"),
        ("SEMIANNUAL", "2026-11-01"),
        ("YEARLY", "2027-05-01"),
    ],
)
async def test_the_plan_says_how_long_a_period_is(
    sqlite_api: Api, frequency: str, ends: str
) -> None:
    await the_parties(sqlite_api, frequency=frequency)

    subscription = await a_subscription(sqlite_api)

    assert subscription["currentPeriod"]["end"] == f"{ends}T00:00:00Z"


async def test_a_status_follows_the_clock(api: Api) -> None:
    await the_parties(api)
    subscription = await a_subscription(
        api, startAt="2026-05-11T00:00:00Z", endAt="2026-06-20T00:00:00Z", trialDays=5
    )
    document = """query ($status: SubscriptionStatus) {
      customer(key: "acme") { subscriptions(status: $status) { totalCount } } }"""

    for instant, status, period in [
        ("2026-05-10T23:59:59.999999+00:00", "SCHEDULED", None),
        ("2026-05-11T00:00:00+00:00", "TRIALING", "2026-05-11"),
        ("2026-05-15T23:59:59.999999+00:00", "TRIALING", "2026-05-11"),
        ("2026-05-16T00:00:00+00:00", "ACTIVE", "2026-05-16"),
        ("2026-06-19T23:59:59.999999+00:00", "ACTIVE", "2026-06-16"),
        ("2026-06-20T00:00:00+00:00", "ENDED", None),
    ]:
        api.clock.set(instant)
        assert await status_of(api, subscription) == (status, period)
        for asked_for in ("SCHEDULED", "TRIALING", "ACTIVE", "ENDED"):
            found = await asked(api, document, status=asked_for)
            assert found["subscriptions"]["totalCount"] == (asked_for == status)


async def test_a_trial_is_the_plans_unless_said(api: Api) -> None:
    await the_parties(api, trial_days=14)

    by_plan = await a_subscription(api)
    by_hand = await a_subscription(api, trialDays=3)
    none = await a_subscription(api, trialDays=0)

    assert by_plan["trialEndAt"] == by_plan["billingAnchor"] == "2026-05-15T00:00:00Z"
    assert by_hand["trialEndAt"] == by_hand["billingAnchor"] == "2026-05-04T00:00:00Z"
    assert (none["trialEndAt"], none["billingAnchor"]) == (None, "2026-05-01T00:00:00Z")


async def test_the_days_of_a_trial_are_local_calendar_days(api: Api) -> None:
    await a_customer(api, timezone="America/New_York")
    await a_plan(api)

    subscription = await a_subscription(api, startAt="2026-03-07T05:00:00Z", trialDays=2)

    assert subscription["trialEndAt"] == "2026-03-09T04:00:00Z"  # 47 hours


async def test_a_trial_bills_no_fees_and_no_usage(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_plan(
        api,
        fee(),
        fee("5", "setup", "flat"),
        price({"graduated": tiers(("10", "1", "7"), (None, "3", "0"))}, minimum="99"),
        minimum="500",
    )
    subscription = await a_subscription(api, trialDays=14)
    await used(api, event("8", eventTime="2026-05-05T00:00:00Z"))

    in_trial = await preview_of(api, subscription)

    assert amounts(in_trial) == []
    assert in_trial["total"] == {"amount": "0.00", "currency": "USD"}
    assert in_trial["period"] == {"start": "2026-05-01T00:00:00Z", "end": "2026-05-15T00:00:00Z"}


async def test_usage_of_a_trial_fills_no_tier(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, price({"graduated": tiers(("10", "1", "0"), (None, "3", "0"))}))
    subscription = await a_subscription(api, trialDays=10, billingAnchor="2026-05-01T00:00:00Z")
    api.clock.set("2026-05-20T00:00:00+00:00")
    await used(
        api,
        event("8", eventTime="2026-05-10T23:59:59.999999Z"),
        event("9", eventTime="2026-05-11T00:00:00Z"),
    )

    bill = await preview_of(api, subscription)

    assert amounts(bill) == [("USAGE", "usage", "9.00")]
    assert bill["lines"][0]["period"]["start"] == "2026-05-11T00:00:00Z"


async def test_a_fee_is_prorated_for_what_follows_a_trial(api: Api) -> None:
    await a_customer(api)
    await a_plan(api, fee("31"), fee("5", "setup", "flat"))
    subscription = await a_subscription(api, trialDays=10, billingAnchor="2026-05-01T00:00:00Z")

    bill = await preview_of(api, subscription)

    assert amounts(bill) == [("FEE", "fee", "21.00"), ("FEE", "setup", "5.00")]


async def test_periods_tile_a_life_page_by_page(api: Api) -> None:
    await a_customer(api, timezone="Europe/Berlin")
    await a_plan(api, billingFrequency="DAILY")
    subscription = await a_subscription(api, startAt="2026-03-20T10:30:00Z")
    found: list[Json] = []
    cursor = None

    while True:
        page = (await asked(api, PERIODS, id=subscription["id"], first=20, after=cursor))["periods"]
        assert page["pageInfo"]["hasPreviousPage"] is (cursor is not None)
        found += page["nodes"]
        cursor = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    spans = [node["period"] for node in found]
    assert spans[0]["start"] == "2026-03-20T10:30:00Z"
    assert [span["end"] for span in spans[:-1]] == [span["start"] for span in spans[1:]]
    assert (spans[-1]["start"], spans[-1]["end"]) == (
        "2026-05-10T09:30:00Z",
        "2026-05-11T09:30:00Z",
    )
    assert [node["isClosed"] for node in found] == [True] * 51 + [False]


async def test_cancelling_now_ends_it_at_once(api: Api) -> None:
    await the_parties(api)
    subscription = await a_subscription(api)

    cancelled = await made(api, CANCEL, id=subscription["id"], effective="NOW")
    api.clock.set("2026-05-12T00:00:00+00:00")
    again = await made(api, CANCEL, id=subscription["id"], effective="NOW")
    later = await made(api, CANCEL, id=subscription["id"], effective="PERIOD_END")

    assert cancelled == {
        "id": subscription["id"],
        "status": "ENDED",
        "endAt": "2026-05-10T12:00:00Z",
        "currentPeriod": None,
    }
    assert again == later == cancelled


async def test_cancelling_at_the_period_end_is_the_default(api: Api) -> None:
    await the_parties(api)
    subscription = await a_subscription(api)

    cancelled = await made(api, CANCEL, id=subscription["id"])
    again = await made(api, CANCEL, id=subscription["id"], effective="PERIOD_END")
    api.clock.set("2026-05-12T00:00:00+00:00")
    sooner = await made(api, CANCEL, id=subscription["id"], effective="NOW")

    assert (cancelled["status"], cancelled["endAt"]) == ("ACTIVE", "2026-06-01T00:00:00Z")
    assert again == cancelled
    assert (sooner["status"], sooner["endAt"]) == ("ENDED", "2026-05-12T00:00:00Z")


async def test_cancelling_never_moves_an_end_further_away(api: Api) -> None:
    await the_parties(api)
    subscription = await a_subscription(api, endAt="2026-05-15T00:00:00Z")

    cancelled = await made(api, CANCEL, id=subscription["id"])

    assert cancelled["endAt"] == "2026-05-15T00:00:00Z"


@pytest.mark.parametrize("effective", ["NOW", "PERIOD_END"])
async def test_one_that_has_not_begun_never_will(api: Api, effective: str) -> None:
    await the_parties(api)
    subscription = await a_subscription(api, startAt="2026-06-01T00:00:00Z")

    cancelled = await made(api, CANCEL, id=subscription["id"], effective=effective)
    api.clock.set("2026-06-02T00:00:00+00:00")

    assert cancelled["endAt"] == "2026-06-01T00:00:00Z"
    assert await periods_of(api, subscription) == []
    assert amounts(await preview_of(api, subscription)) == []


async def test_a_subscription_that_is_not_there_cannot_be_cancelled(api: Api) -> None:
    await the_parties(api)
    subscription = await a_subscription(api)
    absent = "sub_" + "0" * 32

    assert await refused(api, CANCEL, id=absent) == [("NOT_FOUND", "subscriptionId")]
    assert await refused(api, CANCEL, id=subscription["plan"]["id"]) == [
        ("INVALID", "subscriptionId")
    ]
    assert await refused(api, CANCEL, id="nonsense") == [("INVALID", "subscriptionId")]
    assert await api.ask(FIND, id=absent) == {"planSubscription": None}


async def test_a_plan_of_another_currency_is_a_conflict(api: Api) -> None:
    await a_customer(api)
    await a_plan(api, currency="EUR")

    assert await refused(api, SUBSCRIBE, input=subscribing()) == [("CONFLICT", "input.plan")]
    assert (await counted_rows(api))["plan_subscription"] == 0


async def test_an_archived_customer_does_not_subscribe(api: Api) -> None:
    await the_parties(api)
    await api.ask('mutation { archiveCustomer(customer: {key: "acme"}) { errors { code } } }')

    assert await refused(api, SUBSCRIBE, input=subscribing()) == [
        ("INVALID_STATE", "input.customer")
    ]


async def test_nobody_subscribes_to_a_deactivated_plan(api: Api) -> None:
    await the_parties(api)
    await api.ask('mutation { deactivatePlan(plan: {key: "pro"}) { errors { code } } }')

    assert await refused(api, SUBSCRIBE, input=subscribing()) == [("INVALID_STATE", "input.plan")]


async def test_subscribing_never_reaches_into_an_invoiced_span(api: Api) -> None:
    await the_parties(api)
    subscription = await a_subscription(api, startAt="2026-04-01T00:00:00Z")
    await invoiced(api, subscription, "2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z")
    early = subscribing(startAt="2026-04-30T23:59:59.999999Z", trialDays=-1)

    errors = (await asked(api, SUBSCRIBE, input=early))["errors"]

    assert [(error["code"], error["path"]) for error in errors] == [
        ("INVALID_STATE", ["input", "startAt"]),
        ("INVALID", ["input", "trialDays"]),
    ]
    assert "2026-05-01T00:00:00" in errors[0]["message"]
    await a_subscription(api, startAt="2026-05-01T00:00:00Z")


async def test_a_new_subscription_shows_its_first_invoice(api: Api) -> None:
    await the_parties(api)
    document = """mutation ($input: SubscribeInput!) { subscribe(input: $input) {
      preview { period { start end } total { amount } } errors { code } } }"""

    payload = await asked(api, document, input=subscribing(startAt="2026-06-01T00:00:00Z"))

    assert payload["preview"] == {
        "period": {"start": "2026-06-01T00:00:00Z", "end": "2026-07-01T00:00:00Z"},
        "total": {"amount": "30.00"},
    }


async def test_when_the_first_invoice_is_due_is_kept(api: Api) -> None:
    await the_parties(api)
    await a_subscription(api, startAt="2026-03-01T00:00:00Z")
    await a_subscription(api, trialDays=10)

    rows = await stored(api, "select due_at from plan_subscription order by start_at")

    assert [str(row[0])[:10] for row in rows] == ["2026-04-01", "2026-06-11"]


async def test_both_parties_must_be_there(api: Api) -> None:
    await the_parties(api)

    assert await refused(api, SUBSCRIBE, input=subscribing("none")) == [
        ("NOT_FOUND", "input.customer")
    ]
    assert await refused(api, SUBSCRIBE, input=subscribing(plan="none")) == [
        ("NOT_FOUND", "input.plan")
    ]


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ({"startAt": "2026-05-01T00:00:00Z", "endAt": "2026-05-01T00:00:00Z"}, ["endAt"]),
        ({"endAt": "2026-05-10T12:00:00Z"}, ["endAt"]),
        ({"trialDays": -1}, ["trialDays"]),
        ({"trialDays": 3_651}, ["trialDays"]),
        ({"startAt": "1901-01-01T00:00:00Z"}, ["startAt"]),
        ({"billingAnchor": "2199-01-01T00:00:00Z"}, ["billingAnchor"]),
        ({"idempotencyKey": ""}, ["idempotencyKey"]),
        ({"idempotencyKey": "x" * 256}, ["idempotencyKey"]),
        ({"startAt": "2199-01-01T00:00:00Z", "trialDays": -1}, ["startAt", "trialDays"]),
    ],
)
async def test_a_life_that_makes_no_sense_is_refused(
    sqlite_api: Api, given: Json, paths: list[str]
) -> None:
    await the_parties(sqlite_api)

    why = await refused(sqlite_api, SUBSCRIBE, input=subscribing(**given))

    assert why == [("INVALID", f"input.{path}") for path in paths]
    assert (await counted_rows(sqlite_api))["plan_subscription"] == 0


async def test_a_repeated_key_is_the_same_subscription(api: Api) -> None:
    await the_parties(api)
    given = subscribing(idempotencyKey="once", trialDays=3)
    first = await made(api, SUBSCRIBE, input=given)
    api.clock.set("2026-05-11T00:00:00+00:00")
    await api.ask(
        'mutation { updatePlan(plan: {key: "pro"}, input: {name: "New"}) { errors { code } } }'
    )

    assert await made(api, SUBSCRIBE, input=given) == first
    assert (await counted_rows(api))["plan_subscription"] == 1


async def test_without_a_key_each_call_makes_a_subscription(api: Api) -> None:
    await the_parties(api)

    first, second = await a_subscription(api), await a_subscription(api)

    assert first["id"] != second["id"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("customer", {"key": "other"}),
        ("plan", {"key": "other"}),
        ("startAt", "2026-05-02T00:00:00Z"),
        ("endAt", "2026-07-01T00:00:00Z"),
        ("billingAnchor", "2026-05-02T00:00:00Z"),
        ("trialDays", 1),
    ],
)
async def test_a_key_with_other_input_names_the_field_that_differs(
    api: Api, name: str, value: object
) -> None:
    await the_parties(api)
    await a_customer(api, "other")
    await a_plan(api, key="other")
    given = subscribing(startAt="2026-05-01T00:00:00Z", idempotencyKey="once")
    first = await made(api, SUBSCRIBE, input=given)

    (error,) = (await asked(api, SUBSCRIBE, input={**given, name: value}))["errors"]

    assert error["code"] == "IDEMPOTENCY_MISMATCH"
    assert error["path"] == ["input", name]
    assert f"another {name};" in error["message"]
    assert await made(api, SUBSCRIBE, input=given) == first
    assert (await counted_rows(api))["plan_subscription"] == 1


async def test_a_failed_validation_burns_no_key(api: Api) -> None:
    await the_parties(api)
    given = subscribing(idempotencyKey="once")

    assert await refused(api, SUBSCRIBE, input={**given, "trialDays": -1}) == [
        ("INVALID", "input.trialDays")
    ]
    assert (await made(api, SUBSCRIBE, input=given))["status"] == "ACTIVE"


async def test_twenty_callers_at_once_make_one_subscription(postgres_api: Api) -> None:
    await the_parties(postgres_api)
    given = subscribing(idempotencyKey="once")

    found = await asyncio.gather(*(made(postgres_api, SUBSCRIBE, input=given) for _ in range(20)))

    assert len({one["id"] for one in found}) == 1
    assert (await counted_rows(postgres_api))["plan_subscription"] == 1


async def test_one_that_is_cancelled_before_it_begins_has_ended(api: Api) -> None:
    await a_customer(api)
    await a_plan(api)
    subscription = await a_subscription(api, startAt="2027-02-01T00:00:00Z")
    ended = await made(api, CANCEL, id=subscription["id"], effective="NOW")
    assert ended["status"] == "ENDED"

    listed = '{ customer(key: "acme") { subscriptions(status: %s) { nodes { id } } } }'
    for status, count in (("SCHEDULED", 0), ("ENDED", 1)):
        answer = await api.ask(listed % status)
        assert len(answer["customer"]["subscriptions"]["nodes"]) == count
    archived = 'mutation { archiveCustomer(customer: {key: "acme"}) { errors { code } } }'
    assert (await api.ask(archived))["archiveCustomer"]["errors"] == []
