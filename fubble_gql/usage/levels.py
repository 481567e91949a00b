"""Levels over time: what was carried in, and how long each level lasted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID

from fubble_gql.db.connection import Connection
from fubble_gql.pricing.money import ZERO
from fubble_gql.usage.scope import Scope, Stretch
from fubble_gql.usage.series import Amount, Groups, Series, quotient, reduced
from fubble_gql.usage.store.rows import BEGINNING, Figures, Reduction, Span, Values

_MICROSECOND = timedelta(microseconds=1)

Levels = dict[Values, Decimal]


async def time_weighted(connection: Connection, series: Mapping[int, Series]) -> dict[int, Groups]:
    """The mean of the level over the whole period of each series, an open one up to `as_of`."""
    opening = await _opening_levels(connection, series)
    stretches = [(n, stretch) for n, one in series.items() for stretch in one.stretches]
    areas = await reduced(
        connection, Reduction.AREAS, (_span(series[n], k, s) for k, (n, s) in enumerate(stretches))
    )
    sums: dict[int, dict[Values, _Sum]] = {n: {} for n in series}
    for k, (n, stretch) in enumerate(stretches):
        inside = {values: figures for values, [figures] in areas.get(k, {}).items()}
        levels = opening[_Origin.of(series[n], stretch)][stretch.span.start]
        for values, part in _parts(series[n], stretch, levels, inside):
            sums[n][values] = sums[n].get(values, _NOTHING).plus(part)
    return {
        n: {
            values: Amount(quotient(total.area, series[n].whole.microseconds), total.event_count)
            for values, total in groups.items()
        }
        for n, groups in sums.items()
    }


def _span(series: Series, n: int, stretch: Stretch) -> Span:
    return series.span(n, stretch.span.start, stretch.span.end, stretch.scope)


class _Sum(NamedTuple):
    """The integral of a level, in microseconds, and the events that it came from."""

    area: Decimal
    event_count: int

    def plus(self, other: _Sum) -> _Sum:
        return _Sum(self.area + other.area, self.event_count + other.event_count)


_NOTHING = _Sum(ZERO, 0)


def _parts(
    series: Series, stretch: Stretch, levels: Levels, inside: Mapping[Values, Figures]
) -> Iterator[tuple[Values, _Sum]]:
    """What one stretch adds, for each group that has events in it or a level at its start."""
    known = max(0, (min(stretch.span.end, series.as_of) - stretch.span.start) // _MICROSECOND)
    for values in levels.keys() | inside.keys():
        events, area, first = inside.get(values, (ZERO, ZERO, Decimal(known)))
        # A level that is set ends the one before; one that is added to goes on.
        lasts = max(ZERO, first) if series.sets_level else known
        yield values, _Sum(levels.get(values, ZERO) * lasts + area, int(events))


class _Origin(NamedTuple):
    """Where a level comes from: everything that decides it but the instant."""

    customer_id: UUID
    metric_id: UUID
    scope: Scope
    as_of: datetime
    positions: tuple[int | None, ...]

    @classmethod
    def of(cls, series: Series, stretch: Stretch) -> _Origin:
        scope = stretch.scope.of_level
        return cls(series.customer_id, series.metric.id, scope, series.as_of, series.positions)


async def _opening_levels(
    connection: Connection, series: Mapping[int, Series]
) -> dict[_Origin, dict[datetime, Levels]]:
    """The levels at the start of each stretch, without those at zero.

    Starts of one origin cut its past into pieces, so that however many there are (the hours of
    a month), each earlier event is read once.
    """
    starts: dict[_Origin, set[datetime]] = defaultdict(set)
    models: dict[_Origin, Series] = {}
    for one in series.values():
        for stretch in one.stretches:
            origin = _Origin.of(one, stretch)
            starts[origin].add(stretch.span.start)
            models[origin] = one
    found: dict[_Origin, dict[datetime, Levels]] = {}
    for what, sets_level in ((Reduction.TOTALS, False), (Reduction.LAST, True)):
        origins = {
            origin: sorted(starts[origin])
            for origin, one in models.items()
            if one.sets_level is sets_level
        }
        found |= await _followed(connection, what, origins, models)
    return found


async def _followed(
    connection: Connection,
    what: Reduction,
    origins: Mapping[_Origin, list[datetime]],
    models: Mapping[_Origin, Series],
) -> dict[_Origin, dict[datetime, Levels]]:
    """Each origin's levels from piece to piece of its past."""
    spans = [
        models[origin].span(0, before, start, origin.scope)
        for origin, starts in origins.items()
        for before, start in pairwise([BEGINNING, *starts])
    ]
    pieces = await reduced(connection, what, (replace(span, n=n) for n, span in enumerate(spans)))
    found: dict[_Origin, dict[datetime, Levels]] = {}
    n = 0
    for origin, starts in origins.items():
        levels: Levels = {}
        found[origin] = {}
        for start in starts:
            for values, [figures] in pieces.get(n, {}).items():
                levels[values] = (
                    figures[0]
                    if what is Reduction.LAST
                    else (levels.get(values, ZERO) + figures[1])
                )
            found[origin][start] = {values: level for values, level in levels.items() if level}
            n += 1
    return found
