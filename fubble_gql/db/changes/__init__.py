"""Who changed: told to whoever watches, by every process that writes to this database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fubble_gql.db.changes.postgres import PostgresChanges
from fubble_gql.db.changes.sqlite import SqliteChanges
from fubble_gql.db.changes.watch import Changes, Watch
from fubble_gql.db.connection import Connection

__all__ = ["Changes", "Watch", "open_changes"]


@asynccontextmanager
async def open_changes(url: str, connection: Connection) -> AsyncIterator[Changes]:
    """The changes on the database at the address, which is open already, until the block ends."""
    changes: Changes = (
        SqliteChanges(connection) if connection.dialect == "sqlite" else PostgresChanges(url)
    )
    try:
        yield changes
    finally:
        await changes.stop()
