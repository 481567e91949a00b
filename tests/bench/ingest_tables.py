"""The tables that contestants write into, and what must be in them in the end."""

# ruff: noqa: S608 - statements are put together from this package's own words only

from __future__ import annotations

from fubble_gql.usage.store.rows import EventRow
from tests.bench.database import Pool
from tests.bench.sending import expect

EVENTS = "usage_event"
SUMS = "usage_rollup"
UNNESTED = "bench_unnested"
COPIED = "bench_copied"
COLUMNS = (*EventRow._fields, "recorded_at")


async def prepare(pool: Pool) -> None:
    """Make two tables like that of the events, foreign keys included; nobody vacuums by chance."""
    references = await pool.fetch(
        "select pg_get_constraintdef(oid) from pg_constraint "
        "where conrelid = $1::text::regclass and contype = 'f'",
        EVENTS,
    )
    for table in (UNNESTED, COPIED):
        await pool.execute(f"create table {table} (like {EVENTS} including all)")
        for (reference,) in references:
            await pool.execute(f"alter table {table} add {reference}")
    for table in (EVENTS, SUMS, UNNESTED, COPIED):
        await pool.execute(f"alter table {table} set (autovacuum_enabled = false)")


async def vacuum(pool: Pool) -> None:
    """Between two sizes of calls, for all contestants."""
    await pool.execute(f"vacuum analyze {EVENTS}, {SUMS}, {UNNESTED}, {COPIED}")


async def insert_statement(pool: Pool) -> str:
    """What inserts arrays of rows, and nothing else."""
    types = dict(
        await pool.fetch(
            "select attname, format_type(atttypid, null) from pg_attribute "
            "where attrelid = $1::text::regclass",
            UNNESTED,
        )
    )
    arrays = ", ".join(f"${n}::{types[name]}[]" for n, name in enumerate(EventRow._fields, 1))
    return (
        f"insert into {UNNESTED} ({', '.join(COLUMNS)}) "
        f"select *, ${len(COLUMNS)}::timestamptz from unnest({arrays}) "
        "on conflict (customer_id, idempotency_key) do nothing"
    )


async def check(pool: Pool, without_sums: Pool, events: int) -> None:
    """Raise unless every table has each event once, all the same content, and the sums all of it."""
    ours = await content(pool, EVENTS)
    expect(ours[:2], (events, events))
    for twin in (UNNESTED, COPIED):
        expect(await content(pool, twin), ours)
    expect(await content(without_sums, EVENTS), ours)
    summed = f"select hours, sum(events), sum(total) from {SUMS} group by hours order by hours"
    quantity = await pool.fetchval(f"select sum(quantity) from {EVENTS}")
    found = [tuple(row) for row in await pool.fetch(summed)]
    expect(found, [(hours, events, quantity) for hours in (1, 24)])
    expect(await without_sums.fetch(summed), [])


async def content(pool: Pool, table: str) -> tuple[object, ...]:
    """How many rows and how many keys there are, and a checksum of everything but the stamps."""
    columns = ", ".join(EventRow._fields)
    return tuple(
        await pool.fetchrow(
            "select count(*), count(distinct (customer_id, idempotency_key)), "
            f"sum(hashtextextended(row({columns})::text, 0)::numeric) from {table}"
        )
    )
