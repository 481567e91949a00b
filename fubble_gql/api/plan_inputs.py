"""Plans as they are given: versions, price components, supposed usage."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from fubble_gql.api.inputs import changes, given
from fubble_gql.api.pricing_inputs import PricingInput, encoded
from fubble_gql.api.scalars import BigInt
from fubble_gql.catalog.components import NewComponent
from fubble_gql.catalog.new_plan import NewPlan
from fubble_gql.pricing.period import Frequency


@strawberry.input
class UsageInput:
    """Usage that is only supposed, for an estimate."""

    metric: str = strawberry.field(description="The key of a metric that the plan prices.")
    quantity: Decimal = strawberry.field(description="How much of it in one period.")
    event_count: BigInt | None = strawberry.field(
        default=UNSET, description="How many events; needed where each event has a fee."
    )
    dimensions: JSON | None = strawberry.field(
        default=UNSET,
        description='Values of the priced dimensions, as in {"region": "eu"}; one entry for each.',
    )


@strawberry.input
class PriceComponentInput:
    """One price of a plan."""

    key: str = strawberry.field(description="A key, unique in the plan.")
    display_name: str = strawberry.field(description="What customers read on the invoice.")
    metric: str | None = strawberry.field(
        default=UNSET, description="The key of the metric that it prices; left out for fees."
    )
    pricing: PricingInput = strawberry.field(description="How it charges: exactly one model.")
    minimum: Decimal | None = strawberry.field(
        default=UNSET, description="The least that it charges in one full period."
    )
    maximum: Decimal | None = strawberry.field(
        default=UNSET, description="The most that it charges in one full period."
    )


@strawberry.input
class CreatePlanInput:
    """The first version of a plan."""

    key: str = strawberry.field(description="A key of your own, at most 255 characters.")
    name: str = strawberry.field(description="What customers read.")
    description: str | None = strawberry.field(default=UNSET, description="What it offers.")
    currency: str | None = strawberry.field(
        default=UNSET, description="An ISO 4217 code; USD unless said. Never changes."
    )
    billing_frequency: Frequency = strawberry.field(description="How long a period is.")
    trial_days: int | None = strawberry.field(
        default=UNSET, description="Days at the start that bill nothing; 0 unless said."
    )
    minimum: Decimal | None = strawberry.field(
        default=UNSET, description="The least that one full period comes to, before credits."
    )
    price_components: list[PriceComponentInput] = strawberry.field(
        description="At least one, in the order of the invoice."
    )


@strawberry.input
class UpdatePlanInput:
    """What the next version has otherwise. What is left out stays; null clears."""

    name: strawberry.Maybe[str | None] = strawberry.field(description="What customers read.")
    description: strawberry.Maybe[str | None] = strawberry.field(description="What it offers.")
    trial_days: strawberry.Maybe[int | None] = strawberry.field(
        description="Days that bill nothing; null means none."
    )
    minimum: strawberry.Maybe[Decimal | None] = strawberry.field(
        description="The least that one full period comes to; null means none."
    )
    price_components: strawberry.Maybe[list[PriceComponentInput] | None] = strawberry.field(
        description="All of them: those that are not in the list are gone in the next version."
    )


@strawberry.input
class PlanFilter:
    """Which plans are listed."""

    search: str | None = strawberry.field(
        default=UNSET, description="A part of the key or the name, in any case."
    )
    is_active: bool | None = strawberry.field(
        default=UNSET, description="Only those that can, or cannot, be subscribed to."
    )
    all_versions: bool | None = strawberry.field(
        default=UNSET, description="Every version, instead of the latest of each plan."
    )


def new_plan(input: CreatePlanInput) -> NewPlan:
    return NewPlan(
        key=input.key,
        name=input.name,
        billing_frequency=input.billing_frequency,
        components=[new_component(one) for one in input.price_components],
        **given(input, "description", "currency", "trial_days", "minimum"),
    )


def new_component(input: PriceComponentInput) -> NewComponent:
    return NewComponent(
        key=input.key,
        display_name=input.display_name,
        pricing=encoded(input.pricing),
        **given(input, "metric", "minimum", "maximum"),
    )


def plan_changes(input: UpdatePlanInput) -> dict[str, Any]:
    found = changes(input)
    if "price_components" in found:
        listed = found.pop("price_components") or []
        found["components"] = [new_component(one) for one in listed]
    if "trial_days" in found:
        found["trial_days"] = found["trial_days"] or 0
    return found
