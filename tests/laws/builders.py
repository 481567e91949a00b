"""Customers, plans, subscriptions, usage and invoices, by the verbs of the domain, no GraphQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from fubble_gql.billing import drafts, issue, run, subscribe
from fubble_gql.billing.agreement import NewCommitment
from fubble_gql.billing.drafts import NewInvoice
from fubble_gql.billing.invoice_rows import InvoiceRow
from fubble_gql.billing.run import Order, Run
from fubble_gql.billing.seller import Seller
from fubble_gql.billing.subscribe import NewSubscription
from fubble_gql.catalog import plans
from fubble_gql.catalog.components import NewComponent
from fubble_gql.catalog.new_plan import NewPlan
from fubble_gql.catalog.rows import PlanRow
from fubble_gql.credits import ledger
from fubble_gql.credits.new_grant import NewGrant
from fubble_gql.customers.models import Customer
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.sql import sql
from fubble_gql.pricing.period import Frequency, Period
from fubble_gql.pricing.rates import PerUnit, Rate, Subscription
from fubble_gql.pricing.rates.codec import encode
from fubble_gql.usage.ingest import NewEvent, ReceiptStatus, record
from tests.usage.builders import at

MAY, JUNE, JULY = at("2026-05-01"), at("2026-06-01"), at("2026-07-01")
SELLER = Seller("Fubble Ltd")
SECOND = timedelta(seconds=1)

_numbers = count(1)


@dataclass
class Clock:
    """It stands still until it is set."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


async def a_customer(db: Connection, key: str = "acme", timezone: str = "UTC") -> UUID:
    """A customer who pays in USD; the id."""
    customer = await Customer.create(
        using_db=db.client,
        id=uuid4(),
        key=key,
        name=key.title(),
        currency="USD",
        timezone=timezone,
        metadata={},
        created_at=MAY,
        updated_at=MAY,
    )
    return customer.id


def fee(amount: str = "30", key: str = "fee") -> NewComponent:
    """A fee, prorated."""
    return NewComponent(key, key.title(), encode(Subscription(Decimal(amount))))


def usage(rate: Rate | str = "1", metric: str = "calls", key: str = "usage") -> NewComponent:
    """A price for each unit, or another rate."""
    rate = PerUnit(Decimal(rate)) if isinstance(rate, str) else rate
    return NewComponent(key, key.title(), encode(rate), metric)


async def a_plan(
    db: Connection,
    *components: NewComponent,
    key: str = "pro",
    frequency: Frequency = Frequency.MONTHLY,
) -> PlanRow:
    """A plan in USD, monthly unless said, with a fee of 30 when nothing is given."""
    new = NewPlan(key, key.title(), frequency, list(components) or [fee()])
    return await plans.create(db, new, MAY)


async def a_subscription(
    db: Connection,
    customer: str = "acme",
    plan: str = "pro",
    start: datetime = MAY,
    **more: Any,  # noqa: ANN401 - what NewSubscription takes
) -> UUID:
    """A subscription since the first of May unless said; its id."""
    new = NewSubscription(Ref(key=customer), Ref(key=plan), start_at=start, **more)
    return (await subscribe.subscribe(db, new, start)).life.subscription.id


async def used(
    db: Connection,
    quantity: str,
    time: datetime,
    now: datetime,
    customer: str = "acme",
    metric: str = "calls",
) -> str:
    """An event that counts; its key."""
    key = f"event-{next(_numbers)}"
    event = NewEvent(customer, metric, key, Decimal(quantity), time)
    (receipt,) = await record(db, [event], lambda: now)
    assert receipt.status is ReceiptStatus.ACCEPTED, receipt
    return key


async def granted(db: Connection, amount: str, now: datetime, customer: str = "acme") -> UUID:
    """Credit that never expires; the grant's id."""
    return (await ledger.grant(db, NewGrant(Ref(key=customer), Decimal(amount)), now)).id


async def a_draft(
    db: Connection,
    subscription: UUID | None = None,
    period: Period | None = None,
    *,
    clock: Clock,
    customer: str = "acme",
) -> InvoiceRow:
    """A draft of a period, or one for lines by hand."""
    return await drafts.create(db, NewInvoice(Ref(key=customer), subscription, period), clock)


async def finalised(db: Connection, id: UUID, clock: Clock) -> InvoiceRow:
    """The draft, issued."""
    return await issue.finalise(db, id, clock, SELLER)


async def run_billing(db: Connection, clock: Clock, *, finalise: bool = True) -> Run:
    """What is due by now."""
    return await run.run(db, Order(clock(), finalise, clock, SELLER))


def committed(quantity: str, rate: str, metric: str = "calls") -> NewCommitment:
    """From the start on."""
    return NewCommitment(metric, Decimal(quantity), Decimal(rate))


async def rows(db: Connection, table: str) -> list[str]:
    """Every row of a table as it is stored."""
    found = await db.fetch(sql(f"select * from {table}"))  # noqa: S608
    return sorted(repr(tuple(row)) for row in found)
