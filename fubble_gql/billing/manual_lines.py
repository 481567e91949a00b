"""Lines of drafts that are made by hand: added and removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from fubble_gql import checks
from fubble_gql.billing.drafts import draft
from fubble_gql.billing.invoice_rows import InvoiceRow, line_row, lines_of
from fubble_gql.billing.issue import invoice
from fubble_gql.credits import ledger
from fubble_gql.db import refs, write
from fubble_gql.db.connection import Connection
from fubble_gql.db.repeat import Call, made_before
from fubble_gql.db.sql import sql
from fubble_gql.errors import Code, Problems, Refused, refuse
from fubble_gql.pricing.charge import priced_step
from fubble_gql.pricing.credit import draw
from fubble_gql.pricing.line import Bill, Line, LineKind
from fubble_gql.pricing.money import ONE, ZERO, is_in_range, plain, round_money

LINES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class ManualLine:
    """So many at so much each; below zero it is a discount."""

    description: str
    unit_price: Decimal
    quantity: Decimal = ONE
    idempotency_key: str | None = None

    def comparable(self, invoice_id: UUID) -> dict[str, object]:
        """The input with what it is for."""
        return {
            "invoiceId": str(invoice_id),
            "description": self.description,
            "quantity": plain(self.quantity),
            "unitPrice": plain(self.unit_price),
        }


async def add(connection: Connection, id: UUID, new: ManualLine, now: datetime) -> InvoiceRow:
    """Add a line to a draft; what was rated stays as it is.

    Raises Refused: INVALID with every reason, NOT_FOUND, INVALID_STATE, LIMIT_EXCEEDED,
    IDEMPOTENCY_MISMATCH.
    """

    async def work(tx: Connection) -> InvoiceRow:
        if new.idempotency_key is not None:
            call = Call("addInvoiceLine", new.idempotency_key, new.comparable(id), id)
            if await _was_added(tx, call, now):
                return await invoice(tx, id)
        row = await draft(tx, id)
        line = _line(new, row.currency)
        lines = (await lines_of(tx, [id]))[id]
        if len(lines) >= LINES_MAX:
            raise refuse(
                Code.LIMIT_EXCEEDED, f"An invoice has at most {LINES_MAX:,} lines.", "invoiceId"
            )
        position = max((one.position for one in lines), default=0) + 1
        await write.insert(tx, "invoice_line", [line_row(id, position, line)])
        await _total(tx, row, [*(one.line() for one in lines), line], now)
        return await invoice(tx, id)

    return await connection.transaction(work)


async def _was_added(tx: Connection, call: Call, now: datetime) -> bool:
    """Whether the same call was made before. The invoice is an argument beside the input."""
    try:
        return await made_before(tx, call, "input", now=now) is not None
    except Refused as refused:
        raise Refused(
            replace(one, path=one.path[1:]) if one.path == ("input", "invoiceId") else one
            for one in refused.problems
        ) from None


async def remove(connection: Connection, id: UUID, line_id: UUID, now: datetime) -> InvoiceRow:
    """Remove a line that was added by hand from a draft.

    Raises Refused: NOT_FOUND, INVALID_STATE for an invoice that is no draft and for a rated line.
    """

    async def work(tx: Connection) -> InvoiceRow:
        row = await draft(tx, id)
        lines = (await lines_of(tx, [id]))[id]
        gone = next((one for one in lines if one.id == line_id), None)
        if gone is None:
            raise refs.not_found("line", "lineId")
        if gone.kind is not LineKind.MANUAL:
            raise refuse(
                Code.INVALID_STATE,
                "This line was rated; only lines that were added by hand can be removed.",
                "lineId",
            )
        await tx.fetch(sql("delete from invoice_line where id = ?", line_id))
        await _total(tx, row, [one.line() for one in lines if one is not gone], now)
        return await invoice(tx, id)

    return await connection.transaction(work)


def _line(new: ManualLine, currency: str) -> Line:
    """Rounded here, once."""
    problems = Problems()
    checks.text(problems, new.description, "description", limit=checks.LONG_TEXT_LENGTH_MAX)
    exact = new.quantity * new.unit_price
    if not is_in_range(new.unit_price):
        problems.add("unitPrice takes 20 digits before the point and 18 after it.", "unitPrice")
    if new.quantity <= 0 or not is_in_range(new.quantity):
        problems.add(
            "quantity must be above zero, with at most 20 digits before the point and 18 after "
            "it; for a discount make unitPrice negative.",
            "quantity",
        )
    if not problems.found and not is_in_range(round_money(exact, currency)):
        problems.add("The line comes to more than an invoice can hold.", "unitPrice")
    problems.raise_if_any("input")
    return Line(
        kind=LineKind.MANUAL,
        description=new.description,
        component_id=None,
        metric_id=None,
        subscription_id=None,
        period=None,
        quantity=new.quantity,
        unit_price=new.unit_price,
        amount=round_money(exact, currency),
        steps=(priced_step(new.description, new.quantity, new.unit_price),),
    )


async def _total(tx: Connection, row: InvoiceRow, lines: Sequence[Line], now: datetime) -> None:
    """What the draft comes to with these lines, and what credit would pay of it."""
    subtotal = Bill(row.currency, tuple(lines)).subtotal
    if not is_in_range(subtotal):
        raise refuse(
            Code.LIMIT_EXCEEDED, "The invoice comes to more than it can hold.", "invoiceId"
        )
    grants = (await ledger.spendable(tx, [row.customer_id], now))[row.customer_id]
    paid = sum((one.amount for one in draw(grants, subtotal, now, row.named_grants)), ZERO)
    bill = Bill(row.currency, tuple(lines), paid)
    amounts = {"subtotal": subtotal, "credits_applied": paid, "total": bill.total}
    await write.update(tx, "invoice", [{"id": row.id, **amounts}])
