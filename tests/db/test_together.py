"""Callers who ask at the same time share a statement, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from fubble_gql.access import keys
from fubble_gql.customers.store import CUSTOMERS, CustomerRow, NewCustomer, create
from fubble_gql.db import refs
from fubble_gql.db.connection import Connection, Record
from fubble_gql.db.refs import Ref
from fubble_gql.db.sql import Sql
from fubble_gql.db.together import row_by
from fubble_gql.errors import Unavailable
from tests.api.conftest import NOW
from tests.statements import collected_statements


async def customers(db: Connection, count: int) -> list[CustomerRow]:
    """So many of them."""
    return [await create(db, NewCustomer(key=f"c{n}", name=f"{n}"), NOW) for n in range(count)]


class Slow(Connection):
    """A database whose statements wait to be let go, and fail where they are told to."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection.client)
        self.begun = asyncio.Semaphore(0)
        self.may_end = asyncio.Event()
        self.ended = asyncio.Event()
        self.failure: Exception | None = None

    async def fetch(self, statement: Sql) -> Sequence[Record]:
        """Look at once, and end later."""
        found = await super().fetch(statement)
        self.begun.release()
        try:
            await self.may_end.wait()
        finally:
            self.ended.set()
        if self.failure is not None:
            raise self.failure
        return found


async def test_each_gets_its_own_row_by_one_statement(db: Connection) -> None:
    rows = await customers(db, 3)
    asked = [Ref(id=row.id) for row in rows] * 2

    with collected_statements() as statements:
        found = await asyncio.gather(*(refs.find(db, CUSTOMERS, ref) for ref in asked))

    assert found == rows * 2
    assert len(statements) == 1


async def test_there_is_no_row_for_what_there_is_not(db: Connection) -> None:
    (row,) = await customers(db, 1)

    found = await asyncio.gather(
        *(refs.find(db, CUSTOMERS, Ref(key=key)) for key in ("c0", "c1", "C0", ""))
    )

    assert found == [row, None, None, None]


async def test_the_column_need_not_be_one_that_is_read(db: Connection) -> None:
    rows = await customers(db, 2)
    names = CUSTOMERS.only({"name"})

    found = await asyncio.gather(*(row_by(db, names, "id", row.id) for row in rows))

    assert [tuple(row or ()) for row in found] == [("0",), ("1",)]


async def test_customers_do_not_see_what_others_ask_for(db: Connection) -> None:
    first, second = await customers(db, 2)
    readers = [db, db.only(first.id), db.only(second.id)]

    with collected_statements() as statements:
        found = await asyncio.gather(
            *(refs.find(reader, CUSTOMERS, Ref(key="c0")) for reader in readers)
        )

    assert [row and row.id for row in found] == [first.id, first.id, None]
    assert len(statements) == 3


async def test_a_statement_that_has_begun_answers_nobody_who_asks_later(db: Connection) -> None:
    """Else a key would work for a while after it was revoked."""
    key = await keys.create(db, "shop", NOW)
    slow = Slow(db)
    before = asyncio.ensure_future(keys.recognise(slow, key))
    await slow.begun.acquire()
    await keys.revoke(db, key.split("_")[2], NOW)
    after = asyncio.ensure_future(keys.recognise(slow, key))
    await slow.begun.acquire()
    slow.may_end.set()

    assert await before is not None
    assert await after is None


async def test_one_that_goes_away_takes_nobody_along(db: Connection) -> None:
    (row,) = await customers(db, 1)
    slow = Slow(db)
    leaver, stayer = (
        asyncio.ensure_future(refs.find(slow, CUSTOMERS, Ref(id=row.id))) for _ in range(2)
    )
    await slow.begun.acquire()
    leaver.cancel()
    slow.may_end.set()

    assert await stayer == row
    assert slow.begun.locked(), "one statement for both"
    with pytest.raises(asyncio.CancelledError):
        await leaver


async def test_a_statement_that_nobody_waits_for_any_more_ends(db: Connection) -> None:
    (row,) = await customers(db, 1)
    slow = Slow(db)
    leavers = [asyncio.ensure_future(refs.find(slow, CUSTOMERS, Ref(id=row.id))) for _ in range(2)]
    await slow.begun.acquire()
    for leaver in leavers:
        leaver.cancel()
    await asyncio.wait(leavers)
    await slow.ended.wait()

    slow.may_end.set()
    assert await refs.find(slow, CUSTOMERS, Ref(id=row.id)) == row


@pytest.mark.parametrize("turns", range(4))
async def test_whoever_comes_when_the_last_one_has_left_is_answered(
    db: Connection, turns: int
) -> None:
    (row,) = await customers(db, 1)
    leaver = asyncio.ensure_future(refs.find(db, CUSTOMERS, Ref(id=row.id)))
    for _ in range(turns):
        await asyncio.sleep(0)
    leaver.cancel()

    assert await refs.find(db, CUSTOMERS, Ref(id=row.id)) == row
    assert db.remembered["asked"] == {}


async def test_a_failure_is_everybodys_and_the_next_ask_again(db: Connection) -> None:
    (row,) = await customers(db, 1)
    slow = Slow(db)
    slow.may_end.set()
    slow.failure = Unavailable("gone")
    asked = [refs.find(slow, CUSTOMERS, Ref(id=row.id)) for _ in range(2)]

    failures = await asyncio.gather(*asked, return_exceptions=True)
    slow.failure = None

    assert [type(failure) for failure in failures] == [Unavailable, Unavailable]
    assert await refs.find(slow, CUSTOMERS, Ref(id=row.id)) == row


async def test_a_transaction_asks_for_itself(db: Connection) -> None:
    """What it has written is seen by nobody else yet."""

    async def work(tx: Connection) -> CustomerRow | None:
        row = await create(tx, NewCustomer(key="new", name="new"), NOW)
        return await refs.find(tx, CUSTOMERS, Ref(id=row.id))

    assert await db.transaction(work) is not None


async def test_a_row_is_asked_for_before_it_is_waited_for(db: Connection) -> None:
    (row,) = await customers(db, 1)
    slow = Slow(db)

    asked = row_by(slow, CUSTOMERS, "id", row.id)
    await slow.begun.acquire()
    slow.may_end.set()

    assert await asked == row


async def test_who_leaves_ends_nothing_for_who_asked_and_waits_later(db: Connection) -> None:
    (row,) = await customers(db, 1)
    slow = Slow(db)

    asked = row_by(slow, CUSTOMERS, "id", row.id)
    leaving = asyncio.ensure_future(row_by(slow, CUSTOMERS, "id", row.id))
    await slow.begun.acquire()
    leaving.cancel()
    await asyncio.wait([leaving])
    slow.may_end.set()

    assert await asked == row
