"""Every event is either known to an invoice or found by the next one, whoever came first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar
from uuid import UUID, uuid4

import pytest

from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.sql import sql
from fubble_gql.usage.events import UsageEventRow
from fubble_gql.usage.ingest import Receipt, ReceiptStatus, record
from fubble_gql.usage.store import store_of
from fubble_gql.usage.store.rows import Since
from fubble_gql.usage.void import VoidReceipt, void, void_one
from tests.usage.builders import (
    NOW,
    accepted,
    at,
    clock_at,
    cut_off,
    finalise,
    make_customer,
    make_metric,
    new_event,
    statuses,
)
from tests.usage.builders import (
    void as void_at,
)

T = TypeVar("T")

on_postgresql = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
MICROSECOND = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
MAY, JUNE = at("2026-05-20"), at("2026-06-01")
ACME = Ref(key="acme")


class Stamped(NamedTuple):
    """When an event became known, and whether that was late."""

    recorded_at: datetime
    is_late: bool


async def stamped(db: Connection, key: str) -> Stamped:
    """How the event was stamped."""
    statement = sql("select recorded_at, is_late from usage_event where idempotency_key = ?", key)
    [(recorded_at, is_late)] = await db.fetch(statement)
    if isinstance(recorded_at, str):
        recorded_at = datetime.fromisoformat(recorded_at)
    return Stamped(recorded_at, bool(is_late))


async def found_after(db: Connection, customer: UUID, settled_at: datetime) -> datetime | None:
    """The earliest event that the invoice as of then does not know."""
    wanted = Since(uuid4(), customer, settled_at)
    return (await store_of(db).late_since(db, [wanted])).get(wanted.n)


async def the_parties(db: Connection) -> UUID:
    """A customer and a metric; the customer."""
    await make_metric(db)
    return await make_customer(db)


async def waiting(db: Connection, work: Awaitable[T], callers: int = 1) -> asyncio.Future[T]:
    """The work, begun, as soon as so many callers wait for a lock."""
    begun = asyncio.ensure_future(work)
    query = (
        "select count(*) from pg_stat_activity "
        "where datname = current_database() and wait_event_type = 'Lock'"
    )
    while (await db.fetch(sql(query)))[0][0] < callers:
        assert not begun.done()
        await asyncio.sleep(0.01)
    return begun


@on_postgresql
async def test_a_batch_held_uncommitted_is_known_to_the_invoice_that_waits_for_it(
    db: Connection,
) -> None:
    customer = await the_parties(db)

    async def hold_uncommitted(tx: Connection) -> asyncio.Future[datetime]:
        await accepted(tx, new_event("k1", event_time=MAY))
        return await waiting(db, finalise(db, customer, NOW, JUNE))

    as_of = await (await db.transaction(hold_uncommitted))

    assert await stamped(db, "k1") == Stamped(NOW, is_late=False)
    assert as_of == NOW
    assert await found_after(db, customer, as_of) is None


@on_postgresql
async def test_a_batch_that_waits_for_an_invoice_is_later_than_it_and_late(db: Connection) -> None:
    customer = await the_parties(db)

    async def finalise_meanwhile(tx: Connection) -> asyncio.Future[list[Receipt]]:
        await store_of(tx).hold_alone(tx, [customer])
        # The slower clock shows that the cut is read only after the lock was waited for.
        recording = record(db, [new_event("k1", event_time=MAY)], clock_at(NOW - MINUTE))
        task = await waiting(db, recording)
        assert await cut_off(tx, customer, NOW, JUNE) == NOW
        return task

    await (await db.transaction(finalise_meanwhile))

    assert await stamped(db, "k1") == Stamped(NOW + MICROSECOND, is_late=True)
    assert await found_after(db, customer, NOW) == MAY


@on_postgresql
async def test_a_void_that_waits_for_an_invoice_is_later_than_it(db: Connection) -> None:
    customer = await the_parties(db)
    await accepted(db, new_event("k1", event_time=MAY))

    async def finalise_meanwhile(tx: Connection) -> asyncio.Future[UsageEventRow]:
        await store_of(tx).hold_alone(tx, [customer])
        task = await waiting(db, void_one(db, ACME, "k1", None, clock_at(NOW - MINUTE)))
        await cut_off(tx, customer, NOW, JUNE)
        return task

    row = await (await db.transaction(finalise_meanwhile))

    assert row.voided_at == NOW + MICROSECOND
    assert await found_after(db, customer, NOW) == MAY


@on_postgresql
async def test_a_void_held_uncommitted_is_known_to_the_invoice_that_waits_for_it(
    db: Connection,
) -> None:
    customer = await the_parties(db)
    await accepted(db, new_event("k1", event_time=MAY))

    async def hold_uncommitted(tx: Connection) -> asyncio.Future[datetime]:
        await void_at(tx, "k1", NOW + MINUTE)
        return await waiting(db, finalise(db, customer, NOW, JUNE))

    as_of = await (await db.transaction(hold_uncommitted))

    assert as_of == NOW + MINUTE
    assert await found_after(db, customer, as_of) is None


async def test_a_clock_that_stands_still_stamps_later_than_the_invoice(db: Connection) -> None:
    customer = await the_parties(db)
    await accepted(db, new_event("before", event_time=MAY))
    as_of = await finalise(db, customer, NOW, JUNE)
    await accepted(
        db,
        new_event("late", event_time=JUNE - MICROSECOND),
        new_event("open", event_time=JUNE),
        new_event("now"),
    )

    assert as_of == NOW
    assert await stamped(db, "before") == Stamped(NOW, is_late=False)
    assert await stamped(db, "late") == Stamped(NOW + MICROSECOND, is_late=True)
    assert await stamped(db, "open") == Stamped(NOW + MICROSECOND, is_late=False)
    assert await stamped(db, "now") == Stamped(NOW + MICROSECOND, is_late=False)
    assert await found_after(db, customer, as_of) == JUNE - MICROSECOND


async def test_the_next_invoice_knows_what_came_later_than_its_clock(db: Connection) -> None:
    customer = await the_parties(db)
    first = await finalise(db, customer, NOW, JUNE)
    await accepted(db, new_event("late", event_time=MAY))

    second = await finalise(db, customer, NOW, JUNE)
    await accepted(db, new_event("later", event_time=MAY))

    assert (first, second) == (NOW, NOW + MICROSECOND)
    assert (await stamped(db, "later")).recorded_at == NOW + 2 * MICROSECOND
    assert await found_after(db, customer, second) == MAY


async def test_what_a_faster_clock_recorded_is_known_and_not_lost(db: Connection) -> None:
    customer = await the_parties(db)
    await accepted(db, new_event("k1", event_time=MAY), now=NOW + MINUTE)

    as_of = await finalise(db, customer, NOW, JUNE)

    assert await stamped(db, "k1") == Stamped(NOW + MINUTE, is_late=False)
    assert as_of == NOW + MINUTE


async def test_one_customers_invoice_makes_no_other_late(db: Connection) -> None:
    acme, _ = await the_parties(db), await make_customer(db, "globex")
    await finalise(db, acme, NOW, JUNE)

    await accepted(
        db,
        new_event("a", event_time=MAY),
        new_event("g", event_time=MAY, customer="globex"),
    )

    assert (await stamped(db, "a")).is_late
    assert not (await stamped(db, "g")).is_late


async def test_lateness_is_decided_once(db: Connection) -> None:
    customer = await the_parties(db)
    await accepted(db, new_event("k1", event_time=MAY))
    await finalise(db, customer, NOW, JUNE)

    [receipt] = await record(db, [new_event("k1", event_time=MAY)], clock_at(NOW + MINUTE))

    assert receipt.status is ReceiptStatus.DUPLICATE
    assert await stamped(db, "k1") == Stamped(NOW, is_late=False)


async def test_callers_at_once_leave_nothing_between_two_invoices(db: Connection) -> None:
    """What the first invoice does not know is late."""
    customer = await the_parties(db)
    keys = [f"k{n}" for n in range(30)]

    async def send(key: str) -> None:
        receipts = await record(db, [new_event(key, event_time=MAY)], clock_at(NOW))
        assert statuses(receipts) == ["ACCEPTED"]

    async def bill() -> datetime:
        return await finalise(db, customer, NOW, JUNE)

    sends, bills = [], []
    for n, key in enumerate(keys):
        sends.append(asyncio.ensure_future(send(key)))
        if n % 6 == 3:
            bills.append(asyncio.ensure_future(bill()))
    await asyncio.gather(*sends, *bills)

    first = min(as_of.result() for as_of in bills)
    events = [await stamped(db, key) for key in keys]
    assert [event.is_late for event in events] == [event.recorded_at > first for event in events]


@on_postgresql
async def test_voids_in_opposite_orders_do_not_deadlock(db: Connection) -> None:
    await the_parties(db)
    keys = [f"k{n:02}" for n in range(99)]
    await accepted(db, *(new_event(key) for key in keys))

    async def hold_the_middle(tx: Connection) -> asyncio.Future[list[list[VoidReceipt]]]:
        await void_at(tx, keys[49], NOW)
        orders = (keys, keys[::-1])
        calls = (void(db, ACME, order, None, clock_at(NOW)) for order in orders)
        return await waiting(db, asyncio.gather(*calls), callers=2)

    first, second = await (await db.transaction(hold_the_middle))

    assert {receipt.problem for receipt in (*first, *second)} == {None}
    assert sum(receipt.is_new for receipt in (*first, *second)) == 98


async def test_records_voids_and_invoices_at_once_do_not_deadlock(db: Connection) -> None:
    acme, globex = await the_parties(db), await make_customer(db, "globex")
    keys = [f"k{n}" for n in range(30)]
    both = [new_event(key, customer=name) for key in keys for name in ("acme", "globex")]
    await accepted(db, *both)
    new = [new_event(f"new {key}", customer=name) for key in keys for name in ("acme", "globex")]

    works: list[Awaitable[object]] = []
    for n in range(6):
        way = slice(None, None, -1 if n % 2 else 1)
        works.append(record(db, [*both, *new][way], clock_at(NOW)))
        works.append(void(db, Ref(key="acme"), keys[way], str(n), clock_at(NOW)))
        works.append(void(db, Ref(key="globex"), keys[way], str(n), clock_at(NOW)))
        works.append(finalise(db, (acme, globex)[n % 2], NOW, JUNE))
    await asyncio.gather(*works)

    counted = await db.fetch(sql("select count(*), count(voided_at) from usage_event"))
    assert tuple(counted[0]) == (120, 60)
