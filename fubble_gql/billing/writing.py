"""Writing invoices down: drafts with their lines and periods, set-based."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from fubble_gql.billing.held import reschedule
from fubble_gql.billing.invoice_rows import line_row
from fubble_gql.billing.invoice_states import InvoiceStatus
from fubble_gql.billing.wanted import Ready
from fubble_gql.db import write
from fubble_gql.db.connection import Connection
from fubble_gql.db.repeat import new_id
from fubble_gql.db.sql import sql
from fubble_gql.db.write import Json, Row
from fubble_gql.pricing.line import LineKind
from fubble_gql.pricing.money import round_money


async def write_drafts(tx: Connection, bills: Sequence[Ready], now: datetime) -> None:
    """Write each bill as a draft, new or over the one that is there.

    Their periods are held from now on. Raises the database's refusal of a period that another
    invoice holds. The number of statements does not depend on the number of bills.
    """
    new = [bill for bill in bills if bill.wanted.draft is None]
    old = [bill for bill in bills if bill.wanted.draft is not None]
    await write.insert(tx, "invoice", [_new(bill, now) for bill in new])
    await write.insert(tx, "invoice_period", [row for bill in new for row in _held(bill)])
    if old:
        ids = [bill.wanted.id for bill in old]
        await tx.fetch(sql("delete from invoice_line where") + tx.is_in("invoice_id", ids))
        await write.update(tx, "invoice", [_amounts(bill) for bill in old])
    await write.insert(tx, "invoice_line", [row for bill in bills for row in _lines(bill)])
    await reschedule(tx, [id for bill in new for id, _ in bill.wanted.spans])


def _new(bill: Ready, now: datetime) -> Row:
    return {
        **_amounts(bill),
        "customer_id": bill.wanted.customer_id,
        "status": InvoiceStatus.DRAFT.value,
        "currency": bill.rated.bill.currency,
        "notes": bill.wanted.notes,
        "credit_grant_ids": Json([str(id) for id in bill.wanted.named]),
        "created_at": now,
    }


def _amounts(bill: Ready) -> Row:
    rated = bill.rated.bill
    return {
        "id": bill.wanted.id,
        "period_start": bill.period.start,
        "period_end": bill.period.end,
        "subtotal": rated.subtotal,
        "credits_applied": round_money(rated.credits_applied, rated.currency),
        "total": rated.total,
        "as_of": bill.rated.sheet.as_of,
    }


def _held(bill: Ready) -> Iterator[Row]:
    for subscription_id, span in bill.wanted.spans:
        yield {
            "id": new_id(),
            "subscription_id": subscription_id,
            "start_at": span.start,
            "end_at": span.end,
            "invoice_id": bill.wanted.id,
        }


def _lines(bill: Ready) -> Iterator[Row]:
    """The bill's lines; the manual ones, which come last, keep their ids."""
    manual = iter(row.id for row in bill.wanted.manual)
    for position, line in enumerate(bill.rated.bill.lines, start=1):
        kept = next(manual) if line.kind is LineKind.MANUAL else None
        yield line_row(bill.wanted.id, position, line, kept)
