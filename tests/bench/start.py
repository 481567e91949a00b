"""What a start costs: the time until the first answer, and the memory of a worker then."""

from __future__ import annotations

import asyncio
import os
import signal
import sysconfig
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import httpx
from rich.console import Console

from tests.bench.commands import fubble
from tests.bench.database import fresh_database
from tests.bench.servers import HOST, Server, free_port

_FUBBLE = str(Path(sysconfig.get_path("scripts")) / "fubble")
_PATIENCE_SECONDS = 120
_WHO = {"query": "{ viewer { role } }"}
_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Start:
    """One start; memory is that of each worker, all of it and without what it shares."""

    seconds: float
    processor_seconds: float
    resident: Sequence[int]
    proportional: Sequence[int]


async def run(rounds: int, workers: int, *, postgres: bool) -> None:
    """Start on a database that is there already, several times, on each kind of database."""
    console = Console()
    with TemporaryDirectory(prefix="fubble-start-") as folder:
        await _tell(console, "SQLite", f"sqlite://{folder}/fubble.sqlite3", rounds, workers)
    if not postgres:
        return
    async with fresh_database() as url:
        await _tell(console, "PostgreSQL", url, rounds, workers)


async def _tell(console: Console, database: str, url: str, rounds: int, workers: int) -> None:
    key = (await fubble(url, "keys", "create")).strip()
    with TemporaryDirectory(prefix="fubble-bytecode-") as folder:
        await _start(url, key, workers, folder)  # keeps bytecode, as an installation does
        starts = [await _start(url, key, workers, folder) for _ in range(rounds)]
    seconds = [one.seconds for one in starts]
    console.print(
        f"{database}: first answer after {median(seconds) * 1e3:,.0f} ms "
        f"({min(seconds) * 1e3:,.0f}-{max(seconds) * 1e3:,.0f}), "
        f"{median(one.processor_seconds for one in starts) * 1e3:,.0f} ms of a processor; a worker has "
        f"{_median(starts, 'resident'):,.1f} MB, {_median(starts, 'proportional'):,.1f} MB of its own",
        highlight=False,
        soft_wrap=True,
    )


def _median(starts: Sequence[Start], what: str) -> float:
    return float(median(one for start in starts for one in getattr(start, what))) / _MB


async def _start(url: str, key: str, workers: int, bytecode: str) -> Start:
    async with _serving(url, workers, bytecode) as (process, address, began):
        seconds = await _first_answer(process, address, key) - began
        # Only the parent of several knows who they are: whoever has none is the worker itself.
        pids = _children(process.pid) if workers > 1 else [process.pid]
        figures = [_memory(pid) for pid in pids]
        used = max(Server(0, pid).cpu_seconds() for pid in pids)
    return Start(seconds, used, [one[0] for one in figures], [one[1] for one in figures])


@asynccontextmanager
async def _serving(
    url: str, workers: int, bytecode: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str, float]]:
    port = free_port()
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(_FUBBLE, "serve", "--port", str(port), "--workers", str(workers)),
        env={
            **os.environ,
            "FUBBLE_DATABASE_URL": url,
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": bytecode,
        },
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process, f"http://{HOST}:{port}", began
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def _first_answer(process: asyncio.subprocess.Process, address: str, key: str) -> float:
    headers = {"Authorization": f"Bearer {key}"}
    async with asyncio.timeout(_PATIENCE_SECONDS), httpx.AsyncClient(headers=headers) as client:
        while process.returncode is None:
            try:
                answer = await client.post(f"{address}/graphql", json=_WHO, timeout=None)
            except httpx.TransportError:
                await asyncio.sleep(0.005)
                continue
            answered = time.perf_counter()
            if answer.json() != {"data": {"viewer": {"role": "OPERATOR"}}}:
                raise RuntimeError(f"It answered {answer.text}.")
            return answered
    raise RuntimeError("The server ended before it answered.")


def _children(parent: int) -> list[int]:
    """The workers; spawning them takes a process for their semaphores, too, which serves nothing."""
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(pid) for pid in listed if b"resource_tracker" not in _command(pid)]


def _command(pid: str) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def _memory(pid: int) -> tuple[int, int]:
    """Resident bytes, and those bytes with shared pages divided among who shares them."""
    figures = dict(
        line.split(":", 1)
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    )
    resident, proportional = (int(figures[name].split()[0]) * 1_024 for name in ("Rss", "Pss"))
    return resident, proportional
