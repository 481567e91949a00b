"""Events on PostgreSQL: arrays in, NUMERIC sums out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from fubble_gql.db.connection import Connection
from fubble_gql.db.sql import Listed, Sql, sql
from fubble_gql.usage.store import postgres_append, postgres_arrays, postgres_rollups, statements
from fubble_gql.usage.store.cut import Cut, after
from fubble_gql.usage.store.rows import (
    BODIES,
    Appended,
    Body,
    EventKey,
    EventRow,
    Located,
    Reduced,
    Reduction,
    Since,
    Span,
    Unequal,
)

# Locked in the order of the ids, so that two calls with the same keys cannot deadlock; what another
# call voided meanwhile is left out.
_VOID = (
    "with chosen as materialized (select id from usage_event where customer_id = ?"
    " and idempotency_key = any(?) and voided_at is null order by id for no key update)"
    " update usage_event set voided_at = ?, void_reason = ? from chosen"
    " where usage_event.id = chosen.id"
    " returning idempotency_key, metric_id, subscription_id, event_time"
)

_KNOWN_UNTIL = (
    "select greatest(?::timestamptz,"
    " (select max(recorded_at) from usage_event where customer_id = any(?) and recorded_at > ?),"
    " (select max(voided_at) from usage_event where customer_id = any(?)"
    " and voided_at is not null and voided_at > ?))"
)

# One row, since of most customers of a call there is nothing to say.
_STANDING = (
    "select count(*), max(cut_at),"
    " array_agg(id) filter (where invoiced_until is not null),"
    " array_agg(invoiced_until) filter (where invoiced_until is not null),"
    " array_agg(id) filter (where archived_at is not null),"
    " array_agg(archived_at) filter (where archived_at is not null)"
    " from customer where id = any(?::text::uuid[])"
)

# Customers share this many locks: one each would let a single call that names 5,000 of them
# fill the server's lock table. Sharing only ever makes somebody wait a little longer.
LOCKS = 512
_LOCK_CLASS = 727_402

_WORDS = statements.Words(
    total="sum({})",
    largest="max({})",
    smallest="min({})",
    product="{} * {}",
    microseconds="extract(epoch from {} - {}) * 1000000",
    earlier="least({}, {})",
    whole_rank="floor(percentile * 0.01 * (events - 1))",
)


class PostgresStore:
    """The event store on PostgreSQL."""

    async def hold(self, tx: Connection, customers: Sequence[UUID]) -> Cut:
        """Share the customers' locks until the transaction ends; where they stand."""
        await _lock(tx, "pg_advisory_xact_lock_shared", customers)
        # Another statement: the lock's own sees the database as it was before the lock was waited for.
        [record] = await tx.fetch(sql(_STANDING, postgres_arrays.plain(customers)))
        found, cut_at, invoiced, until, archived, since = record
        return Cut(
            after(cut_at),
            dict(zip(invoiced or (), until or (), strict=True)),
            dict(zip(archived or (), since or (), strict=True)),
            found,
        )

    async def hold_alone(self, tx: Connection, customers: Iterable[UUID]) -> None:
        """Take the customers' locks alone: once nobody shares them, until the transaction ends."""
        await _lock(tx, "pg_advisory_xact_lock", customers)

    async def known_until(
        self, tx: Connection, customers: Sequence[UUID], now: datetime
    ) -> datetime:
        """An instant, not before `now`, after which nothing of these customers was stamped."""
        wanted = Listed(customers)
        [record] = await tx.fetch(sql(_KNOWN_UNTIL, now, wanted, now, wanted, now))
        known: datetime = record[0]
        return known

    async def append(
        self, tx: Connection, rows: Sequence[EventRow], recorded_at: datetime
    ) -> Appended:
        """Insert those whose key is free; which were, and which had been recorded before."""
        return await postgres_append.append(tx, rows, recorded_at)

    async def recorded(self, tx: Connection, keys: Sequence[EventKey]) -> list[Body]:
        """What was recorded under the keys."""
        return BODIES.decode(tx, await tx.fetch(_recorded(keys)))

    async def void(
        self,
        tx: Connection,
        customer_id: UUID,
        keys: Sequence[str],
        reason: str | None,
        voided_at: datetime,
    ) -> set[str]:
        """Void the events of the keys that are not voided yet; the keys of those."""
        records = await tx.fetch(sql(_VOID, customer_id, Listed(keys), voided_at, reason))
        if records:
            located = [Located(*record[1:]) for record in records]
            await postgres_rollups.recount(tx, customer_id, located, voided_at)
        return {record[0] for record in records}

    async def late_since(
        self, connection: Connection, wanted: Sequence[Since], until: datetime | None = None
    ) -> dict[UUID, datetime]:
        """For each n the earliest event time of what its customer's settled invoices do not know."""
        settled = [since for since in wanted if since.settled_at is not None]
        if not settled:
            return {}
        columns = [Listed(column) for column in zip(*settled, strict=True)]
        names = ", ".join(Since._fields)
        source = sql(
            f"select * from unnest(?::uuid[], ?::uuid[], ?::timestamptz[]) as s({names})", *columns
        )
        records = await connection.fetch(statements.late(source, _late_hits, until))
        return {record[0]: record[1] for record in records}

    async def rebuild(self, tx: Connection, customers: Sequence[UUID]) -> None:
        """Derive the customers' hour and day buckets from their events."""
        await postgres_rollups.rebuild(tx, customers)

    async def unequal(self, connection: Connection, customers: Sequence[UUID]) -> list[Unequal]:
        """The customers' buckets that are not what their events add up to."""
        return await postgres_rollups.unequal(connection, customers)

    async def reduce(
        self, connection: Connection, what: Reduction, spans: Sequence[Span]
    ) -> list[Reduced]:
        """The figures of each group of the spans of each n. One statement."""
        width = len(spans[0].positions)
        if what is Reduction.TOTALS and not width and not spans[0].from_events:
            statement = postgres_rollups.totals(spans)
        elif what is Reduction.LAST and not width:
            statement = _latest_hits(_span_source(spans))
        else:
            hits = _hits(_span_source(spans), width)
            statement = statements.reduce(_WORDS, what, hits, width)
        return statements.decoded(await connection.fetch(statement), width)


