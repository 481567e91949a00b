"""Recording events on PostgreSQL: one statement, to which columns travel as arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from fubble_gql.db.connection import Connection
from fubble_gql.db.sql import Listed, sql
from fubble_gql.usage.store import postgres_arrays, postgres_rollups
from fubble_gql.usage.store.rows import QUANTITY_LEFT_OUT, TIME_LEFT_OUT, Appended, EventRow

_TYPES = {
    "customer_id": "uuid",
    "metric_id": "uuid",
    "subscription_id": "uuid",
    "idempotency_key": "text",
    "quantity": "numeric",
    "event_time": "timestamptz",
    "properties": "jsonb",
    "dimension_values": "jsonb",
    "unique_value": "text",
    "defaulted": "smallint",
    "is_late": "boolean",
}
_NUMBERS = "usage_event_id_seq"
# Columns of which a batch often has nothing: an empty array says so, which unnest fills with nulls.
_MOSTLY_EMPTY = {
    "subscription_id": "subscription_id",
    "properties": "properties",
    "dimension_values": "dimension_values",
    "unique_value": "unique_value",
    "defaulted": "coalesce(defaulted, 0::smallint) as defaulted",
    "is_late": "coalesce(is_late, false) as is_late",
}
_COLUMNS = ", ".join(EventRow._fields)
_FILLED = ", ".join(_MOSTLY_EMPTY.get(column, column) for column in EventRow._fields)
# The columns that travel as texts, and how they are written.
_WRITTEN: dict[str, Callable[[Iterable[Any]], str]] = {
    "customer_id": postgres_arrays.plain,
    "metric_id": postgres_arrays.plain,
    "idempotency_key": postgres_arrays.quoted,
    "quantity": postgres_arrays.plain,
    "properties": postgres_arrays.quoted,
    "dimension_values": postgres_arrays.quoted,
    "unique_value": postgres_arrays.quoted,
}
_ARRAYS = ", ".join(
    f"?::text::{_TYPES[column]}[]" if column in _WRITTEN else f"?::{_TYPES[column]}[]"
    for column in EventRow._fields
)

_SAME = (
    "e.metric_id = sent.metric_id and e.defaulted = sent.defaulted"
    f" and (e.quantity = sent.quantity or sent.defaulted & {QUANTITY_LEFT_OUT} > 0)"
    f" and (e.event_time = sent.event_time or sent.defaulted & {TIME_LEFT_OUT} > 0)"
    " and e.subscription_id is not distinct from sent.subscription_id"
    " and e.properties is not distinct from sent.properties"
)

# Of so many keys of a call one is looked up first.
_SAMPLED = 100

# Only the unique index has this order. While the table is nearly empty all indexes cost the same,
# and a plan that was kept would read all of a customer's events for each event.
BY_KEY = (
    "e.customer_id = sent.customer_id"
    " and e.idempotency_key between sent.idempotency_key and sent.idempotency_key"
    " order by e.customer_id, e.idempotency_key limit 1"
)


def append_statement(*, rolled_up: bool = True) -> str:
    """Dedupe, insert and add to the buckets, in one statement.

    It returns the places, from 0, of the events that had been recorded before, and of those whose
    keys other events have, or another call is just taking.

    Numbered in the order given, since the id decides between equal times; inserted in the order of
    the keys, so that two calls with the same events wait for each other instead of deadlocking.
    Calls are nearly always wholly new or sent again as they were: only where a sample of the keys is
    known are all looked up, which new events would pay for in vain.
    """
    sent = (
        f"with sent as materialized (select {_FILLED}, place - 1 as place from unnest({_ARRAYS})"
        f" with ordinality as sent({_COLUMNS}, place)), sample as materialized (select exists"
        f" (select from sent cross join lateral (select from usage_event as e where {BY_KEY}) as e"
        f" where place % {_SAMPLED} = 0) as is_known), judged as materialized"
        " (select sent.*, found.is_same from sent left join lateral"
        f" (select {_SAME} as is_same from usage_event as e"
        f" where (select is_known from sample) and {BY_KEY}) as found on true)"
    )
    numbered = (
        f"fresh as materialized (select nextval('{_NUMBERS}') as id, place, {_COLUMNS}"
        " from judged where is_same is null order by place)"
    )
    inserted = (
        f"inserted as (insert into usage_event (id, {_COLUMNS}, recorded_at)"
        f" select id, {_COLUMNS}, ?::timestamptz from fresh"
        ' order by customer_id, idempotency_key collate "C"'
        " on conflict (customer_id, idempotency_key) do nothing"
        " returning id, customer_id, metric_id, subscription_id, event_time, quantity)"
    )
    rolled = [f"added as ({postgres_rollups.ADD})"] if rolled_up else []
    return ", ".join([sent, numbered, inserted, *rolled]) + (
        " select (select array_agg(place) from judged where is_same), (select array_agg(place) from"
        " (select place from judged where not is_same union all"
        " select place from fresh where id not in (select id from inserted)) as others)"
    )


_APPEND = append_statement()


async def append(tx: Connection, rows: Sequence[EventRow], recorded_at: datetime) -> Appended:
    """Insert those whose key is free; which were, and which had been recorded before."""
    named = zip(EventRow._fields, zip(*rows, strict=True), strict=True)
    columns = [_array(name, column) for name, column in named]
    [(repeated, refused)] = await tx.fetch(sql(_APPEND, *columns, *[recorded_at] * 3))
    recorded_before = frozenset(repeated or ())
    inserted = frozenset(range(len(rows))).difference(recorded_before, refused or ())
    return Appended(inserted, recorded_before)


def _array(name: str, column: Sequence[object]) -> object:
    """A column of new events as one argument."""
    filled = column if name not in _MOSTLY_EMPTY or any(column) else ()
    write = _WRITTEN.get(name)
    return Listed(filled) if write is None else write(filled)
