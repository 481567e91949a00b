"""Finalising: from drafts to numbered invoices that never change, in one transaction, once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from uuid import UUID

from fubble_gql.billing import terms
from fubble_gql.billing.facts import Facts, gather
from fubble_gql.billing.held import held_by
from fubble_gql.billing.invoice_rows import INVOICES, InvoiceRow, lines_of
from fubble_gql.billing.invoice_states import InvoiceStatus, can_move
from fubble_gql.billing.seller import Seller
from fubble_gql.billing.wanted import Ready, Wanted, ready
from fubble_gql.billing.writing import write_drafts
from fubble_gql.credits import ledger
from fubble_gql.credits.ledger import InvoiceDraw, Remainder
from fubble_gql.customers.store import CustomerRow
from fubble_gql.db import refs, write
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.sql import sql
from fubble_gql.db.write import Json, Row
from fubble_gql.errors import Code, Refused, refuse
from fubble_gql.pricing.line import Line, LineKind
from fubble_gql.pricing.wallclock import rfc3339
from fubble_gql.usage.store import store_of

Clock = Callable[[], datetime]
_RATED = (LineKind.FEE, LineKind.USAGE, LineKind.COMMITMENT)


async def finalise(connection: Connection, id: UUID, clock: Clock, seller: Seller) -> InvoiceRow:
    """Issue a draft; one that was issued is returned as it is.

    Rated anew as of now, numbered without a gap, paid from credit. Raises Refused: NOT_FOUND,
    INVALID_STATE for a void one and for a period that has not ended, FORMULA_FAILED.
    """

    async def work(tx: Connection) -> InvoiceRow:
        await store_of(tx).hold_alone(tx, [await customer_of(tx, id)])
        row = await refs.get(tx, INVOICES, Ref(id=id), "invoiceId")
        if can_move(row.status, InvoiceStatus.PENDING, row.total, "invoiceId"):
            wanted = await wanted_of(tx, [row])
            facts = await gather(tx, [row.customer_id])
            (found,) = await issue(tx, facts, wanted, clock, seller)
            if isinstance(found, Refused):
                raise found
        return await invoice(tx, id)

    return await connection.transaction(work)


async def invoice(connection: Connection, id: UUID) -> InvoiceRow:
    """An invoice that there is."""
    (row,) = await INVOICES.by(connection, "id", [id])
    return row


async def customer_of(connection: Connection, invoice_id: UUID) -> UUID:
    """Whose invoice it is, which never changes. Raises Refused: NOT_FOUND."""
    row = await refs.find(connection, INVOICES, Ref(id=invoice_id))
    if row is None:
        raise refs.not_found("invoice", "invoiceId")
    return row.customer_id


async def wanted_of(connection: Connection, drafts: Sequence[InvoiceRow]) -> list[Wanted]:
    """The drafts as they are to be rated: their periods, and the lines that were made by hand."""
    ids = [row.id for row in drafts]
    held, lines = await held_by(connection, ids), await lines_of(connection, ids)
    return [
        Wanted(
            customer_id=row.customer_id,
            id=row.id,
            spans=tuple((one.subscription_id, one.span) for one in held[row.id]),
            draft=row,
            manual=tuple(one for one in lines[row.id] if one.kind is LineKind.MANUAL),
            named=row.named_grants,
            notes=row.notes,
        )
        for row in drafts
    ]


async def issue(
    tx: Connection, facts: Facts, wanted: Sequence[Wanted], clock: Clock, seller: Seller
) -> list[UUID | Refused | None]:
    """Write and finalise invoices of different customers, whom the transaction holds alone.

    The ids, or why there is no invoice; None where there is nothing to adjust. The number of
    statements does not depend on how many.
    """
    customers = [one.customer_id for one in wanted]
    as_of = await known_until(tx, facts, customers, clock)
    found = [_checked(one, as_of) for one in await ready(tx, facts, wanted, as_of, lock=True)]
    settled = [one for one in found if isinstance(one, Ready)]
    bills = [one for one in settled if not _is_empty(one)]
    if bills:
        await write_drafts(tx, bills, as_of)
        await _finalise(tx, facts, bills, clock, seller)
    # Also where there was nothing to adjust: what is recorded from now on must be stamped later.
    await _keep_books(tx, facts, settled)
    await _keep_settled(tx, settled)
    return [_outcome(one) for one in found]


def _is_empty(bill: Ready) -> bool:
    """Whether late usage that would have an invoice of its own changed nothing."""
    return bill.wanted.adjusts_alone and not bill.rated.bill.lines


def _outcome(found: Ready | Refused) -> UUID | Refused | None:
    if isinstance(found, Refused):
        return found
    return None if _is_empty(found) else found.wanted.id


async def known_until(
    tx: Connection, facts: Facts, customers: Sequence[UUID], clock: Clock
) -> datetime:
    """As of when the customers' usage is known now that they are held alone."""
    now = clock()
    cut_at = facts.cut_at(customers)
    return await store_of(tx).known_until(tx, customers, max(now, cut_at or now))


