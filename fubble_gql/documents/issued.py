"""The document of an issued invoice: made once, from what the invoice keeps, and the same for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from fubble_gql.billing import terms
from fubble_gql.billing.invoice_rows import INVOICES, InvoiceLineRow, InvoiceRow, lines_of
from fubble_gql.billing.pieces import Planned
from fubble_gql.billing.seller import Seller as Issuer
from fubble_gql.billing.verify import terms_kept
from fubble_gql.catalog.rows import PLANS
from fubble_gql.credits.rows import CREDIT_GRANTS, CREDIT_TRANSACTIONS
from fubble_gql.db import refs
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.repeat import new_id
from fubble_gql.db.sql import sql
from fubble_gql.documents.invoice import Credit, Document, Group, Line, Recipient, Seller
from fubble_gql.documents.render import render
from fubble_gql.errors import Code, refuse
from fubble_gql.pricing.money import round_money


async def pdf_of(connection: Connection, ref: Ref, issuer: Issuer, now: datetime) -> bytes:
    """The PDF of an issued invoice, by its id or, as a key, its number.

    Kept when it is first made: whatever is renamed, configured or upgraded later, it stays the same
    to the byte. Raises Refused: NOT_FOUND, INVALID_STATE for a draft, without a seller's name and
    without the extra `pdf`, INVALID naming a character that no font here can show.
    """
    row = await issued(connection, ref)
    kept = await _kept(connection, row.id)
    if kept is not None:
        return kept
    document = await document_of(connection, row, issuer)
    # Setting pages takes long enough to keep others waiting, and lets go of the interpreter.
    pdf = await asyncio.to_thread(render, document)
    await connection.fetch(
        sql(
            "insert into invoice_document (id, invoice_id, pdf, made_at) values (?, ?, ?, ?) "
            "on conflict (invoice_id) do nothing",
            new_id(),
            row.id,
            pdf,
            now,
        )
    )
    return await _kept(connection, row.id) or pdf


async def issued(connection: Connection, ref: Ref) -> InvoiceRow:
    """The invoice. Raises Refused: NOT_FOUND, INVALID_STATE for one that was never issued."""
    condition = ref.condition if ref.key is None else sql("number = ?", ref.key)
    rows = await INVOICES.select(connection, sql("where") + condition)
    if not rows:
        raise refs.not_found("invoice")
    if rows[0].number is None:
        raise refuse(Code.INVALID_STATE, "The invoice was never issued: finalise it first.")
    return rows[0]


async def document_of(connection: Connection, row: InvoiceRow, issuer: Issuer) -> Document:
    """What the document of an issued invoice says."""
    assert row.issued_at is not None  # noqa: S101 - it has a number
    kept = (await terms_kept(connection, [row.id]))[row.id]
    lines = (await lines_of(connection, [row.id]))[row.id]
    to = row.bill_to or {}
    return Document(
        seller=_seller(row.seller or {}, issuer),
        bill_to=Recipient(
            to["name"], to.get("companyName"), to.get("email"), to.get("billingAddress")
        ),
        number=row.number or "",
        issued_at=row.issued_at,
        due_at=row.due_at,
        timezone=kept["timezone"],
        currency=row.currency,
        lines=tuple(await _lines(connection, kept, lines, row.currency)),
        subtotal=round_money(row.subtotal, row.currency),
        total=round_money(row.total, row.currency),
        period=row.span if any(one.period_start for one in lines) else None,
        credits=tuple(await _credits(connection, row)),
        credits_applied=round_money(row.credits_applied, row.currency),
        notes=row.notes,
    )


def _seller(kept: Mapping[str, Any], issuer: Issuer) -> Seller:
    """As the invoice keeps them; one that was issued without a name gets today's."""
    name = kept.get("name") or issuer.name
    if not name:
        raise refuse(
            Code.INVALID_STATE,
            "An invoice needs the name of who issues it: set FUBBLE_SELLER_NAME.",
        )
    days = int(kept.get("termsDays", issuer.terms_days))
    return Seller(
        name,
        kept.get("address") or issuer.address,
        kept.get("taxId") or issuer.tax_id,
        f"Payable within {days} days." if days else "Payable at once.",
    )


async def _lines(
    connection: Connection, kept: terms.Json, rows: Sequence[InvoiceLineRow], currency: str
) -> Iterator[Line]:
    pieces = [*terms.pieces_in(kept), *terms.again_in(kept)]
    plans = await PLANS.by(connection, "id", list({one.plan_id for one in pieces}))
    names = {plan.id: plan.name for plan in plans}
    return (_line(row, pieces, names, currency) for row in rows)


def _line(
    row: InvoiceLineRow, pieces: Sequence[Planned], names: Mapping[UUID, str], currency: str
) -> Line:
    line = row.line()
    piece = next((one for one in pieces if _is_of(one, row)), None)
    return Line(
        kind=line.kind,
        description=line.description,
        quantity=line.quantity,
        amount=round_money(line.amount, currency),
        unit_price=line.unit_price,
        period=line.period,
        steps=line.steps,
        group=Group(names[piece.plan_id], piece.span) if piece else None,
    )


def _is_of(piece: Planned, row: InvoiceLineRow) -> bool:
    """Whether the line was rated from the piece."""
    if row.period_start is None or row.period_end is None:
        return False
    return (
        piece.subscription_id == row.subscription_id
        and piece.span.start <= row.period_start
        and row.period_end <= piece.span.end
    )


async def _credits(connection: Connection, row: InvoiceRow) -> Iterator[Credit]:
    """What it drew, grant by grant, whatever became of it since."""
    entries = await CREDIT_TRANSACTIONS.by(connection, "invoice_id", [row.id])
    drawn = [one for one in entries if one.amount < 0]
    grants = await CREDIT_GRANTS.by(connection, "id", list({one.grant_id for one in drawn}))
    names = {one.id: one.description or f"{one.type.capitalize()} credit" for one in grants}
    ordered = sorted(drawn, key=lambda one: (one.created_at, one.id))
    return (Credit(names[one.grant_id], round_money(-one.amount, row.currency)) for one in ordered)


async def _kept(connection: Connection, invoice_id: UUID) -> bytes | None:
    rows = await connection.fetch(
        sql("select pdf from invoice_document where invoice_id = ?", invoice_id)
    )
    return bytes(rows[0][0]) if rows else None
