"""What is promised of the demo's data."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from fubble_gql.catalog.kinds import VALID, MetricType
from fubble_gql.db.sql import sql
from fubble_gql.demo.customers import COMPANIES
from fubble_gql.demo.metrics import METRICS
from fubble_gql.demo.plans import CURRENCIES, plans_in
from fubble_gql.demo.story import beginning, terms
from fubble_gql.demo.usage import Usage
from fubble_gql.pricing.rates import MODELS
from tests.demo.conftest import EVERY_DAYS, NOW, Demo


def test_it_begins_three_whole_months_before_this_one() -> None:
    assert beginning(NOW) == datetime(2026, 3, 1, tzinfo=UTC)
    assert beginning(datetime(2026, 1, 31, tzinfo=UTC)) == datetime(2025, 10, 1, tzinfo=UTC)


def test_metrics_have_every_type_with_every_aggregation() -> None:
    combinations = {(kind, each) for kind, valid in VALID.items() for each in valid or (None,)}
    assert {(metric.type, metric.chosen()) for metric in METRICS} == combinations


async def test_plans_have_every_pricing_model_in_each_currency(demo: Demo) -> None:
    answer = await demo.ask(
        "{ plans(first: 100) { nodes { key currency priceComponents { pricing { __typename } } } }"
        ' pricing: __type(name: "Pricing") { possibleTypes { name } } }'
    )
    every = {kind["name"] for kind in answer["pricing"]["possibleTypes"]}
    assert len(every) == len(MODELS) == 13
    found, plans = defaultdict(set), defaultdict(set)
    for plan in answer["plans"]["nodes"]:
        plans[plan["currency"]].add(plan["key"])
        for component in plan["priceComponents"]:
            found[plan["currency"]].add(component["pricing"]["__typename"])
    assert found == dict.fromkeys(CURRENCIES, every)
    assert {currency: len(keys) for currency, keys in plans.items()} == dict.fromkeys(CURRENCIES, 6)


async def test_fifty_customers_pay_in_three_currencies_across_the_world(demo: Demo) -> None:
    answer = await demo.ask(
        "{ customers(first: 100) { totalCount nodes { key currency timezone metadata } } }"
    )
    customers = answer["customers"]["nodes"]
    assert answer["customers"]["totalCount"] == len(customers) == 50
    assert {customer["currency"] for customer in customers} == set(CURRENCIES)
    assert len({customer["timezone"] for customer in customers}) >= 20
    assert len({customer["metadata"]["country"] for customer in customers}) >= 20


def test_every_plan_has_a_customer_in_each_currency() -> None:
    used = {(term.company.currency, term.plan) for term in terms(NOW)}
    assert used == {(currency, name) for currency in CURRENCIES for name in plans_in(currency)}


async def test_subscriptions_are_in_every_state_and_some_customers_have_two(demo: Demo) -> None:
    answer = await demo.ask(
        "{ customers(first: 100) { nodes { subscriptions { nodes { status plan { version } } } } } }"
    )
    lists = [one["subscriptions"]["nodes"] for one in answer["customers"]["nodes"]]
    every = [subscription for subscriptions in lists for subscription in subscriptions]
    assert len(every) == len(terms(NOW))
    assert {one["status"] for one in every} == {"SCHEDULED", "TRIALING", "ACTIVE", "ENDED"}
    assert {one["plan"]["version"] for one in every} == {1, 2}
    assert sum(len(subscriptions) > 1 for subscriptions in lists) == 3


async def test_every_event_was_recorded_once(demo: Demo) -> None:
    events = Usage(NOW, EVERY_DAYS).between(beginning(NOW), NOW)
    ((stored, first, last),) = await demo.connection.fetch(
        sql("select count(*), min(event_time), max(event_time) from usage_event")
    )
    assert stored == len(events)
    assert datetime.fromisoformat(first) == events[0].event_time
    assert datetime.fromisoformat(last) == events[-1].event_time
    assert len({(event.customer, event.idempotency_key) for event in events}) == len(events)


async def test_every_metric_was_used_in_every_month(demo: Demo) -> None:
    counted = await demo.connection.fetch(
        sql(
            "select m.key, count(distinct substr(e.event_time, 1, 7)) from metric as m"
            " join usage_event as e on e.metric_id = m.id group by m.key"
        )
    )
    with_events = {metric.key for metric in METRICS if metric.type is not MetricType.COMPOSITE}
    assert {str(key): int(months) for key, months in counted} == dict.fromkeys(with_events, 4)


async def test_usage_grows_and_has_a_daily_rhythm(demo: Demo) -> None:
    rows = await demo.connection.fetch(
        sql(
            "select substr(event_time, 6, 2), dsum(quantity) from usage_event as e join metric as m"
            " on m.id = e.metric_id where m.key = 'seats' group by 1 order by 1"
        )
    )
    march, april, may = (Decimal(total) for _, total in rows[:3])
    assert march < april < may
    by_hour = await demo.connection.fetch(
        sql(
            "select (substr(event_time, 12, 2) + 0) between 8 and 15, count(*) from usage_event"
            " as e join customer as c on c.id = e.customer_id where timezone = 'Europe/Berlin'"
            " group by 1 order by 1"
        )
    )
    assert by_hour[1][1] > by_hour[0][1]


@pytest.mark.parametrize(
    "period",
    [
        None,
        {"start": "2026-03-01T00:00:00Z", "end": "2026-04-01T00:00:00Z"},
        {"start": "2026-05-01T00:00:00Z", "end": "2026-06-01T00:00:00Z"},
    ],
)
async def test_every_customer_has_a_bill(period: dict[str, str] | None, demo: Demo) -> None:
    answer = await demo.ask(
        "query ($period: PeriodInput) { customers(first: 100) { nodes { key currency"
        " invoicePreview(period: $period) { total { amount currency } lines { steps { amount } } }"
        " unbilledUsage(period: $period) { quantity } } } }",
        period=period,
    )
    customers = answer["customers"]["nodes"]
    bills = [one["invoicePreview"] for one in customers if one["invoicePreview"]]
    assert len(bills) >= 36
    assert sum(Decimal(bill["total"]["amount"]) > 0 for bill in bills) >= 36
    assert any(one["unbilledUsage"] for one in customers)


async def test_no_line_is_priced_at_nothing_for_every_customer(demo: Demo) -> None:
    answer = await demo.ask(
        "query ($period: PeriodInput) { customers(first: 100) { nodes { invoicePreview("
        "period: $period) { lines { component { key } amount { amount } } } } } }",
        period={"start": "2026-05-01T00:00:00Z", "end": "2026-06-01T00:00:00Z"},
    )
    largest: dict[str, Decimal] = defaultdict(Decimal)
    for customer in answer["customers"]["nodes"]:
        for line in customer["invoicePreview"]["lines"] if customer["invoicePreview"] else ():
            if line["component"]:
                key = line["component"]["key"]
                largest[key] = max(largest[key], Decimal(line["amount"]["amount"]))
    assert {key for key, amount in largest.items() if not amount} == set()
    assert largest.keys() == {
        component.key for plan in plans_in("USD").values() for component in plan.components
    }


def test_the_same_events_come_out_however_the_span_is_cut() -> None:
    start = beginning(NOW) + timedelta(days=40)
    cuts = [start + timedelta(hours=7 * n) for n in range(12)]
    usage = Usage(NOW)
    whole = usage.between(cuts[0], cuts[-1])
    assert [event for a, b in pairwise(cuts) for event in usage.between(a, b)] == whole
    assert len(whole) > 500
    assert len({company.key for company in COMPANIES} - {event.customer for event in whole}) < 10
