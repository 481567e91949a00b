"""How many rows there are."""

from __future__ import annotations

from fubble_gql.db.connection import Connection
from fubble_gql.db.sql import sql


async def rows_in(connection: Connection, *tables: str) -> dict[str, int]:
    """The number of rows of each table."""
    counted = {}
    for table in tables:
        ((counted[table],),) = await connection.fetch(sql(f"select count(*) from {table}"))  # noqa: S608
    return counted


def say_nothing(done: int, total: int) -> None:
    """A report of progress that no one reads."""
