"""The pricing models, each a file of its own: a rate turns usage into an explained charge.

A new model is one new file, and one more member of Rate.
"""

from typing import get_args

from fubble_gql.pricing.rates.dimension import Dimension, Multiplier
from fubble_gql.pricing.rates.dynamic import Dynamic
from fubble_gql.pricing.rates.flat import Flat
from fubble_gql.pricing.rates.graduated import Graduated
from fubble_gql.pricing.rates.matrix import Cell, Matrix
from fubble_gql.pricing.rates.package import Package
from fubble_gql.pricing.rates.per_unit import PerUnit
from fubble_gql.pricing.rates.percentage import Percentage
from fubble_gql.pricing.rates.subscription import Subscription
from fubble_gql.pricing.rates.threshold import Threshold, ThresholdMode, Thresholds
from fubble_gql.pricing.rates.tier import Tier
from fubble_gql.pricing.rates.time import Time, TimeUnit
from fubble_gql.pricing.rates.usage_subscription import UsageSubscription
from fubble_gql.pricing.rates.volume import Volume

__all__ = [
    "MODELS",
    "Cell",
    "Dimension",
    "Dynamic",
    "Flat",
    "Graduated",
    "Matrix",
    "Multiplier",
    "Package",
    "PerUnit",
    "Percentage",
    "Rate",
    "Subscription",
    "Threshold",
    "ThresholdMode",
    "Thresholds",
    "Tier",
    "Time",
    "TimeUnit",
    "UsageSubscription",
    "Volume",
    "dimensions_of",
    "needs_metric",
]

Rate = (
    Flat
    | Subscription
    | PerUnit
    | Graduated
    | Volume
    | Package
    | Thresholds
    | Percentage
    | UsageSubscription
    | Time
    | Dimension
    | Matrix
    | Dynamic
)

MODELS: dict[str, type[Rate]] = {rate.model: rate for rate in get_args(Rate)}


def needs_metric(rate: Rate) -> bool:
    """Whether it prices usage; only the two fees do not."""
    return not isinstance(rate, Flat | Subscription)


def dimensions_of(rate: Rate) -> tuple[str, ...]:
    """The event properties whose combinations the rate prices one by one, in its order."""
    return rate.properties if isinstance(rate, Dimension | Matrix) else ()
