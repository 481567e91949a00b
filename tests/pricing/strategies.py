"""Values for the laws: numbers as the API admits them, one rate of every model, places and times."""

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import strategies as st

from fubble_gql.pricing.period import Share
from fubble_gql.pricing.rates import (
    Cell,
    Dimension,
    Dynamic,
    Flat,
    Graduated,
    Matrix,
    Multiplier,
    Package,
    Percentage,
    PerUnit,
    Rate,
    Subscription,
    Threshold,
    ThresholdMode,
    Thresholds,
    Tier,
    Time,
    TimeUnit,
    UsageSubscription,
    Volume,
)

ZONES = [
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "America/Havana",
    "America/St_Johns",
]


def decimals(low: int = 0, high: int = 10**9, places: int = 6) -> st.SearchStrategy[Decimal]:
    return st.integers(low * 10**places, high * 10**places).map(
        lambda scaled: Decimal(scaled).scaleb(-places)
    )


AMOUNTS = decimals(places=18)
PRICES = decimals(high=1_000)
SIGNED = decimals(low=-1_000, high=1_000)
QUANTITIES = decimals(low=-1_000, high=10**6)
ZONE_NAMES = st.sampled_from(ZONES)
INSTANTS = st.datetimes(
    datetime(1990, 1, 1),  # noqa: DTZ001
    datetime(2045, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
SHARES = st.integers(1, 10**7).flatmap(
    lambda whole: st.integers(0, whole).map(lambda covered: Share(covered, whole))
)


@st.composite
def tier_tables(draw: st.DrawFn) -> tuple[Tier, ...]:
    ends = sorted(draw(st.sets(decimals(low=1, high=1_000, places=2), max_size=4)))
    return tuple(Tier(end, draw(PRICES), draw(PRICES)) for end in [*ends, None])


@st.composite
def threshold_tables(draw: st.DrawFn) -> tuple[Threshold, ...]:
    steps = sorted(draw(st.sets(decimals(high=1_000, places=2), min_size=1, max_size=4)))
    return tuple(Threshold(step, draw(PRICES)) for step in steps)


CELLS = st.dictionaries(
    st.tuples(st.text(max_size=3), st.text(max_size=3)), PRICES, max_size=3
).map(lambda prices: tuple(Cell(values, price) for values, price in prices.items()))
USAGE_RATES: list[st.SearchStrategy[Rate]] = [
    st.builds(PerUnit, PRICES, PRICES),
    st.builds(Graduated, tier_tables()),
    st.builds(Volume, tier_tables()),
    st.builds(Package, decimals(low=1, high=100), PRICES, PRICES),
    st.builds(Thresholds, threshold_tables(), st.sampled_from(ThresholdMode)),
    st.builds(Percentage, PRICES, PRICES, st.integers(0, 10), PRICES),
    st.builds(UsageSubscription, PRICES, PRICES, PRICES),
    st.builds(Time, PRICES, st.sampled_from(TimeUnit), st.sampled_from(TimeUnit)),
    st.builds(
        Dynamic, SIGNED, st.just("base_rate * (1 + v)"), st.fixed_dictionaries({"v": SIGNED})
    ),
]
COMBINED_RATES: list[st.SearchStrategy[Rate]] = [
    st.builds(Dimension, PRICES, st.builds(Multiplier, st.just("cpu"), SIGNED).map(lambda m: (m,))),
    st.builds(Matrix, st.just(("region", "size")), CELLS, PRICES),
]
FEES: list[st.SearchStrategy[Rate]] = [st.builds(Flat, PRICES), st.builds(Subscription, PRICES)]

USAGE_RATE = st.one_of(USAGE_RATES)
RATE = st.one_of(*USAGE_RATES, *COMBINED_RATES, *FEES)
