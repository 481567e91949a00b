"""Aggregates of other systems' tests, recorded and measured through the database."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest

from fubble_gql.catalog.rows import MetricRow
from fubble_gql.db.connection import Connection
from fubble_gql.pricing.formula import FormulaFailed
from fubble_gql.pricing.period import Period
from fubble_gql.usage.aggregate import EVERYTHING, Request, Stretch, measure
from fubble_gql.usage.ingest import NewEvent, ReceiptStatus, record
from tests.conformance.corpus import Case, Record, cases, instant, unsupported
from tests.usage.builders import make_customer, make_metric

NOW = datetime(2030, 1, 1, tzinfo=UTC)
METRICS = {
    "sum": ("COUNTER", "SUM"),
    "count": ("COUNTER", "COUNT"),
    "avg": ("GAUGE", "AVG"),
    "min": ("GAUGE", "MIN"),
    "max": ("GAUGE", "MAX"),
    "latest": ("GAUGE", "LAST"),
    "unique_count": ("COUNTER", "UNIQUE_COUNT"),
    "weighted_sum": ("COUNTER", "TIME_WEIGHTED"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """An event of a case; what it leaves out is None."""

    time: datetime
    quantity: Decimal | None
    key: str | None = None


ALL = cases("aggregations")
LISTED = {each for ids in unsupported().values() for each in ids}
RUN = [case for case in ALL if case.id not in LISTED]
SEED = [case for case in cases("seed") if case.model == "usage" and case.has_answer()]


def half_open(period: Record) -> Period:
    """An end at the last second, or millisecond, of a day is meant to be in the period."""
    end = period.instant("to")
    if (end.hour, end.minute, end.second) == (23, 59, 59):
        end += timedelta(milliseconds=1) if end.microsecond else timedelta(seconds=1)
    return Period(period.instant("from"), end)


def told_by(case: Case) -> list[Told]:
    """The events, after a level that was there before them."""
    events = [
        Told(
            each.instant("t"),
            each.decimal("value") if "value" in each else None,
            each.text("key") if "key" in each else None,
        )
        for each in case.records("events")
    ]
    if "initial_level" in case:
        before = case.record("period").instant("from") - timedelta(days=1)
        events.insert(0, Told(before, case.decimal("initial_level")))
    return events


def can_be_recorded(told: Told, metric: MetricRow) -> bool:
    """Others ignore an event that lacks what is aggregated; here its receipt says so."""
    match metric.aggregation:
        case "COUNT":
            return True
        case "UNIQUE_COUNT":
            return told.key is not None
        case _:
            return told.quantity is not None


async def measured(
    db: Connection, name: str, model: str, told: list[Told], span: Period
) -> Decimal:
    """Record the events for a customer and a metric of that name, and measure the span."""
    kind, aggregation = METRICS[model]
    customer = await make_customer(db, name)
    metric = await make_metric(db, name, kind, aggregation, property="key")
    events = [
        NewEvent(
            name,
            name,
            str(n),
            one.quantity,
            one.time,
            properties=None if one.key is None else {"key": one.key},
        )
        for n, one in enumerate(told)
    ]
    receipts = await record(db, events, lambda: NOW) if events else []
    assert [receipt.status is ReceiptStatus.ACCEPTED for receipt in receipts] == [
        can_be_recorded(one, metric) for one in told
    ]
    [answer] = await measure(
        db, [Request(customer, metric, (Stretch(span, EVERYTHING),), NOW, span)], {}
    )
    assert not isinstance(answer, FormulaFailed)
    return answer[0].quantity


async def check(db: Connection, case: Case) -> None:
    """The engine's answer is the case's, at the decimals that the case is rounded to."""
    quantity = await measured(
        db, case.id, case.model, told_by(case), half_open(case.record("period"))
    )
    if "rounding" in case:
        assert case.text("rounding") == "half up to 5 decimals"
        quantity = quantity.quantize(Decimal("0.00001"), rounding=ROUND_HALF_UP)
    assert quantity == case.answer().decimal("value")


async def check_seed(db: Connection, case: Case) -> None:
    """The same for the seed's cases, where a metric sums unless it says otherwise."""
    given = case.record("input")
    name = given.text("metric")
    told = [
        Told(each.instant("t"), each.decimal("quantity"))
        for each in given.records("events")
        if each.text("metric") == name
    ]
    ways = {each.text("name"): each.text("aggregation") for each in _metrics(given)}
    span = Period(instant(given.text("from")), instant(given.text("to")))
    quantity = await measured(db, case.id, ways.get(name, "sum"), told, span)
    assert quantity == case.answer().decimal("usage")


def _metrics(given: Record) -> list[Record]:
    return given.records("metrics") if "metrics" in given else []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("case", RUN, ids=[case.id for case in RUN])
async def test_an_aggregate_equals_the_published_one(db: Connection, case: Case) -> None:
    await check(db, case)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("case", SEED, ids=[case.id for case in SEED])
async def test_usage_equals_what_the_seed_promises(db: Connection, case: Case) -> None:
    await check_seed(db, case)


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_every_aggregate_is_the_same_on_postgresql(db: Connection) -> None:
    for case in RUN:
        await check(db, case)
    for case in SEED:
        await check_seed(db, case)
