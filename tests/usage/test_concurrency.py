"""Events are recorded once, however many callers send them at the same time."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime

from fubble_gql.db.connection import Connection
from fubble_gql.db.setup import open_database
from fubble_gql.usage.ingest import ReceiptStatus, record
from fubble_gql.usage.store import store_of
from tests.usage.builders import (
    NOW,
    clock_at,
    make_customer,
    make_metric,
    new_event,
    send,
    stored,
)


async def test_twenty_callers_record_each_event_once(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)
    events = [new_event(f"k{n}", str(n)) for n in range(100)]
    orders = [events if n % 2 else events[::-1] for n in range(20)]
    calls = await asyncio.gather(*(record(db, order, clock_at(NOW)) for order in orders))
    accepted = Counter(
        receipt.idempotency_key
        for receipts in calls
        for receipt in receipts
        if receipt.status is ReceiptStatus.ACCEPTED
    )
    assert accepted == {f"k{n}": 1 for n in range(100)}
    assert {receipt.status for receipts in calls for receipt in receipts} == {
        ReceiptStatus.ACCEPTED,
        ReceiptStatus.DUPLICATE,
    }
    assert len(await stored(db)) == 100


async def test_two_bodies_at_once_leave_one_event(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)
    calls = await asyncio.gather(
        *(record(db, [new_event("k1", str(n))], clock_at(NOW)) for n in range(10))
    )
    counted = Counter(str(receipt.status) for [receipt] in calls)
    assert counted == {"ACCEPTED": 1, "REJECTED": 9}


async def test_recording_waits_while_the_customer_is_held_alone(postgres_url: str) -> None:
    async with open_database(postgres_url) as db:
        customer, other = await make_customer(db), await make_customer(db, "globex")
        await make_metric(db)
        order: list[str] = []

        async def finalise(tx: Connection) -> None:
            await store_of(tx).hold_alone(tx, [customer])
            recording = asyncio.ensure_future(record(db, [new_event("k1")], clock))
            await asyncio.sleep(0.1)
            assert other.int % 512 == customer.int % 512 or await send(
                db, new_event("k1", customer="globex")
            )
            order.append("finalised")
            tasks.append(recording)

        def clock() -> datetime:
            order.append("stamped")
            return NOW

        tasks: list[asyncio.Future[object]] = []
        await db.transaction(finalise)
        await asyncio.gather(*tasks)
        assert order == ["finalised", "stamped"]


async def test_callers_of_one_customer_do_not_wait_for_each_other(postgres_url: str) -> None:
    async with open_database(postgres_url) as db:
        customer = await make_customer(db)
        await make_metric(db)

        async def hold(tx: Connection) -> None:
            await store_of(tx).hold(tx, [customer])
            async with asyncio.timeout(5):
                await send(db, new_event("k1"))

        await db.transaction(hold)
        assert len(await stored(db)) == 1


async def test_calls_that_name_thousands_of_customers_fit_the_lock_table(
    postgres_url: str,
) -> None:
    async with open_database(postgres_url) as db:
        customers = [await make_customer(db, f"c{n}") for n in range(20)]
        await make_metric(db)
        many = [customer.__class__(int=n * 7919) for n, customer in enumerate(customers * 250)]

        async def hold(tx: Connection) -> None:
            await store_of(tx).hold(tx, many)
            await asyncio.sleep(0.05)

        await asyncio.gather(*(db.transaction(hold) for _ in range(8)))
