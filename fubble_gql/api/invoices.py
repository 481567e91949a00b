"""Invoices in the graph: what was billed, what became of it, and the proof that nothing changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, ClassVar, cast

import strawberry
from strawberry import UNSET

from fubble_gql.api import ids, relations, written
from fubble_gql.api.bills import Bill
from fubble_gql.api.context import Info
from fubble_gql.api.inputs import given_or_none
from fubble_gql.api.invoice_inputs import InvoiceFilter, search_of
from fubble_gql.api.invoice_lines import lines_of_many, lines_of_one
from fubble_gql.api.lines import InvoiceLine
from fubble_gql.api.node import Node, Shown
from fubble_gql.api.pagination import Connection, Listing, Page, connect, listed
from fubble_gql.api.periods import Money, Period, show_money, show_period
from fubble_gql.api.selecting import selected
from fubble_gql.billing.invoice_rows import (
    INVOICES,
    NEWEST_FIRST,
    InvoiceRow,
)
from fubble_gql.billing.invoice_search import InvoiceSearch, is_overdue
from fubble_gql.billing.invoice_states import InvoiceStatus
from fubble_gql.customers.store import CUSTOMERS
from fubble_gql.db.refs import Ref
from fubble_gql.db.sql import sql
from fubble_gql.errors import Code, refuse
from fubble_gql.reads.marks import computed_from, for_many, marked, reads_selected

if TYPE_CHECKING:
    from fubble_gql.api.customers import Customer

LazyCustomer = Annotated["Customer", strawberry.lazy("fubble_gql.api.customers")]
Parent = strawberry.Parent[InvoiceRow]
FilterArgument = Annotated[
    InvoiceFilter | None, strawberry.argument(description="Only some of them.")
]


async def _customer(root: Parent, info: Info) -> LazyCustomer:
    """Who is billed."""
    return cast("Customer", await info.context.loaders.customer(root.customer_id))


def _period(root: Parent) -> Period:
    """The span that it bills; of lines by hand alone the month that it was made in."""
    return show_period(root.span)


def _subtotal(root: Parent) -> Money:
    """The sum of the lines; what it is below zero became credit when it was finalised."""
    return show_money(root.subtotal, root.currency)


def _credits_applied(root: Parent) -> Money:
    """What credit pays of it; on a draft what it would pay if this were finalised alone."""
    return show_money(root.credits_applied, root.currency)


def _total(root: Parent) -> Money:
    """The subtotal less credits; never below zero."""
    return show_money(root.total, root.currency)


@strawberry.type
class BillTo:
    """Whom an invoice was issued to, as they were then."""

    name: str = strawberry.field(description="What the customer was called.")
    company_name: str | None = strawberry.field(description="The legal name.")
    email: str | None = strawberry.field(description="Where invoices were sent.")
    billing_address: str | None = strawberry.field(description="The address.")


@strawberry.type
class InvoiceVerification:
    """An invoice beside what its terms and the events that it knew come to when rated again."""

    matches: bool = strawberry.field(description="Whether there is no difference.")
    differences: list[str] = strawberry.field(description="Where they differ, for people.")


@strawberry.type
class Invoice(Shown, Node, Bill):
    """A bill that was written down: a draft until it is finalised, unchanged from then on.

    What it bills never changes after that, whatever is recorded, voided or agreed later; late
    usage of its periods is settled by ADJUSTMENT lines on the next invoice.
    """

    row: ClassVar[type] = InvoiceRow

    number: str | None = strawberry.field(
        description="Given when the invoice is finalised: gapless, in order."
    )
    status: InvoiceStatus = strawberry.field(description="Where it is in its life.")
    as_of: datetime | None = strawberry.field(
        description="What had been recorded by this instant is in it."
    )
    issued_at: datetime | None = strawberry.field(description="When it was finalised.")
    due_at: datetime | None = strawberry.field(description="Until when it is to be paid.")
    paid_at: datetime | None = strawberry.field(description="When it was paid, if it was.")
    failed_at: datetime | None = strawberry.field(
        description="When collecting the money failed, if it did."
    )
    failure_reason: str | None = strawberry.field(description="Why collecting it failed.")
    voided_at: datetime | None = strawberry.field(description="When it was voided, if it was.")
    void_reason: str | None = strawberry.field(description="Why it was voided.")
    notes: str | None = strawberry.field(description="What it was made with, for the customer.")
    created_at: datetime = strawberry.field(description="When it was made.")

    customer: LazyCustomer = strawberry.field(
        resolver=_customer, metadata=relations.one(CUSTOMERS, "customer_id")
    )
    period: Period = strawberry.field(
        resolver=_period,
        metadata=computed_from(
            "period_start", "period_end", written=written.span("period_start", "period_end")
        ),
    )
    lines: list[InvoiceLine] = strawberry.field(
        resolver=lines_of_one,
        metadata=for_many(
            lines_of_many,
            "id",
            "currency",
            more=("customer_id", "as_of", "created_at"),
            writes=False,
            within=written.lines,
        ),
    )
    subtotal: Money = strawberry.field(
        resolver=_subtotal,
        metadata=computed_from("subtotal", "currency", written=written.money("subtotal")),
    )
    credits_applied: Money = strawberry.field(
        resolver=_credits_applied,
        metadata=computed_from(
            "credits_applied", "currency", written=written.money("credits_applied")
        ),
    )
    total: Money = strawberry.field(
        resolver=_total, metadata=computed_from("total", "currency", written=written.money("total"))
    )

    @strawberry.field
    def amount_due(self) -> Money:
        """The total while it is PENDING or FAILED, else 0."""
        return show_money(_row(self).amount_due, _row(self).currency)

    @strawberry.field
    def is_overdue(self, info: Info) -> bool:
        """Whether it is PENDING or FAILED and was due before now."""
        return is_overdue(_row(self), info.context.now)

    @strawberry.field
    def bill_to(self) -> BillTo | None:
        """Whom it was issued to, as they were then; null before it is finalised."""
        kept = _row(self).bill_to
        if kept is None:
            return None
        return BillTo(
            name=kept["name"],
            company_name=kept["companyName"],
            email=kept["email"],
            billing_address=kept["billingAddress"],
        )

    @strawberry.field
    def pdf_url(self) -> str | None:
        """Where it can be had as a PDF, with the caller's own authorisation; null on a draft."""
        row = _row(self)
        return None if row.number is None else f"/invoices/{ids.encode('Invoice', row.id)}.pdf"

    @strawberry.field
    async def verification(self, info: Info) -> InvoiceVerification | None:
        """It, rated again from the terms that it keeps and the events that it knew.

        Equal unless something was tampered with; lines by hand count as they are. Null before it
        is finalised.
        """
        found = await info.context.loaders.verification(_row(self).id)
        if found is None:
            return None
        return InvoiceVerification(matches=found.matches, differences=list(found.differences))


