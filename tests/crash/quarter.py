"""Customers whose first quarter is to be invoiced, and what became of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from tortoise.backends.base.executor import EXECUTOR_CACHE

from fubble_gql.billing import subscribe
from fubble_gql.billing.subscribe import NewSubscription
from fubble_gql.billing.verify import verify
from fubble_gql.catalog import plans
from fubble_gql.catalog.new_plan import NewPlan
from fubble_gql.credits import ledger
from fubble_gql.credits.new_grant import NewGrant
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.setup import open_database
from fubble_gql.pricing.line import Line
from fubble_gql.pricing.period import Frequency
from fubble_gql.usage.ingest import NewEvent, record
from tests.laws.accounts import check, read
from tests.laws.builders import a_customer, fee, usage
from tests.laws.databases import Databases
from tests.usage.builders import at, make_metric

JANUARY, APRIL = at("2025-01-01"), at("2025-04-01")
LATER = at("2030-01-01")
# More than are invoiced in one transaction.
CUSTOMERS = 55
DAY = timedelta(days=1)


class Told(NamedTuple):
    """An invoice without what differs from run to run: ids, numbers, instants."""

    customer_id: UUID
    subscription_ids: list[UUID]
    start: str
    status: str
    subtotal: Decimal
    credits_applied: Decimal
    total: Decimal
    lines: list[Line]


class Story(NamedTuple):
    """All invoices, and what remains of every grant."""

    invoices: list[Told]
    remaining: dict[UUID, Decimal]
    ledger: list[tuple[UUID, int, Decimal, Decimal]]


@asynccontextmanager
async def a_company(databases: Databases) -> AsyncIterator[Databases]:
    """Copies of a database in which a quarter is over and nothing is invoiced."""
    async with databases.fresh() as url:
        EXECUTOR_CACHE.clear()
        async with open_database(url) as db:
            await _begin(db)
        yield databases.copies_of(url)


async def _begin(db: Connection) -> None:
    await make_metric(db)
    monthly = NewPlan("monthly", "Monthly", Frequency.MONTHLY, [fee("10"), usage("0.5")])
    weekly = NewPlan("weekly", "Weekly", Frequency.WEEKLY, [fee("3")], minimum=Decimal(4))
    for plan in (monthly, weekly):
        await plans.create(db, plan, JANUARY)
    for n in range(CUSTOMERS):
        key = f"c{n}"
        await a_customer(db, key)
        end = JANUARY + 40 * DAY if n % 3 == 0 else None
        start = JANUARY + n % 5 * DAY
        names = ["monthly"] if n % 11 else ["monthly", "weekly"]
        for name in names:
            new = NewSubscription(Ref(key=key), Ref(key=name), start_at=start, end_at=end)
            await subscribe.subscribe(db, new, JANUARY)
        await ledger.grant(db, NewGrant(Ref(key=key), Decimal(25)), JANUARY)
    events = [
        NewEvent(f"c{n}", "calls", f"e{n}-{day}", Decimal(day), JANUARY + day * DAY)
        for n in range(CUSTOMERS)
        for day in range(5, 90, 20)
    ]
    await record(db, events, lambda: APRIL)


async def story_of(url: str) -> Story:
    """What the database says of invoices and credit; every law holds for it."""
    EXECUTOR_CACHE.clear()
    async with open_database(url) as db:
        accounts = await read(db)
        check(accounts, LATER)
        proofs = await verify(db, list(accounts.invoices.values()))
        assert all(proof is None or proof.matches for proof in proofs.values())
    held = [row for row in accounts.periods.values() if row.freed_at is None]
    invoices = [
        Told(
            row.customer_id,
            sorted(one.subscription_id for one in held if one.invoice_id == id),
            row.period_start.isoformat(),
            row.status,
            row.subtotal,
            row.credits_applied,
            row.total,
            [line.line() for line in accounts.lines_of[id]],
        )
        for id, row in accounts.invoices.items()
    ]
    return Story(
        sorted(invoices, key=lambda one: (one.customer_id, one.subscription_ids, one.start)),
        {id: row.remaining for id, row in accounts.grants.items()},
        sorted(
            (row.grant_id, row.position, row.amount, row.balance)
            for row in accounts.entries.values()
        ),
    )
