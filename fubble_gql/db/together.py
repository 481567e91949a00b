"""Rows by a key, for all who ask in the same turn of the event loop: one statement.

Nearly every operation begins with the same questions: whose key is this, which row has that id. Under
load many operations ask them at a time. The statement begins after each of them asked, so nobody is
told anything older than by a statement of its own: a key that was revoked is not recognised any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from fubble_gql.db.connection import Connection
from fubble_gql.db.rows import R, Table
from fubble_gql.db.sql import sql

# Whose rows of which table, by which column.
_Question = tuple[UUID | None, Table[Any], str]


async def row_by(connection: Connection, table: Table[R], column: str, value: object) -> R | None:
    """The row whose column, of which no two rows have the same, is the value; None without one."""
    if connection.is_transaction:
        rows = await _rows(connection, table, column, {value})
    else:
        rows = await asyncio.shield(_asked(connection, table, column, value))
    return cast(R | None, rows.get(str(value)))


def _asked(
    connection: Connection, table: Table[Any], column: str, value: object
) -> asyncio.Task[Mapping[str, Any]]:
    """The statement that is about to begin, which now asks for this value too."""
    asked = cast(
        dict[_Question, tuple[set[object], asyncio.Task[Mapping[str, Any]]]],
        connection.remembered.setdefault("asked", {}),
    )
    question = connection.customer_id, table, column

    async def ask() -> Mapping[str, Any]:
        del asked[question]
        return await _rows(connection, table, column, values)

    if question in asked:
        values, task = asked[question]
        values.add(value)
        return task
    values = {value}
    task = asyncio.ensure_future(ask())
    asked[question] = values, task
    return task


async def _rows(
    connection: Connection, table: Table[Any], column: str, values: set[object]
) -> Mapping[str, Any]:
    """The rows by the text of their value, which may be no column of theirs."""
    statement = (
        sql(f"select {table.columns}, {table.name}.{column} from")
        + table.source(connection)
        + "where"
        + connection.is_in(f"{table.name}.{column}", [*values])
    )
    records = await connection.fetch(statement)
    rows = table.decode(connection, records)
    return {str(record[-1]): row for record, row in zip(records, rows, strict=True)}
