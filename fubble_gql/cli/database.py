"""The database that the settings name, brought up to date and opened for a command."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from urllib.parse import urlsplit

import asyncpg
from tortoise.exceptions import BaseORMException

from fubble_gql.cli.failures import Failure
from fubble_gql.db.connection import Connection
from fubble_gql.db.migrate import migrate
from fubble_gql.db.setup import SERVING, Patience, open_database

T = TypeVar("T")

_UNUSABLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    sqlite3.DatabaseError,
    BaseORMException,
)


def bring_up_to_date(url: str) -> list[str]:
    """Migrate; the names of what was applied. Fails clearly when the database cannot be used."""
    with _explained(url):
        return asyncio.run(migrate(url))


def run(
    url: str,
    work: Callable[[Connection], Awaitable[T]],
    pool_size: int = 1,
    patience: Patience = SERVING,
) -> T:
    """What `work` makes of the database, once it is up to date."""

    async def opened() -> T:
        with _explained(url):
            await migrate(url)
        async with open_database(url, pool_size, patience) as connection:
            return await work(connection)

    return asyncio.run(opened())


@contextmanager
def _explained(url: str) -> Iterator[None]:
    try:
        yield
    except _UNUSABLE as error:
        reason = (getattr(error, "strerror", None) or str(error) or type(error).__name__).strip(".")
        raise Failure(
            f"The database {_shown(url)} cannot be used: {reason}.\n"
            "FUBBLE_DATABASE_URL says which one it is."
        ) from error


def _shown(url: str) -> str:
    """The address without its password, and without a query that may hold one."""
    if url.startswith("sqlite"):
        return url
    parts = urlsplit(url)
    user = f"{parts.username}@" if parts.username else ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{user}{parts.hostname or ''}{port}{parts.path}"
