"""Events on SQLite: JSON in, exact sums by the connection's own functions out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from fubble_gql.db.connection import Connection
from fubble_gql.db.sql import Listed, Sql, sql
from fubble_gql.usage.store import statements
from fubble_gql.usage.store.cut import STANDINGS, Cut, Standing
from fubble_gql.usage.store.rows import (
    BODIES,
    Appended,
    Body,
    EventKey,
    EventRow,
    Reduced,
    Reduction,
    Since,
    Span,
    Unequal,
)

_COLUMNS = ", ".join(EventRow._fields)
_FIELDS = ", ".join(f"value ->> {n}" for n in range(len(EventRow._fields)))

# "where true" tells SQLite that "on conflict" does not belong to a join.
_APPEND = (
    f"insert into usage_event ({_COLUMNS}, recorded_at) select {_FIELDS}, ? from json_each(?)"
    " where true order by key on conflict (customer_id, idempotency_key) do nothing"
    " returning customer_id, idempotency_key"
)

_VOID = (
    "update usage_event set voided_at = ?, void_reason = ? where customer_id = ?"
    " and idempotency_key in (select value from json_each(?)) and voided_at is null"
    " returning idempotency_key"
)

# Calls record one after the other, none stamps before its predecessor: the last event tells.
_LAST_STAMP = "(select recorded_at from usage_event order by id desc limit 1)"
_KNOWN_UNTIL = (
    f"select {_LAST_STAMP}, (select max(voided_at) from usage_event where customer_id in"
    " (select value from json_each(?)) and voided_at is not null and voided_at > ?)"
)

_WORDS = statements.Words(
    total="dsum({})",
    largest="dmax({})",
    smallest="dmin({})",
    product="dmul({}, {})",
    microseconds="(micros({}) - micros({}))",
    earlier="min({}, {})",
    # Exact: a cast takes the digits before the point.
    whole_rank="cast(dmul(dmul(percentile, '0.01'), events - 1) as integer)",
)
_SPAN_COLUMNS = [
    "n",
    "customer_id",
    "metric_id",
    "start_at",
    "end_at",
    "until_at",
    "as_of",
    "everything",
    "unnamed",
    "subscription_id",
    "percentile",
    "sets_level",
]


class SqliteStore:
    """The event store on SQLite."""

    async def hold(self, tx: Connection, customers: Sequence[UUID]) -> Cut:
        """Where the customers stand; a transaction holds the only write lock from its beginning."""
        statement = sql(f"select {STANDINGS.columns}, {_LAST_STAMP} from customer where")
        records = await tx.fetch(statement + tx.is_in("id", customers))
        last = records[0][len(Standing._fields)] if records else None
        return Cut.of(STANDINGS.decode(tx, records), last and datetime.fromisoformat(last))

    async def hold_alone(self, tx: Connection, customers: Iterable[UUID]) -> None:
        """Nothing to do: a transaction holds the only write lock from its beginning."""

    async def known_until(
        self, tx: Connection, customers: Sequence[UUID], now: datetime
    ) -> datetime:
        """An instant, not before `now`, after which nothing of these customers was stamped."""
        [record] = await tx.fetch(sql(_KNOWN_UNTIL, Listed(customers), now))
        return max([now, *(datetime.fromisoformat(text) for text in record if text)])

    async def append(
        self, tx: Connection, rows: Sequence[EventRow], recorded_at: datetime
    ) -> Appended:
        """Insert those whose key is free; which were. Whatever was recorded before, nobody knows."""
        records = await tx.fetch(sql(_APPEND, recorded_at, _table(rows)))
        inserted = {(UUID(record[0]), record[1]) for record in records}
        places = (place for place, row in enumerate(rows) if row.event_key in inserted)
        return Appended(frozenset(places), frozenset())

    async def recorded(self, tx: Connection, keys: Sequence[EventKey]) -> list[Body]:
        """What was recorded under the keys."""
        statement = sql(
            f"select {BODIES.columns} from json_each(?) as wanted cross join usage_event "
            "where customer_id = wanted.value ->> 0 and idempotency_key = wanted.value ->> 1",
            _table(keys),
        )
        return BODIES.decode(tx, await tx.fetch(statement))

    async def void(
        self,
        tx: Connection,
        customer_id: UUID,
        keys: Sequence[str],
        reason: str | None,
        voided_at: datetime,
    ) -> set[str]:
        """Void the events of the keys that are not voided yet; the keys of those."""
        records = await tx.fetch(sql(_VOID, voided_at, reason, customer_id, Listed(keys)))
        return {record[0] for record in records}

    async def late_since(
        self, connection: Connection, wanted: Sequence[Since], until: datetime | None = None
    ) -> dict[UUID, datetime]:
        """For each n the earliest event time of what its customer's settled invoices do not know."""
        settled = [since for since in wanted if since.settled_at is not None]
        if not settled:
            return {}
        fields = ", ".join(f"value ->> {n} as {name}" for n, name in enumerate(Since._fields))
        source = sql(f"select {fields} from json_each(?)", _table(settled))
        records = await connection.fetch(statements.late(source, _late_hits, until))
        return {UUID(n): datetime.fromisoformat(earliest) for n, earliest in records}

    async def rebuild(self, tx: Connection, customers: Sequence[UUID]) -> None:
        """Nothing to do: sums are read from the events."""

    async def unequal(self, _connection: Connection, _customers: Sequence[UUID]) -> list[Unequal]:
        """None: sums are read from the events."""
        return []

    async def reduce(
        self, connection: Connection, what: Reduction, spans: Sequence[Span]
    ) -> list[Reduced]:
        """The figures of each group of the spans of each n. One statement."""
        width = len(spans[0].positions)
        statement = statements.reduce(_WORDS, what, _hits(spans, width), width)
        return statements.decoded(await connection.fetch(statement), width)


def _table(rows: Iterable[Sequence[object]]) -> Listed:
    """Rows as one value; each is JSON inside JSON, which `->>` looks into all the same."""
    return Listed([Listed(row) for row in rows])


def _late_hits(condition: Sql) -> Sql:
    """Looked up in the index for each n, as in `_hits`."""
    return sql("select n, e.event_time from since cross join usage_event as e where") + condition


def _hits(spans: Sequence[Span], width: int) -> Sql:
    """`cross join` keeps the spans outside, so that each goes through the index."""
    columns = [*_SPAN_COLUMNS, *(f"g{position}" for position in range(width))]
    fields = ", ".join(f"value ->> {n} as {column}" for n, column in enumerate(columns))
    text = (
        "select s.n, s.start_at, s.until_at, s.percentile, s.sets_level, "
        f"{statements.EVENT_COLUMNS}{statements.group_columns(width)} "
        f"from (select {fields} from json_each(?)) as s cross join usage_event as e "
        f"where {statements.MATCH}"
    )
    return sql(text, _table(_span_row(span) for span in spans))


def _span_row(span: Span) -> tuple[object, ...]:
    return (
        span.n,
        span.customer_id,
        span.metric_id,
        span.start,
        span.end,
        span.until,
        span.as_of,
        span.scope.everything,
        span.scope.unnamed,
        span.scope.subscription_id,
        span.percentile,
        span.sets_level,
        *span.positions,
    )
