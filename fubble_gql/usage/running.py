"""The quantities of many series by each of several instants: as they grew, each event read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from fubble_gql.db.connection import Connection
from fubble_gql.usage.levels import time_weighted_by
from fubble_gql.usage.quantities import Way, way_of
from fubble_gql.usage.series import Found, Groups, Series, reduced
from fubble_gql.usage.store.rows import NS_OF_SERIES, Figures, Reduction, Span, Values


@dataclass(frozen=True, slots=True)
class Running:
    """A series, and the instants by which it is wanted, in order."""

    series: Series
    instants: tuple[datetime, ...]

    @property
    def aggregation(self) -> str:
        return self.series.metric.aggregation or ""

    def spans(self, n: int) -> Iterator[Span]:
        """Its time from each instant to the next, to be reduced one by one."""
        for place, stretch, part in self.series.cut(self.instants):
            yield self.series.span(n * NS_OF_SERIES + place, part.start, part.end, stretch.scope)


async def running(connection: Connection, wanted: Sequence[Running]) -> list[list[Groups]]:
    """What `quantities` would find for the time until each instant.

    The number of statements depends only on which aggregations there are.
    """
    levels = {n: one for n, one in enumerate(wanted) if way_of(one.aggregation) is None}
    found = await time_weighted_by(
        connection, {n: (one.series, one.instants) for n, one in levels.items()}
    )
    rest = [(n, one) for n, one in enumerate(wanted) if n not in levels]
    figures = {what: await _reduced(connection, what, rest) for what in _MERGED}
    found |= {n: _followed(n, one, figures) for n, one in rest}
    return [found[n] for n in range(len(wanted))]


async def _reduced(
    connection: Connection, what: Reduction, rest: Sequence[tuple[int, Running]]
) -> Found:
    spans = (span for n, one in rest if what in _needed(one) for span in one.spans(n))
    return await reduced(connection, what, spans)


def _needed(one: Running) -> list[Reduction]:
    """The reductions of its way, or what takes their place where time goes on."""
    return [_SO_FAR.get(what, what) for what in _way(one).reductions]


def _way(one: Running) -> Way:
    way = way_of(one.aggregation)
    assert way is not None  # noqa: S101 - a TIME_WEIGHTED level is followed by itself
    return way


def _followed(n: int, one: Running, figures: dict[Reduction, Found]) -> list[Groups]:
    """Its quantities, from the figures of everything until each instant."""
    way, needed = _way(one), _needed(one)
    so_far: dict[Reduction, dict[Values, list[Figures]]] = {what: {} for what in needed}
    found: list[Groups] = []
    for place in range(len(one.instants)):
        for what, known in so_far.items():
            for values, more in figures[what].get(n * NS_OF_SERIES + place, {}).items():
                before = known.get(values)
                known[values] = more if before is None else _MERGED[what](before, more)
        first, *others = so_far.values()
        found.append(
            {
                values: way.fold(one.series, *(part[values] for part in so_far.values()))
                for values in first
                if all(values in part for part in others)
            }
        )
    return found


def _totals(before: list[Figures], more: list[Figures]) -> list[Figures]:
    [(events, total, largest, smallest)], [(e, t, high, low)] = before, more
    return [(events + e, total + t, max(largest, high), min(smallest, low))]


def _later(_before: list[Figures], more: list[Figures]) -> list[Figures]:
    return more


def _both(before: list[Figures], more: list[Figures]) -> list[Figures]:
    [(events, values)], [(e, v)] = before, more
    return [(events + e, values + v)]


# What a later time's figures cannot be added to without what came before.
_SO_FAR = {
    Reduction.DISTINCT: Reduction.FIRSTS,
    Reduction.RANKED: Reduction.RANKED_SO_FAR,
}
# How figures of a time become those of it and of the time after it.
_MERGED: dict[Reduction, Callable[[list[Figures], list[Figures]], list[Figures]]] = {
    Reduction.TOTALS: _totals,
    Reduction.LAST: _later,
    Reduction.FIRSTS: _both,
    Reduction.RANKED_SO_FAR: _later,
}
