"""One metric of one customer over some stretches of time: what the event store is asked about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from fubble_gql.catalog.kinds import MetricType
from fubble_gql.catalog.rows import MetricRow
from fubble_gql.db.connection import Connection
from fubble_gql.pricing.money import PLACES_MAX, divide, limit_places
from fubble_gql.pricing.period import Period
from fubble_gql.usage.scope import Scope, Stretch
from fubble_gql.usage.store import store_of
from fubble_gql.usage.store.rows import BEGINNING, Figures, Reduction, Span, Values


class Amount(NamedTuple):
    """A quantity, and how many events it came from."""

    quantity: Decimal
    event_count: int


Groups = dict[Values, Amount]
Found = dict[int, dict[Values, list[Figures]]]


@dataclass(frozen=True, slots=True)
class Series:
    """A non-composite metric to measure; aggregate.Request says what the fields mean.

    `positions` are those of the dimensions to group by; all that group in a call have as many.
    """

    customer_id: UUID
    metric: MetricRow
    stretches: tuple[Stretch, ...]
    as_of: datetime
    whole: Period
    positions: tuple[int | None, ...]
    from_events: bool = False

    @property
    def sets_level(self) -> bool:
        """Each event tells the level, rather than how much it changed."""
        return self.metric.type == MetricType.GAUGE

    def span(self, n: int, start: datetime, end: datetime, scope: Scope) -> Span:
        """Some time of the series, as the store wants it."""
        return Span(
            n,
            self.customer_id,
            self.metric.id,
            start,
            end,
            scope,
            self.as_of,
            self.positions,
            self.metric.percentile,
            self.sets_level,
            self.from_events,
        )

    def cut(self, instants: Sequence[datetime]) -> Iterator[tuple[int, Stretch, Period]]:
        """Its stretches, cut at instants in order: the place of the instant that ends each part."""
        since = BEGINNING
        for place, instant in enumerate(instants):
            for stretch in self.stretches:
                start, end = max(since, stretch.span.start), min(instant, stretch.span.end)
                if start < end:
                    yield place, stretch, Period(start, end)
            since = instant

    def spans(self, n: int) -> Iterator[Span]:
        """Its stretches, to be reduced together."""
        for stretch in self.stretches:
            yield self.span(n, stretch.span.start, stretch.span.end, stretch.scope)


async def reduced(connection: Connection, what: Reduction, spans: Iterable[Span]) -> Found:
    """What comes out for each n and group; nothing is asked where there are no spans.

    Spans that group are asked for by themselves: the others need not be read event by event.
    """
    by_width: dict[int, list[Span]] = {}
    for span in spans:
        by_width.setdefault(len(span.positions), []).append(span)
    found: Found = {}
    for listed in by_width.values():
        for n, values, figures in await store_of(connection).reduce(connection, what, listed):
            found.setdefault(n, {}).setdefault(values, []).append(figures)
    return found


def quotient(amount: Decimal, divisor: int | Decimal) -> Decimal:
    """amount / divisor at the 18 decimals that a quantity has, rounded half away from zero.

    The division's own cut at 50 decimals cannot make a half of what is less: a quotient of
    18-place numbers by less than 10^30 is either a half or further away from one than that.
    """
    return limit_places(divide(amount, 1, divisor), PLACES_MAX)
