"""A connection that reads as one customer: what each table says decides, and nothing else reads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from fubble_gql.access.keys import API_KEYS
from fubble_gql.customers.store import CUSTOMERS, NewCustomer, create
from fubble_gql.db import pages, refs
from fubble_gql.db.connection import Connection
from fubble_gql.db.pages import Order, Window
from fubble_gql.db.refs import Ref
from fubble_gql.db.rows import NotVisible
from fubble_gql.db.sql import ALWAYS, sql
from tests.api.conftest import NOW

BY_ID = Order(("id",))
NOBODY = UUID(int=0)
READS: list[Callable[[Connection], Awaitable[object]]] = [
    lambda connection: API_KEYS.select(connection, sql("")),
    lambda connection: API_KEYS.by(connection, "id", ["1"]),
    lambda connection: refs.find(connection, API_KEYS, Ref(key="1")),
    lambda connection: pages.page(connection, API_KEYS, BY_ID, Window(1)),
    lambda connection: pages.pages(connection, API_KEYS, ("id", [NOBODY]), BY_ID, Window(1)),
    lambda connection: pages.page_each(connection, API_KEYS, BY_ID, Window(1), [ALWAYS]),
    lambda connection: pages.count(connection, API_KEYS),
    lambda connection: pages.counts(connection, API_KEYS, ("id", [NOBODY])),
]


async def test_a_table_that_says_nothing_is_read_by_no_customer(db: Connection) -> None:
    for read in READS:
        with pytest.raises(NotVisible, match="api_key"):
            await read(db.only(NOBODY))
        with pytest.raises(NotVisible):
            await db.only(NOBODY).transaction(read)


async def test_a_customer_reads_its_own_row_in_a_transaction_too(db: Connection) -> None:
    rows = [await create(db, NewCustomer(key=key, name=key), NOW) for key in "ab"]

    async def everybody(reader: Connection) -> list[str]:
        return [row.key for row in await CUSTOMERS.select(reader, sql("order by key"))]

    as_b = db.only(rows[1].id)
    assert await everybody(as_b) == ["b"]
    assert await as_b.transaction(everybody) == ["b"]
    assert await pages.count(as_b, CUSTOMERS) == 1
    assert await everybody(db) == ["a", "b"]
