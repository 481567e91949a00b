"""Rollups on PostgreSQL: what the events of an hour and of a day add up to, kept beside them.

A bucket is a customer's metric, an hour or a day in UTC, and the subscription that its events name
(or none). It holds the count, the sum, the largest and the smallest quantity of its events that are
not voided, `known_from`: when the first of them, voided or not, was recorded, and `changed_at`:
when the last of them was recorded or voided. So whoever asks as of an instant can use a bucket that
did not change since, leaves out one that is only known from later on, and looks into the others: a
day's hours, an hour's events.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

from fubble_gql.db.connection import Connection
from fubble_gql.db.sql import Listed, Sql, sql
from fubble_gql.usage.store.rows import Located, Span, Unequal
from fubble_gql.usage.store.statements import MATCH

_KEY = "customer_id, metric_id, hours, start_at, subscription_id"
_FIGURES = "events, total, largest, smallest, known_from, changed_at"
_STARTS = "date_bin(hours * interval '1 hour', event_time, timestamptz '1900-01-01Z')"
_WIDTHS = "(values (1::smallint), (24::smallint)) as width(hours)"
_COUNTED = (
    "count({0}) filter (where voided_at is null) as events,"
    " coalesce(sum({0}) filter (where voided_at is null), 0) as total,"
    " max({0}) filter (where voided_at is null) as largest,"
    " min({0}) filter (where voided_at is null) as smallest"
)
# What an event is a part of: two buckets.
_GROUPED = f"select customer_id, metric_id, hours, {_STARTS} as start_at, subscription_id"

# For the inserting statement: takes the rows of `inserted`, and the stamp twice. Buckets are
# written hours first, in the order of their keys, as `recount` locks them: no two calls ever wait
# for each other both ways.
ADD = (
    f"insert into usage_rollup as kept ({_KEY}, {_FIGURES})"
    f" {_GROUPED}, count(*), sum(quantity), max(quantity), min(quantity), ?::timestamptz, ?"
    f" from inserted cross join {_WIDTHS} group by 1, 2, 3, 4, 5 order by 3, 1, 2, 4, 5"
    f" on conflict ({_KEY}) do update set events = kept.events + excluded.events,"
    " total = kept.total + excluded.total, largest = greatest(kept.largest, excluded.largest),"
    " smallest = least(kept.smallest, excluded.smallest),"
    " known_from = least(kept.known_from, excluded.known_from),"
    " changed_at = greatest(kept.changed_at, excluded.changed_at)"
)

_TOUCHED = (
    "unnest(?::smallint[], ?::uuid[], ?::timestamptz[], ?::uuid[])"
    " as touched(hours, metric_id, start_at, subscription_id)"
)
_SAME_SUBSCRIPTION = "{0}.subscription_id is not distinct from {1}.subscription_id"
_IS_TOUCHED = (
    "kept.customer_id = ? and kept.hours = touched.hours and kept.metric_id = touched.metric_id"
    f" and kept.start_at = touched.start_at and {_SAME_SUBSCRIPTION.format('kept', 'touched')}"
)
_LOCK = (
    f"select count(*) from (select 1 from {_TOUCHED} join usage_rollup as kept on {_IS_TOUCHED}"
    " where kept.hours = ? order by kept.metric_id, kept.start_at, kept.subscription_id"
    " for no key update of kept) as locked"
)
_COUNT = (
    f"update usage_rollup as kept set events = found.events, total = found.total,"
    " largest = found.largest, smallest = found.smallest, changed_at = greatest(kept.changed_at, ?)"
    f" from {_TOUCHED} cross join lateral ({{}}) as found"
    f" where {_IS_TOUCHED} and touched.hours = {{}}"
)
_COUNT_HOURS = _COUNT.format(
    f"select {_COUNTED.format('e.quantity')} from usage_event as e where e.customer_id = ?"
    " and e.metric_id = touched.metric_id and e.event_time >= touched.start_at"
    " and e.event_time < touched.start_at + interval '1 hour'"
    f" and {_SAME_SUBSCRIPTION.format('e', 'touched')}",
    1,
)
_SUM_DAYS = _COUNT.format(
    "select sum(events) as events, sum(total) as total, max(largest) as largest,"
    " min(smallest) as smallest from usage_rollup as hour where hour.customer_id = ?"
    " and hour.hours = 1 and hour.metric_id = touched.metric_id"
    " and hour.start_at >= touched.start_at and hour.start_at < touched.start_at + interval '24 hours'"
    f" and {_SAME_SUBSCRIPTION.format('hour', 'touched')}",
    24,
)

_RIGHT = (
    f"{_GROUPED}, {_COUNTED.format('quantity')},"
    " min(recorded_at) as known_from, max(greatest(recorded_at, voided_at)) as changed_at"
    f" from usage_event cross join {_WIDTHS} where customer_id = any(?) group by 1, 2, 3, 4, 5"
)
_FORGET = "delete from usage_rollup where customer_id = any(?)"
_DERIVE = f"insert into usage_rollup ({_KEY}, {_FIGURES}) {_RIGHT}"
_UNEQUAL = (
    f"with derived as ({_RIGHT}), kept as (select {_KEY}, {_FIGURES} from usage_rollup"
    f" where customer_id = any(?)) select distinct {_KEY} from ("
    " (select * from derived except select * from kept) union all"
    " (select * from kept except select * from derived)) as unequal order by 1, 2, 3, 4, 5"
)

_ALMOST_HOUR = timedelta(hours=1, microseconds=-1)
_ALMOST_DAY = timedelta(days=1, microseconds=-1)


async def recount(
    tx: Connection, customer_id: UUID, events: Sequence[Located], changed_at: datetime
) -> None:
    """Make the buckets right that these events of a customer were voided in.

    The largest and smallest cannot be taken back, so an hour is counted again. The buckets are
    locked first: once they are, a new statement sees every event that is in them, and one that is
    being added waits, and adds itself to what it finds.
    """
    touched = _touched(events)
    for hours, count in ((1, _COUNT_HOURS), (24, _SUM_DAYS)):
        await tx.fetch(sql(_LOCK, *touched, customer_id, hours))
        await tx.fetch(sql(count, changed_at, *touched, customer_id, customer_id))


def _touched(events: Sequence[Located]) -> list[Listed]:
    """The hours and days that events lie in, in the order of `_TOUCHED`."""
    found = {
        (hours, one.metric_id, floor(one.event_time), one.subscription_id)
        for hours, floor in ((1, _hour_of), (24, _day_of))
        for one in events
    }
    return [Listed(column) for column in zip(*found, strict=True)]


async def rebuild(tx: Connection, customers: Sequence[UUID]) -> None:
    """Derive the customers' buckets from their events; whoever calls holds the customers alone."""
    await tx.fetch(sql(_FORGET, Listed(customers)))
    await tx.fetch(sql(_DERIVE, Listed(customers)))


