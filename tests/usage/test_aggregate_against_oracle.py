"""Random histories add up to exactly what a slow reading of the rules says, on both databases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import groupby, pairwise
from random import Random
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
from fubble_gql.usage.new_event import NewEvent
from fubble_gql.usage.rules import Facts, KnownCustomer, KnownSubscription, accept
from fubble_gql.usage.store import store_of
from tests.usage.builders import (
    at,
    dimensions,
    make_customer,
    make_metric,
    make_subscription,
)
from tests.usage.oracle import Told, expected, rounded

START = at("2026-03-29 00:00")
HOUR = timedelta(hours=1)
STEPS = 10
END = START + STEPS * HOUR
DIMENSIONS = dimensions(region="STRING", size="NUMBER")
PERCENTILES = ("0", "33.333333333333333333", "50", "99.9", "99.999999999999999999", "100")
FORMULAS = {
    "quotient": "calls_sum / (calls_count - 2)",
    "mixture": "max(gauge_max - gauge_min, 0) * 2 + calls_level if users > 1 else gauge_last",
}
LARGEST = 10**38 - 1


@dataclass(frozen=True)
class Metrics:
    """One of each type and aggregation, and formulas over them."""

    plain: Mapping[str, MetricRow]
    composites: list[MetricRow]


@dataclass(frozen=True)
class World:
    """A customer with two subscriptions, and how far apart things happen."""

    db: Connection
    customer: KnownCustomer
    subscriptions: list[UUID]
    metrics: Metrics
    step: timedelta


METRICS_OF: dict[int, Metrics] = {}


async def make_metrics(db: Connection) -> Metrics:
    """Made once for a database; percentiles come at several ranks."""
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
    plain = {
        key: await make_metric(
            db, key, kind, way, dimensions=DIMENSIONS, property="user", percentile=Decimal(rank)
        )
        for key, kind, way, rank in kinds
    }
    composites = [
        await make_metric(db, key, "COMPOSITE", formula=formula)
        for key, formula in FORMULAS.items()
    ]
    return Metrics(plain, composites)


async def make_world(db: Connection, step: timedelta) -> World:
    if id(db) not in METRICS_OF:
        METRICS_OF.clear()
        METRICS_OF[id(db)] = await make_metrics(db)
    key = uuid4().hex
    customer = await make_customer(db, key)
    subscriptions = [await make_subscription(db, customer) for _ in range(2)]
    return World(db, KnownCustomer(customer, key, None), subscriptions, METRICS_OF[id(db)], step)


def an_instant(random: Random, step: timedelta) -> datetime:
    """Few enough that events meet each other and the boundaries, or miss them by a microsecond."""
    micros = random.choice([-1, 0, 0, 0, 0, 1, 1_234_567])
    return END - random.randint(0, STEPS) * step + timedelta(microseconds=micros)


def a_quantity(random: Random) -> Decimal:
    return random.choice(
        [
            Decimal(random.randint(-3, 3)),
            Decimal(random.randint(-LARGEST, LARGEST)).scaleb(-18),
            random.choice([Decimal("1E-18"), Decimal("0.1"), Decimal(LARGEST).scaleb(-18)]),
        ]
    )


def some_properties(random: Random) -> dict[str, object]:
    return {
        "region": random.choice(["eu", "us", "null"]),
        "size": random.choice([1, Decimal("1.0"), Decimal("0.5")]),
        "user": random.choice(["1", 1, Decimal("1.0"), True, "a", False, 0]),
    }


def a_history(random: Random, world: World) -> list[Told]:
    """Events in the order of their arrival, which is not that of when they became known."""
    told: list[Told] = []
    for _ in range(random.choice([0, 1, 3, 10, 25])):
        quantity, time, properties = (
            a_quantity(random),
            an_instant(random, world.step),
            some_properties(random),
        )
        subscription = random.choice([None, *world.subscriptions])
        recorded_at = START + timedelta(hours=random.choice([0, 0, 0, 3, 6, 9]))
        voided_at = random.choice([None, None, None, START + timedelta(hours=random.randint(0, 9))])
        for metric in world.metrics.plain.values():
            amount = Decimal(1) if metric.aggregation in COUNTING else quantity
            told.append(
                Told(metric.key, amount, time, subscription, properties, recorded_at, len(told))
            )
            told[-1].voided_at = voided_at
    return told


async def write(world: World, history: list[Told]) -> None:
    """Put the history into the event store, as recording it then would have."""
    customer = world.customer
    known = {id: KnownSubscription(id, customer.id) for id in world.subscriptions}
    facts = Facts({customer.key: customer}, world.metrics.plain, known)
    for recorded_at, together in groupby(history, lambda told: told.recorded_at):
        rows = [accept(event_of(world, told), facts, recorded_at) for told in together]
        await store_of(world.db).append(world.db, rows, recorded_at)
    for told in history:
        if told.voided_at is not None:
            keys = [key_of(world, told)]
            await store_of(world.db).void(world.db, customer.id, keys, None, told.voided_at)


def key_of(world: World, told: Told) -> str:
    return f"{world.customer.key} {told.order}"


def event_of(world: World, told: Told) -> NewEvent:
    return NewEvent(
        world.customer.key,
        told.metric,
        key_of(world, told),
        told.quantity,
        told.time,
        told.subscription,
        told.properties,
    )


def a_scope(random: Random, world: World) -> Scope:
    first, second = world.subscriptions
    return random.choice(
        [
            EVERYTHING,
            Scope(subscription_id=first),
            Scope(subscription_id=first, unnamed=True),
            Scope(subscription_id=second, unnamed=True),
            Scope(unnamed=True),
            Scope(),
        ]
    )


def a_question(random: Random, world: World) -> list[Request]:
    """The same stretches, as_of and group_by for every metric."""
    cuts = sorted({an_instant(random, world.step) for _ in range(random.randint(2, 5))})
    stretches = tuple(
        Stretch(Period(start, end), a_scope(random, world))
        for start, end in pairwise(cuts)
        if random.random() < 0.8
    )
    as_of = random.choice([an_instant(random, HOUR), START + timedelta(days=1)])
    names = random.sample(["region", "size", "nope"], random.choice([0, 0, 1, 2, 3]))
    whole = Period(END - (STEPS + 1) * world.step, END + 2 * HOUR + timedelta(microseconds=7))
    return [
        Request(world.customer.id, metric, stretches, as_of, whole, tuple(names))
        for metric in [*world.metrics.plain.values(), *world.metrics.composites]
    ]


@settings(max_examples=60, phases=[Phase.explicit, Phase.generate])
@given(random=st.randoms(use_true_random=True))
async def test_every_aggregation_equals_its_slow_meaning(db: Connection, random: Random) -> None:
    # Within hours and within days: sums that are kept for whole ones meet edges of both.
    world = await make_world(db, random.choice([HOUR, 7 * HOUR, 12 * HOUR]))
    history = a_history(random, world)
    await db.transaction(lambda tx: write(replace(world, db=tx), history))
    asked = [request for _ in range(4) for request in a_question(random, world)]
    answers = await measure(db, asked, world.metrics.plain)
    assert await store_of(db).unequal(db, [world.customer.id]) == []
    for request, answer in zip(asked, answers, strict=True):
        wanted = wanted_of(request, history, world.metrics.plain)
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
        nothing = Measured(values, Decimal(0), 0)
        amounts = {name: group.get(values, nothing) for name, group in found.items()}
        events = sum(amount.event_count for amount in amounts.values())
        quantities = {name: amount.quantity for name, amount in amounts.items()}
        if not events and not any(quantities.values()):
            wanted.append(nothing)
            continue
        try:
            result = rounded(Fraction(formula.evaluate(quantities)))
        except FormulaFailed:
            return None
        wanted.append(Measured(values, result, events))
    return wanted
