"""What goes into the event store, and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, auto
from typing import NamedTuple
from uuid import UUID

from fubble_gql.db.rows import JsonObject, Table
from fubble_gql.usage.scope import Scope

# The bits of `defaulted`: what the sender left out.
QUANTITY_LEFT_OUT = 1
TIME_LEFT_OUT = 2

# As many n as one series of spans may have, where a reduction looks at several: n // this is it.
NS_OF_SERIES = 1_024
BEGINNING = datetime.min.replace(tzinfo=UTC)

EventKey = tuple[UUID, str]
Values = tuple[str | None, ...]
Figures = tuple[Decimal, ...]


class EventRow(NamedTuple):
    """A new event, in the order of the table's columns; the last ones are JSON texts and bits."""

    customer_id: UUID
    metric_id: UUID
    subscription_id: UUID | None
    idempotency_key: str
    quantity: Decimal
    event_time: datetime
    properties: str | None
    dimension_values: str | None
    unique_value: str | None
    defaulted: int
    is_late: bool = False

    @property
    def event_key(self) -> EventKey:
        """What is unique for ever."""
        return self.customer_id, self.idempotency_key


class Appended(NamedTuple):
    """What became of new events, by their places in the call.

    In neither is one whose key has another event, or one that another call is just recording.
    """

    inserted: frozenset[int]
    recorded_before: frozenset[int]
    """The very event, as it was sent, is recorded under its key."""


class Located(NamedTuple):
    """In which sums of its customer an event is."""

    metric_id: UUID
    subscription_id: UUID | None
    event_time: datetime


class Unequal(NamedTuple):
    """A sum that is kept beside the events and is not what they add up to: a bucket of hours."""

    customer_id: UUID
    metric_id: UUID
    hours: int
    start_at: datetime
    subscription_id: UUID | None


class Since(NamedTuple):
    """A subscription `n`, and as of when its invoices were settled; None: nothing is asked."""

    n: UUID
    customer_id: UUID
    settled_at: datetime | None


class Body(NamedTuple):
    """A recorded event, as far as a repeated one is compared with it."""

    customer_id: UUID
    idempotency_key: str
    metric_id: UUID
    subscription_id: UUID | None
    quantity: Decimal
    event_time: datetime
    properties: JsonObject | None
    defaulted: int


BODIES = Table("usage_event", Body)


class Reduction(Enum):
    """What becomes of the events of spans; beside each, the figures that come out."""

    TOTALS = auto()
    """Events, sum, largest, smallest."""
    LAST = auto()
    """The quantity of the latest event time, then the latest recorded."""
    DISTINCT = auto()
    """Events, distinct unique values."""
    FIRSTS = auto()
    """Events, unique values that no smaller n of the same series has."""
    RANKED = auto()
    """Events, place (from 1), quantity: the one or two rows around the percentile's rank."""
    RANKED_SO_FAR = auto()
    """As RANKED, of all n of the series up to this one; for each n and group that has events."""
    AREAS = auto()
    """Events, the integral of the level from the first event on, and when that is: both in
    microseconds, counted from the span's start and cut at `until`."""


@dataclass(frozen=True, slots=True)
class Span:
    """Some time of a customer and a metric, half-open. Spans of equal `n` are reduced together.

    `positions` tell which of the metric's dimension values to group by (None: one that it does
    not have); a call's spans all have as many. `from_events`, of all spans of a call or none: nothing
    that is kept beside the events is read.
    """

    n: int
    customer_id: UUID
    metric_id: UUID
    start: datetime
    end: datetime
    scope: Scope
    as_of: datetime
    positions: tuple[int | None, ...] = ()
    percentile: Decimal | None = None
    sets_level: bool = False
    from_events: bool = False

    @property
    def until(self) -> datetime:
        """How far a level is known."""
        return min(self.end, self.as_of)


class Reduced(NamedTuple):
    """The figures of one group of the spans of an n."""

    n: int
    values: Values
    figures: Figures
