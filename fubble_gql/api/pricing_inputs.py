"""Pricing models as they are given: one input each, and exactly one of them in a component."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from fubble_gql.api.inputs import is_number
from fubble_gql.pricing.money import plain
from fubble_gql.pricing.rates import ThresholdMode, TimeUnit


@strawberry.input
class FlatPricingInput:
    """A fixed fee for each period."""

    amount: Decimal = strawberry.field(description="The fee.")


@strawberry.input
class SubscriptionPricingInput:
    """A recurring fee, prorated."""

    amount: Decimal = strawberry.field(description="The fee of a full period.")


@strawberry.input
class PerUnitPricingInput:
    """Every unit above the free ones costs the same."""

    unit_price: Decimal = strawberry.field(description="The price of one unit.")
    free_units: Decimal | None = strawberry.field(
        default=UNSET, description="Units that cost nothing; 0 unless said."
    )


@strawberry.input
class TierInput:
    """A tier holds the quantities above the previous tier's upTo, up to and including its own."""

    up_to: Decimal | None = strawberry.field(
        default=UNSET, description="Its upper bound. Only the last tier has none, and it must."
    )
    unit_price: Decimal = strawberry.field(description="The price of one unit in it.")
    flat_fee: Decimal | None = strawberry.field(
        default=UNSET, description="A fee once it is reached; 0 unless said."
    )


@strawberry.input
class TieredPricingInput:
    """Tiers without gaps, in rising order."""

    tiers: list[TierInput] = strawberry.field(description="In rising order.")


@strawberry.input
class PackagePricingInput:
    """Units sold in packages; a begun one costs as much as a full one."""

    size: Decimal = strawberry.field(description="The units in a package.")
    price: Decimal = strawberry.field(description="The price of a package.")
    free_units: Decimal | None = strawberry.field(
        default=UNSET, description="Units that cost nothing; 0 unless said."
    )


@strawberry.input
class ThresholdInput:
    """A quantity that costs something once it is reached."""

    threshold: Decimal = strawberry.field(description="The quantity.")
    price: Decimal = strawberry.field(description="What reaching it costs.")


@strawberry.input
class ThresholdPricingInput:
    """A price for each threshold that usage reaches."""

    mode: ThresholdMode | None = strawberry.field(
        default=UNSET, description="CUMULATIVE unless said: all that are reached."
    )
    thresholds: list[ThresholdInput] = strawberry.field(description="In rising order.")


@strawberry.input
class PercentagePricingInput:
    """A share of the amounts that pass through, and a fee for each event."""

    rate: Decimal = strawberry.field(description="Per cent: 2.9 means 2.9 %.")
    fixed_fee: Decimal | None = strawberry.field(
        default=UNSET, description="The fee for each event; 0 unless said."
    )
    free_events: int | None = strawberry.field(
        default=UNSET, description="Events without the fee; 0 unless said."
    )
    free_amount: Decimal | None = strawberry.field(
        default=UNSET, description="The amount without a share; 0 unless said."
    )


@strawberry.input
class UsageSubscriptionPricingInput:
    """A recurring fee with units included, and a price for those above."""

    base_fee: Decimal = strawberry.field(description="The fee of a full period; prorated.")
    included_units: Decimal | None = strawberry.field(
        default=UNSET, description="Units that the fee includes; 0 unless said."
    )
    unit_price: Decimal = strawberry.field(description="The price of each unit above.")


@strawberry.input
class TimePricingInput:
    """The metric measures metricUnit; the price is for one rateUnit."""

    rate: Decimal = strawberry.field(description="The price of one rateUnit.")
    rate_unit: TimeUnit = strawberry.field(description="What the rate is for.")
    metric_unit: TimeUnit = strawberry.field(description="What the metric measures.")


@strawberry.input
class DimensionMultiplierInput:
    """How a NUMBER dimension changes the unit price."""

    property: str = strawberry.field(description="A NUMBER dimension of the metric.")
    multiplier: Decimal = strawberry.field(description="Its factor is 1 + value x multiplier.")


