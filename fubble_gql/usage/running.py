"""The quantities of many series by each of several instants: as they grew, each event read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fubble_gql.catalog.kinds import Aggregation
from fubble_gql.db.connection import Connection
from fubble_gql.pricing.period import Period
from fubble_gql.usage.levels import time_weighted_by
from fubble_gql.usage.quantities import Way, quantities, way_of
from fubble_gql.usage.series import Found, Groups, Series, reduced
from fubble_gql.usage.store.rows import NS_OF_SERIES, Figures, Reduction, Span, Values


@dataclass(frozen=True, slots=True)
class Running:
    """A series, and the instants by which it is wanted, in order."""

    series: Series
    instants: tuple[datetime, ...]

    def spans(self, n: int) -> Iterator[Span]:
        """Its time from each instant to the next, to be reduced one by one."""
        for place, stretch, part in self.series.cut(self.instants):
            yield self.series.span(n * NS_OF_SERIES + place, part.start, part.end, stretch.scope)

    def prefixes(self) -> Iterator[Series]:
        """Its time until each instant."""
        for instant in self.instants:
            stretches = (
                replace(one, span=Period(one.span.start, min(one.span.end, instant)))
                for one in self.series.stretches
                if one.span.start < instant
            )
            yield replace(self.series, stretches=tuple(stretches))


async def running(connection: Connection, wanted: Sequence[Running]) -> list[list[Groups]]:
    """What `quantities` would find for the time until each instant.

    The number of statements depends only on which aggregations there are. A PERCENTILE is ranked
    anew for each instant: what lies between two does not tell how the rank moves.
    """
    found: dict[int, list[Groups]] = await time_weighted_by(
        connection,
        {n: (one.series, one.instants) for n, one in _of(wanted, Aggregation.TIME_WEIGHTED)},
    )
    ranked = _of(wanted, Aggregation.PERCENTILE)
    prefixes = [prefix for _, one in ranked for prefix in one.prefixes()]
    groups = iter(await quantities(connection, prefixes))
    found |= {n: [next(groups) for _ in one.instants] for n, one in ranked}
    rest = [(n, one) for n, one in enumerate(wanted) if n not in found]
    figures = {what: await _reduced(connection, what, rest) for what in _MERGED}
    found |= {n: _followed(n, one, figures) for n, one in rest}
    return [found[n] for n in range(len(wanted))]


def _of(wanted: Sequence[Running], aggregation: Aggregation) -> list[tuple[int, Running]]:
    return [
        (n, one) for n, one in enumerate(wanted) if one.series.metric.aggregation == aggregation
    ]


async def _reduced(
    connection: Connection, what: Reduction, rest: Sequence[tuple[int, Running]]
) -> Found:
    spans = (span for n, one in rest if what in _needed(one) for span in one.spans(n))
    return await reduced(connection, what, spans)


def _needed(one: Running) -> list[Reduction]:
    """The reductions of its way, but for distinct values by when they come first."""
    needed = _way(one).reductions
    return [Reduction.FIRSTS if what is Reduction.DISTINCT else what for what in needed]


def _way(one: Running) -> Way:
    way = way_of(one.series.metric.aggregation or "")
    assert way is not None  # noqa: S101 - a TIME_WEIGHTED level is followed by itself
    return way


def _followed(n: int, one: Running, figures: dict[Reduction, Found]) -> list[Groups]:
    """Its quantities, from the figures of everything until each instant."""
    way, needed = _way(one), _needed(one)
    so_far: dict[Reduction, dict[Values, Figures]] = {what: {} for what in needed}
    found: list[Groups] = []
    for place in range(len(one.instants)):
        for what, known in so_far.items():
            for values, [more] in figures[what].get(n * NS_OF_SERIES + place, {}).items():
                before = known.get(values)
                known[values] = more if before is None else _MERGED[what](before, more)
        first, *others = so_far.values()
        found.append(
            {
                values: way.fold(one.series, *([part[values]] for part in so_far.values()))
                for values in first
                if all(values in part for part in others)
            }
        )
    return found


def _totals(before: Figures, more: Figures) -> Figures:
    return (
        before[0] + more[0],
        before[1] + more[1],
        max(before[2], more[2]),
        min(before[3], more[3]),
    )


def _later(_before: Figures, more: Figures) -> Figures:
    return more


def _both(before: Figures, more: Figures) -> Figures:
    return before[0] + more[0], before[1] + more[1]


# How figures of a time become those of it and of the time after it.
_MERGED: dict[Reduction, Callable[[Figures, Figures], Figures]] = {
    Reduction.TOTALS: _totals,
    Reduction.LAST: _later,
    Reduction.FIRSTS: _both,
}
