"""Callers who do whatever comes to their mind, all at once, on the same few customers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from random import Random

from fubble_gql.billing import (
    archive,
    cancel,
    change,
    commitments,
    drafts,
    issue,
    manual_lines,
    run,
    settle,
    subscribe,
)
from fubble_gql.billing.change import PlanChange
from fubble_gql.billing.drafts import NewInvoice
from fubble_gql.billing.invoice_rows import INVOICES
from fubble_gql.billing.life import Effective
from fubble_gql.billing.manual_lines import ManualLine
from fubble_gql.billing.rows import COMMITMENTS, SUBSCRIPTIONS
from fubble_gql.billing.run import Order
from fubble_gql.billing.subscribe import NewSubscription
from fubble_gql.credits import ledger
from fubble_gql.credits.new_grant import NewGrant
from fubble_gql.credits.rows import CREDIT_GRANTS
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.rows import R, Table
from fubble_gql.db.sql import sql
from fubble_gql.errors import Refused
from fubble_gql.pricing.period import Period
from fubble_gql.usage import void
from fubble_gql.usage.ingest import NewEvent, ReceiptStatus, record
from tests.laws.builders import SELLER, committed
from tests.usage.builders import at

BEGIN, NOW, DAY = at("2026-01-01"), at("2026-05-10"), timedelta(days=1)
Deed = Callable[[], Awaitable[object]]


@dataclass
class Ticking:
    """A clock that never says the same instant twice."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


@dataclass
class Crowd:
    """They know the customers, and what of their usage was sent."""

    db: Connection
    random: Random
    customers: Sequence[str]
    clock: Ticking = field(default_factory=Ticking)
    numbers: count[int] = field(default_factory=count)
    sent: list[tuple[str, str]] = field(default_factory=list)

    async def call(self, times: int) -> None:
        """One caller's deeds, one after the other; a refusal is an answer, all else a defect."""
        deeds: list[Deed] = [
            self.use,
            self.use,
            self.use_no_more,
            self.bill_a_period,
            self.bill_a_period,
            self.finalise,
            self.take_back,
            self.run_billing,
            self.add_line,
            self.collect,
            self.credit,
            self.change,
            self.commit,
            self.archive,
        ]
        for _ in range(times):
            with suppress(Refused):
                await self.random.choice(deeds)()

    async def use(self) -> None:
        """Events of several customers, sent twice at the same time."""
        events = [
            NewEvent(
                self.random.choice(self.customers),
                self.random.choice(["calls", "hits"]),
                f"e{next(self.numbers)}",
                Decimal(self.random.randrange(1, 90)),
                BEGIN + self.random.random() * (NOW - BEGIN),
            )
            for _ in range(self.random.randrange(1, 20))
        ]
        again = self.random.sample(events, len(events))
        calls = [record(self.db, sent, self.clock) for sent in (events, again)]
        statuses = [one.status for found in await asyncio.gather(*calls) for one in found]
        if ReceiptStatus.REJECTED not in statuses:  # of a customer who is archived
            assert statuses.count(ReceiptStatus.ACCEPTED) == len(events)
            assert statuses.count(ReceiptStatus.DUPLICATE) == len(events)
        self.sent += [(event.customer, event.idempotency_key) for event in events]

    async def use_no_more(self) -> None:
        """Some events of one customer, whatever else happens to them."""
        if self.sent:
            key, _ = self.random.choice(self.sent)
            own = [name for who, name in self.sent if who == key]
            names = self.random.sample(own, min(len(own), 5))
            await void.void(self.db, Ref(key=key), names, None, self.clock)

    async def bill_a_period(self) -> None:
        """One that is due, or none by now; then it may be finalised at once."""
        row = await self.one_of(SUBSCRIPTIONS, "due_at is not null")
        if row is None or row.due_at is None:
            return
        for start in (row.start_at, row.due_at - 7 * DAY, row.due_at - 31 * DAY):
            if start >= row.due_at:
                continue
            with suppress(Refused):
                new = NewInvoice(Ref(id=row.customer_id), row.id, Period(start, row.due_at))
                made = await drafts.create(self.db, new, self.clock)
                if self.random.random() < 0.7:
                    await issue.finalise(self.db, made.id, self.clock, SELLER)
                return

    async def finalise(self) -> None:
        """Or rate it anew."""
        row = await self.one_of(INVOICES, "status = 'DRAFT'")
        if row is not None and self.random.random() < 0.3:
            await drafts.refresh(self.db, row.id, self.clock)
        elif row is not None:
            await issue.finalise(self.db, row.id, self.clock, SELLER)

    async def take_back(self) -> None:
        """To be billed again."""
        row = await self.one_of(INVOICES, "status <> 'VOID'")
        if row is not None:
            await settle.void(self.db, row.id, None, rebill=True, now=self.clock())

    async def run_billing(self) -> None:
        """As of now, finalised or not."""
        is_final = self.random.random() < 0.6
        await run.run(self.db, Order(self.clock(), is_final, self.clock, SELLER))

    async def add_line(self) -> None:
        """By hand, below zero at times."""
        row = await self.one_of(INVOICES, "status = 'DRAFT'")
        if row is not None:
            line = ManualLine("By hand", Decimal(self.random.randrange(-20, 40)))
            await manual_lines.add(self.db, row.id, line, self.clock())

    async def collect(self) -> None:
        """Paid, or not."""
        row = await self.one_of(INVOICES, "status in ('PENDING', 'FAILED')")
        if row is not None and self.random.random() < 0.5:
            await settle.pay(self.db, row.id, None, self.clock())
        elif row is not None:
            await settle.fail(self.db, row.id, "No", self.clock())

    async def credit(self) -> None:
        """Granted, or cancelled."""
        row = await self.one_of(CREDIT_GRANTS, "cancelled_at is null")
        if row is not None and self.random.random() < 0.4:
            await ledger.cancel(self.db, row.id, self.clock())
        else:
            key = self.random.choice(self.customers)
            await ledger.grant(self.db, NewGrant(Ref(key=key), Decimal(25)), self.clock())

    async def change(self) -> None:
        """Another plan, another subscription, or the end of one."""
        plan, key = Ref(key=f"p{self.random.randrange(3)}"), self.random.choice(self.customers)
        chosen, row = self.random.random(), await self.one_of(SUBSCRIPTIONS, "end_at is null")
        if row is None or chosen < 0.4:
            new = NewSubscription(Ref(key=key), plan, start_at=self.clock())
            await subscribe.subscribe(self.db, new, self.clock())
        elif chosen < 0.9:
            effective = self.random.choice(list(Effective))
            await change.change_plan(self.db, PlanChange(row.id, plan, effective), self.clock())
        else:
            await cancel.cancel(self.db, row.id, Effective.NOW, self.clock())

    async def commit(self) -> None:
        """Or no more."""
        row = await self.one_of(COMMITMENTS, "end_at is null")
        subscription = await self.one_of(SUBSCRIPTIONS, "end_at is null")
        if row is not None and self.random.random() < 0.5:
            await commitments.remove(self.db, row.id, self.clock())
        elif subscription is not None:
            await commitments.add(self.db, subscription.id, committed("9", "1"), self.clock())

    async def archive(self) -> None:
        """Refused, unless everything has ended and is invoiced."""
        key = self.random.choice(self.customers)
        await archive.archive_customer(self.db, Ref(key=key), self.clock())

    async def one_of(self, table: Table[R], where: str) -> R | None:
        """Any row, as it was a moment ago."""
        rows = await table.select(self.db, sql(f"where {where} order by id"))
        return self.random.choice(rows) if rows else None
