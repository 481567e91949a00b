"""Contestants that are asked for one answer over and over, and checked each time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.client import Line
from tests.bench.rounds import Contestant
from tests.bench.servers import Meter, cpu_seconds


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure, with how many callers at a time."""

    rounds: int
    seconds_per_round: float
    connections: int


@dataclass
class Target:
    """One address that is asked for a page, and what it always answers.

    `database` is the name of PostgreSQL's, whose processor time is counted too.
    """

    request: bytes
    lines: Sequence[Line]
    meter: Meter
    database: str = ""
    expected: bytes = field(default=b"", repr=False)
    database_seconds: float = 0.0

    def __str__(self) -> str:
        """Processor time for one answer."""
        database = self.database_seconds / max(1, self.meter.answers) * 1e3
        return f"{self.meter}" + (f", {database:.2f} in PostgreSQL" if self.database else "")


def contestant(name: str, target: Target, effort: Effort) -> Contestant:
    """Asks for so long, over all its lines at once."""

    async def burst(_: int) -> float:
        begin = time.perf_counter()
        end = begin + effort.seconds_per_round
        before = database_seconds(target.database)
        with target.meter.running():
            counts = await asyncio.gather(*(_ask_until(end, target, line) for line in target.lines))
        seconds = time.perf_counter() - begin
        after = database_seconds(target.database)
        # A process that ended meanwhile takes its time with it.
        target.database_seconds += sum(after[pid] - before.get(pid, 0) for pid in after)
        target.meter.answers += sum(counts)
        return sum(counts) / seconds

    return Contestant(name, burst)


def database_seconds(name: str) -> dict[int, float]:
    """The processor time of each of PostgreSQL's processes for a database; none where none is told."""
    seconds: dict[int, float] = {}
    for process in Path("/proc").glob("[0-9]*") if name else ():
        try:
            if name.encode() in (process / "cmdline").read_bytes():
                seconds[int(process.name)] = cpu_seconds(int(process.name))
        except OSError:
            continue  # it has ended
    return seconds


async def _ask_until(end: float, target: Target, line: Line) -> int:
    count = 0
    while time.perf_counter() < end:
        if await line.ask(target.request) != target.expected:
            raise RuntimeError("An answer differs from the first one.")
        count += 1
    return count
