"""What was agreed with single customers beside their plans: credit, commitments, plan changes, work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import NamedTuple
from uuid import UUID

from fubble_gql.billing import change, commitments, drafts, manual_lines, settle
from fubble_gql.billing.agreement import NewCommitment
from fubble_gql.billing.change import PlanChange
from fubble_gql.billing.drafts import NewInvoice
from fubble_gql.billing.invoice_rows import INVOICES
from fubble_gql.billing.life import Effective
from fubble_gql.billing.manual_lines import ManualLine
from fubble_gql.billing.rows import SUBSCRIPTIONS
from fubble_gql.credits import ledger
from fubble_gql.credits.new_grant import NewGrant
from fubble_gql.credits.rows import CreditType
from fubble_gql.customers.store import CUSTOMERS
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.sql import sql
from fubble_gql.demo.plans import plan_key
from fubble_gql.demo.story import Change, beginning, changes

_PREPAID, _PROMOTIONAL, _REFUND = CreditType.PREPAID, CreditType.PROMOTIONAL, CreditType.REFUND


class Deal(NamedTuple):
    """Something that was done for a customer at an instant; doing it again changes nothing."""

    at: datetime
    do: Callable[[Connection, datetime], Awaitable[object]]


class Credit(NamedTuple):
    """Credit that a company was given, so many days after the beginning."""

    company: str
    after_days: int
    amount: str
    type: CreditType
    description: str
    priority: int = 50
    days: int | None = None


# What expires is spent before what was paid for.
CREDITS = (
    Credit("aurora-analytics", 2, "8000", _PREPAID, "Prepaid for the year"),
    Credit("aurora-analytics", 3, "250", _PROMOTIONAL, "Welcome", priority=10, days=60),
    Credit("aurora-analytics", 80, "100", _PROMOTIONAL, "Spring campaign", priority=10, days=365),
    Credit("sakuragi-works", 7, "250000", _PREPAID, "Prepaid for the year"),
    Credit("polderlicht", 20, "25", _PROMOTIONAL, "Loyalty", priority=10, days=30),
    Credit("polderlicht", 51, "25", _PROMOTIONAL, "Loyalty", priority=10, days=30),
    Credit("polderlicht", 82, "25", _PROMOTIONAL, "Loyalty", priority=10, days=30),
    Credit("elmfield-health", 50, "180", _REFUND, "Twelve hours of outage", priority=20),
    Credit("hearthstone-foods", 10, "40", _PROMOTIONAL, "Welcome", priority=10, days=365),
    Credit("costa-clara-viajes", 5, "50", _PROMOTIONAL, "Welcome", priority=10, days=20),
    Credit("vantage-parcel", 60, "75", _PROMOTIONAL, "Spring campaign", priority=10, days=90),
)
_GRANTED_BY_MISTAKE = CREDITS[-1]

_COMMITTED = "kitakaze-cloud"
_COMMITMENT = NewCommitment(
    metric="transfer_gb",
    committed_quantity=Decimal(4_500),
    rate=Decimal(6),
    overage_rate=Decimal(9),
    idempotency_key=f"demo/{_COMMITTED}/transfer_gb",
)
_COMMITTED_AFTER = timedelta(days=40, hours=8)

_VOIDED, _VOIDED_AFTER = "hearthstone-foods", timedelta(days=35, hours=10)

_BY_HAND, _BY_HAND_BEFORE = "brussels-relay", timedelta(days=2)
_WORK = (
    ManualLine("Onboarding workshop, a day", Decimal(1_200), Decimal(2)),
    ManualLine("Import of earlier records", Decimal("85.50"), Decimal("6.5")),
    ManualLine("Discount for new customers", Decimal(-200)),
)


def deals(begun_at: datetime) -> list[Deal]:
    """All of them, in the order in which they came about."""
    return sorted(_deals(begun_at), key=lambda deal: deal.at)


def _deals(begun_at: datetime) -> Iterator[Deal]:
    start = beginning(begun_at)
    for credit in CREDITS:
        at = _given_at(credit, start)
        yield Deal(at, partial(_grant, credit=credit, start=start))
        if credit is _GRANTED_BY_MISTAKE:
            yield Deal(at + timedelta(hours=3), partial(_cancel, credit=credit, start=start))
    for step in changes(begun_at):
        yield Deal(step.asked_at, partial(_change, step=step))
    yield Deal(start + _COMMITTED_AFTER, _commit)
    yield Deal(start + _VOIDED_AFTER, _void_first)
    yield Deal(begun_at - _BY_HAND_BEFORE, _write_by_hand)


def _given_at(credit: Credit, start: datetime) -> datetime:
    return start + timedelta(days=credit.after_days, hours=9)


async def _grant(connection: Connection, now: datetime, credit: Credit, start: datetime) -> UUID:
    given_at, days = _given_at(credit, start), credit.days
    new = NewGrant(
        customer=Ref(key=credit.company),
        amount=Decimal(credit.amount),
        type=credit.type,
        priority=credit.priority,
        description=credit.description,
        expires_at=None if days is None else given_at + timedelta(days=days),
        idempotency_key=f"demo/{credit.company}/{credit.after_days}",
    )
    return (await ledger.grant(connection, new, now)).id


async def _cancel(connection: Connection, now: datetime, credit: Credit, start: datetime) -> None:
    """Granting again finds the grant."""
    await ledger.cancel(connection, await _grant(connection, now, credit, start), now)


async def _change(connection: Connection, now: datetime, step: Change) -> None:
    company = step.term.company
    key = plan_key(step.plan, company.currency)
    asked = PlanChange(
        subscription_id=await first_subscription(connection, company.key),
        plan=Ref(key=key),
        effective=Effective.NOW if step.is_at_once else Effective.PERIOD_END,
        idempotency_key=f"demo/{company.key}/{key}",
    )
    await change.change_plan(connection, asked, now)


async def _commit(connection: Connection, now: datetime) -> None:
    subscription_id = await first_subscription(connection, _COMMITTED)
    await commitments.add(connection, subscription_id, _COMMITMENT, now)


async def _void_first(connection: Connection, now: datetime) -> None:
    """Billed anew on the same day."""
    customer_id = await _customer(connection, _VOIDED)
    earliest = sql(
        "where customer_id = ? and sequence is not null order by sequence limit 1", customer_id
    )
    (first,) = await INVOICES.select(connection, earliest)
    reason = "It names last year's purchase order."
    await settle.void(connection, first.id, reason, rebill=True, now=now)


async def _write_by_hand(connection: Connection, now: datetime) -> None:
    """It stays a draft: no billing run issues what no period is due for."""
    key = f"demo/{_BY_HAND}/work"
    notes = "As agreed on the phone; to be issued when the workshop has been held."
    new = NewInvoice(Ref(key=_BY_HAND), notes=notes, idempotency_key=key)
    draft = await drafts.create(connection, new, lambda: now)
    for n, line in enumerate(_WORK):
        keyed = replace(line, idempotency_key=f"{key}/{n}")
        await manual_lines.add(connection, draft.id, keyed, now)


async def first_subscription(connection: Connection, company: str) -> UUID:
    """The subscription that a company began with."""
    rows = await SUBSCRIPTIONS.by(connection, "customer_id", [await _customer(connection, company)])
    return min(rows, key=lambda row: (row.start_at, row.id)).id


async def _customer(connection: Connection, company: str) -> UUID:
    (row,) = await CUSTOMERS.by(connection, "key", [company])
    return row.id