@strawberry.type
class InvoiceQuery:
    """Reading invoices."""

    @marked(reads_selected())
    async def invoice(
        self,
        info: Info,
        id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Its id, or else its number.")
        ] = UNSET,
        number: Annotated[
            str | None, strawberry.argument(description="Its number, or else its id.")
        ] = UNSET,
    ) -> Invoice | None:
        """One invoice, by id or by number; null when there is none."""
        own, given_number = given_or_none(id), given_or_none(number)
        if (own is None) == (given_number is None):
            raise refuse(Code.INVALID, "Give exactly one of id and number.", "id")
        if own is None:
            where = sql("where number = ?", given_number)
        else:
            where = sql("where id = ?", info.context.own_id("Invoice", own, "id"))
        rows = await selected(INVOICES, info).select(info.context.connection, where)
        return Invoice.shown_or_none(rows[0] if rows else None)

    @listed
    async def invoices(
        self, info: Info, page: Page, filter: FilterArgument = UNSET
    ) -> Connection[Invoice]:
        """Every invoice, drafts and void ones too unless filtered; the newest first.

        A portal token sees its customer's, and has their PDFs too.
        """
        return await connect(info, invoice_listing(info, search_of(info, filter)), page)


def invoice_listing(info: Info, search: InvoiceSearch) -> Listing:
    """Invoices as they are listed, those that a search leaves."""
    context = info.context
    where = search.conditions(context.connection, context.now)
    return Listing("invoices", INVOICES, NEWEST_FIRST, where)


def invoices_of(info: Info, filter: InvoiceFilter | None, *own: Ref) -> Listing:
    """A customer's invoices as they are listed; `own` are the references to that customer.

    Raises Refused: INVALID when another one is asked for.
    """
    search = search_of(info, filter)
    if search.customer is not None and search.customer not in own:
        raise refuse(Code.INVALID, "These are one customer's alone.", "filter", "customer")
    return invoice_listing(info, replace(search, customer=None))


async def invoices_of_each(info: Info, filter: InvoiceFilter | None = UNSET) -> Listing:
    """The list of many customers' invoices. Raises Refused where one is named: see `invoices_of`."""
    return invoices_of(info, filter)


def _row(shown: object) -> InvoiceRow:
    return cast(InvoiceRow, shown)
