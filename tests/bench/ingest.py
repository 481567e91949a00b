"""recordUsage over HTTP, beside the bare statements that write the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import asyncpg
from rich.console import Console

from tests.bench import ingest_tables
from tests.bench.client import Line, lines
from tests.bench.database import Pool, copied, fresh_database
from tests.bench.dataset import Sizes, fill
from tests.bench.ingest_data import Batch, Supply, known_in
from tests.bench.ingest_tables import COLUMNS, COPIED
from tests.bench.ingest_work import Work
from tests.bench.rounds import Contestant, alternate, show
from tests.bench.sending import Send, expect, rate, record, replay
from tests.bench.servers import Server, serving

SIZES = (1, 100, 1_000, 5_000)
_OURS, _REPLAY, _BARE = "fubble", "fubble replay", "fubble without rollups"
_INSERT, _COPY = "insert unnest", "copy"
_PAIRS = [
    (f"{_OURS} / {_INSERT}", _OURS, _INSERT),
    (f"{_OURS} / {_COPY}", _OURS, _COPY),
    (f"{_OURS} / {_BARE}", _OURS, _BARE),
    (f"{_BARE} / {_INSERT}", _BARE, _INSERT),
    (f"{_BARE} / {_COPY}", _BARE, _COPY),
    ("time of a replay / of the first time", _OURS, _REPLAY),
]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to send, with how many callers at a time."""

    rounds: int
    seconds_per_round: float
    connections: int


class Place(NamedTuple):
    """A database, and a server on it with its callers' connections."""

    pool: Pool
    server: Server
    callers: Sequence[Line]


class Way(NamedTuple):
    """How a batch can be written, on whose connections."""

    name: str
    callers: Sequence[Line]
    send: Send
    work: Work


async def run(customers: int, sizes: Sequence[int], effort: Effort, *, receipts: bool) -> None:
    """Measure calls of each size, check that every event is in each table exactly once; print."""
    console = Console()
    async with fresh_database() as url, AsyncExitStack() as stack:
        api_key = await fill(url, Sizes(customers, plans=1, subscriptions=0))
        other_url = await stack.enter_async_context(copied(url))
        count = effort.connections
        ours = await _place(url, "fubble_gql.app:serve", count, stack)
        bare = await _place(other_url, "tests.bench.without_rollups:serve", count, stack)
        await ingest_tables.prepare(ours.pool)
        await ingest_tables.prepare(bare.pool)
        supply = Supply(await known_in(ours.pool, api_key), count, receipts)
        for size in sizes:
            for place in (ours, bare):
                await ingest_tables.vacuum(place.pool)
            supply.begin(size)
            await _measure(await _ways(ours, bare), supply, effort, console)
        await ingest_tables.check(ours.pool, bare.pool, supply.events)
    console.print(
        f"{supply.events:,} events of {customers:,} customers: each is in every table exactly once, "
        "and the tables are equal.",
        soft_wrap=True,
    )


async def _place(url: str, target: str, callers: int, stack: AsyncExitStack) -> Place:
    server = await stack.enter_async_context(
        serving(target, {"FUBBLE_DATABASE_URL": url}, "--factory")
    )
    opened = await stack.enter_async_context(lines(server.port, callers))
    pool = await stack.enter_async_context(
        asyncpg.create_pool(url, min_size=callers, max_size=callers)
    )
    return Place(pool, server, opened)


async def _ways(ours: Place, bare: Place) -> list[Way]:
    insert = await ingest_tables.insert_statement(ours.pool)

    async def unnest(_: Line, batch: Batch) -> None:
        columns = [list(column) for column in zip(*batch.rows, strict=True)]
        status = await ours.pool.execute(insert, *columns, datetime.now(UTC))
        expect(status, f"INSERT 0 {len(batch.rows)}")

    async def copy(_: Line, batch: Batch) -> None:
        now = datetime.now(UTC)
        records = [(*row, now) for row in batch.rows]
        status = await ours.pool.copy_records_to_table(COPIED, records=records, columns=COLUMNS)
        expect(status, f"COPY {len(batch.rows)}")

    return [
        Way(_OURS, ours.callers, record, Work(ours.pool, ours.server.pid)),
        Way(_REPLAY, ours.callers, replay, Work(ours.pool, ours.server.pid)),
        Way(_BARE, bare.callers, record, Work(bare.pool, bare.server.pid)),
        Way(_INSERT, ours.callers, unnest, Work(ours.pool, None)),
        Way(_COPY, ours.callers, copy, Work(ours.pool, None)),
    ]


async def _measure(ways: Sequence[Way], supply: Supply, effort: Effort, console: Console) -> None:
    contestants = [_contestant(way, supply, effort.seconds_per_round) for way in ways]
    await alternate(contestants, 0)  # tells how many calls fill a round
    rates = await alternate(contestants, effort.rounds)
    console.print(
        f"\n{supply.size:,} events a call, {supply.calls:,} calls a round, "
        f"{effort.connections} callers",
        highlight=False,
    )
    show(console, rates, "events/s", _PAIRS)
    _show_work({way.name: way.work for way in ways}, console)


def _show_work(used: Mapping[str, Work], console: Console) -> None:
    """What other work on the machine hardly changes: the rates above it does."""
    console.print("processor time for 1,000 events:")
    for name, work in used.items():
        console.print(f"  {name}: {work}", highlight=False, soft_wrap=True)
    for label, name, reference in _PAIRS:
        spent, other = used[name].milliseconds, used[reference].milliseconds
        if spent:
            console.print(f"{label}, by processor time: {other / spent:.3f}", highlight=False)


def _contestant(way: Way, supply: Supply, seconds: float) -> Contestant:
    async def burst(_: int) -> float:
        if way.name == _OURS:
            supply.renew()
        async with way.work.of(len(supply.batches) * supply.size):
            found = await rate(way.callers, supply.batches, way.send)
        if way.name == _OURS:
            supply.judge(found, seconds)
        return found

    return Contestant(way.name, burst)