async def unequal(connection: Connection, customers: Sequence[UUID]) -> list[Unequal]:
    """The buckets of these customers that are not what their events add up to. One statement."""
    wanted = Listed(customers)
    return [Unequal(*record) for record in await connection.fetch(sql(_UNEQUAL, wanted, wanted))]


def totals(spans: Sequence[Span]) -> Sql:
    """The figures of Reduction.TOTALS, without grouping: whole days, whole hours, and the edges."""
    return _spans(spans) + _TOTALS


# A span is cut where its whole hours and days begin and end; what is empty falls out.
_PARTS = (
    "part as materialized (select s.*, cut.hours, cut.from_at, cut.to_at from s cross join lateral"
    " (values (0, start_at, first_hour), (1, first_hour, first_day), (24, first_day, last_day),"
    " (1, last_day, last_hour), (0, last_hour, end_at)) as cut(hours, from_at, to_at)"
    " where from_at < to_at)"
)
# What the buckets of a part add up to, but for those that must be looked into.
_IS_USABLE = "kept.changed_at <= {0}.as_of"
_IS_MIXED = "kept.changed_at > {0}.as_of and kept.known_from <= {0}.as_of"
_ADDED_UP = (
    f"select sum(kept.events) filter (where {_IS_USABLE}) as events,"
    f" sum(kept.total) filter (where {_IS_USABLE}) as total,"
    f" max(kept.largest) filter (where {_IS_USABLE}) as largest,"
    f" min(kept.smallest) filter (where {_IS_USABLE}) as smallest,"
    f" array_agg(kept) filter (where {_IS_MIXED}) as mixed from usage_rollup as kept"
)
_BUCKETS = (
    "bucket as materialized (select part.n, part.hours, part.as_of, sums.* from part"
    f" cross join lateral ({_ADDED_UP.format('part')} where kept.customer_id = part.customer_id"
    " and kept.metric_id = part.metric_id and kept.hours = part.hours"
    " and kept.start_at >= from_at and kept.start_at < to_at and (part.everything"
    " or kept.subscription_id = part.subscription_id"
    " or (part.unnamed and kept.subscription_id is null))) as sums where part.hours > 0)"
)
_HOURS_OF_MIXED_DAYS = (
    "hour as materialized (select bucket.n, bucket.as_of, sums.* from bucket"
    f" cross join lateral unnest(mixed) as day cross join lateral ({_ADDED_UP.format('bucket')}"
    " where kept.customer_id = day.customer_id and kept.metric_id = day.metric_id"
    " and kept.hours = 1 and kept.start_at >= day.start_at"
    " and kept.start_at < day.start_at + interval '24 hours'"
    f" and {_SAME_SUBSCRIPTION.format('kept', 'day')}) as sums where bucket.hours = 24)"
)
_MIXED_HOURS = (
    "looked_into as (select n, as_of, mixed from bucket where hours = 1"
    " union all select n, as_of, mixed from hour)"
)
# Ordered as the index is that has the metric and the time: while the table is nearly empty all
# indexes cost the same, and a plan is kept.
_EVENTS_OF = (
    f"cross join lateral (select quantity from usage_event as e where {MATCH}"
    " order by e.event_time offset 0) e"
)
_EVENTS = (
    "event as (select s.n, e.quantity from (select n, customer_id, metric_id, from_at as start_at,"
    " to_at as end_at, as_of, everything, unnamed, subscription_id from part where hours = 0) as s"
    f" {_EVENTS_OF} union all select s.n, e.quantity from (select n, customer_id, metric_id,"
    " start_at, start_at + interval '1 hour' as end_at, as_of, false as everything,"
    " subscription_id is null as unnamed, subscription_id from looked_into, unnest(mixed)) as s"
    f" {_EVENTS_OF})"
)
_TOTALS = (
    f", {_PARTS}, {_BUCKETS}, {_HOURS_OF_MIXED_DAYS}, {_MIXED_HOURS}, {_EVENTS}"
    " select n, sum(events), sum(total), max(largest), min(smallest) from ("
    "select n, events, total, largest, smallest from bucket"
    " union all select n, events, total, largest, smallest from hour"
    " union all select n, count(*), sum(quantity), max(quantity), min(quantity) from event group by n"
    ") as found where events > 0 group by n"
)


