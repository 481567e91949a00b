"""A company whose invoices are due, and its books as everybody can see them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, TypeVar
from uuid import UUID

from tortoise.backends.base.executor import EXECUTOR_CACHE

from fubble_gql.access import keys
from fubble_gql.db.connection import Connection
from fubble_gql.db.setup import open_database
from fubble_gql.db.sql import sql
from tests.laws.builders import JULY, MAY, a_customer, a_plan, a_subscription, fee, granted

T = TypeVar("T")
CUSTOMERS = 60


class Books(NamedTuple):
    """Issued invoices without what differs from run to run, and what remains of all credit."""

    invoices: list[tuple[str, datetime, Decimal, Decimal]]
    numbers: list[str]
    credit: Decimal


def inside(url: str, work: Callable[[Connection], Awaitable[T]]) -> T:
    """What `work` makes of a database."""

    async def opened() -> T:
        async with open_database(url, pool_size=2) as connection:
            return await work(connection)

    EXECUTOR_CACHE.clear()
    return asyncio.run(opened())


async def founded(db: Connection) -> list[UUID]:
    """Customers with May and June to be invoiced, every third with credit; their subscriptions."""
    await a_plan(db, fee("30"))
    made = []
    for n in range(CUSTOMERS):
        await a_customer(db, f"c{n}")
        made.append(await a_subscription(db, f"c{n}", end_at=JULY))
        if n % 3 == 0:
            await granted(db, "50", MAY, f"c{n}")
    return made


async def a_key(db: Connection) -> str:
    """An API key."""
    return await keys.create(db, "crash", MAY)


async def issued_count(db: Connection) -> int:
    """How many invoices are issued by now, as another connection sees it."""
    rows = await db.fetch(sql("select count(*) from invoice where number is not null"))
    return int(rows[0][0])


async def books(db: Connection) -> Books:
    """What there is."""
    rows = await db.fetch(
        sql(
            "select c.key, i.period_start, i.subtotal, i.credits_applied, i.number "
            "from invoice i join customer c on c.id = i.customer_id where i.number is not null"
        )
    )
    held = await db.fetch(
        sql(
            "select count(*) from invoice_period p join invoice i on i.id = p.invoice_id "
            "where p.freed_at is null and i.number is not null"
        )
    )
    assert int(held[0][0]) == len(rows), "An invoice without its period, or the other way round."
    remaining = await db.fetch(sql("select remaining from credit_grant"))
    entries = await db.fetch(sql("select amount from credit_transaction"))
    credit = sum((Decimal(row[0]) for row in remaining), Decimal(0))
    assert credit == sum((Decimal(row[0]) for row in entries), Decimal(0))
    return Books(
        sorted((row[0], _instant(row[1]), Decimal(row[2]), Decimal(row[3])) for row in rows),
        sorted(row[4] for row in rows),
        credit,
    )


def _instant(value: datetime | str) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def expected() -> Books:
    """The books of a company whose bills nobody disturbed."""
    invoices = []
    for n in range(CUSTOMERS):
        first, second = (Decimal(30), Decimal(20)) if n % 3 == 0 else (Decimal(0), Decimal(0))
        june = MAY.replace(month=6)
        invoices += [
            (f"c{n}", MAY, Decimal(30), first),
            (f"c{n}", june, Decimal(30), second),
        ]
    numbers = [f"INV-{n:06d}" for n in range(1, 2 * CUSTOMERS + 1)]
    return Books(sorted(invoices), numbers, Decimal(0))
