"""Levels over time: what was carried in, and how long each level lasted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID

from fubble_gql.db.connection import Connection
from fubble_gql.pricing.money import ZERO
from fubble_gql.pricing.period import Period
from fubble_gql.usage.scope import Scope, Stretch
from fubble_gql.usage.series import Amount, Found, Groups, Series, quotient, reduced
from fubble_gql.usage.store.rows import BEGINNING, Figures, Reduction, Values

_MICROSECOND = timedelta(microseconds=1)
_END = (datetime.max.replace(tzinfo=UTC),)

Levels = dict[Values, Decimal]


async def time_weighted(connection: Connection, series: Mapping[int, Series]) -> dict[int, Groups]:
    """The mean of the level over the whole period of each series, an open one up to `as_of`."""
    found = await time_weighted_by(connection, {n: (one, _END) for n, one in series.items()})
    return {n: groups for n, [groups] in found.items()}


async def time_weighted_by(
    connection: Connection, courses: Mapping[int, tuple[Series, Sequence[datetime]]]
) -> dict[int, list[Groups]]:
    """For each series what that mean is of its time until each of some instants, in order.

    Each event is read once: the level is followed from one instant to the next.
    """
    opening = await _opening_levels(connection, {n: one for n, (one, _) in courses.items()})
    sections = [
        _Section(n, *part) for n, (one, instants) in courses.items() for part in one.cut(instants)
    ]
    spans = [courses[one.n][0].span(k, *one.bounds) for k, one in enumerate(sections)]
    areas = await reduced(connection, Reduction.AREAS, spans)
    moves: Found = {}
    for what, sets_level in ((Reduction.TOTALS, False), (Reduction.LAST, True)):
        moves |= await reduced(
            connection,
            what,
            (
                span
                for span, one in zip(spans, sections, strict=True)
                if one.is_continued and span.sets_level is sets_level
            ),
        )
    walks = {n: _Walk(one, len(instants)) for n, (one, instants) in courses.items()}
    for k, one in enumerate(sections):
        walk = walks[one.n]
        levels = opening[_Origin.of(walk.series, one.stretch)][one.stretch.span.start]
        walk.go(one, levels, areas.get(k, {}), moves.get(k, {}))
    return {n: walk.means() for n, walk in walks.items()}


class _Section(NamedTuple):
    """A part of a stretch of series n, until the instant at that place."""

    n: int
    place: int
    stretch: Stretch
    span: Period

    @property
    def bounds(self) -> tuple[datetime, datetime, Scope]:
        return self.span.start, self.span.end, self.stretch.scope

    @property
    def is_continued(self) -> bool:
        """Whether another part of the stretch follows."""
        return self.span.end < self.stretch.span.end


class _Walk:
    """The integrals of a series up to each instant, and the level where each stretch has got to."""

    def __init__(self, series: Series, instants: int) -> None:
        self.series = series
        self._added: list[dict[Values, _Sum]] = [{} for _ in range(instants)]
        self._levels: dict[Period, Levels] = {}

    def go(
        self,
        section: _Section,
        opening: Levels,
        areas: Mapping[Values, list[Figures]],
        moves: Mapping[Values, list[Figures]],
    ) -> None:
        """On through one section; they come in the order of time."""
        levels = self._levels.setdefault(section.stretch.span, dict(opening))
        inside = {values: figures for values, [figures] in areas.items()}
        sums = self._added[section.place]
        for values, part in _parts(self.series, section.span, levels, inside):
            sums[values] = sums.get(values, _NOTHING).plus(part)
        _move(levels, moves, sets_level=self.series.sets_level)

    def means(self) -> list[Groups]:
        """Of all groups so far, by each instant."""
        sums: dict[Values, _Sum] = {}
        found: list[Groups] = []
        for added in self._added:
            for values, part in added.items():
                sums[values] = sums.get(values, _NOTHING).plus(part)
            found.append({values: self._mean(total) for values, total in sums.items()})
        return found

    def _mean(self, total: _Sum) -> Amount:
        return Amount(quotient(total.area, self.series.whole.microseconds), total.event_count)


def _move(levels: Levels, moves: Mapping[Values, list[Figures]], *, sets_level: bool) -> None:
    """What events make of the levels before them: of LAST where they tell it, else of TOTALS."""
    for values, [figures] in moves.items():
        levels[values] = figures[0] if sets_level else levels.get(values, ZERO) + figures[1]


class _Sum(NamedTuple):
    """The integral of a level, in microseconds, and the events that it came from."""

    area: Decimal
    event_count: int

    def plus(self, other: _Sum) -> _Sum:
        return _Sum(self.area + other.area, self.event_count + other.event_count)


_NOTHING = _Sum(ZERO, 0)


def _parts(
    series: Series, span: Period, levels: Levels, inside: Mapping[Values, Figures]
) -> Iterator[tuple[Values, _Sum]]:
    """What one section adds, for each group that has events in it or a level at its start."""
    known = max(0, (min(span.end, series.as_of) - span.start) // _MICROSECOND)
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
            _move(levels, pieces.get(n, {}), sets_level=what is Reduction.LAST)
            found[origin][start] = {values: level for values, level in levels.items() if level}
            n += 1
    return found
