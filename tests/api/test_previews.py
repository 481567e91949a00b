"""Previews: the bill so far, exact, explained, and never written."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest

from tests.api.builders import (
    MAY,
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
    per_unit,
    preview,
    preview_of,
    price,
    tiers,
    used,
)
from tests.api.conftest import Api
from tests.api.test_plans import ESTIMATED, MODELS, the_metrics

# What a preview of any number of anything takes: the key, the customer, what rating needs to know
# of it, and the usage.
STATEMENTS_OF_A_PREVIEW = 13


async def every_model(api: Api) -> Json:
    """A subscription to a plan with a price of each model."""
    await a_customer(api)
    await the_metrics(api)
    components = [price({name: one}, metric, name) for name, (metric, one, _) in MODELS.items()]
    await a_plan(api, *components)
    return await a_subscription(api)


async def usage_of_every_model(api: Api) -> None:
    """What ESTIMATED was worked out for."""
    jobs = {"metric": "jobs"}
    await used(
        api,
        *(event("20") for _ in range(6)),
        event("10"),
        event("5400", "seconds"),
        event("1", **jobs, properties={"region": "eu", "gpu": 2}),
        event("2", **jobs, properties={"region": "eu", "gpu": 2.0}),
        event("2", **jobs, properties={"region": "us", "gpu": 0}),
    )


def rounded(amount: Decimal) -> Decimal:
    """To cents, half away from zero."""
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def exact(line: Json) -> Decimal:
    """What a line's steps sum to."""
    return sum((Decimal(step["amount"]) for step in line["steps"]), Decimal(0))


async def test_every_model_bills_what_was_used(api: Api) -> None:
    subscription = await every_model(api)
    await usage_of_every_model(api)

    bill = await preview_of(api, subscription)

    assert {line["component"]["key"]: line["amount"]["amount"] for line in bill["lines"]} == (
        ESTIMATED
    )
    assert bill["total"] == bill["subtotal"] == {"amount": "275.61", "currency": "USD"}
    assert bill["creditsApplied"] == {"amount": "0.00"}
    assert bill["customer"] == {"key": "acme"}
    assert bill["period"] == MAY
    assert bill["asOf"] == "2026-05-10T12:00:00Z"


async def test_a_bill_has_a_line_for_each_component_without_usage(api: Api) -> None:
    subscription = await every_model(api)

    bill = await preview_of(api, subscription)

    assert [line["component"]["key"] for line in bill["lines"]] == list(MODELS)
    assert {line["kind"] for line in bill["lines"][:2]} == {"FEE"}
    assert {line["kind"] for line in bill["lines"][2:]} == {"USAGE"}
    assert [line["quantity"] for line in bill["lines"]] == ["1"] * 2 + ["0"] * 11
    assert bill["total"]["amount"] == "89.99"  # 9.99 + 30 + the threshold at 0 + 49


async def test_the_steps_of_a_line_sum_to_it_before_rounding(api: Api) -> None:
    subscription = await every_model(api)
    await usage_of_every_model(api)
    span = {"start": "2026-05-02T07:00:00Z", "end": "2026-05-09T19:30:00.000001Z"}

    whole = await preview_of(api, subscription)
    part = await preview_of(api, subscription, period=span)

    for bill in (whole, part):
        assert len(bill["lines"]) == len(MODELS)
        for line in bill["lines"]:
            assert line["steps"]
            assert rounded(exact(line)) == Decimal(line["amount"]["amount"])
        total = sum(Decimal(line["amount"]["amount"]) for line in bill["lines"])
        assert total == Decimal(bill["total"]["amount"])


