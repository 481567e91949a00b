"""Everything that is stored about money, read as it is, and what must hold of it at any time."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from itertools import groupby, pairwise
from typing import NamedTuple
from uuid import UUID

from fubble_gql.billing.invoice_rows import INVOICE_LINES, INVOICES, InvoiceLineRow, InvoiceRow
from fubble_gql.billing.rows import (
    COMMITMENTS,
    PHASES,
    SUBSCRIPTIONS,
    CommitmentRow,
    PhaseRow,
    SubscriptionRow,
)
from fubble_gql.billing.timeline import Timeline, timeline
from fubble_gql.catalog.rows import PLANS
from fubble_gql.credits.rows import (
    CREDIT_GRANTS,
    CREDIT_TRANSACTIONS,
    CreditGrantRow,
    CreditTransactionRow,
)
from fubble_gql.db.connection import Connection
from fubble_gql.db.rows import R, Table
from fubble_gql.db.sql import sql
from fubble_gql.pricing.period import Period

ZERO = Decimal(0)
ISSUED = ("PENDING", "PAID", "FAILED")
_OTHERS = ("customer", "usage_event", "invoice_numbering", "repeatable_call", "invoice_document")
# What may still change of an issued invoice.
_STATE = ("status", "paid_at", "failed_at", "failure_reason", "voided_at", "void_reason")


class PeriodRow(NamedTuple):
    """A period that an invoice holds or held."""

    id: UUID
    subscription_id: UUID
    start_at: datetime
    end_at: datetime
    invoice_id: UUID
    freed_at: datetime | None


class Kept(NamedTuple):
    """What an invoice keeps of its terms and parties, as text."""

    id: UUID
    terms: str | None
    bill_to: str | None
    seller: str | None


_PERIODS = Table("invoice_period", PeriodRow)
_KEPT = Table("invoice", Kept)

# What is billed: by a component, for a commitment's metric, or as a plan's minimum, in a span.
Billed = tuple[UUID | None, UUID | None, datetime, datetime]


@dataclass(frozen=True)
class Accounts:
    """All rows at one moment, each table by its id."""

    invoices: Mapping[UUID, InvoiceRow]
    kept: Mapping[UUID, Kept]
    lines: Mapping[UUID, InvoiceLineRow]
    periods: Mapping[UUID, PeriodRow]
    grants: Mapping[UUID, CreditGrantRow]
    entries: Mapping[UUID, CreditTransactionRow]
    subscriptions: Mapping[UUID, SubscriptionRow]
    phases: Mapping[UUID, PhaseRow]
    commitments: Mapping[UUID, CommitmentRow]
    timelines: Mapping[UUID, Timeline]
    others: Mapping[str, list[str]]

    @cached_property
    def lines_of(self) -> Mapping[UUID, list[InvoiceLineRow]]:
        """Each invoice's lines in their order."""
        found: dict[UUID, list[InvoiceLineRow]] = {id: [] for id in self.invoices}
        for line in sorted(self.lines.values(), key=lambda line: line.position):
            found[line.invoice_id].append(line)
        return found

    def held(self, subscription_id: UUID) -> list[PeriodRow]:
        """The periods of a subscription that invoices hold."""
        rows = [row for row in self.periods.values() if row.subscription_id == subscription_id]
        return sorted((row for row in rows if row.freed_at is None), key=lambda row: row.start_at)

    def issued_spans(self, subscription_id: UUID) -> list[Period]:
        """Those that issued invoices hold."""
        return self._spans(subscription_id, ISSUED)

    def zeroed_spans(self, subscription_id: UUID) -> list[Period]:
        """Those that were settled at zero."""
        return self._spans(subscription_id, ("VOID",))

    def _spans(self, subscription_id: UUID, states: Container[str]) -> list[Period]:
        held = self.held(subscription_id)
        return [
            Period(row.start_at, row.end_at)
            for row in held
            if self.invoices[row.invoice_id].status in states
        ]

    def next_open(self, subscription_id: UUID) -> Period | None:
        """The earliest period that no invoice holds and that has more than trial in it."""
        row, line = self.subscriptions[subscription_id], self.timelines[subscription_id]
        taken = {(one.start_at, one.end_at) for one in self.held(subscription_id)}
        for period in line.periods():
            is_trial = row.trial_end_at is not None and period.end <= row.trial_end_at
            if (period.start, period.end) not in taken and not is_trial:
                return period
        return None

    def is_finished(self, subscription_id: UUID) -> bool:
        """Whether every period that it will ever have is on an issued invoice, or settled."""
        held = self.held(subscription_id)
        is_drafted = any(self.invoices[row.invoice_id].status == "DRAFT" for row in held)
        return bool(held) and not is_drafted and self.next_open(subscription_id) is None

    def standing(self, subscription_id: UUID, span: Period) -> dict[Billed, Decimal]:
        """What stands on issued invoices for a billing period, lines by hand left out."""
        found: dict[Billed, Decimal] = {}
        for line in self.lines.values():
            is_standing = self.invoices[line.invoice_id].status in ISSUED and line.kind != "MANUAL"
            if not is_standing or line.subscription_id != subscription_id:
                continue
            start, end = line.period_start, line.period_end
            assert start is not None
            assert end is not None
            if span.start <= start and end <= span.end:
                key = (line.component_id, line.metric_id, start, end)
                found[key] = found.get(key, ZERO) + line.amount
        return {key: amount for key, amount in found.items() if amount}

    def as_issued(self) -> dict[UUID, object]:
        """All that must never change of each invoice that has a number."""
        return {
            id: (
                row._replace(**dict.fromkeys(_STATE)),  # type: ignore[arg-type]
                self.kept[id],
                self.lines_of[id],
            )
            for id, row in self.invoices.items()
            if row.number is not None
        }


