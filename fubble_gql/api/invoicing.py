"""Writing invoices in the graph: made, changed as drafts, issued, paid, taken back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry
from strawberry import UNSET

from fubble_gql.api import ids
from fubble_gql.api.context import Info
from fubble_gql.api.errors import UserError, answer
from fubble_gql.api.inputs import given_or_none
from fubble_gql.api.invoice_inputs import (
    CreateInvoiceInput,
    ManualLineInput,
    new_invoice,
    new_line,
)
from fubble_gql.api.invoices import Invoice
from fubble_gql.billing import drafts, issue, manual_lines, settle
from fubble_gql.billing.invoice_rows import InvoiceRow

InvoiceId = Annotated[strawberry.ID, strawberry.argument(description="The invoice's id.")]
Reason = Annotated[
    str | None,
    strawberry.argument(description="Why, at most 10,000 characters; the customer may read it."),
]


@strawberry.type
class InvoicePayload:
    """The invoice, or why the call was refused."""

    invoice: Invoice | None = strawberry.field(description="The invoice as it is now.")
    errors: list[UserError] = strawberry.field(description="Why nothing was done; else empty.")


@strawberry.type
class InvoiceMutation:
    """Writing invoices."""

    @strawberry.mutation
    async def create_invoice(
        self,
        info: Info,
        input: Annotated[CreateInvoiceInput, strawberry.argument(description="What it is for.")],
    ) -> InvoicePayload:
        """Make a draft. It holds its billing periods: no other invoice can have them.

        CONFLICT when an invoice holds one of them already. Without an idempotencyKey: a draft for
        lines by hand is another one at each call.
        """
        context = info.context
        return await answer(
            InvoicePayload,
            "invoice",
            lambda: drafts.create(context.connection, new_invoice(input), context.clock),
        )

    @strawberry.mutation
    async def add_invoice_line(
        self,
        info: Info,
        invoice_id: InvoiceId,
        input: Annotated[ManualLineInput, strawberry.argument(description="The line.")],
    ) -> InvoicePayload:
        """Add a MANUAL line to a draft; the other lines stay as they are."""
        context = info.context
        return await _answer(
            invoice_id,
            lambda id: manual_lines.add(context.connection, id, new_line(input), context.now),
        )

    @strawberry.mutation
    async def remove_invoice_line(
        self,
        info: Info,
        invoice_id: InvoiceId,
        line_id: Annotated[strawberry.ID, strawberry.argument(description="The line's id.")],
    ) -> InvoicePayload:
        """Remove a MANUAL line from a draft; INVALID_STATE for any other kind of line."""
        context = info.context

        def work(id: UUID) -> Awaitable[InvoiceRow]:
            line = ids.decode("InvoiceLine", line_id, "lineId")
            return manual_lines.remove(context.connection, id, line, context.now)

        return await _answer(invoice_id, work)

    @strawberry.mutation
    async def refresh_invoice(self, info: Info, invoice_id: InvoiceId) -> InvoicePayload:
        """Rate a draft anew, as of now; its MANUAL lines stay."""
        context = info.context
        return await _answer(
            invoice_id, lambda id: drafts.refresh(context.connection, id, context.clock)
        )

    @strawberry.mutation
    async def finalize_invoice(self, info: Info, invoice_id: InvoiceId) -> InvoicePayload:
        """Issue a draft, in one step and once: rated anew as of now, numbered, paid from credit.

        It never changes again. A total of 0 is PAID at once; what it is below zero becomes an
        ADJUSTMENT grant of credit. Again: no error, no change.
        """
        context = info.context
        return await _answer(
            invoice_id,
            lambda id: issue.finalise(context.connection, id, context.clock, context.seller),
        )

    @strawberry.mutation
    async def pay_invoice(
        self,
        info: Info,
        invoice_id: InvoiceId,
        paid_at: Annotated[
            datetime | None,
            strawberry.argument(description="When; now unless said, and never later."),
        ] = UNSET,
    ) -> InvoicePayload:
        """Note that an invoice was paid; for your payment service. Again: no error, no change."""
        context = info.context
        paid = given_or_none(paid_at)
        return await _answer(
            invoice_id, lambda id: settle.pay(context.connection, id, paid, context.now)
        )

    @strawberry.mutation
    async def fail_invoice(
        self, info: Info, invoice_id: InvoiceId, reason: Reason = UNSET
    ) -> InvoicePayload:
        """Note that collecting the money failed; it stays due. Again: no error, no change."""
        context = info.context
        why = given_or_none(reason)
        return await _answer(
            invoice_id, lambda id: settle.fail(context.connection, id, why, context.now)
        )

    @strawberry.mutation
    async def void_invoice(
        self,
        info: Info,
        invoice_id: InvoiceId,
        reason: Reason = UNSET,
        rebill: Annotated[
            bool | None,
            strawberry.argument(
                description=(
                    "true unless said: its billing periods can be invoiced again. With false they "
                    "are settled at zero, for good."
                )
            ),
        ] = UNSET,
    ) -> InvoicePayload:
        """Take an invoice back. What it drew of credit returns; its number stays used.

        What was paid cannot be voided. Again: no error, no change.
        """
        context = info.context
        why, again = given_or_none(reason), given_or_none(rebill) is not False
        return await _answer(
            invoice_id,
            lambda id: settle.void(context.connection, id, why, rebill=again, now=context.now),
        )


async def _answer(invoice_id: str, work: Callable[[UUID], Awaitable[InvoiceRow]]) -> InvoicePayload:
    return await answer(
        InvoicePayload, "invoice", lambda: work(ids.decode("Invoice", invoice_id, "invoiceId"))
    )
