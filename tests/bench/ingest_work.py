"""Processor time of whoever records events: of Python, and of PostgreSQL for its connections."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.bench.database import Pool
from tests.bench.servers import cpu_seconds

_BACKENDS = "select pid from pg_stat_activity where datname = current_database()"


@dataclass
class Work:
    """What a contestant used: its server, or this process where it has none, and the database's."""

    pool: Pool
    server_pid: int | None
    python_seconds: float = 0.0
    postgres_seconds: float = 0.0
    events: int = 0

    @asynccontextmanager
    async def of(self, events: int) -> AsyncIterator[None]:
        """Count what the block uses to record so many."""
        pid = self.server_pid or os.getpid()
        python, postgres = cpu_seconds(pid), await self._backends()
        yield
        self.python_seconds += cpu_seconds(pid) - python
        now = await self._backends()
        self.postgres_seconds += sum(now[pid] - postgres.get(pid, 0.0) for pid in now)
        self.events += events

    @property
    def milliseconds(self) -> float:
        """For 1,000 events, all together."""
        return (self.python_seconds + self.postgres_seconds) / self.events * 1e6

    def __str__(self) -> str:
        """For 1,000 events."""
        python, postgres = (
            seconds / self.events * 1e6 for seconds in (self.python_seconds, self.postgres_seconds)
        )
        return f"{python:.1f} ms in Python, {postgres:.1f} in PostgreSQL"

    async def _backends(self) -> dict[int, float]:
        return {pid: cpu_seconds(pid) for (pid,) in await self.pool.fetch(_BACKENDS)}
