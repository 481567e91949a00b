"""What usage adds up to, rule by rule."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from fubble_gql.db.connection import Connection
from fubble_gql.pricing.period import Granularity, Period, buckets
from fubble_gql.usage.aggregate import EVERYTHING, Measured, Request, Scope, Stretch, measure
from tests.statements import collected_statements
from tests.usage.builders import (
    accepted,
    at,
    dimensions,
    make_customer,
    make_metric,
    make_subscription,
    new_event,
    void,
)
from tests.usage.measuring import JUNE, LATER, request, tell, total


async def test_nothing_asked_needs_no_statement(db: Connection) -> None:
    with collected_statements() as statements:
        assert await measure(db, [], {}) == []
    assert statements == []


@pytest.mark.parametrize(
    ("kind", "aggregation"),
    [
        ("COUNTER", "SUM"),
        ("COUNTER", "COUNT"),
        ("COUNTER", "UNIQUE_COUNT"),
        ("COUNTER", "TIME_WEIGHTED"),
        *(("GAUGE", way) for way in ("LAST", "MAX", "MIN", "AVG", "PERCENTILE", "TIME_WEIGHTED")),
    ],
)
async def test_no_events_make_zero_and_no_groups(
    db: Connection, kind: str, aggregation: str
) -> None:
    customer = await make_customer(db)
    dims = dimensions(region="STRING")
    metric = await make_metric(
        db, "calls", kind, aggregation, percentile=Decimal(50), property="user", dimensions=dims
    )
    asked = [request(customer, metric), request(customer, metric, group_by=["region"])]
    assert await measure(db, asked, {}) == [[Measured((), Decimal(0), 0)], []]


async def test_a_span_has_its_start_and_not_its_end(db: Connection) -> None:
    customer = await make_customer(db)
    metric = await make_metric(db)
    await tell(
        db,
        before="2026-05-31 23:59:59.999999 | 1",
        start="2026-06-01 | 10",
        last="2026-06-30 23:59:59.999999 | 100",
        end="2026-07-01 | 1000",
    )
    assert await total(db, request(customer, metric)) == [110]


async def test_sums_are_exact_to_the_last_digit(db: Connection) -> None:
    customer = await make_customer(db)
    metric = await make_metric(db)
    await tell(
        db,
        large="2026-06-01 | 99999999999999999999.999999999999999999",
        again="2026-06-02 | 99999999999999999999.999999999999999999",
        small="2026-06-03 | -0.000000000000000001",
    )
    expected = Decimal("199999999999999999999.999999999999999997")
    assert await total(db, request(customer, metric)) == [expected]


async def test_an_average_is_rounded_half_away_from_zero(db: Connection) -> None:
    customer = await make_customer(db)
    metric = await make_metric(db, "calls", "GAUGE", "AVG")
    await tell(db, a="2026-06-01 | -0.000000000000000001", b="2026-06-02 | 0")
    await tell(db, c="2026-05-01 | 1", d="2026-05-02 | 1", e="2026-05-03 | 0")
    may = Period(at("2026-05-01"), JUNE.start)
    assert await total(db, request(customer, metric), request(customer, metric, may)) == [
        Decimal("-0.000000000000000001"),
        Decimal("0.666666666666666667"),
    ]


async def test_the_largest_of_negative_levels_is_negative(db: Connection) -> None:
    customer = await make_customer(db)
    metric = await make_metric(db, "calls", "GAUGE", "MAX")
    await tell(db, a="2026-06-01 | -3", b="2026-06-02 | -10")
    assert await total(db, request(customer, metric)) == [-3]


async def test_the_last_is_decided_by_time_then_by_arrival(db: Connection) -> None:
    customer = await make_customer(db)
    metric = await make_metric(db, "calls", "GAUGE", "LAST")
    noon = at("2026-06-02 12:00")
    await accepted(db, new_event("a", "1", event_time=noon), now=at("2026-06-05"))
    await accepted(
        db,
        new_event("c", "2", event_time=noon),
        new_event("b", "3", event_time=noon),
        new_event("d", "4", event_time=at("2026-06-01")),
        now=at("2026-06-06"),
    )
    early = request(customer, metric, as_of=at("2026-06-05"))
    assert await total(db, request(customer, metric), early) == [3, 1]


async def test_a_text_and_a_number_are_two_values(db: Connection) -> None:
    customer = await make_customer(db)
    metric = await make_metric(db, aggregation="UNIQUE_COUNT", property="user")
    values: list[object] = ["1", 1, Decimal("1.0"), True, "true", "A", "a"]
    await accepted(
        db, *(new_event(str(n), None, properties={"user": v}) for n, v in enumerate(values))
    )
    answer = await measure(db, [request(customer, metric)], {})
    assert answer == [[Measured((), Decimal(6), 7)]]


@pytest.mark.parametrize(
    ("percentile", "expected"),
    [
        ("0", "10"),
        ("50", "25"),
        ("95", "38.5"),
        ("100", "40"),
        ("33.333333333333333333", "19.9999999999999999999"),
        ("99.999999999999999999", "39.9999999999999999997"),
    ],
)
async def test_a_percentile_is_interpolated_exactly(
    db: Connection, percentile: str, expected: str
) -> None:
    customer = await make_customer(db)
    metric = await make_metric(db, "calls", "GAUGE", "PERCENTILE", percentile=Decimal(percentile))
    await tell(db, **{f"k{n}": f"2026-06-0{n} | {n}0" for n in (3, 1, 4, 2)})
    wanted = round(Decimal(expected), 18)
    assert await total(db, request(customer, metric)) == [wanted]


async def test_what_was_not_known_then_does_not_count(db: Connection) -> None:
    customer = await make_customer(db)
    metric = await make_metric(db)
    noon = at("2026-06-02 12:00")
    await accepted(db, new_event("a", "1", event_time=noon), now=noon)
    await accepted(db, new_event("b", "10", event_time=noon), now=noon + timedelta(microseconds=1))
    asked = [request(customer, metric, as_of=noon + timedelta(microseconds=n)) for n in (-1, 0, 1)]
    assert await total(db, *asked) == [0, 1, 11]


async def test_a_voided_event_counts_until_it_was_voided(db: Connection) -> None:
    customer = await make_customer(db)
    metric = await make_metric(db)
    await tell(db, a="2026-06-02 | 1", b="2026-06-02 | 10")
    voided = at("2026-07-20")
    await void(db, "b", voided)
    asked = [
        request(customer, metric, as_of=voided - timedelta(microseconds=1)),
        request(customer, metric, as_of=voided),
    ]
    assert await total(db, *asked) == [11, 1]


async def test_a_scope_chooses_by_the_subscription_named(db: Connection) -> None:
    customer = await make_customer(db)
    metric = await make_metric(db)
    first, second = [await make_subscription(db, customer) for _ in range(2)]
    day = at("2026-06-02")
    await accepted(
        db,
        new_event("a", "1", event_time=day),
        new_event("b", "10", event_time=day, subscription_id=first),
        new_event("c", "100", event_time=day, subscription_id=second),
    )
    scopes = [
        EVERYTHING,
        Scope(subscription_id=first),
        Scope(subscription_id=second, unnamed=True),
        Scope(unnamed=True),
        Scope(),
    ]
    asked = [request(customer, metric, scope=scope) for scope in scopes]
    assert await total(db, *asked) == [111, 10, 101, 1, 0]


async def test_stretches_of_a_request_are_measured_as_one(db: Connection) -> None:
    customer = await make_customer(db)
    kinds = [("sum", "COUNTER", "SUM"), ("users", "COUNTER", "UNIQUE_COUNT")]
    kinds += [("last", "GAUGE", "LAST"), ("median", "GAUGE", "PERCENTILE")]
    metrics = [
        await make_metric(db, key, kind, way, percentile=Decimal(50), property="user")
        for key, kind, way in kinds
    ]
    for metric in metrics:
        for day in (1, 2, 3):
            event = new_event(
                f"{metric.key} {day}",
                str(day),
                metric=metric.key,
                event_time=at(f"2026-06-0{day}"),
                properties={"user": "same"},
            )
            await accepted(db, event)
    days = [Period(at(f"2026-06-0{day}"), at(f"2026-06-0{day + 1}")) for day in (1, 3)]
    stretches = tuple(Stretch(day, EVERYTHING) for day in days)
    asked = [Request(customer, metric, stretches, LATER, JUNE) for metric in metrics]
    assert await total(db, *asked) == [4, 1, 3, 2]


async def test_other_customers_and_metrics_stay_apart(db: Connection) -> None:
    acme, globex = await make_customer(db), await make_customer(db, "globex")
    calls, hours = await make_metric(db), await make_metric(db, "hours", "TIME")
    day = at("2026-06-02")
    await accepted(
        db,
        new_event("a", "1", event_time=day),
        new_event("b", "10", event_time=day, metric="hours"),
        new_event("c", "100", event_time=day, customer="globex"),
    )
    asked = [request(customer, metric) for customer in (acme, globex) for metric in (calls, hours)]
    assert await total(db, *asked) == [1, 10, 100, 0]


async def test_statements_do_not_grow_with_the_requests(db: Connection) -> None:
    customer = await make_customer(db)
    kinds = [("COUNTER", way) for way in ("SUM", "COUNT", "UNIQUE_COUNT", "TIME_WEIGHTED")]
    kinds += [("GAUGE", way) for way in ("LAST", "AVG", "PERCENTILE", "TIME_WEIGHTED")]
    metrics = [
        await make_metric(db, f"m{n}", kind, way, percentile=Decimal(90), property="user")
        for n, (kind, way) in enumerate(kinds)
    ]
    operands = {metric.key: metric for metric in metrics}
    ratio = await make_metric(db, "ratio", "COMPOSITE", formula="m0 + m1")
    hours = buckets(Period(JUNE.start, at("2026-06-08")), Granularity.HOUR, "UTC")
    few = [request(customer, metric) for metric in [*metrics, ratio]]
    many = [request(customer, metric, hour) for metric in [*metrics, ratio] for hour in hours]
    with collected_statements() as first:
        await measure(db, few, operands)
    with collected_statements() as second:
        answers = await measure(db, many, operands)
    assert len(answers) == 9 * 7 * 24
    assert len(first) == len(second) <= 8


async def test_hours_sum_to_their_day(db: Connection) -> None:
    customer = await make_customer(db)
    metric = await make_metric(db)
    day = Period(at("2026-06-01"), at("2026-06-02"))
    events = [
        new_event(f"k{n}", "0.1", event_time=day.start + timedelta(seconds=977 * n))
        for n in range(100)
    ]
    await accepted(db, *events)
    hours = buckets(day, Granularity.HOUR, "UTC")
    parts = await total(db, *(request(customer, metric, hour) for hour in hours))
    [whole] = await total(db, request(customer, metric, day))
    assert sum(parts) == whole == Decimal("8.9")
