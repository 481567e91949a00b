"""Events are recorded once, however many callers send them at the same time."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime
from uuid import uuid4

import pytest

from fubble_gql.db.connection import Connection
from fubble_gql.db.sql import sql
from fubble_gql.usage.ingest import Receipt, ReceiptStatus, record
from fubble_gql.usage.store import store_of
from fubble_gql.usage.store.postgres import LOCKS
from tests.usage.builders import (
    NOW,
    accepted,
    clock_at,
    make_customer,
    make_metric,
    new_event,
    send,
    statuses,
    stored,
)

on_postgresql = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)


async def test_twenty_callers_record_each_event_once(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)
    events = [new_event(f"k{n}", str(n)) for n in range(100)]
    orders = [events if n % 2 else events[::-1] for n in range(20)]
    calls = await asyncio.gather(*(record(db, order, clock_at(NOW)) for order in orders))
    counted = Counter(
        receipt.idempotency_key
        for receipts in calls
        for receipt in receipts
        if receipt.status is ReceiptStatus.ACCEPTED
    )
    assert counted == {f"k{n}": 1 for n in range(100)}
    assert {receipt.status for receipts in calls for receipt in receipts} == {
        ReceiptStatus.ACCEPTED,
        ReceiptStatus.DUPLICATE,
    }
    assert len(await stored(db)) == 100


@on_postgresql
async def test_callers_in_opposite_orders_do_not_deadlock(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)
    events = [new_event(f"k{n:02}") for n in range(99)]

    async def hold_the_middle(tx: Connection) -> list[asyncio.Task[list[Receipt]]]:
        await accepted(tx, events[49])
        orders = (events, events[::-1])
        calls = [asyncio.create_task(record(db, order, clock_at(NOW))) for order in orders]
        await asyncio.sleep(0.3)
        return calls

    calls = await db.transaction(hold_the_middle)
    receipts = [receipt for call in await asyncio.gather(*calls) for receipt in call]
    assert Counter(statuses(receipts)) == {"ACCEPTED": 98, "DUPLICATE": 100}


async def test_two_bodies_at_once_leave_one_event(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)
    calls = await asyncio.gather(
        *(record(db, [new_event("k1", str(n))], clock_at(NOW)) for n in range(10))
    )
    counted = Counter(str(receipt.status) for [receipt] in calls)
    assert counted == {"ACCEPTED": 1, "REJECTED": 9}


@on_postgresql
async def test_recording_waits_while_its_customer_is_held_alone(db: Connection) -> None:
    customer, other = await make_customer(db), await customer_with_another_lock(db)
    await make_metric(db)
    order: list[str] = []

    def clock() -> datetime:
        order.append("stamped")
        return NOW

    async def finalise(tx: Connection) -> asyncio.Task[list[Receipt]]:
        await store_of(tx).hold_alone(tx, [customer])
        recording = asyncio.create_task(record(db, [new_event("k1")], clock))
        async with asyncio.timeout(5):
            await send(db, new_event("k1", customer=other))
        await asyncio.sleep(0.1)
        order.append("finalised")
        return recording

    recording = await db.transaction(finalise)
    assert statuses(await recording) == ["ACCEPTED"]
    assert order == ["finalised", "stamped"]


async def customer_with_another_lock(db: Connection) -> str:
    """Acme is the first customer; customers share a bounded number of locks."""
    [acme] = await db.fetch(sql("select id from customer"))
    for n in range(10):
        other = await make_customer(db, f"other {n}")
        if other.int % LOCKS != acme[0].int % LOCKS:
            return f"other {n}"
    raise AssertionError("Ten customers share one lock.")


@on_postgresql
async def test_callers_of_one_customer_do_not_wait_for_each_other(db: Connection) -> None:
    customer = await make_customer(db)
    await make_metric(db)

    async def hold(tx: Connection) -> None:
        await store_of(tx).hold(tx, [customer])
        async with asyncio.timeout(5):
            await send(db, new_event("k1"))

    await db.transaction(hold)
    assert len(await stored(db)) == 1


@on_postgresql
async def test_thousands_of_customers_fit_the_lock_table(db: Connection) -> None:
    many = [uuid4() for _ in range(5_000)]

    async def hold(tx: Connection) -> None:
        await store_of(tx).hold(tx, many)
        await asyncio.sleep(0.05)

    await asyncio.gather(*(db.transaction(hold) for _ in range(8)))
