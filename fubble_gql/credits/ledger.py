"""The only writer of credit: granted, drawn by invoices, given back, cancelled.

A grant's entries sum to what remains of it, and nothing ever remains below zero. Expiry writes
nothing: what has expired is merely not spendable any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from fubble_gql.credits.entries import Change, enter, lock_grants, open_grants
from fubble_gql.credits.new_grant import PRIORITY_DEFAULT, NewGrant
from fubble_gql.credits.rows import (
    CREDIT_GRANTS,
    CREDIT_TRANSACTIONS,
    CreditGrantRow,
    CreditType,
    is_spendable,
)
from fubble_gql.customers.store import CUSTOMERS
from fubble_gql.db import refs
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.repeat import Call, made_before, new_id
from fubble_gql.db.sql import sql
from fubble_gql.errors import Code, refuse
from fubble_gql.pricing.credit import Grant
from fubble_gql.pricing.money import ZERO


@dataclass(frozen=True, slots=True)
class InvoiceDraw:
    """What an invoice takes from a grant."""

    invoice_id: UUID
    grant_id: UUID
    amount: Decimal
    description: str

    def __post_init__(self) -> None:
        _refuse_negative(self.amount)


@dataclass(frozen=True, slots=True)
class Remainder:
    """By how much an invoice is below zero, as a positive amount."""

    customer_id: UUID
    invoice_id: UUID
    amount: Decimal
    description: str

    def __post_init__(self) -> None:
        _refuse_negative(self.amount)


async def grant(connection: Connection, new: NewGrant, now: datetime) -> CreditGrantRow:
    """Give a customer money to spend on invoices.

    With an idempotency key, the same input again returns the grant that it made, as it is now.
    Raises Refused: INVALID with every reason, NOT_FOUND, INVALID_STATE for an archived customer,
    IDEMPOTENCY_MISMATCH.
    """

    async def work(tx: Connection) -> CreditGrantRow:
        customer = await refs.get(tx, CUSTOMERS, new.customer, "input", "customer")
        id = new_id()
        if new.idempotency_key is not None:
            call = Call("grantCredit", new.idempotency_key, new.comparable(customer), id)
            made_id = await made_before(tx, call, "input", now=now)
            if made_id is not None:
                return await _row(tx, made_id)
        await open_grants(tx, [(new.row(id, customer, now), "Granted")])
        return await _row(tx, id)

    return await connection.transaction(work)


async def cancel(connection: Connection, id: UUID, now: datetime) -> CreditGrantRow:
    """Take back what remains of a grant; again changes nothing. Raises Refused: NOT_FOUND."""

    async def work(tx: Connection) -> CreditGrantRow:
        row = await refs.get(tx, CREDIT_GRANTS, Ref(id=id), "creditGrantId")
        if row.cancelled_at is None:
            await _cancel(tx, row, "Cancelled", now)
        return await _row(tx, id)

    return await connection.transaction(work)


async def spendable(
    connection: Connection,
    customer_ids: Sequence[UUID],
    at: datetime,
    *,
    since: datetime | None = None,
    lock: bool = False,
) -> dict[UUID, list[Grant]]:
    """What each customer can spend at an instant: not cancelled, effective, unexpired, not empty.

    With `since` also what expired between then and that instant.

    With `lock` nobody else can draw on it until the transaction ends. One statement.
    """
    found: dict[UUID, list[Grant]] = {id: [] for id in customer_ids}
    where = connection.is_in("customer_id", list(found)) + "and" + is_spendable(at, since)
    if lock:
        rows = await lock_grants(connection, where)
    else:
        rows = await CREDIT_GRANTS.select(connection, sql("where") + where)
    for row in rows:
        found[row.customer_id].append(
            Grant(
                row.id,
                row.remaining,
                row.priority,
                row.effective_at,
                row.expires_at,
                row.created_at,
            )
        )
    return found


async def draw(tx: Connection, entries: Sequence[InvoiceDraw], now: datetime) -> None:
    """Pay for invoices what `pricing.credit.draw` chose from what is `spendable` under the lock.

    Four statements, however many they are. Raises Overdrawn when a grant has not so much left.
    """
    changes = [
        Change(entry.grant_id, -entry.amount, entry.description, entry.invoice_id)
        for entry in entries
    ]
    await enter(tx, changes, now)


async def give_back(tx: Connection, invoice_id: UUID, description: str, now: datetime) -> None:
    """Return what an invoice drew to the grants that it came from.

    What came from one that has expired by now, or was cancelled, becomes a REFUND grant of the
    same priority without expiry. Only what has not been returned yet is: calling it again changes
    nothing.
    """
    grants = await lock_grants(
        tx, sql("id in (select grant_id from credit_transaction where invoice_id = ?)", invoice_id)
    )
    owed = await _owed(tx, invoice_id)
    there = [row.id for row in grants if not row.is_gone(now)]
    await enter(tx, [Change(id, owed[id], description, invoice_id) for id in there], now)
    gone = [row for row in grants if row.is_gone(now) and owed[row.id]]
    uncovered = _uncovered(gone, owed, await _refunded(tx, invoice_id) if gone else {})
    refunds = [
        _Left(CreditType.REFUND, row.customer_id, invoice_id, amount, description, row.priority)
        for row, amount in uncovered
    ]
    await _leave(tx, refunds, now)


async def grant_remainders(tx: Connection, entries: Sequence[Remainder], now: datetime) -> None:
    """Give customers what their invoices are below zero: ADJUSTMENT grants without expiry.

    Two statements, however many they are.
    """
    left = [
        _Left(
            CreditType.ADJUSTMENT,
            entry.customer_id,
            entry.invoice_id,
            entry.amount,
            entry.description,
            PRIORITY_DEFAULT,
        )
        for entry in entries
    ]
    await _leave(tx, left, now)


async def take_back_remainder(tx: Connection, invoice_id: UUID, now: datetime) -> None:
    """Cancel the grant that an invoice below zero left, if it left one; again changes nothing.

    Raises Refused: INVALID_STATE when another invoice has spent any of it.
    """
    left = sql("invoice_id = ? and type = ?", invoice_id, CreditType.ADJUSTMENT.value)
    grants = await lock_grants(tx, left)
    if not grants:
        return
    (row,) = grants
    if await _is_spent(tx, row):
        raise refuse(
            Code.INVALID_STATE,
            "The credit that this invoice left has been spent on another; void that one first.",
            "invoiceId",
        )
    if row.cancelled_at is None:
        await _cancel(tx, row, "Its invoice was voided", now)


async def _is_spent(tx: Connection, grant: CreditGrantRow) -> bool:
    """Whether invoices drew more on a grant than came back to it, cancelled or not."""
    by_invoices = sql("where grant_id = ? and position > 1 and invoice_id is not null", grant.id)
    entries = await CREDIT_TRANSACTIONS.select(tx, by_invoices)
    return sum((entry.amount for entry in entries), ZERO) < 0


async def _cancel(tx: Connection, row: CreditGrantRow, description: str, now: datetime) -> None:
    await enter(tx, [Change(row.id, -row.remaining, description)], now)
    await tx.fetch(sql("update credit_grant set cancelled_at = ? where id = ?", now, row.id))


async def _owed(tx: Connection, invoice_id: UUID) -> dict[UUID, Decimal]:
    """What an invoice drew on each grant, less what came back to that grant."""
    owed: dict[UUID, Decimal] = defaultdict(lambda: ZERO)
    # A first entry is a grant that the invoice left.
    where = sql("where invoice_id = ? and position > 1", invoice_id)
    for entry in await CREDIT_TRANSACTIONS.select(tx, where):
        owed[entry.grant_id] -= entry.amount
    return owed


async def _refunded(tx: Connection, invoice_id: UUID) -> dict[int, Decimal]:
    """What became REFUND grants already, by their priority."""
    refunded: dict[int, Decimal] = {}
    where = sql("where invoice_id = ? and type = ?", invoice_id, CreditType.REFUND.value)
    for row in await CREDIT_GRANTS.select(tx, where):
        refunded[row.priority] = refunded.get(row.priority, ZERO) + row.amount
    return refunded


def _uncovered(
    gone: Sequence[CreditGrantRow], owed: Mapping[UUID, Decimal], refunded: Mapping[int, Decimal]
) -> Iterator[tuple[CreditGrantRow, Decimal]]:
    """What each grant is still owed beside what earlier refunds of its priority cover."""
    unused = dict(refunded)
    for row in gone:
        covered = min(owed[row.id], unused.get(row.priority, ZERO))
        unused[row.priority] = unused.get(row.priority, ZERO) - covered
        yield row, owed[row.id] - covered


class _Left(NamedTuple):
    """A grant that an invoice leaves behind."""

    type: CreditType
    customer_id: UUID
    invoice_id: UUID
    amount: Decimal
    description: str
    priority: int

    def row(self, now: datetime) -> CreditGrantRow:
        """Spendable at once and for ever."""
        return CreditGrantRow(
            id=new_id(),
            customer_id=self.customer_id,
            type=self.type.value,
            amount=self.amount,
            remaining=self.amount,
            priority=self.priority,
            description=self.description,
            effective_at=now,
            expires_at=None,
            created_at=now,
            cancelled_at=None,
            invoice_id=self.invoice_id,
        )


async def _leave(tx: Connection, grants: Iterable[_Left], now: datetime) -> None:
    """Make the grants; those of zero are left out."""
    await open_grants(tx, [(left.row(now), left.description) for left in grants if left.amount])


async def _row(connection: Connection, id: UUID) -> CreditGrantRow:
    (row,) = await CREDIT_GRANTS.by(connection, "id", [id])
    return row


def _refuse_negative(amount: Decimal) -> None:
    if amount < 0:
        raise ValueError("An amount of credit is not below zero.")