async def test_a_line_explains_itself_down_to_the_tier(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, price({"graduated": tiers(("10", "2", "0"), (None, "1.5", "0.5"))}))
    subscription = await a_subscription(api)
    await used(api, event("12.5"))

    (line,) = (await preview_of(api, subscription))["lines"]

    assert line == {
        "id": line["id"],
        "kind": "USAGE",
        "description": "Usage",
        "quantity": "12.5",
        "unitPrice": "1.94",
        "amount": {"amount": "24.25", "currency": "USD"},
        "period": MAY,
        "metric": {"key": "calls"},
        "component": {"key": "usage"},
        "subscription": {"id": subscription["id"]},
        "steps": [
            {
                "label": "Tier 1",
                "quantity": "10",
                "unitPrice": "2",
                "flatFee": "0",
                "amount": "20",
                "from": "0",
                "upTo": "10",
            },
            {
                "label": "Tier 2",
                "quantity": "2.5",
                "unitPrice": "1.5",
                "flatFee": "0.5",
                "amount": "4.25",
                "from": "10",
                "upTo": None,
            },
        ],
    }


@pytest.mark.parametrize(
    ("currency", "unit_price", "amount"),
    [
        ("JPY", "0.5", "2"),  # 1.5 yen
        ("KWD", "0.0005", "0.002"),  # 0.0015 dinars
        ("USD", "0.005", "0.02"),  # 1.5 cents
    ],
)
async def test_a_line_is_rounded_to_the_currencys_own_coin(
    api: Api, currency: str, unit_price: str, amount: str
) -> None:
    await a_customer(api, currency=currency)
    await a_metric(api)
    await a_plan(api, per_unit(unit_price), currency=currency)
    subscription = await a_subscription(api)
    await used(api, event("3"))

    bill = await preview_of(api, subscription)

    assert bill["currency"] == currency
    assert bill["total"] == {"amount": amount, "currency": currency}


async def test_a_total_is_the_sum_of_rounded_lines(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, *(price({"perUnit": {"unitPrice": "0.005"}}, key=key) for key in "abc"))
    subscription = await a_subscription(api)
    await used(api, event("1"))

    assert (await preview_of(api, subscription))["total"]["amount"] == "0.03"


async def test_a_negative_quantity_prices_as_zero(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, per_unit())
    subscription = await a_subscription(api)
    await used(api, event("-5"))

    assert (await preview_of(api, subscription))["total"]["amount"] == "0.00"


