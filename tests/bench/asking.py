"""Contestants that are asked for one answer over and over, and checked each time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
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
    """One address that is asked for a page, and what it answers: on each line always the same.

    Lines take the requests in turns. `database` is the name of PostgreSQL's, whose processor time is
    counted too.
    """

    requests: Sequence[bytes]
    lines: Sequence[Line]
    meter: Meter
    database: str = ""
    answers: Sequence[bytes] = field(default=(), repr=False)
    database_seconds: float = 0.0

    async def learn(self) -> None:
        """Ask once on each line for what it is to answer ever after."""
        asked = zip(self.lines, cycle(self.requests), strict=False)
        self.answers = [await line.ask(request) for line, request in asked]

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
            counts = await asyncio.gather(
                *map(_until(end), target.lines, cycle(target.requests), target.answers)
            )
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


def _until(end: float) -> Callable[[Line, bytes, bytes], Awaitable[int]]:
    """Asks on a line as often as there is time, and gives how often that was."""

    async def ask(line: Line, request: bytes, expected: bytes) -> int:
        count = 0
        while time.perf_counter() < end:
            if await line.ask(request) != expected:
                raise RuntimeError("An answer differs from the first one.")
            count += 1
        return count

    return ask
