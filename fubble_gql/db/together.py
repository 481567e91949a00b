"""Rows by a key, for all who ask in the same turn of the event loop: one statement.

Nearly every operation begins with the same questions: whose key is this, which row has that id. Under
load many operations ask them at a time. The statement begins after each of them asked, so nobody is
told anything older than by a statement of its own: a key that was revoked is not recognised any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from fubble_gql.db.connection import Connection
from fubble_gql.db.rows import R, Table
from fubble_gql.db.sql import sql

# Whose rows of which table, by which column.
_Question = tuple[UUID | None, Table[Any], str]


@dataclass(slots=True)
class _Asked:
    """A statement that is about to begin or runs, what it asks for, and how many asked for it."""

    values: set[object]
    task: asyncio.Task[Mapping[str, Any]]
    waiting: int = 0

    async def rows(self) -> Mapping[str, Any]:
        """Its rows, by the text of their value, for one who asked. Whoever leaves last ends it."""
        try:
            return await asyncio.shield(self.task)
        finally:
            self.waiting -= 1
            if not self.waiting:
                self.task.cancel()  # nothing where it is done


def row_by(
    connection: Connection, table: Table[R], column: str, value: object
) -> Coroutine[Any, Any, R | None]:
    """The row whose column, of which no two rows have the same, is the value; None without one.

    It is asked for from now on, whenever it is awaited.
    """
    if connection.is_transaction:
        return _row(_rows(connection, table, column, {value}), value)
    asked = _asked(connection, table, column, value)
    asked.waiting += 1
    return _row(asked.rows(), value)


async def _row(rows: Awaitable[Mapping[str, R]], value: object) -> R | None:
    return (await rows).get(str(value))


def _asked(connection: Connection, table: Table[Any], column: str, value: object) -> _Asked:
    """The statement that is about to begin, which now asks for this value too."""
    waiting = cast(dict[_Question, _Asked], connection.remembered.setdefault("asked", {}))
    question = connection.customer_id, table, column
    if (known := waiting.get(question)) is not None and not known.task.cancelling():
        known.values.add(value)
        return known
    values = {value}

    async def ask() -> Mapping[str, Any]:
        forget()
        return await _rows(connection, table, column, values)

    def forget(task: asyncio.Task[Mapping[str, Any]] | None = None) -> None:
        if waiting.get(question) is asked:
            del waiting[question]
        if task is not None and not task.cancelled():
            task.exception()  # told to those who wait; where all left, nobody is to hear of it

    asked = waiting[question] = _Asked(values, asyncio.ensure_future(ask()))
    asked.task.add_done_callback(forget)
    return asked


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
