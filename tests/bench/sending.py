"""Batches of events sent through recordUsage, by several callers at a time."""

from __future__ import annotations

import time
from asyncio import TaskGroup
from collections.abc import Awaitable, Callable, Sequence

from tests.bench.client import Line
from tests.bench.ingest_data import Batch

Send = Callable[[Line, Batch], Awaitable[None]]


async def record(line: Line, batch: Batch) -> None:
    """Events that are new; raises where one is not."""
    expect(await line.ask(batch.request), batch.first_answer)


async def replay(line: Line, batch: Batch) -> None:
    """Events that were recorded before; raises where one was not."""
    expect(await line.ask(batch.request), batch.repeated_answer)


async def rate(callers: Sequence[Line], batches: Sequence[Batch], send: Send = record) -> float:
    """Events in a second, each caller taking the next batch when its own is done."""
    waiting = iter(batches)

    async def work(line: Line) -> None:
        for batch in waiting:
            await send(line, batch)

    begin = time.perf_counter()
    async with TaskGroup() as group:
        for line in callers:
            group.create_task(work(line))
    return sum(len(batch.rows) for batch in batches) / (time.perf_counter() - begin)


def expect(found: object, expected: object) -> None:
    """Raise where they differ."""
    if found != expected:
        raise RuntimeError(f"Expected {str(expected)[:200]}, found {str(found)[:500]}")