async def test_minimum_and_maximum_are_lines_of_their_own(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_plan(
        api,
        price({"perUnit": {"unitPrice": "1"}}, key="low", minimum="10"),
        price({"perUnit": {"unitPrice": "5"}}, key="high", maximum="12.5"),
        price({"perUnit": {"unitPrice": "2"}}, key="within", minimum="1", maximum="9"),
        minimum="50",
    )
    subscription = await a_subscription(api)
    await used(api, event("4"))

    bill = await preview_of(api, subscription)

    assert amounts(bill) == [
        ("USAGE", "low", "4.00"),
        ("MINIMUM", "low", "6.00"),
        ("USAGE", "high", "20.00"),
        ("MAXIMUM", "high", "-7.50"),
        ("USAGE", "within", "8.00"),
        ("MINIMUM", None, "19.50"),
    ]
    assert bill["total"]["amount"] == "50.00"
    assert all(exact(line) == Decimal(line["amount"]["amount"]) for line in bill["lines"])


async def test_a_stub_bills_its_share_of_the_period(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_metric(api, "peak", type="GAUGE", aggregation="MAX")
    await a_metric(api, "level", type="GAUGE", aggregation="TIME_WEIGHTED")
    await a_plan(
        api,
        fee("30"),
        fee("9.99", "once", "flat"),
        price(
            {"usageSubscription": {"baseFee": "49", "includedUnits": "2", "unitPrice": "1"}},
            key="base",
        ),
        price({"graduated": tiers(("2", "1", "6"), (None, "0.5", "3"))}, key="tiers"),
        price({"perUnit": {"unitPrice": "1"}}, "peak", "peak"),
        price({"perUnit": {"unitPrice": "1"}}, "level", "level"),
        price({"perUnit": {"unitPrice": "1"}}, key="least", minimum="15"),
    )
    subscription = await a_subscription(
        api, startAt="2026-04-21T00:00:00Z", billingAnchor="2026-05-01T00:00:00Z"
    )
    at = {"eventTime": "2026-04-21T00:00:00Z"}
    await used(api, event("4", **at), event("9", "peak", **at), event("6", "level", **at))

    bill = await preview_of(
        api, subscription, period={"start": "2026-04-01T00:00:00Z", "end": "2026-05-01T00:00:00Z"}
    )

    assert amounts(bill) == [  # 10 of 30 days
        ("FEE", "fee", "10.00"),
        ("FEE", "once", "9.99"),
        ("USAGE", "base", "18.33"),  # 49 / 3 + 2
        ("USAGE", "tiers", "6.00"),  # 2 + 2 + 1 + 1
        ("USAGE", "peak", "3.00"),
        ("USAGE", "level", "2.00"),
        ("USAGE", "least", "4.00"),
        ("MINIMUM", "least", "1.00"),
    ]


async def test_a_given_period_is_cut_at_billing_periods(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, fee("30"), fee("5", "once", "flat"), per_unit())
    subscription = await a_subscription(api, startAt="2026-03-01T00:00:00Z")
    await used(
        api,
        event("1", eventTime="2026-04-14T23:59:59.999999Z"),
        event("2", eventTime="2026-04-15T00:00:00Z"),
        event("4", eventTime="2026-05-01T00:00:00Z"),
        event("8", eventTime="2026-05-10T00:00:00Z"),
    )
    span = {"start": "2026-04-15T00:00:00Z", "end": "2026-05-10T00:00:00Z"}

    bill = await preview_of(api, subscription, period=span)

    first = {"start": "2026-04-15T00:00:00Z", "end": "2026-05-01T00:00:00Z"}
    second = {"start": "2026-05-01T00:00:00Z", "end": "2026-05-10T00:00:00Z"}
    assert [
        (line["component"]["key"], line["period"], line["amount"]["amount"])
        for line in bill["lines"]
    ] == [
        ("fee", first, "16.00"),  # 16 of 30 days
        ("once", first, "5.00"),
        ("usage", first, "2.00"),
        ("fee", second, "8.71"),  # 9 of 31 days
        ("once", second, "5.00"),
        ("usage", second, "4.00"),
    ]
    assert bill["period"] == span


async def test_a_period_outside_of_its_life_bills_nothing(api: Api) -> None:
    await a_customer(api)
    await a_plan(api)
    subscription = await a_subscription(api)
    span = {"start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"}

    bill = await preview_of(api, subscription, period=span)

    assert (bill["lines"], bill["total"]["amount"], bill["period"]) == ([], "0.00", span)


async def test_a_customer_without_subscriptions_owes_nothing(api: Api) -> None:
    await a_customer(api, currency="JPY", timezone="Asia/Tokyo")

    bill = await preview(api)

    assert bill["total"] == {"amount": "0", "currency": "JPY"}
    assert bill["lines"] == []
    assert bill["period"] == {"start": "2026-04-30T15:00:00Z", "end": "2026-05-31T15:00:00Z"}


async def test_a_past_as_of_knows_nothing_that_was_recorded_later(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, per_unit())
    subscription = await a_subscription(api)
    at = {"eventTime": "2026-05-02T00:00:00Z"}
    api.clock.set("2026-05-05T00:00:00+00:00")
    await used(api, event("1", **at))
    api.clock.set("2026-05-05T00:00:00.000001+00:00")
    await used(api, event("2", **at))

    before = await preview_of(api, subscription, asOf="2026-05-05T02:00:00+02:00")
    after = await preview_of(api, subscription, asOf="2026-05-05T00:00:00.000001Z")

    assert (before["asOf"], before["total"]["amount"]) == ("2026-05-05T00:00:00Z", "1.00")
    assert (after["asOf"], after["total"]["amount"]) == ("2026-05-05T00:00:00.000001Z", "3.00")


async def test_as_of_chooses_the_period_where_none_is_given(api: Api) -> None:
    await a_customer(api)
    await a_plan(api)
    await a_subscription(api, startAt="2026-03-01T00:00:00Z")

    bill = await preview(api, asOf="2026-04-15T00:00:00Z")

    assert bill["period"] == {"start": "2026-04-01T00:00:00Z", "end": "2026-05-01T00:00:00Z"}


async def test_a_future_as_of_is_now(api: Api) -> None:
    await a_customer(api)
    await a_plan(api)
    subscription = await a_subscription(api)

    bill = await preview_of(api, subscription, asOf="2030-01-01T00:00:00Z")

    assert bill == await preview_of(api, subscription)
    assert bill["asOf"] == "2026-05-10T12:00:00Z"


async def test_a_failing_formula_fails_its_bill_alone(api: Api) -> None:
    await a_metric(api)
    await a_plan(
        api,
        fee(),
        price({"dynamic": {"baseRate": "1", "formula": "base_rate / (quantity - 5)"}}, key="surge"),
    )
    for key, quantity in (("bad", "5"), ("good", "6"), ("idle", "0")):
        await a_customer(api, key)
        await a_subscription(api, key)
        await used(api, event(quantity, customer=key))

    answer = await api.answer("{ customers { nodes { key invoicePreview { total { amount } } } } }")

    (error,) = answer["errors"]
    assert error["path"] == ["customers", "nodes", 0, "invoicePreview"]
    assert error["extensions"]["code"] == "FORMULA_FAILED"
    assert error["extensions"]["component"] == "surge"
    assert error["extensions"]["formula"] == "base_rate / (quantity - 5)"
    assert '"Surge" cannot be charged' in error["message"]
    assert answer["data"]["customers"]["nodes"] == [
        {"key": "bad", "invoicePreview": None},
        {"key": "good", "invoicePreview": {"total": {"amount": "36.00"}}},
        {"key": "idle", "invoicePreview": {"total": {"amount": "30.00"}}},
    ]


async def test_a_composite_without_a_result_fails_its_bill(api: Api) -> None:
    await a_customer(api)
    await a_metric(api, "calls")
    await a_metric(api, "errors")
    await a_metric(api, "rate", type="COMPOSITE", formula="errors / calls")
    await a_plan(api, per_unit("1", "rate"))
    await a_subscription(api)
    await used(api, event("1", "errors"))

    (error,) = await api.errors('{ customer(key: "acme") { invoicePreview { total { amount } } } }')

    assert error["extensions"]["code"] == "FORMULA_FAILED"
    assert (error["extensions"]["component"], error["extensions"]["formula"]) == (
        "usage",
        "errors / calls",
    )


async def test_a_preview_writes_nothing_at_all(api: Api) -> None:
    subscription = await every_model(api)
    await usage_of_every_model(api)
    before = await counted_rows(api)

    await preview(api)
    await preview_of(api, subscription, period=MAY)
    await preview_of(api, subscription, asOf="2026-05-05T00:00:00Z")

    assert await counted_rows(api) == before
    assert before["usage_event"] == 11


async def test_a_preview_changes_with_nothing_but_usage(api: Api) -> None:
    subscription = await every_model(api)
    await usage_of_every_model(api)

    first = await preview_of(api, subscription)

    assert await preview_of(api, subscription) == first


async def statements_of(api: Api, document: str) -> int:
    """How many statements a request takes, all in all."""
    with api.statements() as found:
        await api.ask(document)
    return len(found)


async def test_the_number_of_statements_depends_on_no_number(api: Api) -> None:
    one = '{ customer(key: "%s") { invoicePreview { total { amount } lines { id } } } }'
    for key in ("plain", "components", "subscriptions", "events"):
        await a_customer(api, key)
    await a_metric(api)
    await a_plan(api, per_unit())
    await a_plan(
        api,
        *(price({"perUnit": {"unitPrice": "1"}}, key=f"c{n}") for n in range(40)),
        key="wide",
    )
    await a_subscription(api, "plain")
    await a_subscription(api, "components", "wide")
    await a_subscription(api, "events")
    for _ in range(40):
        await a_subscription(api, "subscriptions")
    for key in ("plain", "components", "subscriptions"):
        await used(api, event("1", customer=key))
    await used(api, *(event("1", customer="events") for _ in range(1_000)))

    found = {
        key: await statements_of(api, one % key)
        for key in ("plain", "components", "subscriptions", "events")
    }
    everybody = await statements_of(
        api, "{ customers { nodes { invoicePreview { total { amount } } } } }"
    )

    assert set(found.values()) == {everybody} == {STATEMENTS_OF_A_PREVIEW}


async def test_a_customers_bill_is_the_sum_of_its_subscriptions(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, fee("30"), per_unit())
    await a_plan(api, fee("7"), key="extra", minimum="10")
    subscriptions = [
        await a_subscription(api),
        await a_subscription(api, startAt="2026-04-20T00:00:00Z"),
        await a_subscription(api, plan="extra", startAt="2026-05-06T00:00:00Z"),
        await a_subscription(api, plan="extra", startAt="2026-06-01T00:00:00Z"),
    ]
    await used(api, event("4"), event("3", subscriptionId=subscriptions[0]["id"]))

    bill = await preview(api)
    single = [await preview_of(api, one) for one in subscriptions[:3]]

    # The one that started first has its lines first.
    single = [single[1], single[0], single[2]]
    assert [(line["id"], line["amount"]) for line in bill["lines"]] == [
        (line["id"], line["amount"]) for one in single for line in one["lines"]
    ]
    assert Decimal(bill["total"]["amount"]) == sum(
        Decimal(one["total"]["amount"]) for one in single
    )
    assert bill["total"]["amount"] == "77.00"
    assert bill["period"] == {"start": "2026-04-20T00:00:00Z", "end": "2026-06-06T00:00:00Z"}


async def test_the_bill_of_an_ended_subscription_is_its_last_one(api: Api) -> None:
    await a_customer(api)
    await a_plan(api)
    subscription = await a_subscription(
        api, startAt="2026-03-01T00:00:00Z", endAt="2026-04-16T00:00:00Z"
    )

    bill = await preview_of(api, subscription)

    assert bill["period"] == {"start": "2026-04-01T00:00:00Z", "end": "2026-04-16T00:00:00Z"}
    assert bill["total"]["amount"] == "15.00"


async def test_the_ids_of_lines_are_unique_on_a_bill(api: Api) -> None:
    await a_customer(api)
    await a_plan(api, fee("1"), fee("1", "other"))
    await a_subscription(api)
    await a_subscription(api)

    bill = await preview(api, period={"start": MAY["start"], "end": "2026-08-01T00:00:00Z"})

    ids = [line["id"] for line in bill["lines"]]
    assert len(ids) == len(set(ids)) == 12


async def test_a_bill_of_far_too_many_periods_is_refused(api: Api) -> None:
    await a_customer(api)
    await a_plan(api, billingFrequency="DAILY")
    await a_subscription(api)
    span = {"start": MAY["start"], "end": "2036-05-01T00:00:00Z"}

    (error,) = await api.errors(
        """query ($period: PeriodInput) {
          customer(key: "acme") { invoicePreview(period: $period) { asOf } } }""",
        period=span,
    )

    assert (error["extensions"]["code"], error["extensions"]["path"]) == (
        "LIMIT_EXCEEDED",
        ["period"],
    )


async def test_a_name_in_a_line_leads_into_the_graph(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, per_unit())
    await a_subscription(api)

    found = await asked(
        api,
        """{ customer(key: "acme") { invoicePreview { customer { name } lines {
          component { pricing { __typename } metric { key } }
          subscription { customer { key } plan { key } } metric { displayName } } } } }""",
    )

    assert found["invoicePreview"] == {
        "customer": {"name": "Acme"},
        "lines": [
            {
                "component": {
                    "pricing": {"__typename": "PerUnitPricing"},
                    "metric": {"key": "calls"},
                },
                "subscription": {"customer": {"key": "acme"}, "plan": {"key": "pro"}},
                "metric": {"displayName": "Calls"},
            }
        ],
    }
