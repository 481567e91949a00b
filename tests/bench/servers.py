"""Servers in processes of their own, on free ports of 127.0.0.1."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
_ROOT = Path(__file__).parents[2]
_START_SECONDS = 60
_KEEP_ALIVE_SECONDS = "600"  # connections rest while the other contestants have their turn
_FLAGS = (
    *("--host", HOST, "--no-access-log", "--log-level", "warning"),
    *("--timeout-keep-alive", _KEEP_ALIVE_SECONDS),
)


def cpu_seconds(pid: int) -> float:
    """What a process has used so far; 0 where the system does not tell, or it is on another one."""
    try:
        figures = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(figures[11]) + int(figures[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Server:
    """One that answers."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """What it has used so far; 0 where the system does not tell."""
        return cpu_seconds(self.pid)

    def memory_bytes(self) -> int:
        """What of its memory is in use now; 0 where the system does not tell."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        except OSError:
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")


@dataclass
class Meter:
    """Processor time of a server and of this process, and for how many answers."""

    server: Server
    answers: int = 0
    server_seconds: float = 0.0
    client_seconds: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count what the block uses."""
        client, server = time.process_time(), self.server.cpu_seconds()
        yield
        self.client_seconds += time.process_time() - client
        self.server_seconds += self.server.cpu_seconds() - server

    def __str__(self) -> str:
        """For one answer."""
        server = self.server_seconds / self.answers * 1e3
        client = self.client_seconds / self.answers * 1e3
        return f"processor time for an answer {server:.2f} ms in the server, {client:.2f} in the client"


@asynccontextmanager
async def serving(
    target: str, environment: Mapping[str, str], *flags: str
) -> AsyncIterator[Server]:
    """Uvicorn with one worker for `module:application`, until the block ends."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", target, "--port", str(port), *_FLAGS, *flags),
        cwd=_ROOT,
        env={**os.environ, "FUBBLE_LOG_LEVEL": "warning", **environment},
    )
    try:
        await asyncio.wait_for(answers(process, port), _START_SECONDS)
        yield Server(port, process.pid)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def answers(process: asyncio.subprocess.Process, port: int) -> None:
    """Wait until a process listens on the port. Raises where it ends before."""
    while process.returncode is None:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(HOST, port)
            writer.close()
            return
        await asyncio.sleep(0.05)
    raise RuntimeError(f"The server on port {port} ended before it answered.")


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.create_server((HOST, 0)) as server:
        port: int = server.getsockname()[1]
        return port