@strawberry.input
class DimensionPricingInput:
    """Unit price = baseRate x the product over the dimensions of (1 + value x multiplier)."""

    base_rate: Decimal = strawberry.field(description="The price before any factor.")
    dimensions: list[DimensionMultiplierInput] = strawberry.field(description="The factors.")


@strawberry.input
class MatrixCellInput:
    """The unit price of one combination of values."""

    values: list[str] = strawberry.field(description="In the order of the properties.")
    unit_price: Decimal = strawberry.field(description="The price of one unit.")


@strawberry.input
class MatrixPricingInput:
    """One unit price per combination of property values, and one for all others."""

    properties: list[str] = strawberry.field(description="Dimensions of the metric.")
    cells: list[MatrixCellInput] = strawberry.field(description="The prices.")
    default_unit_price: Decimal = strawberry.field(description="The price of all others.")


@strawberry.input
class DynamicPricingInput:
    """Unit price = formula over base_rate, quantity and the named variables."""

    base_rate: Decimal = strawberry.field(description="What base_rate means in the formula.")
    formula: str = strawberry.field(
        description=(
            "+ - * / % **, comparisons, x if c else y, min, max, abs, round, floor, ceil over "
            "base_rate, quantity and the variables. Not evaluated when nothing was used."
        )
    )
    variables: JSON | None = strawberry.field(
        default=UNSET, description='A JSON object of numbers, as in {"market_factor": "0.2"}.'
    )


@strawberry.input(one_of=True)
class PricingInput:
    """Exactly one pricing model."""

    flat: strawberry.Maybe[FlatPricingInput] = strawberry.field(description="A fixed fee.")
    subscription: strawberry.Maybe[SubscriptionPricingInput] = strawberry.field(
        description="A recurring fee, prorated."
    )
    per_unit: strawberry.Maybe[PerUnitPricingInput] = strawberry.field(
        description="One price for every unit."
    )
    graduated: strawberry.Maybe[TieredPricingInput] = strawberry.field(
        description="Each unit costs the price of the tier that it falls in."
    )
    volume: strawberry.Maybe[TieredPricingInput] = strawberry.field(
        description="Every unit costs the price of the tier that the total reaches."
    )
    package: strawberry.Maybe[PackagePricingInput] = strawberry.field(description="Packages.")
    threshold: strawberry.Maybe[ThresholdPricingInput] = strawberry.field(
        description="A price for each threshold that is reached."
    )
    percentage: strawberry.Maybe[PercentagePricingInput] = strawberry.field(
        description="A share of amounts, and a fee for each event."
    )
    usage_subscription: strawberry.Maybe[UsageSubscriptionPricingInput] = strawberry.field(
        description="A fee with units included."
    )
    time: strawberry.Maybe[TimePricingInput] = strawberry.field(description="A price of time.")
    dimension: strawberry.Maybe[DimensionPricingInput] = strawberry.field(
        description="A price with factors from the events' dimensions."
    )
    matrix: strawberry.Maybe[MatrixPricingInput] = strawberry.field(
        description="A price for each combination of dimension values."
    )
    dynamic: strawberry.Maybe[DynamicPricingInput] = strawberry.field(
        description="A price by formula."
    )


def encoded(pricing: PricingInput) -> dict[str, Any]:
    """The rate as pricing.rates.codec reads it; nothing is checked yet."""
    for each in fields(pricing):
        chosen = getattr(pricing, each.name)
        if chosen is not None:
            return {"model": each.name, **_plain(chosen.value)}
    raise AssertionError("A @oneOf input without a field.")


def _plain(value: Any) -> Any:  # noqa: ANN401 - any input, field by field
    """Inputs as dicts, without what was left out; Decimals as strings."""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, dict):
        return {
            name: plain(Decimal(item)) if is_number(item) else item for name, item in value.items()
        }
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        pairs = ((each.name, getattr(value, each.name)) for each in fields(value))
        return {
            name: _plain(item) for name, item in pairs if item is not UNSET and item is not None
        }
    return value
