"""Questions of operators about all customers at once: revenue, and who uses most."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.api.builders import (
    MAY,
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    asked,
    event,
    used,
)
from tests.api.conftest import Api
from tests.api.invoicing import (
    a_draft,
    a_grant,
    added,
    charged,
    failed,
    paid,
    voided,
)
from tests.api.portal import as_customer

REVENUE = """
query ($period: PeriodInput!, $granularity: Granularity!, $currency: String!) {
  revenue(period: $period, granularity: $granularity, currency: $currency) {
    period { start end } invoiced { amount currency } paid { amount } creditsApplied { amount }
    invoiceCount
  }
}
"""
TOP = """
query ($metric: String!, $period: PeriodInput!, $first: Int) {
  topCustomers(metric: $metric, period: $period, first: $first) { customer { key } quantity }
}
"""
WEEK = {"start": "2026-05-10T00:00:00Z", "end": "2026-05-14T00:00:00Z"}


async def revenue(
    api: Api, period: Json = WEEK, granularity: str = "DAY", currency: str = "USD"
) -> list[tuple[int, str, str, str, int]]:
    """The buckets: day of the month, invoiced, paid, credits applied, invoices."""
    given = {"period": period, "granularity": granularity, "currency": currency}
    points = (await api.ask(REVENUE, **given))["revenue"]
    assert {point["invoiced"]["currency"] for point in points} == {currency}
    return [
        (
            int(point["period"]["start"][8:10]),
            point["invoiced"]["amount"],
            point["paid"]["amount"],
            point["creditsApplied"]["amount"],
            point["invoiceCount"],
        )
        for point in points
    ]


async def top(
    api: Api, metric: str = "calls", period: Json = MAY, first: int | None = None
) -> list[tuple[str, str]]:
    """Keys of customers and quantities."""
    found = await api.ask(TOP, metric=metric, period=period, first=first)
    return [(one["customer"]["key"], one["quantity"]) for one in found["topCustomers"]]


async def test_revenue_is_what_was_issued_and_paid_on_each_day(api: Api) -> None:
    await a_customer(api)
    await a_customer(api, "other", currency="EUR")
    await a_grant(api, "4.50")
    api.clock.set("2026-05-10T23:59:59.999999+00:00")
    first = await charged(api, "0.10")
    api.clock.set("2026-05-11T00:00:00+00:00")
    second = await charged(api, "10.20")
    third = await charged(api, "5")
    lost = await charged(api, "1000")
    await charged(api, "77", "other")
    await added(api, await a_draft(api), "99")
    await paid(api, first)  # credit has paid it already, when it was issued
    await failed(api, third)
    await voided(api, lost)
    api.clock.set("2026-05-13T08:00:00+00:00")
    await paid(api, second)

    assert await revenue(api) == [
        (10, "0.00", "0.00", "0.10", 1),
        (11, "10.80", "0.00", "4.40", 2),
        (12, "0.00", "0.00", "0.00", 0),
        (13, "0.00", "5.80", "0.00", 0),
    ]
    assert await revenue(api, granularity="TOTAL") == [(10, "10.80", "5.80", "4.50", 3)]
    assert await revenue(api, granularity="TOTAL", currency="EUR") == [
        (10, "77.00", "0.00", "0.00", 1)
    ]


async def test_revenue_is_exact_and_cut_in_utc(api: Api) -> None:
    await a_customer(api, timezone="Pacific/Auckland")
    for amount in ("99999999999999999.99", "0.02", "0.03"):
        await charged(api, amount)

    march = {"start": "2026-03-15T12:00:00Z", "end": "2026-06-01T00:00:00Z"}
    assert await revenue(api, march, "MONTH") == [
        (15, "0.00", "0.00", "0.00", 0),
        (1, "0.00", "0.00", "0.00", 0),
        (1, "100000000000000000.04", "0.00", "0.00", 3),
    ]


async def test_revenue_takes_one_statement_for_any_number_of_buckets(api: Api) -> None:
    await a_customer(api)
    await charged(api)

    with api.statements() as statements:
        points = await revenue(api, MAY, "HOUR")

    assert len(points) == 31 * 24
    assert len([text for text in statements if "invoice" in text]) == 1


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        ({"currency": "usd"}, "INVALID", ["currency"]),
        ({"currency": "XXX"}, "INVALID", ["currency"]),
        ({"period": {"start": WEEK["end"], "end": WEEK["start"]}}, "INVALID", ["period", "end"]),
        (
            {"period": {**WEEK, "end": "2036-05-10T00:00:00Z"}, "granularity": "HOUR"},
            "LIMIT_EXCEEDED",
            ["period"],
        ),
    ],
)
async def test_revenue_of_what_cannot_be_is_refused(
    sqlite_api: Api, given: Json, code: str, path: list[str]
) -> None:
    usual = {"period": WEEK, "granularity": "DAY", "currency": "USD"}

    (error,) = await sqlite_api.errors(REVENUE, **{**usual, **given})

    assert (error["extensions"]["code"], error["extensions"]["path"]) == (code, path)


async def test_the_top_customers_are_those_with_most_of_a_metric(api: Api) -> None:
    api.clock.set("2026-06-10T00:00:00+00:00")
    await a_metric(api)
    await a_metric(api, "visits", aggregation="COUNT")
    for key in ("one", "two", "three", "four", "idle", "before", "voided"):
        await a_customer(api, key)
    await used(
        api,
        event("2.5", customer="two", eventTime=MAY["start"]),
        event("5", customer="two", eventTime="2026-05-31T23:59:59.999999Z"),
        event("7.5", customer="one"),
        event("-3", customer="three"),
        event("20", customer="four"),
        event("4", customer="before", eventTime="2026-04-30T23:59:59.999999Z"),
        event("4", customer="before", eventTime=MAY["end"]),
        event("9", key="gone", customer="voided"),
        event("1", "visits", customer="idle"),
    )
    await asked(
        api,
        'mutation { voidUsageEvent(customer: {key: "voided"}, idempotencyKey: "gone") '
        "{ errors { code } } }",
    )

    assert await top(api) == [("four", "20"), ("one", "7.5"), ("two", "7.5"), ("three", "-3")]
    assert await top(api, first=1) == [("four", "20")]
    assert await top(api, "visits") == [("idle", "1")]


AGGREGATIONS: list[Json] = [
    {"type": "COUNTER", "aggregation": "COUNT"},
    {"type": "GAUGE", "aggregation": "MAX"},
    {"type": "GAUGE", "aggregation": "MIN"},
    {"type": "GAUGE", "aggregation": "AVG"},
    {"type": "GAUGE", "aggregation": "LAST"},
    {"type": "GAUGE", "aggregation": "TIME_WEIGHTED"},
    {"type": "GAUGE", "aggregation": "PERCENTILE", "percentile": "90"},
    {"type": "COUNTER", "aggregation": "UNIQUE_COUNT", "property": "user"},
]
BEFORE, *IN_MAY = "2026-04-20T00:00:00Z", "2026-05-03T10:00:00Z", "2026-05-04T11:30:00Z"
USAGE = """
query ($key: String!, $metrics: [String!], $period: PeriodInput) {
  customer(key: $key) { usage(metrics: $metrics, period: $period) { quantity eventCount } }
}
"""


async def test_the_quantity_is_what_the_customers_usage_shows_whatever_the_aggregation(
    api: Api,
) -> None:
    metrics = [f"m{n}" for n in range(len(AGGREGATIONS))]
    for key, how in zip(metrics, AGGREGATIONS, strict=True):
        await a_metric(api, key, **how)
    await a_metric(api, "both", type="COMPOSITE", formula="m0 / (m1 - 9) + m5")
    for key in ("c0", "c1", "c2", "c3"):
        await a_customer(api, key)
    await a_plan(api)
    other = await a_subscription(api, "c1")
    for n, key in enumerate(metrics):
        await used(api, *some_usage(n, key, other["id"]))

    for key in (*metrics, "both"):
        ranked = await top(api, key)
        assert dict(ranked) == await shown(api, key), key
        assert ranked == sorted(ranked, key=lambda one: (-Decimal(one[1]), one[0])), key
    assert "c3" in dict(await top(api, "m5"))
    assert "c2" not in dict(await top(api, "both"))


def some_usage(n: int, metric: str, subscription: str) -> list[Json]:
    """The fourth customer has but a level from before; the third divides by zero."""
    quantities = [3 + n % 3, 1 + n % 4, 9, 5]
    events = [
        event(str(quantity), metric, customer=f"c{c}", eventTime=time, properties={"user": time})
        for c, quantity in enumerate(quantities)
        for time in (BEFORE, *(IN_MAY if c < 3 else ()))
    ]
    for one in events[3:5]:
        one["subscriptionId"] = subscription
    return events


async def shown(api: Api, metric: str) -> dict[str, str]:
    """Who used any of it in May by their own usage, which for a formula may have no result."""
    found: dict[str, str] = {}
    for key in ("c0", "c1", "c2", "c3"):
        answer = await api.answer(USAGE, key=key, metrics=[metric], period=MAY)
        for usage in () if "errors" in answer else answer["data"]["customer"]["usage"]:
            if (usage["quantity"], usage["eventCount"]) != ("0", "0"):
                found[key] = usage["quantity"]
    return found


async def test_more_customers_take_no_more_statements(api: Api) -> None:
    await a_metric(api)
    for n in range(12):
        await a_customer(api, f"c{n}")
    await used(api, event(customer="c0"))
    with api.statements() as of_one:
        assert len(await top(api)) == 1
    await used(api, *(event(customer=f"c{n}") for n in range(1, 12)))

    with api.statements() as of_many:
        assert len(await top(api)) == 10  # the default

    assert len(of_many) == len(of_one)


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        ({"metric": "nope"}, "NOT_FOUND", ["metric"]),
        ({"first": 0}, "INVALID", ["first"]),
        ({"first": 101}, "LIMIT_EXCEEDED", ["first"]),
        ({"period": {"start": MAY["end"], "end": MAY["start"]}}, "INVALID", ["period", "end"]),
    ],
)
async def test_a_ranking_of_what_cannot_be_is_refused(
    api: Api, given: Json, code: str, path: list[str]
) -> None:
    await a_metric(api)

    (error,) = await api.errors(TOP, **{"metric": "calls", "period": MAY, **given})

    assert (error["extensions"]["code"], error["extensions"]["path"]) == (code, path)


async def test_customers_may_not_ask_about_all_customers(sqlite_api: Api) -> None:
    await a_customer(sqlite_api)
    await a_metric(sqlite_api)
    portal = await as_customer(sqlite_api)

    (about_money,) = await portal.errors(REVENUE, period=WEEK, granularity="DAY", currency="USD")
    (about_usage,) = await portal.errors(TOP, metric="calls", period=MAY)

    for error in (about_money, about_usage):
        assert error["extensions"]["code"] == "FORBIDDEN"
