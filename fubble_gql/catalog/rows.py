"""Metrics, plan versions and price components as light rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, NamedTuple, cast
from uuid import UUID

from fubble_gql.catalog import visible
from fubble_gql.db import exact_json
from fubble_gql.db.pages import Order
from fubble_gql.db.rows import JsonList, Read, Table
from fubble_gql.pricing.rates import Rate
from fubble_gql.pricing.rates.codec import decode


class MetricRow(NamedTuple):
    """A metric as it is stored; `dimensions` is [{"property": …, "kind": …}]."""

    id: UUID
    key: str
    display_name: str
    description: str | None
    unit: str | None
    type: str
    aggregation: str | None
    percentile: Decimal | None
    property: str | None
    dimensions: JsonList
    formula: str | None
    decimals: int | None
    created_at: datetime
    archived_at: datetime | None

    def dimension_names(self) -> list[str]:
        """The declared dimensions' properties, in their order."""
        return [dimension["property"] for dimension in self.dimensions]


class PlanRow(NamedTuple):
    """A version of a plan as it is stored."""

    id: UUID
    key: str
    version: int
    name: str
    description: str | None
    currency: str
    billing_frequency: str
    trial_days: int
    minimum: Decimal | None
    created_at: datetime
    superseded_at: datetime | None
    deactivated_at: datetime | None

    @property
    def is_latest(self) -> bool:
        """No later version has been published."""
        return self.superseded_at is None

    @property
    def is_active(self) -> bool:
        """New subscriptions may begin on it."""
        return self.deactivated_at is None


@lru_cache(maxsize=4_096)
def _rate(text: str) -> Rate:
    """A stored rate. Published components never change, so a text is read once."""
    return decode(cast(Mapping[str, object], exact_json.loads(text)))


class ComponentRow(NamedTuple):
    """A price component as it is stored."""

    id: UUID
    plan_id: UUID
    position: int
    key: str
    display_name: str
    metric_id: UUID | None
    pricing: Annotated[Rate, Read(_rate)]
    minimum: Decimal | None
    maximum: Decimal | None


PLANS = Table("plan", PlanRow, visible.plans)
COMPONENTS = Table("price_component", ComponentRow, visible.components)
METRICS = Table("metric", MetricRow, visible.metrics)
BY_CREATION = Order(("created_at", "id"))
