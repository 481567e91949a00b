"""Pricing models in the graph: a type and an input for each."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar, cast, get_args

import strawberry
from strawberry.scalars import JSON

from fubble_gql.api.node import Shown
from fubble_gql.pricing import rates
from fubble_gql.pricing.money import plain
from fubble_gql.pricing.rates import ThresholdMode, TimeUnit


@strawberry.type
class FlatPricing(Shown):
    """A fixed fee for each period, whatever the usage and however short the period."""

    row: ClassVar[type] = rates.Flat
    amount: Decimal = strawberry.field(description="The fee.")


@strawberry.type
class SubscriptionPricing(Shown):
    """A recurring fee, prorated when the subscription covers only part of the period."""

    row: ClassVar[type] = rates.Subscription
    amount: Decimal = strawberry.field(description="The fee of a full period.")


@strawberry.type
class PerUnitPricing(Shown):
    """Every unit above the free ones costs the same."""

    row: ClassVar[type] = rates.PerUnit
    unit_price: Decimal = strawberry.field(description="The price of one unit.")
    free_units: Decimal = strawberry.field(description="Units that cost nothing.")


@strawberry.type
class Tier:
    """A tier holds the quantities above the previous tier's upTo, up to and including its own."""

    up_to: Decimal | None = strawberry.field(description="Its upper bound; the last has none.")
    unit_price: Decimal = strawberry.field(description="The price of one unit in it.")
    flat_fee: Decimal = strawberry.field(description="A fee once it is reached.")


@strawberry.type
class GraduatedPricing(Shown):
    """Marginal tiers: each unit costs the price of the tier that it falls in.

    Elsewhere called tiered (Orb) or graduated (Stripe).
    """

    row: ClassVar[type] = rates.Graduated
    tiers: list[Tier] = strawberry.field(description="In rising order.")


@strawberry.type
class VolumePricing(Shown):
    """Cliff tiers: every unit costs the price of the tier that the total reaches."""

    row: ClassVar[type] = rates.Volume
    tiers: list[Tier] = strawberry.field(description="In rising order.")


@strawberry.type
class PackagePricing(Shown):
    """Units are sold in packages; a begun one costs as much as a full one."""

    row: ClassVar[type] = rates.Package
    size: Decimal = strawberry.field(description="The units in a package.")
    price: Decimal = strawberry.field(description="The price of a package.")
    free_units: Decimal = strawberry.field(description="Units that cost nothing.")


@strawberry.type
class Threshold:
    """A quantity that costs something once it is reached."""

    threshold: Decimal = strawberry.field(description="The quantity.")
    price: Decimal = strawberry.field(description="What reaching it costs.")


@strawberry.type
class ThresholdPricing(Shown):
    """A price for each threshold that usage reaches."""

    row: ClassVar[type] = rates.Thresholds
    mode: ThresholdMode = strawberry.field(
        description="CUMULATIVE: all that are reached. HIGHEST: the highest of them alone."
    )
    thresholds: list[Threshold] = strawberry.field(description="In rising order.")


@strawberry.type
class PercentagePricing(Shown):
    """A share of the amounts that pass through, and a fee for each event."""

    row: ClassVar[type] = rates.Percentage
    rate: Decimal = strawberry.field(description="Per cent: 2.9 means 2.9 %.")
    fixed_fee: Decimal = strawberry.field(description="The fee for each event.")
    free_events: int = strawberry.field(description="Events without the fee.")
    free_amount: Decimal = strawberry.field(description="The amount without a share.")


@strawberry.type
class UsageSubscriptionPricing(Shown):
    """A recurring fee with units included, and a price for those above."""

    row: ClassVar[type] = rates.UsageSubscription
    base_fee: Decimal = strawberry.field(description="The fee of a full period; prorated.")
    included_units: Decimal = strawberry.field(description="Units that the fee includes.")
    unit_price: Decimal = strawberry.field(description="The price of each unit above.")


@strawberry.type
class TimePricing(Shown):
    """The metric measures metricUnit; the price is for one rateUnit."""

    row: ClassVar[type] = rates.Time
    rate: Decimal = strawberry.field(description="The price of one rateUnit.")
    rate_unit: TimeUnit = strawberry.field(description="What the rate is for.")
    metric_unit: TimeUnit = strawberry.field(description="What the metric measures.")


@strawberry.type
class DimensionMultiplier:
    """How a NUMBER dimension changes the unit price."""

    property: str = strawberry.field(description="The dimension.")
    multiplier: Decimal = strawberry.field(description="Its factor is 1 + value x multiplier.")


@strawberry.type
class DimensionPricing(Shown):
    """Unit price = baseRate x the product over the NUMBER dimensions of (1 + value x multiplier).

    The values come from the events. Usage is aggregated for each combination of values: a user
    counted in two regions counts twice.
    """

    row: ClassVar[type] = rates.Dimension
    base_rate: Decimal = strawberry.field(description="The price before any factor.")
    dimensions: list[DimensionMultiplier] = strawberry.field(description="The factors.")


@strawberry.type
class MatrixCell:
    """The unit price of one combination of values."""

    values: list[str] = strawberry.field(description="In the order of the properties.")
    unit_price: Decimal = strawberry.field(description="The price of one unit.")


@strawberry.type
class MatrixPricing(Shown):
    """One unit price per combination of property values, and one for all others.

    Usage is aggregated for each combination: a user counted in two regions counts twice.
    """

    row: ClassVar[type] = rates.Matrix
    properties: list[str] = strawberry.field(description="The dimensions that decide the price.")
    cells: list[MatrixCell] = strawberry.field(description="The prices.")
    default_unit_price: Decimal = strawberry.field(description="The price of all others.")


@strawberry.type
class DynamicPricing(Shown):
    """Unit price = formula over base_rate, quantity and the named variables."""

    row: ClassVar[type] = rates.Dynamic
    base_rate: Decimal = strawberry.field(description="What base_rate means in the formula.")
    formula: str = strawberry.field(description='As in "base_rate * (1 - min(quantity, 50)/100)".')

    @strawberry.field
    def variables(self: rates.Dynamic) -> JSON:
        """What other names in the formula mean: a JSON object of numbers as plain strings."""
        return cast(JSON, {name: plain(value) for name, value in self.variables.items()})


Pricing = Annotated[
    FlatPricing
    | SubscriptionPricing
    | PerUnitPricing
    | GraduatedPricing
    | VolumePricing
    | PackagePricing
    | ThresholdPricing
    | PercentagePricing
    | UsageSubscriptionPricing
    | TimePricing
    | DimensionPricing
    | MatrixPricing
    | DynamicPricing,
    strawberry.union("Pricing", description="How a price component charges: one of the models."),
]
# The types' names by the models that rates are stored as.
MODEL_NAMES = {one.row.model: one.__name__ for one in get_args(get_args(Pricing)[0])}
