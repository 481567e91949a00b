"""Plans as they come: a few prices of every kind, with bounds, at any rhythm."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st

from fubble_gql.catalog.components import NewComponent
from fubble_gql.catalog.kinds import Aggregation, DimensionKind, MetricType
from fubble_gql.catalog.metrics import NewDimension, NewMetric
from fubble_gql.catalog.new_plan import NewPlan
from fubble_gql.pricing.period import Frequency
from fubble_gql.pricing.rates import (
    Cell,
    Flat,
    Graduated,
    Matrix,
    Package,
    Percentage,
    PerUnit,
    Rate,
    Subscription,
    Tier,
    Volume,
)
from fubble_gql.pricing.rates.codec import encode
from tests.pricing.strategies import decimals

METRICS = [
    NewMetric("calls", "Calls", MetricType.COUNTER),
    NewMetric("hits", "Hits", MetricType.COUNTER, aggregation=Aggregation.COUNT),
    NewMetric("seats", "Seats", MetricType.GAUGE, aggregation=Aggregation.MAX),
    NewMetric("last", "Last", MetricType.GAUGE),
    NewMetric("disk", "Disk", MetricType.GAUGE, aggregation=Aggregation.TIME_WEIGHTED),
    NewMetric(
        "users", "Users", MetricType.COUNTER, aggregation=Aggregation.UNIQUE_COUNT, property="user"
    ),
    NewMetric(
        "traffic",
        "Traffic",
        MetricType.COUNTER,
        dimensions=[NewDimension("region", DimensionKind.STRING)],
    ),
    NewMetric("both", "Both", MetricType.COMPOSITE, formula="calls + 2 * hits"),
]
COUNTING = ["hits", "users"]
COMMITTABLE = ["calls", "hits"]

MONEY = decimals(high=40, places=2)
SMALL = decimals(high=3, places=4)


@st.composite
def _tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    ends = sorted(draw(st.sets(st.integers(1, 40), max_size=2)))
    return tuple(
        Tier(None if end is None else Decimal(end), draw(SMALL), draw(MONEY))
        for end in [*ends, None]
    )


BOUNDS: st.SearchStrategy[tuple[Decimal | None, Decimal | None]] = st.sampled_from(
    [(None, None), (Decimal(9), None), (None, Decimal(12)), (Decimal(5), Decimal(7))]
)


def _usage(metric: str, rates: st.SearchStrategy[Rate]) -> st.SearchStrategy[NewComponent]:
    return st.tuples(rates, BOUNDS).map(
        lambda one: NewComponent(metric, metric.title(), encode(one[0]), metric, *one[1])
    )


def _fee(key: str, rates: st.SearchStrategy[Rate]) -> st.SearchStrategy[NewComponent]:
    return rates.map(lambda rate: NewComponent(key, key.title(), encode(rate)))


PER_UNIT = st.builds(PerUnit, SMALL, st.sampled_from([Decimal(0), Decimal(5)]))
FLOWS: st.SearchStrategy[Rate] = st.one_of(
    PER_UNIT,
    st.builds(Graduated, _tiers()),
    st.builds(Volume, _tiers()),
    st.builds(Package, st.sampled_from([Decimal(3), Decimal(10)]), MONEY),
    st.builds(Percentage, MONEY, SMALL, st.integers(0, 2), st.just(Decimal(2))),
)
REGIONS = st.tuples(SMALL, SMALL).map(
    lambda prices: Matrix(("region",), (Cell(("eu",), prices[0]),), prices[1])
)
COMPONENTS = st.one_of(
    _fee("fee", st.builds(Subscription, MONEY)),
    _fee("flat", st.builds(Flat, MONEY)),
    _usage("calls", FLOWS),
    _usage("hits", FLOWS),
    _usage("seats", PER_UNIT),
    _usage("last", PER_UNIT),
    _usage("disk", PER_UNIT),
    _usage("users", PER_UNIT),
    _usage("traffic", REGIONS),
    _usage("both", PER_UNIT),
)


# Prices of usage that comes to something, as a rule.
SETTLED = st.one_of(
    _fee("fee", st.builds(Subscription, MONEY)),
    _usage("calls", FLOWS),
    _usage("hits", PER_UNIT),
    _usage("disk", PER_UNIT),
)


def plans(
    frequencies: st.SearchStrategy[Frequency],
    trials: st.SearchStrategy[int],
    components: st.SearchStrategy[NewComponent] = COMPONENTS,
) -> st.SearchStrategy[NewPlan]:
    """Without a key of their own: whoever makes them gives them one."""
    some = st.lists(components, min_size=1, max_size=4, unique_by=lambda one: one.key)
    minimum = st.none() | st.just(Decimal(25))
    return st.tuples(frequencies, some, trials, minimum).map(
        lambda one: NewPlan("", "Plan", *one[:2], trial_days=one[2], minimum=one[3])
    )
