"""recordUsage over HTTP, beside the bare statements that write the same rows."""

# ruff: noqa: S608 - statements are put together from this package's own words only

from __future__ import annotations

import time
from asyncio import TaskGroup
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
from rich.console import Console

from fubble_gql.usage.store.rows import EventRow
from tests.bench.client import Line, lines
from tests.bench.database import Pool, fresh_database
from tests.bench.dataset import Sizes, fill
from tests.bench.ingest_data import Batch, Known, make_batch
from tests.bench.rounds import Contestant, alternate, show
from tests.bench.servers import Meter, serving

_EVENTS = "usage_event"
_UNNESTED = "bench_unnested"
_COPIED = "bench_copied"
_COLUMNS = (*EventRow._fields, "recorded_at")
_OURS, _REPLAY, _INSERT, _COPY = "fubble", "fubble replay", "insert unnest", "copy"
_PAIRS = [
    (f"{_OURS} / {_INSERT}", _OURS, _INSERT),
    (f"{_OURS} / {_COPY}", _OURS, _COPY),
    ("time of a replay / of the first time", _OURS, _REPLAY),
]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to send, with how many callers at a time."""

    rounds: int
    calls_per_round: int
    events_per_call: int
    connections: int

    @property
    def events(self) -> int:
        """How many there are in the end, the round that warms up included."""
        return (self.rounds + 1) * self.calls_per_round * self.events_per_call


async def run(customers: int, effort: Effort, *, receipts: bool) -> None:
    """Measure, check that every event is in each table exactly once, and print."""
    console = Console()
    async with fresh_database() as url, AsyncExitStack() as stack:
        api_key = await fill(url, Sizes(customers, plans=1, subscriptions=0))
        server = await stack.enter_async_context(
            serving("fubble_gql.app:serve", {"FUBBLE_DATABASE_URL": url}, "--factory")
        )
        opened = await stack.enter_async_context(lines(server.port, effort.connections))
        pool = await stack.enter_async_context(
            asyncpg.create_pool(url, min_size=effort.connections, max_size=effort.connections)
        )
        await _make_twins(pool)
        known = await _known(pool, api_key)
        batches = _batches_of(known, effort, receipts=receipts)
        meters = {_OURS: Meter(server), _REPLAY: Meter(server)}
        contestants = await _contestants(batches, opened, pool, meters)
        rates = await alternate(contestants, effort.rounds)
        await _check(pool, effort.events)
    console.print(
        f"{effort.events:,} events, {effort.events_per_call:,} a call, of {customers:,} customers: "
        "each is in every table exactly once, and the tables are equal.",
        soft_wrap=True,
    )
    show(console, rates, "events/s", _PAIRS)
    for name, meter in meters.items():
        console.print(f"{name}: {meter}", soft_wrap=True)


async def _make_twins(pool: Pool) -> None:
    """Two tables like that of the events, foreign keys included; nobody vacuums meanwhile."""
    references = await pool.fetch(
        "select pg_get_constraintdef(oid) from pg_constraint "
        "where conrelid = $1::text::regclass and contype = 'f'",
        _EVENTS,
    )
    for table in (_UNNESTED, _COPIED):
        await pool.execute(f"create table {table} (like {_EVENTS} including all)")
        for (reference,) in references:
            await pool.execute(f"alter table {table} add {reference}")
    for table in (_EVENTS, _UNNESTED, _COPIED):
        await pool.execute(f"alter table {table} set (autovacuum_enabled = false)")


async def _known(pool: Pool, api_key: str) -> Known:
    customers = await pool.fetch("select key, id from customer order by created_at, id")
    metrics = await pool.fetch("select key, id from metric order by id")
    return Known([tuple(row) for row in customers], [tuple(row) for row in metrics], api_key)


def _batches_of(known: Known, effort: Effort, *, receipts: bool) -> Callable[[int], list[Batch]]:
    """The batches of a round, made once and kept until the next round."""
    made: dict[int, list[Batch]] = {}

    def batches(number: int) -> list[Batch]:
        if number not in made:
            made.clear()
            first = number * effort.calls_per_round
            made[number] = [
                make_batch(known, first + call, effort.events_per_call, receipts=receipts)
                for call in range(effort.calls_per_round)
            ]
        return made[number]

    return batches


async def _contestants(
    batches: Callable[[int], list[Batch]],
    opened: Sequence[Line],
    pool: Pool,
    meters: dict[str, Meter],
) -> list[Contestant]:
    insert = await _insert_statement(pool)

    async def record(line: Line, batch: Batch) -> None:
        _expect(await line.ask(batch.request), batch.first_answer)

    async def replay(line: Line, batch: Batch) -> None:
        _expect(await line.ask(batch.request), batch.repeated_answer)

    async def unnest(_: Line, batch: Batch) -> None:
        columns = [list(column) for column in zip(*batch.rows, strict=True)]
        status = await pool.execute(insert, *columns, datetime.now(UTC))
        _expect(status, f"INSERT 0 {len(batch.rows)}")

    async def copy(_: Line, batch: Batch) -> None:
        now = datetime.now(UTC)
        records = [(*row, now) for row in batch.rows]
        status = await pool.copy_records_to_table(_COPIED, records=records, columns=_COLUMNS)
        _expect(status, f"COPY {len(batch.rows)}")

    def contestant(name: str, send: Callable[[Line, Batch], Awaitable[None]]) -> Contestant:
        async def burst(number: int) -> float:
            sent = batches(number)
            if (meter := meters.get(name)) is None:
                return await _rate(sent, opened, send)
            with meter.running():
                rate = await _rate(sent, opened, send)
            meter.answers += len(sent)
            return rate

        return Contestant(name, burst)

    sends = {_OURS: record, _REPLAY: replay, _INSERT: unnest, _COPY: copy}
    return [contestant(name, send) for name, send in sends.items()]


async def _insert_statement(pool: Pool) -> str:
    types = dict(
        await pool.fetch(
            "select attname, format_type(atttypid, null) from pg_attribute "
            "where attrelid = $1::text::regclass",
            _UNNESTED,
        )
    )
    arrays = ", ".join(f"${n}::{types[name]}[]" for n, name in enumerate(EventRow._fields, 1))
    return (
        f"insert into {_UNNESTED} ({', '.join(_COLUMNS)}) "
        f"select *, ${len(_COLUMNS)}::timestamptz from unnest({arrays}) "
        "on conflict (customer_id, idempotency_key) do nothing"
    )


async def _rate(
    batches: Sequence[Batch],
    opened: Sequence[Line],
    send: Callable[[Line, Batch], Awaitable[None]],
) -> float:
    """Events in a second, each caller taking the next batch when its own is done."""
    waiting = iter(batches)

    async def caller(line: Line) -> None:
        for batch in waiting:
            await send(line, batch)

    begin = time.perf_counter()
    async with TaskGroup() as callers:
        for line in opened:
            callers.create_task(caller(line))
    return sum(len(batch.rows) for batch in batches) / (time.perf_counter() - begin)


def _expect(found: object, expected: object) -> None:
    if found != expected:
        raise RuntimeError(f"Expected {str(expected)[:200]}, found {str(found)[:500]}")


async def _check(pool: Pool, events: int) -> None:
    """As many rows and keys as events in each table, and the same content in all."""
    columns = ", ".join(EventRow._fields)
    for table in (_EVENTS, _UNNESTED, _COPIED):
        counts = f"select count(*), count(distinct (customer_id, idempotency_key)) from {table}"
        _expect(tuple(await pool.fetchrow(counts)), (events, events))
        extra = f"(select {columns} from {table} except select {columns} from {_EVENTS}) as extra"
        _expect(await pool.fetchval(f"select count(*) from {extra}"), 0)