def _checked(bill: Ready | Refused, as_of: datetime) -> Ready | Refused:
    """The last look before a number is given."""
    if isinstance(bill, Refused):
        return bill
    for _, span in bill.wanted.spans:
        if span.end > as_of:
            return refuse(
                Code.INVALID_STATE,
                f"The period ends at {rfc3339(span.end)}: finalise the invoice after that.",
                "invoiceId",
            )
    return _disjoint(bill.rated.bill.lines) or bill


def _disjoint(lines: Sequence[Line]) -> Refused | None:
    """Whether nothing is charged twice for the same time, whatever led to it."""
    spans: dict[object, list[tuple[datetime, datetime]]] = {}
    for line in lines:
        if line.kind in _RATED and line.period is not None:
            key = (line.kind, line.subscription_id, line.component_id, line.metric_id)
            spans.setdefault(key, []).append((line.period.start, line.period.end))
    for found in spans.values():
        if any(one[1] > other[0] for one, other in pairwise(sorted(found))):
            return refuse(Code.INVALID_STATE, "Two lines of one price bill the same time.")
    return None


async def _finalise(
    tx: Connection,
    facts: Facts,
    bills: Sequence[Ready],
    clock: Clock,
    seller: Seller,
) -> None:
    first = await _numbers(tx, len(bills))
    issued_at = await _issued_from(tx, first, max(clock(), bills[0].rated.sheet.as_of))
    rows = [
        {
            "sequence": sequence,
            "number": number_of(sequence),
            **_issued(facts, bill, issued_at, seller),
        }
        for sequence, bill in enumerate(bills, first)
    ]
    await write.update(tx, "invoice", rows)
    numbered = [(number_of(sequence), bill) for sequence, bill in enumerate(bills, first)]
    await ledger.draw(tx, [draw for one in numbered for draw in _draws(*one)], issued_at)
    rests = [rest for one in numbered for rest in _rests(*one)]
    await ledger.grant_remainders(tx, rests, issued_at)


def number_of(sequence: int) -> str:
    """The number as it stands on the invoice."""
    return f"INV-{sequence:06d}"


async def _numbers(tx: Connection, count: int) -> int:
    """The first of so many numbers; nobody else gets one until the transaction ends."""
    rows = await tx.fetch(
        sql(
            "update invoice_numbering set last_sequence = last_sequence + ? where id = 'invoice' "
            "returning last_sequence",
            count,
        )
    )
    return int(rows[0][0]) - count + 1


async def _issued_from(tx: Connection, first: int, now: datetime) -> datetime:
    """When so numbered invoices are issued: never before the one with the number before.

    Read behind the numbers' lock. That one may be ahead, since it knows what another machine
    stamped whose clock runs ahead.
    """
    before = await INVOICES.by(tx, "sequence", [first - 1])
    return max([now, *(row.issued_at for row in before if row.issued_at is not None)])


def _issued(facts: Facts, bill: Ready, issued_at: datetime, seller: Seller) -> Row:
    customer = facts.customers[bill.wanted.customer_id]
    sheet, is_paid = bill.rated.sheet, not bill.rated.bill.total
    timezones = {
        line.subscription.id: line.subscription.timezone for line in facts.timelines[customer.id]
    }
    kept = {**terms.written(sheet, timezones), "timezone": customer.timezone}
    return {
        "id": bill.wanted.id,
        "status": (InvoiceStatus.PAID if is_paid else InvoiceStatus.PENDING).value,
        "issued_at": issued_at,
        "due_at": issued_at + seller.terms,
        "paid_at": issued_at if is_paid else None,
        "bill_to": Json(_bill_to(customer)),
        "seller": Json(seller.written()),
        "terms": Json(kept),
    }


def _bill_to(customer: CustomerRow) -> dict[str, object]:
    return {
        "name": customer.name,
        "companyName": customer.company_name,
        "email": customer.email,
        "billingAddress": customer.billing_address,
    }


def _draws(number: str, bill: Ready) -> list[InvoiceDraw]:
    return [
        InvoiceDraw(bill.wanted.id, draw.grant_id, draw.amount, f"Invoice {number}")
        for draw in bill.rated.draws
    ]


def _rests(number: str, bill: Ready) -> list[Remainder]:
    """What an invoice below zero owes its customer."""
    subtotal = bill.rated.bill.subtotal
    if subtotal >= 0:
        return []
    return [
        Remainder(
            bill.wanted.customer_id,
            bill.wanted.id,
            -subtotal,
            f"Invoice {number} came to below zero",
        )
    ]


async def _keep_books(tx: Connection, facts: Facts, bills: Sequence[Ready]) -> None:
    """Remember as of when the customers are invoiced, and how far."""
    customers: list[Row] = []
    for bill in bills:
        row = facts.customers[bill.wanted.customer_id]
        ends = [span.end for _, span in bill.wanted.spans]
        known = [row.invoiced_until] if row.invoiced_until else []
        customers.append(
            {
                "id": row.id,
                "cut_at": bill.rated.sheet.as_of,
                "invoiced_until": max([*known, *ends], default=None),
            }
        )
    await write.update(tx, "customer", customers)


async def _keep_settled(tx: Connection, bills: Sequence[Ready]) -> None:
    """Remember that what stands is what the subscriptions come to."""
    settled: list[Row] = [
        {"id": id, "settled_at": bill.rated.sheet.as_of} for bill in bills for id in bill.covered
    ]
    await write.update(tx, "plan_subscription", settled)
