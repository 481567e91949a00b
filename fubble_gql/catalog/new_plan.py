"""What a version of a plan is made from, and how two are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from fubble_gql.catalog.components import NewComponent, stored_component
from fubble_gql.catalog.rows import COMPONENTS, METRICS, ComponentRow, PlanRow
from fubble_gql.db.connection import Connection
from fubble_gql.db.repeat import differing
from fubble_gql.pricing.period import Frequency
from fubble_gql.pricing.rates.codec import encode


@dataclass(frozen=True, slots=True)
class NewPlan:
    """What a version of a plan is made from."""

    key: str
    name: str
    billing_frequency: Frequency
    components: Sequence[NewComponent]
    description: str | None = None
    currency: str = "USD"
    trial_days: int = 0
    minimum: Decimal | None = None


async def versions_as_new(tx: Connection, versions: Sequence[PlanRow]) -> list[NewPlan]:
    """What each version was made from."""
    rows = await COMPONENTS.by(tx, "plan_id", [version.id for version in versions])
    ids = [row.metric_id for row in rows if row.metric_id is not None]
    keys = {metric.id: metric.key for metric in await METRICS.by(tx, "id", ids)}
    return [
        NewPlan(
            key=version.key,
            name=version.name,
            description=version.description,
            currency=version.currency,
            billing_frequency=Frequency(version.billing_frequency),
            trial_days=version.trial_days,
            minimum=version.minimum,
            components=[
                _component_as_new(row, keys)
                for row in sorted(rows, key=lambda row: row.position)
                if row.plan_id == version.id
            ],
        )
        for version in versions
    ]


def _component_as_new(row: ComponentRow, metric_keys: Mapping[UUID, str]) -> NewComponent:
    return NewComponent(
        key=row.key,
        display_name=row.display_name,
        metric=metric_keys[row.metric_id] if row.metric_id else None,
        pricing=encode(row.pricing),
        minimum=row.minimum,
        maximum=row.maximum,
    )


def component_differs(position: int, one: NewComponent, other: NewComponent) -> bool:
    first, second = (stored_component(position, each) for each in (one, other))
    return one.metric != other.metric or differing(first, second) is not None


def stored_plan(new: NewPlan) -> dict[str, Any]:
    return {
        "key": new.key,
        "name": new.name,
        "description": new.description,
        "currency": new.currency,
        "billing_frequency": new.billing_frequency.value,
        "trial_days": new.trial_days,
        "minimum": new.minimum,
    }


def comparable(new: NewPlan) -> dict[str, Any]:
    components = [
        {**stored_component(position, component), "metric": component.metric}
        for position, component in enumerate(new.components)
    ]
    return {**stored_plan(new), "priceComponents": components}
