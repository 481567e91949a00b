"""What a server holds on to: its memory after few and after many recorded events."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack

import asyncpg
from rich.console import Console

from tests.bench.client import Line, lines
from tests.bench.database import fresh_database
from tests.bench.dataset import Sizes, fill
from tests.bench.ingest_data import Supply, known_in
from tests.bench.sending import expect, rate
from tests.bench.servers import Server, serving

_EVENTS_PER_CALL = 1_000
_CALLS_AT_A_TIME = 20
_MB = 1_000_000


async def run(customers: int, marks: Sequence[int], connections: int) -> None:
    """Record up to each of the marks, tell the memory there, and check that nothing is lost."""
    console = Console()
    async with fresh_database() as url, AsyncExitStack() as stack:
        api_key = await fill(url, Sizes(customers, plans=1, subscriptions=0))
        pool = await stack.enter_async_context(asyncpg.create_pool(url, min_size=1, max_size=1))
        environment = {"FUBBLE_DATABASE_URL": url}
        server = await stack.enter_async_context(
            serving("fubble_gql.app:serve", environment, "--factory")
        )
        callers = await stack.enter_async_context(lines(server.port, connections))
        supply = Supply(await known_in(pool, api_key), _CALLS_AT_A_TIME, receipts=False)
        seen = [server.memory_bytes()]
        console.print(f"At the start: {seen[0] / _MB:,.1f} MB", highlight=False)
        for mark in marks:
            peak = await _record_until(mark, supply, callers, server)
            seen.append(server.memory_bytes())
            console.print(
                f"After {mark:,} events: {seen[-1] / _MB:,.1f} MB, at most {peak / _MB:,.1f} MB",
                highlight=False,
            )
        expect(await pool.fetchval("select count(*) from usage_event"), marks[-1])
    console.print(
        f"All of {marks[-1]:,} events are recorded; memory after {marks[-1]:,} less that after "
        f"{marks[0]:,}: {(seen[-1] - seen[1]) / _MB:,.1f} MB",
        highlight=False,
        soft_wrap=True,
    )


async def _record_until(mark: int, supply: Supply, callers: Sequence[Line], server: Server) -> int:
    """Record until there are so many; the most memory that was seen between calls."""
    peak = 0
    while supply.events < mark:
        missing = mark - supply.events
        supply.begin(min(_EVENTS_PER_CALL, missing))
        supply.calls = min(_CALLS_AT_A_TIME, missing // supply.size)
        supply.renew()
        await rate(callers, supply.batches)
        peak = max(peak, server.memory_bytes())
    return peak
