"""Random histories add up to exactly what a slow reading of the rules says, on both databases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from uuid import UUID, uuid4

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from fubble_gql.catalog.kinds import COUNTING, MetricType
from fubble_gql.catalog.rows import MetricRow
from fubble_gql.db.connection import Connection
from fubble_gql.pricing.formula import Formula, FormulaFailed
from fubble_gql.pricing.money import tidy
from fubble_gql.pricing.period import Period
from fubble_gql.usage.aggregate import EVERYTHING, Measured, Request, Scope, Stretch, measure
from fubble_gql.usage.ingest import NewEvent
from tests.usage.builders import (
    accepted,
    at,
    dimensions,
    make_customer,
    make_metric,
    make_subscription,
    void,
)
from tests.usage.oracle import Told, expected, rounded

START = at("2026-03-29 00:00")
HOURS = 10
DIMENSIONS = dimensions(region="STRING", size="NUMBER")
PERCENTILES = ("0", "33.333333333333333333", "50", "99.9", "99.999999999999999999", "100")
FORMULAS = {
    "quotient": "calls_sum / (calls_count - 2)",
    "mixture": "max(gauge_max - gauge_min, 0) * 2 + calls_level if users > 1 else gauge_last",
}


# By the hour in which they become known: metric, quantity, time, subscription, properties.
History = list[list[tuple[int, Decimal, datetime, int, dict[str, object]]]]
# Stretches with the number of their scope, as_of, group_by.
Question = tuple[list[tuple[Period, int]], datetime, tuple[str, ...]]


@dataclass
class World:
    """What an example works on."""

    db: Connection
    customer: UUID
    key: str
    subscriptions: list[UUID]
    metrics: Mapping[str, MetricRow]
    composites: list[MetricRow]


async def make_metrics(db: Connection) -> dict[str, MetricRow]:
    """One of each type and aggregation, and percentiles of several ranks."""
    kinds: list[tuple[str, str, str, str]] = [
        ("calls_sum", "COUNTER", "SUM", "50"),
        ("calls_count", "COUNTER", "COUNT", "50"),
        ("users", "COUNTER", "UNIQUE_COUNT", "50"),
        ("calls_level", "COUNTER", "TIME_WEIGHTED", "50"),
        ("gauge_last", "GAUGE", "LAST", "50"),
        ("gauge_max", "GAUGE", "MAX", "50"),
        ("gauge_min", "GAUGE", "MIN", "50"),
        ("gauge_avg", "GAUGE", "AVG", "50"),
        ("gauge_level", "GAUGE", "TIME_WEIGHTED", "50"),
    ]
    kinds += [(f"gauge_p{n}", "GAUGE", "PERCENTILE", rank) for n, rank in enumerate(PERCENTILES)]
    return {
        key: await make_metric(
            db, key, kind, way, dimensions=DIMENSIONS, property="user", percentile=Decimal(rank)
        )
        for key, kind, way, rank in kinds
    }


METRIC_COUNT = 15
METRIC = st.integers(0, METRIC_COUNT - 1)
INSTANT = st.builds(
    lambda hours, micros: START + timedelta(hours=hours, microseconds=micros),
    st.integers(0, HOURS),
    st.sampled_from([-1, 0, 0, 0, 1, 1_234_567]),
)
LARGEST = 10**38 - 1
QUANTITY = st.one_of(
    st.integers(-3, 3).map(Decimal),
    st.integers(-LARGEST, LARGEST).map(lambda n: Decimal(n).scaleb(-18)),
    st.sampled_from([Decimal("1E-18"), Decimal("0.1"), Decimal(LARGEST).scaleb(-18)]),
)
PROPERTIES = st.fixed_dictionaries(
    {
        "region": st.sampled_from(["eu", "us", "null"]),
        "size": st.sampled_from([1, Decimal("1.0"), Decimal("0.5")]),
        "user": st.sampled_from(["1", 1, Decimal("1.0"), True, "a", False, 0]),
    }
)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Events by the hour in which they become known."""
    focus = draw(st.lists(METRIC, min_size=1, max_size=4))
    one = st.tuples(st.sampled_from(focus), QUANTITY, INSTANT, st.integers(0, 2), PROPERTIES)
    return [draw(st.lists(one, max_size=12)) for _ in range(4)]


VOIDS = st.dictionaries(st.integers(0, 40), st.integers(0, HOURS), max_size=8)