async def read(db: Connection) -> Accounts:
    """Everything, as it is now."""

    async def all_of(table: Table[R]) -> dict[UUID, R]:
        rows = await table.select(db, sql("where true"))
        return {row.id: row for row in rows}  # type: ignore[attr-defined]

    phases, plans = await all_of(PHASES), await all_of(PLANS)
    subscriptions = await all_of(SUBSCRIPTIONS)
    in_order = sorted(phases.values(), key=lambda phase: phase.start_at)
    return Accounts(
        invoices=await all_of(INVOICES),
        kept=await all_of(_KEPT),
        lines=await all_of(INVOICE_LINES),
        periods=await all_of(_PERIODS),
        grants=await all_of(CREDIT_GRANTS),
        entries=await all_of(CREDIT_TRANSACTIONS),
        subscriptions=subscriptions,
        phases=phases,
        commitments=await all_of(COMMITMENTS),
        timelines={
            id: timeline(row, [one for one in in_order if one.subscription_id == id], plans)
            for id, row in subscriptions.items()
        },
        others={table: await _raw(db, table) for table in _OTHERS},
    )


async def _raw(db: Connection, table: str) -> list[str]:
    records = await db.fetch(sql(f"select * from {table}"))  # noqa: S608
    return sorted(repr(tuple(record)) for record in records)


def check(accounts: Accounts, now: datetime) -> None:
    """What holds after every call, whatever happened before."""
    _check_ledger(accounts)
    _check_draws(accounts)
    _check_numbers(accounts)
    _check_amounts(accounts)
    for id in accounts.subscriptions:
        _check_periods(accounts, id, now)


def _check_ledger(accounts: Accounts) -> None:
    """Entries are numbered, sum to what remains of their grant, and never leave less than zero."""
    entries = sorted(accounts.entries.values(), key=lambda one: (one.grant_id.int, one.position))
    found = {id: list(own) for id, own in groupby(entries, key=lambda one: one.grant_id)}
    assert found.keys() == accounts.grants.keys()
    for id, grant in accounts.grants.items():
        total = ZERO
        for position, entry in enumerate(found[id], 1):
            total += entry.amount
            assert (entry.position, entry.balance) == (position, total)
            assert total >= 0
        assert grant.remaining == total
        assert total <= grant.amount == found[id][0].amount
        assert grant.cancelled_at is None or total == 0


def _check_draws(accounts: Accounts) -> None:
    """An issued invoice drew what it says; a void one gave all of it back."""
    for id, row in accounts.invoices.items():
        own = [one for one in accounts.entries.values() if one.invoice_id == id]
        moved = [one.amount for one in own if one.position > 1]
        left = [grant for grant in accounts.grants.values() if grant.invoice_id == id]
        refunds = [grant.amount for grant in left if grant.type == "REFUND"]
        rests = [grant for grant in left if grant.type == "ADJUSTMENT"]
        if row.number is None:
            assert (own, left) == ([], [])
            continue
        assert -sum(amount for amount in moved if amount < 0) == row.credits_applied
        if row.status == "VOID":
            assert sum(moved, ZERO) + sum(refunds, ZERO) == 0
            assert all(grant.remaining == 0 for grant in rests)
        else:
            assert refunds == []
            assert all(amount < 0 for amount in moved)
        assert [grant.amount for grant in rests] == ([-row.subtotal] if row.subtotal < 0 else [])


def _check_numbers(accounts: Accounts) -> None:
    """Issued invoices are numbered 1, 2, … as they were issued; no others have a number."""
    for row in accounts.invoices.values():
        assert (row.number is None) == (row.issued_at is None)
        assert row.number is None or row.status != "DRAFT"
        assert row.number is not None or row.status in ("DRAFT", "VOID")
    numbered = sorted((row for row in accounts.invoices.values() if row.number), key=_number)
    assert [row.number for row in numbered] == [f"INV-{n:06d}" for n in range(1, len(numbered) + 1)]
    for one, other in pairwise(numbered):
        assert one.issued_at is not None
        assert other.issued_at is not None
        assert one.issued_at <= other.issued_at


def _number(row: InvoiceRow) -> str:
    return row.number or ""


def _check_amounts(accounts: Accounts) -> None:
    for id, row in accounts.invoices.items():
        assert row.subtotal == sum((line.amount for line in accounts.lines_of[id]), ZERO)
        assert row.total == max(ZERO, row.subtotal - row.credits_applied)
        assert ZERO <= row.credits_applied <= max(ZERO, row.subtotal)


def _check_periods(accounts: Accounts, id: UUID, now: datetime) -> None:
    """Periods tile a life; each is on one invoice at most; the next one is known to be due."""
    row, line = accounts.subscriptions[id], accounts.timelines[id]
    periods = []
    for period in line.periods():
        periods.append(period)
        if period.start > now:
            break
    if row.end_at is None or row.end_at > row.start_at:
        assert periods[0].start == row.start_at
        assert periods[-1].end == row.end_at or periods[-1].start > now
    assert all(one.end == other.start for one, other in pairwise(periods))
    held = accounts.held(id)
    assert all(one.end_at <= other.start_at for one, other in pairwise(held))
    assert {(one.start_at, one.end_at) for one in held} <= {(one.start, one.end) for one in periods}
    assert all(one.end_at <= now for one in held)
    due = accounts.next_open(id)
    assert row.due_at == (None if due is None else due.end)
