"""Sums that are kept beside the events: derived again, and proved to be what the events add up to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple
from uuid import UUID

from fubble_gql.db.connection import Connection
from fubble_gql.db.sql import sql
from fubble_gql.usage.store import store_of
from fubble_gql.usage.store.rows import Unequal

_PAGE = 100


class Checked(NamedTuple):
    """Some customers, and which of their sums are wrong."""

    customers: int
    unequal: list[Unequal]


async def count_customers(connection: Connection) -> int:
    """How many there are to go through."""
    [record] = await connection.fetch(sql("select count(*) from customer"))
    return int(record[0])


async def rebuild(connection: Connection) -> AsyncIterator[int]:
    """Derive every customer's sums from its events, and tell after each how many that were.

    Each customer in a transaction of its own, in which it is held alone: who records for it waits
    so long, and nobody else. Safe to kill and to repeat.
    """
    async for page in _pages(connection):
        for customer_id in page:
            await connection.transaction(lambda tx, id=customer_id: _rebuild(tx, id))  # type: ignore[misc]
            yield 1


async def check(connection: Connection) -> AsyncIterator[Checked]:
    """Compare every customer's sums with its events, a customer at a time.

    Each comparison is of one instant, so what is recorded meanwhile does not disturb it.
    """
    async for page in _pages(connection):
        for customer_id in page:
            yield Checked(1, await store_of(connection).unequal(connection, [customer_id]))


async def _rebuild(tx: Connection, customer_id: UUID) -> None:
    store = store_of(tx)
    await store.hold_alone(tx, [customer_id])
    await store.rebuild(tx, [customer_id])


async def _pages(connection: Connection) -> AsyncIterator[list[UUID]]:
    """All customers' ids, in their order."""
    after = UUID(int=0)
    while True:
        statement = sql("select id from customer where id > ? order by id limit ?", after, _PAGE)
        page = [UUID(str(record[0])) for record in await connection.fetch(statement)]
        if not page:
            return
        yield page
        after = page[-1]