@st.composite
def questions(
    draw: st.DrawFn,
) -> list[Question]:
    """Stretches with scopes, as_of and group_by."""
    asked = []
    for _ in range(draw(st.integers(1, 4))):
        cuts = sorted(draw(st.sets(INSTANT, min_size=2, max_size=5)))
        pieces = [
            (Period(start, end), draw(st.integers(0, 5)))
            for start, end in pairwise(cuts)
            if draw(st.integers(0, 3))
        ]
        names = st.lists(st.sampled_from(["region", "size", "nope"]), unique=True)
        asked.append((pieces, draw(INSTANT), tuple(draw(names))))
    return asked


def scope_of(number: int, subscriptions: list[UUID]) -> Scope:
    first, second = subscriptions
    return (
        EVERYTHING,
        Scope(subscription_id=first),
        Scope(subscription_id=first, unnamed=True),
        Scope(subscription_id=second, unnamed=True),
        Scope(unnamed=True),
        Scope(),
    )[number]


async def tell(world: World, batches: History) -> list[Told]:
    """Record the history, batch by batch."""
    told: list[Told] = []
    names = list(world.metrics)
    for hour, batch in enumerate(batches):
        now, events = START + timedelta(hours=3 * hour), []
        for number, quantity, time, whose, properties in batch:
            metric = world.metrics[names[number]]
            amount = Decimal(1) if metric.aggregation in COUNTING else quantity
            subscription = [None, *world.subscriptions][whose]
            key = f"{world.key} {len(told)}"
            events.append(
                NewEvent(world.key, metric.key, key, amount, time, subscription, properties)
            )
            told.append(Told(metric.key, amount, time, subscription, properties, now, len(told)))
        if events:
            await accepted(world.db, *events, now=now)
    return told


async def make_world(db: Connection) -> World:
    key = uuid4().hex
    customer = await make_customer(db, key)
    subscriptions = [await make_subscription(db, customer) for _ in range(2)]
    return World(db, customer, key, subscriptions, METRICS_OF[id(db)], COMPOSITES_OF[id(db)])


METRICS_OF: dict[int, dict[str, MetricRow]] = {}
COMPOSITES_OF: dict[int, list[MetricRow]] = {}


@settings(max_examples=80, phases=[Phase.generate, Phase.shrink])
@given(batches=histories(), voids=VOIDS, asked=questions())
async def test_every_aggregation_equals_its_slow_meaning(
    db: Connection,
    batches: History,
    voids: dict[int, int],
    asked: list[Question],
) -> None:
    if id(db) not in METRICS_OF:
        METRICS_OF[id(db)] = await make_metrics(db)
        COMPOSITES_OF[id(db)] = [
            await make_metric(db, key, "COMPOSITE", formula=formula)
            for key, formula in FORMULAS.items()
        ]
    world = await make_world(db)
    told = await tell(world, batches)
    for number, hour in voids.items():
        if number < len(told):
            told[number].voided_at = START + timedelta(hours=hour)
            await void(db, f"{world.key} {number}", START + timedelta(hours=hour))
    requests = [
        Request(
            world.customer,
            metric,
            tuple(Stretch(span, scope_of(n, world.subscriptions)) for span, n in pieces),
            as_of,
            Period(START - timedelta(hours=1), START + timedelta(hours=12, microseconds=7)),
            group_by,
        )
        for pieces, as_of, group_by in asked
        for metric in [*world.metrics.values(), *world.composites]
    ]
    for request, answer in zip(requests, await measure(db, requests, world.metrics), strict=True):
        wanted = wanted_of(request, told, world.metrics)
        if wanted is None:
            assert isinstance(answer, FormulaFailed), request
        else:
            assert answer == wanted, request
            assert all(one.quantity.as_tuple() == tidy(one.quantity).as_tuple() for one in answer)


def wanted_of(
    request: Request, told: list[Told], metrics: Mapping[str, MetricRow]
) -> list[Measured] | None:
    """What to expect; None where a formula has no result."""
    if request.metric.type != MetricType.COMPOSITE:
        return expected(request, told)
    formula = Formula.parse(request.metric.formula or "", metrics)
    found = {
        name: {one.values: one for one in expected(replace(request, metric=metrics[name]), told)}
        for name in formula.names
    }
    groups = {values for group in found.values() for values in group}
    wanted = []
    for values in sorted(groups, key=lambda group: [(v is not None, v or "") for v in group]):
        amounts = {
            name: group.get(values, Measured(values, Decimal(0), 0))
            for name, group in found.items()
        }
        events = sum(amount.event_count for amount in amounts.values())
        quantities = {name: amount.quantity for name, amount in amounts.items()}
        if not events and not any(quantities.values()):
            wanted.append(Measured(values, Decimal(0), 0))
            continue
        try:
            result = rounded(Fraction(formula.evaluate(quantities)))
            wanted.append(Measured(values, result, events))
        except FormulaFailed:
            return None
    return wanted
