"""What becomes of an issued invoice: paid, failed, voided. Collection of money calls from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

from fubble_gql import checks
from fubble_gql.billing.held import held_by, reschedule
from fubble_gql.billing.invoice_rows import INVOICES, InvoiceRow
from fubble_gql.billing.invoice_states import ISSUED, InvoiceStatus, can_move
from fubble_gql.billing.issue import customer_of, invoice
from fubble_gql.credits import ledger
from fubble_gql.db import refs
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.sql import sql
from fubble_gql.errors import Problems
from fubble_gql.usage.store import store_of


async def pay(
    connection: Connection, id: UUID, paid_at: datetime | None, now: datetime
) -> InvoiceRow:
    """Note that an invoice was paid. Again changes nothing.

    Raises Refused: INVALID for an instant in the future or before it was issued, NOT_FOUND,
    INVALID_STATE.
    """

    async def work(tx: Connection, row: InvoiceRow) -> None:
        problems = Problems()
        if paid_at is not None and paid_at > now:
            problems.add("paidAt must not be in the future.", "paidAt")
        if paid_at is not None and row.issued_at is not None and paid_at < row.issued_at:
            problems.add("paidAt must not be before the invoice was issued.", "paidAt")
        problems.raise_if_any()
        await tx.fetch(
            sql("update invoice set status = 'PAID', paid_at = ? where id = ?", paid_at or now, id)
        )

    return await _move(connection, id, InvoiceStatus.PAID, work)


async def fail(connection: Connection, id: UUID, reason: str | None, now: datetime) -> InvoiceRow:
    """Note that collecting an invoice failed. Again changes nothing.

    Raises Refused: INVALID, NOT_FOUND, INVALID_STATE.
    """
    _check_reason(reason)

    async def work(tx: Connection, _row: InvoiceRow) -> None:
        await tx.fetch(
            sql(
                "update invoice set status = 'FAILED', failed_at = ?, failure_reason = ? "
                "where id = ?",
                now,
                reason,
                id,
            )
        )

    return await _move(connection, id, InvoiceStatus.FAILED, work)


async def void(
    connection: Connection, id: UUID, reason: str | None, *, rebill: bool, now: datetime
) -> InvoiceRow:
    """Take an invoice back; what it drew of credit returns. Again changes nothing.

    With `rebill` its periods can be invoiced again, else they are settled at zero. Raises Refused:
    INVALID, NOT_FOUND, INVALID_STATE for a paid one, and where the credit that it left is spent.
    """
    _check_reason(reason)

    async def work(tx: Connection, row: InvoiceRow) -> None:
        if row.status in ISSUED:
            await ledger.take_back_remainder(tx, id, now)
            await ledger.give_back(tx, id, f"Invoice {row.number} was voided", now)
            await _unsettle(tx, id)
        await tx.fetch(
            sql(
                "update invoice set status = 'VOID', voided_at = ?, void_reason = ? where id = ?",
                now,
                reason,
                id,
            )
        )
        if rebill:
            await _free(tx, id, now)

    return await _move(connection, id, InvoiceStatus.VOID, work)


async def _move(
    connection: Connection,
    id: UUID,
    to: InvoiceStatus,
    work: Callable[[Connection, InvoiceRow], Awaitable[None]],
) -> InvoiceRow:
    async def moved(tx: Connection) -> InvoiceRow:
        await store_of(tx).hold_alone(tx, [await customer_of(tx, id)])
        row = await refs.get(tx, INVOICES, Ref(id=id), "invoiceId")
        if can_move(row.status, to, row.total, "invoiceId"):
            await work(tx, row)
        return await invoice(tx, id)

    return await connection.transaction(moved)


async def _unsettle(tx: Connection, id: UUID) -> None:
    """What its lines billed stands no more: find out anew what their subscriptions come to."""
    await tx.fetch(
        sql(
            "update plan_subscription set settled_at = null where id in "
            "(select subscription_id from invoice_line where invoice_id = ?)",
            id,
        )
    )


async def _free(tx: Connection, id: UUID, now: datetime) -> None:
    held = await held_by(tx, [id])
    await tx.fetch(
        sql(
            "update invoice_period set freed_at = ? where invoice_id = ? and freed_at is null",
            now,
            id,
        )
    )
    await reschedule(tx, [row.subscription_id for row in held[id]])


def _check_reason(reason: str | None) -> None:
    problems = Problems()
    checks.optional_text(problems, reason, "reason", limit=checks.LONG_TEXT_LENGTH_MAX)
    problems.raise_if_any()