def _spans(spans: Sequence[Span]) -> Sql:
    """The spans as rows of `s`, with their first and last whole hours and days."""
    cuts = [_cuts(span.start, span.end) for span in spans]
    arrays: dict[str, Sequence[object]] = {
        "n int": [span.n for span in spans],
        "customer_id uuid": [span.customer_id for span in spans],
        "metric_id uuid": [span.metric_id for span in spans],
        "start_at timestamptz": [span.start for span in spans],
        "first_hour timestamptz": [cut[0] for cut in cuts],
        "first_day timestamptz": [cut[1] for cut in cuts],
        "last_day timestamptz": [cut[2] for cut in cuts],
        "last_hour timestamptz": [cut[3] for cut in cuts],
        "end_at timestamptz": [span.end for span in spans],
        "as_of timestamptz": [span.as_of for span in spans],
        "everything boolean": [span.scope.everything for span in spans],
        "unnamed boolean": [span.scope.unnamed for span in spans],
        "subscription_id uuid": [span.scope.subscription_id for span in spans],
    }
    names = ", ".join(column.split()[0] for column in arrays)
    types = ", ".join(f"?::{column.split()[1]}[]" for column in arrays)
    listed = [Listed(values) for values in arrays.values()]
    return sql(f"with s as (select * from unnest({types}) as s({names}))", *listed)


@lru_cache(maxsize=4_096)
def _cuts(start: datetime, end: datetime) -> tuple[datetime, datetime, datetime, datetime]:
    """Where a span's whole hours begin, its whole days begin and end, its whole hours end.

    Where there is no whole day (no whole hour), what would be before it reaches to the end.
    """
    first_hour, last_hour = _hour_of(start + _ALMOST_HOUR), _hour_of(end)
    if first_hour >= last_hour:
        return end, end, end, end
    first_day, last_day = _day_of(first_hour + _ALMOST_DAY), _day_of(last_hour)
    if first_day >= last_day:
        return first_hour, last_hour, last_hour, last_hour
    return first_hour, first_day, last_day, last_hour


def _hour_of(instant: datetime) -> datetime:
    return instant.replace(minute=0, second=0, microsecond=0)


def _day_of(instant: datetime) -> datetime:
    return instant.replace(hour=0, minute=0, second=0, microsecond=0)
