"""Trying a write: it runs as it would, and the database stays as it was."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from fubble_gql.db.connection import Connection

T = TypeVar("T")


class _Undo(Exception):
    """Ends a transaction that must leave nothing behind."""


async def transaction(
    connection: Connection, work: Callable[[Connection], Awaitable[T]], *, dry_run: bool
) -> T:
    """What `work` makes in one transaction; with `dry_run` it is undone once that is known."""
    if not dry_run:
        return await connection.transaction(work)
    made: list[T] = []

    async def undone(tx: Connection) -> None:
        made.append(await work(tx))
        raise _Undo

    with suppress(_Undo):
        await connection.transaction(undone)
    return made[0]
