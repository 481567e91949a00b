"""The lines of written invoices: of one, and of many at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import strawberry

from fubble_gql.api.context import Info
from fubble_gql.api.lines import InvoiceLine, Origin
from fubble_gql.api.selecting import selected
from fubble_gql.billing.evidence import OnInvoice
from fubble_gql.billing.invoice_rows import (
    INVOICE_LINES,
    InvoiceLineRow,
    InvoiceRow,
    lines_of,
)
from fubble_gql.billing.pieces import Need
from fubble_gql.pricing.line import Line

Parent = strawberry.Parent[InvoiceRow]


class _Shown(NamedTuple):
    """What an InvoiceLine shows where only columns of its row are selected."""

    line: InvoiceLineRow
    place: UUID | str
    currency: str


async def lines_of_many(
    info: Info, invoices: Sequence[InvoiceRow]
) -> list[list[InvoiceLine]] | list[list[_Shown]]:
    """Every invoice's lines, in their order. A row that has what is selected stands for its line."""
    table = selected(INVOICE_LINES, info, "invoice_id")
    found = await lines_of(info.context.connection, [row.id for row in invoices], table)
    if table is INVOICE_LINES:
        return [[_shown(invoice, row) for row in found[invoice.id]] for invoice in invoices]
    return [
        [_Shown(row, getattr(row, "id", ""), invoice.currency) for row in found[invoice.id]]
        for invoice in invoices
    ]


def _shown(invoice: InvoiceRow, row: InvoiceLineRow) -> InvoiceLine:
    return InvoiceLine(
        line=row.line(), place=row.id, currency=invoice.currency, origin=_origin(invoice)
    )


async def lines_of_one(root: Parent, info: Info) -> list[InvoiceLine]:
    """What is billed.

    By subscription, then in the order of the plan's components; then what late usage changed in
    earlier periods, then what was added by hand.
    """
    return [_shown(root, row) for row in await info.context.loaders.invoice_lines(root.id)]


def _origin(row: InvoiceRow) -> Origin:
    """By the terms that it keeps, and what had been recorded by its instant."""

    async def needs_of(info: Info, line: Line) -> Sequence[Need]:
        return await info.context.loaders.needs_of(OnInvoice(row.id, row.customer_id, line))

    return Origin(row.customer_id, row.as_of or row.created_at, needs_of)
