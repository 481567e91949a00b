"""The quantities of many series at once: one statement for each kind of reduction asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple

from fubble_gql.catalog.kinds import Aggregation
from fubble_gql.db.connection import Connection
from fubble_gql.pricing.money import PLACES_MAX, ZERO, limit_places
from fubble_gql.usage.levels import time_weighted
from fubble_gql.usage.series import Amount, Found, Groups, Series, quotient, reduced
from fubble_gql.usage.store.rows import Figures, Reduction

_HUNDREDTH = Decimal("0.01")


async def quantities(connection: Connection, series: Sequence[Series]) -> list[Groups]:
    """For each series its groups that have events, or a level that was carried in.

    The number of statements depends only on which aggregations there are.
    """
    ways = [way_of(one.metric.aggregation or "") for one in series]
    weighted = {n: one for n, one in enumerate(series) if ways[n] is None}
    found = await time_weighted(connection, weighted)
    figures = {what: await _reduced(connection, what, series, ways) for what in _REDUCTIONS}
    for n, (one, way) in enumerate(zip(series, ways, strict=True)):
        if way is not None:
            parts = [figures[what].get(n, {}) for what in way.reductions]
            # A group that one statement found and the next did not was voided in between.
            groups = [values for values in parts[0] if all(values in part for part in parts)]
            found[n] = {
                values: way.fold(one, *(part[values] for part in parts)) for values in groups
            }
    return [found[n] for n in range(len(series))]


def way_of(aggregation: str) -> Way | None:
    """How its figures become a quantity; TIME_WEIGHTED goes a way of its own."""
    return None if aggregation == Aggregation.TIME_WEIGHTED else _WAYS[aggregation]


async def _reduced(
    connection: Connection, what: Reduction, series: Sequence[Series], ways: Sequence[Way | None]
) -> Found:
    wanting = [n for n, way in enumerate(ways) if way is not None and what in way.reductions]
    return await reduced(connection, what, (span for n in wanting for span in series[n].spans(n)))


def _count(_series: Series, totals: list[Figures]) -> Amount:
    [(events, _total, _largest, _smallest)] = totals
    return Amount(events, int(events))


def _sum(_series: Series, totals: list[Figures]) -> Amount:
    [(events, total, _largest, _smallest)] = totals
    return Amount(total, int(events))


def _average(_series: Series, totals: list[Figures]) -> Amount:
    [(events, total, _largest, _smallest)] = totals
    return Amount(quotient(total, events), int(events))


def _largest(_series: Series, totals: list[Figures]) -> Amount:
    [(events, _total, largest, _smallest)] = totals
    return Amount(largest, int(events))


def _smallest(_series: Series, totals: list[Figures]) -> Amount:
    [(events, _total, _largest, smallest)] = totals
    return Amount(smallest, int(events))


def _last(_series: Series, totals: list[Figures], last: list[Figures]) -> Amount:
    [(events, *_)], [(quantity,)] = totals, last
    return Amount(quantity, int(events))


def _distinct(_series: Series, distinct: list[Figures]) -> Amount:
    [(events, values)] = distinct
    return Amount(values, int(events))


def _percentile(series: Series, ranked: list[Figures]) -> Amount:
    """Interpolated between the two rows around the rank, exactly, and rounded once."""
    [(events, place, low), (_, _, high)] = [min(ranked), max(ranked)]
    rank = (series.metric.percentile or ZERO) * _HUNDREDTH * (events - 1)
    quantity = low + (high - low) * (rank - (place - 1))
    return Amount(limit_places(quantity, PLACES_MAX), int(events))


class Way(NamedTuple):
    """Which reductions an aggregation needs, and what it makes of a group's figures."""

    reductions: tuple[Reduction, ...]
    fold: Callable[..., Amount]


_A = Aggregation
# By the aggregation's name, as metrics have it.
_WAYS: dict[str, Way] = {
    _A.COUNT: Way((Reduction.TOTALS,), _count),
    _A.SUM: Way((Reduction.TOTALS,), _sum),
    _A.AVG: Way((Reduction.TOTALS,), _average),
    _A.MAX: Way((Reduction.TOTALS,), _largest),
    _A.MIN: Way((Reduction.TOTALS,), _smallest),
    _A.LAST: Way((Reduction.TOTALS, Reduction.LAST), _last),
    _A.UNIQUE_COUNT: Way((Reduction.DISTINCT,), _distinct),
    _A.PERCENTILE: Way((Reduction.RANKED,), _percentile),
}
_REDUCTIONS = dict.fromkeys(what for way in _WAYS.values() for what in way.reductions)
