"""Sums kept beside the events, where one transaction is still open when another one comes."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from fubble_gql.db.connection import Connection
from fubble_gql.usage.ingest import Receipt
from fubble_gql.usage.store import store_of
from tests.usage.builders import NOW, accepted, make_customer, make_metric, new_event, send, void
from tests.usage.measuring import request, total
from tests.usage.test_cut import on_postgresql, waiting
from tests.usage.test_rollups import kept, wrong

DAY = NOW.replace(hour=0)


async def record_b(db: Connection) -> list[Receipt]:
    return await send(db, new_event("b", "2", event_time=NOW))


@on_postgresql
async def test_a_void_waits_for_an_event_of_its_hour_and_counts_it(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)
    await accepted(db, new_event("a", "1", event_time=NOW))

    async def record_uncommitted(tx: Connection) -> asyncio.Future[None]:
        await record_b(tx)
        return await waiting(db, void(db, "a", NOW))

    await (await db.transaction(record_uncommitted))

    assert await kept(db, 1) == [(NOW, 1, Decimal(2))]
    assert await kept(db, 24) == [(DAY, 1, Decimal(2))]
    assert await wrong(db) == 0


@on_postgresql
async def test_an_event_waits_for_a_void_in_its_hour_and_is_added(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)
    await accepted(db, new_event("a", "1", event_time=NOW))

    async def void_uncommitted(tx: Connection) -> asyncio.Future[list[Receipt]]:
        await void(tx, "a", NOW)
        return await waiting(db, record_b(db))

    await (await db.transaction(void_uncommitted))

    assert await kept(db, 1) == [(NOW, 1, Decimal(2))]
    assert await kept(db, 24) == [(DAY, 1, Decimal(2))]
    assert await wrong(db) == 0


@on_postgresql
async def test_the_first_event_of_an_hour_may_be_taken_back_while_another_waits(
    db: Connection,
) -> None:
    await make_customer(db)
    await make_metric(db)
    waiter: list[asyncio.Future[list[Receipt]]] = []

    async def record_and_fail(tx: Connection) -> None:
        await accepted(tx, new_event("a", "1", event_time=NOW))
        waiter.append(await waiting(db, record_b(db)))
        raise ZeroDivisionError

    [failure] = await asyncio.gather(db.transaction(record_and_fail), return_exceptions=True)
    await waiter[0]

    assert isinstance(failure, ZeroDivisionError)
    assert await kept(db, 24) == [(DAY, 1, Decimal(2))]
    assert await wrong(db) == 0


@on_postgresql
async def test_in_the_middle_of_a_rebuild_readers_go_on_and_writers_wait(db: Connection) -> None:
    customer, metric = await make_customer(db), await make_metric(db)
    await accepted(db, new_event("a", "1", event_time=NOW))
    asked = request(customer, metric)

    async def rebuild_uncommitted(tx: Connection) -> asyncio.Future[list[Receipt]]:
        await store_of(tx).hold_alone(tx, [customer])
        await store_of(tx).rebuild(tx, [customer])
        assert await total(db, asked) == [Decimal(1)]
        assert await wrong(db) == 0
        return await waiting(db, record_b(db))

    await (await db.transaction(rebuild_uncommitted))

    assert await total(db, asked) == [Decimal(3)]
    assert await wrong(db) == 0
