"""How far another process has come, read from outside while it works."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import asyncpg

NUMBERED = "select count(*) from invoice where number is not null"
WAITING = (
    "select count(*) from pg_stat_activity "
    "where datname = current_database() and wait_event_type = 'Lock'"
)


def issued(url: str) -> int:
    """How many invoices are there for everybody to see."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite://"))) as file:
            return int(file.execute(NUMBERED).fetchone()[0])
    return asyncio.run(_count(url, NUMBERED))


def waiting(url: str) -> int:
    """How many wait for a lock on PostgreSQL."""
    return asyncio.run(_count(url, WAITING))


async def _count(url: str, statement: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(statement))
    finally:
        await connection.close()
