"""Fresh databases on demand: an example of a law begins with an empty one."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from tortoise.backends.base.executor import EXECUTOR_CACHE

from fubble_gql.db.connection import Connection
from fubble_gql.db.setup import open_database


@dataclass(frozen=True, slots=True)
class SqliteFiles:
    """Copies of a migrated file."""

    template: Path
    folder: Path

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[str]:
        """The address of a copy, which is gone after the block."""
        file = self.folder / f"{uuid.uuid4().hex}.sqlite3"
        shutil.copy(self.template, file)
        yield f"sqlite://{file}"
        for one in self.folder.glob(f"{file.name}*"):
            one.unlink()

    def copies_of(self, url: str) -> SqliteFiles:
        """Copies of one that is not open."""
        return SqliteFiles(Path(url.removeprefix("sqlite://")), self.folder)


@dataclass(frozen=True, slots=True)
class PostgresDatabases:
    """Copies of a migrated database."""

    server: str
    template: str

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[str]:
        """The address of a copy, which is gone after the block."""
        name = f"law_{uuid.uuid4().hex}"
        await self._run(f"create database {name} template {self.template} strategy file_copy")
        yield urlunsplit(urlsplit(self.server)._replace(path=f"/{name}"))
        await self._run(f"drop database {name} with (force)")

    def copies_of(self, url: str) -> PostgresDatabases:
        """Copies of one that is not open."""
        return PostgresDatabases(self.server, urlsplit(url).path.removeprefix("/"))

    async def _run(self, statement: str) -> None:
        connection = await asyncpg.connect(self.server)
        await connection.execute(statement)
        await connection.close()


Databases = SqliteFiles | PostgresDatabases


@asynccontextmanager
async def opened(databases: Databases) -> AsyncIterator[Connection]:
    """A connection to a fresh database."""
    EXECUTOR_CACHE.clear()
    async with databases.fresh() as url, open_database(url, pool_size=2) as connection:
        yield connection
