"""One use of a metric, as its sender tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from fubble_gql.pricing.wallclock import in_utc
from fubble_gql.usage.properties import Properties


# Not frozen, which would more than double what it costs to make one: a call makes thousands.
@dataclass(slots=True)
class NewEvent:
    """An event to record: customer and metric by their keys; None is what was left out.

    `event_time` is kept in UTC; a naive one is a defect of the caller's (ValueError). Nobody
    changes an event once it is made.
    """

    customer: str
    metric: str
    idempotency_key: str
    quantity: Decimal | None = None
    event_time: datetime | None = None
    subscription_id: UUID | None = None
    properties: Mapping[str, object] | Properties | None = None

    def __post_init__(self) -> None:
        if self.event_time is not None and self.event_time.tzinfo is not UTC:
            self.event_time = in_utc(self.event_time)
