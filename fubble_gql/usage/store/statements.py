"""Reductions of events in SQL, but for the words in which the two databases differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from fubble_gql.db.sql import ALWAYS, Sql, sql
from fubble_gql.usage.store.rows import NS_OF_SERIES, Reduced, Reduction

# Counted in: of the customer and metric, in the span, known and not voided by then, in scope.
MATCH = (
    "e.customer_id = s.customer_id and e.metric_id = s.metric_id"
    " and e.event_time >= s.start_at and e.event_time < s.end_at"
    " and e.recorded_at <= s.as_of and (e.voided_at is null or e.voided_at > s.as_of)"
    " and (s.everything or e.subscription_id = s.subscription_id"
    " or (s.unnamed and e.subscription_id is null))"
)
# What an index keeps, and which of its instants made it known.
_UNKNOWN = (("is_late", "recorded_at"), ("voided_at is not null", "voided_at"))
LATEST_FIRST = "event_time desc, recorded_at desc, id desc"
EVENT_COLUMNS = "e.id, e.quantity, e.event_time, e.recorded_at, e.unique_value, e.dimension_values"


@dataclass(frozen=True, slots=True)
class Words:
    """How a database says what the other says differently: format strings."""

    total: str
    largest: str
    smallest: str
    product: str
    microseconds: str
    earlier: str
    whole_rank: str


def reduce(words: Words, what: Reduction, hits: Sql, width: int) -> Sql:
    """The statement for a reduction over `hits`: spans' columns beside those of their events.

    `width` dimension values, v0, v1, …, are grouped by.
    """
    group = "n" + "".join(f", v{position}" for position in range(width))
    body = {
        Reduction.TOTALS: _totals,
        Reduction.LAST: _last,
        Reduction.DISTINCT: _distinct,
        Reduction.FIRSTS: _firsts,
        Reduction.RANKED: _ranked,
        Reduction.RANKED_SO_FAR: _ranked_so_far,
        Reduction.AREAS: _areas,
    }[what](words, group)
    return sql("with hit as (") + hits + ")" + body


def late(source: Sql, hits: Callable[[Sql], Sql], until: datetime | None) -> Sql:
    """For each n of `since`, which the source fills, when the earliest unknown event happened.

    `hits` joins events to `since` by a condition. Both conditions name those of a partial index.
    """
    found = [
        hits(
            sql(f"e.customer_id = since.customer_id and e.{index} and e.{column} > settled_at and")
            + (ALWAYS if until is None else sql(f"e.{column} <= ?", until))
        )
        for index, column in _UNKNOWN
    ]
    return (
        sql("with since as (")
        + source
        + ") select n, min(event_time) from ("
        + found[0]
        + "union all"
        + found[1]
        + ") as found group by n"
    )


def group_columns(width: int) -> str:
    """The dimension values that are grouped by, as texts."""
    return "".join(f", e.dimension_values ->> s.g{n} as v{n}" for n in range(width))


def decoded(records: Sequence[Sequence[Any]], width: int) -> list[Reduced]:
    """Rows of (n, v0, …, figures)."""
    return [
        Reduced(
            record[0],
            tuple(record[1 : 1 + width]),
            tuple(Decimal(figure) for figure in list(record)[1 + width :]),
        )
        for record in records
    ]


def _totals(words: Words, group: str) -> str:
    figures = [words.total, words.largest, words.smallest]
    columns = ", ".join(figure.format("quantity") for figure in figures)
    return f"select {group}, count(*), {columns} from hit group by {group}"


def _last(_words: Words, group: str) -> str:
    return (
        f"select {group}, quantity from (select {group}, quantity, row_number() over "
        f"(partition by {group} order by {LATEST_FIRST}) as place from hit) as latest "
        f"where place = 1"
    )


def _distinct(_words: Words, group: str) -> str:
    # Twice as fast as count(distinct …) on PostgreSQL.
    return (
        f"select {group}, sum(times), count(unique_value) from ("
        f"select {group}, unique_value, count(*) as times from hit group by {group}, unique_value"
        f") as found group by {group}"
    )


def _firsts(_words: Words, group: str) -> str:
    series = group.replace("n", f"n / {NS_OF_SERIES}", 1)
    return (
        f"select {group}, sum(times), "
        f"count(*) filter (where place = 1 and unique_value is not null) from ("
        f"select {group}, unique_value, count(*) as times, row_number() over "
        f"(partition by {series}, unique_value order by n) as place "
        f"from hit group by {group}, unique_value) as found group by {group}"
    )


def _ranked(words: Words, group: str) -> str:
    return (
        f"select {group}, events, place, quantity from ("
        f"select {group}, quantity, percentile, "
        f"row_number() over (partition by {group} order by quantity) as place, "
        f"count(*) over (partition by {group}) as events from hit) as ranked "
        f"where place - 1 - {words.whole_rank} in (0, 1)"
    )


def _ranked_so_far(words: Words, group: str) -> str:
    """Each event is read once: what is ranked again for each n is how often each quantity came."""
    names = group.split(", ")
    same = "".join(
        f" and (c.{name} = d.{name} or (c.{name} is null and d.{name} is null))"
        for name in names[1:]
    )
    own = ", ".join(f"d.{name}" for name in names)
    return (
        f", counted as materialized (select {group}, n / {NS_OF_SERIES} as series, percentile, "
        f"quantity, count(*) as times from hit group by {group}, percentile, quantity), "
        f"grown as (select {own}, c.percentile, c.quantity, sum(c.times) as times "
        f"from (select distinct {group}, series from counted) as d "
        f"join counted as c on c.series = d.series and c.n <= d.n{same} "
        f"group by {own}, c.percentile, c.quantity), "
        f"ranked as (select {group}, percentile, quantity, times, "
        f"sum(times) over (partition by {group} order by quantity) as reached, "
        f"sum(times) over (partition by {group}) as events from grown), "
        f"placed as (select {group}, events, quantity, reached - times + 1 as begins, reached, "
        f"{words.whole_rank} + 1 as wanted from ranked) "
        f"select {group}, events, case when begins < wanted then wanted else begins end, quantity "
        f"from placed where reached >= wanted and begins <= wanted + 1"
    )


def _areas(words: Words, group: str) -> str:
    """A level that is set lasts until the next event of its group, one that is added to the end."""
    begins = words.earlier.format("event_time", "until_at")
    ends = words.earlier.format("next_time", "until_at")
    lasts = words.microseconds.format(ends, begins)
    area = words.total.format(words.product.format("quantity", lasts))
    opening = words.microseconds.format(begins, "start_at")
    return (
        f"select {group}, count(*), {area}, min({opening}) from ("
        f"select {group}, quantity, event_time, start_at, until_at, case when sets_level then "
        f"coalesce(lead(event_time) over (partition by {group} "
        f"order by event_time, recorded_at, id), until_at) else until_at end as next_time from hit"
        f") as levels group by {group}"
    )
