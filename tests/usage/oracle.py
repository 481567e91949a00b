"""The meaning of each aggregation, written down slowly: what the event store is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from fubble_gql.catalog.rows import MetricRow
from fubble_gql.pricing.money import plain
from fubble_gql.usage.aggregate import Measured, Request, Scope

MICROSECOND = timedelta(microseconds=1)
Group = tuple[str | None, ...]


@dataclass
class Told:
    """An event with everything that is known of it."""

    metric: str
    quantity: Decimal
    time: datetime
    subscription: UUID | None
    properties: dict[str, object]
    recorded_at: datetime
    order: int
    voided_at: datetime | None = None

    def is_known(self, as_of: datetime) -> bool:
        return self.recorded_at <= as_of and (self.voided_at is None or self.voided_at > as_of)

    def is_in(self, scope: Scope) -> bool:
        if scope.everything:
            return True
        if self.subscription is None:
            return scope.unnamed
        return self.subscription == scope.subscription_id

    def group(self, request: Request) -> Group:
        declared = request.metric.dimension_names()
        return tuple(
            text_of(self.properties[name]) if name in declared else None
            for name in request.group_by
        )


def text_of(value: object) -> str:
    return value if isinstance(value, str) else plain(Decimal(str(value)))


def rounded(value: Fraction) -> Decimal:
    """At 18 decimals, half away from zero."""
    scaled = abs(value) * 10**18
    whole = int(scaled + Fraction(1, 2))
    return Decimal(whole if value >= 0 else -whole).scaleb(-18)


def expected(request: Request, history: Sequence[Told]) -> list[Measured]:
    """The answer to a request that is not for a COMPOSITE."""
    known = [
        event
        for event in history
        if event.metric == request.metric.key and event.is_known(request.as_of)
    ]
    known.sort(key=lambda event: (event.time, event.recorded_at, event.order))
    groups = {event.group(request) for event in known} if request.group_by else {()}
    answers = []
    for group in sorted(groups, key=lambda values: [(v is not None, v or "") for v in values]):
        own = [event for event in known if event.group(request) == group]
        inside = [
            event
            for event in own
            if any(s.span.contains(event.time) and event.is_in(s.scope) for s in request.stretches)
        ]
        if request.metric.aggregation == "TIME_WEIGHTED":
            quantity, has_level = time_weighted(request, own)
        else:
            quantity, has_level = reduced(request.metric, inside), False
        if inside or has_level or not request.group_by:
            answers.append(Measured(group, quantity, len(inside)))
    return answers


def reduced(metric: MetricRow, events: list[Told]) -> Decimal:
    """Everything but TIME_WEIGHTED; the events are in order of time, then of arrival."""
    if not events:
        return Decimal(0)
    numbers = sorted(Fraction(event.quantity) for event in events)
    meanings = {
        "COUNT": lambda: Fraction(len(events)),
        "SUM": lambda: sum(numbers, Fraction(0)),
        "MAX": lambda: numbers[-1],
        "MIN": lambda: numbers[0],
        "AVG": lambda: sum(numbers, Fraction(0)) / len(numbers),
        "LAST": lambda: Fraction(events[-1].quantity),
        "UNIQUE_COUNT": lambda: Fraction(distinct(metric, events)),
        "PERCENTILE": lambda: percentile(metric, numbers),
    }
    return rounded(meanings[str(metric.aggregation)]())


def distinct(metric: MetricRow, events: list[Told]) -> int:
    values = [event.properties[metric.property or ""] for event in events]
    return len({(isinstance(value, str), isinstance(value, bool), value) for value in values})


def percentile(metric: MetricRow, numbers: list[Fraction]) -> Fraction:
    rank = Fraction(metric.percentile or 0) / 100 * (len(numbers) - 1)
    low = int(rank)
    high = min(low + 1, len(numbers) - 1)
    return numbers[low] + (numbers[high] - numbers[low]) * (rank - low)


def time_weighted(request: Request, events: list[Told]) -> tuple[Decimal, bool]:
    """The mean of the level over the whole period, and whether a level was carried in."""
    area, has_level = Fraction(0), False
    for stretch in request.stretches:
        span, scope = stretch.span, stretch.scope
        all_carry = scope.everything or scope.unnamed
        level = Fraction(0)
        for event in events:
            if event.time < span.start and (all_carry or event.is_in(scope)):
                level = moved(request.metric, level, event)
        has_level = has_level or level != 0
        until = max(span.start, min(span.end, request.as_of))
        here = span.start
        for event in events:
            if span.contains(event.time) and event.is_in(scope):
                there = min(event.time, until)
                area += level * ((there - here) // MICROSECOND)
                here, level = there, moved(request.metric, level, event)
        area += level * ((until - here) // MICROSECOND)
    return rounded(area / request.whole.microseconds), has_level


def moved(metric: MetricRow, level: Fraction, event: Told) -> Fraction:
    return Fraction(event.quantity) + (0 if metric.type == "GAUGE" else level)