async def _lock(tx: Connection, function: str, customers: Iterable[UUID]) -> None:
    numbers = sorted({customer.int % LOCKS for customer in customers})
    await tx.fetch(
        sql(
            f"select count({function}({_LOCK_CLASS}, number))"
            " from unnest(?::text::int[]) as n(number)",
            postgres_arrays.plain(numbers),
        )
    )


def _recorded(keys: Sequence[EventKey]) -> Sql:
    return sql(
        f"select {BODIES.columns} from unnest(?::uuid[], ?::text[])"
        " as sent(customer_id, idempotency_key)"
        f" cross join lateral (select * from usage_event as e where {postgres_append.BY_KEY}) as usage_event",
        Listed([customer for customer, _ in keys]),
        Listed([key for _, key in keys]),
    )


def _span_source(spans: Sequence[Span]) -> Sql:
    """The spans as rows of `s`."""
    arrays: dict[str, Sequence[object]] = {
        "n int": [span.n for span in spans],
        "customer_id uuid": [span.customer_id for span in spans],
        "metric_id uuid": [span.metric_id for span in spans],
        "start_at timestamptz": [span.start for span in spans],
        "end_at timestamptz": [span.end for span in spans],
        "until_at timestamptz": [span.until for span in spans],
        "as_of timestamptz": [span.as_of for span in spans],
        "everything boolean": [span.scope.everything for span in spans],
        "unnamed boolean": [span.scope.unnamed for span in spans],
        "subscription_id uuid": [span.scope.subscription_id for span in spans],
        "percentile numeric": [span.percentile for span in spans],
        "sets_level boolean": [span.sets_level for span in spans],
    }
    for position in range(len(spans[0].positions)):
        arrays[f"g{position} int"] = [span.positions[position] for span in spans]
    names = ", ".join(column.split()[0] for column in arrays)
    types = ", ".join(f"?::{column.split()[1]}[]" for column in arrays)
    listed = [Listed(values) for values in arrays.values()]
    return sql(f"unnest({types}) as s({names})", *listed)


def _hits(source: Sql, width: int) -> Sql:
    """The events of every span, each looked up in the index.

    `offset 0` keeps the planner from joining in another way, which for the hours of a month would
    compare each event with each hour.
    """
    columns = "s.n, s.start_at, s.until_at, s.percentile, s.sets_level, e.*"
    columns += statements.group_columns(width)
    found = f"select {statements.EVENT_COLUMNS} from usage_event as e where {statements.MATCH}"
    found += " order by e.event_time offset 0"
    return sql(f"select {columns} from") + source + f"cross join lateral ({found}) e"


def _late_hits(condition: Sql) -> Sql:
    """Looked up in the index for each n, as in `_hits`."""
    found = sql("select e.event_time from usage_event as e where") + condition
    return sql("select n, e.event_time from since cross join lateral (") + found + "offset 0) as e"


def _latest_hits(source: Sql) -> Sql:
    """The last event of each n, found at the ends of the index without reading the others."""
    found = (
        f"select e.id, e.quantity, e.event_time, e.recorded_at from usage_event as e"
        f" where {statements.MATCH} order by {statements.LATEST_FIRST} limit 1"
    )
    return (
        sql("select distinct on (s.n) s.n, e.quantity from")
        + source
        + f"cross join lateral ({found}) as e order by s.n, {statements.LATEST_FIRST}"
    )
