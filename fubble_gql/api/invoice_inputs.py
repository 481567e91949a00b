"""Invoices as they are asked for and filtered, and the lines that are added by hand."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import strawberry
from strawberry import UNSET

from fubble_gql.api import ids, refs
from fubble_gql.api.context import Info
from fubble_gql.api.inputs import given, given_or_none
from fubble_gql.api.periods import PeriodInput, read_period
from fubble_gql.api.refs import CustomerRef
from fubble_gql.billing.drafts import NewInvoice
from fubble_gql.billing.invoice_search import InvoiceSearch
from fubble_gql.billing.invoice_states import InvoiceStatus
from fubble_gql.billing.manual_lines import ManualLine


@strawberry.input
class CreateInvoiceInput:
    """What a draft is for.

    With a subscription and a period: that billing period, whole and closed. With a period alone:
    every closed billing period of the customer's subscriptions inside it that is not yet invoiced.
    With neither: nothing, until lines are added by hand.
    """

    customer: CustomerRef = strawberry.field(description="Who is billed.")
    subscription_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="One of the customer's subscriptions; needs a period."
    )
    period: PeriodInput | None = strawberry.field(
        default=UNSET, description="A billing period of it; else the span to look into."
    )
    notes: str | None = strawberry.field(
        default=UNSET, description="Shown on the invoice, at most 10,000 characters."
    )
    credit_grant_ids: list[strawberry.ID] | None = strawberry.field(
        default=UNSET,
        description="Grants that pay before all others, in this order; at most 100.",
    )
    idempotency_key: str | None = strawberry.field(
        default=UNSET,
        description="Makes a retry safe: the same key with the same input gives the same invoice.",
    )


@strawberry.input
class ManualLineInput:
    """A line that is added by hand."""

    description: str = strawberry.field(description="What it is for, at most 10,000 characters.")
    quantity: Decimal | None = strawberry.field(
        default=UNSET, description="How many, above 0; 1 unless said."
    )
    unit_price: Decimal = strawberry.field(
        description=(
            "The price of one; below 0 for a discount. The line is their product, rounded once to "
            "the currency's minor unit."
        )
    )
    idempotency_key: str | None = strawberry.field(
        default=UNSET,
        description="Makes a retry safe: the same key with the same input adds one line.",
    )


@strawberry.input
class InvoiceFilter:
    """Which invoices are listed: those that meet every condition."""

    overdue: bool | None = strawberry.field(
        default=UNSET,
        description="Only those that are PENDING or FAILED and were due before now, or the others.",
    )
    statuses: list[InvoiceStatus] | None = strawberry.field(
        default=UNSET, description="Only those in one of these states."
    )
    issued_after: datetime | None = strawberry.field(
        default=UNSET, description="Only those issued at this instant or later."
    )
    issued_before: datetime | None = strawberry.field(
        default=UNSET, description="Only those issued before this instant."
    )
    customer: CustomerRef | None = strawberry.field(
        default=UNSET, description="Only this customer's."
    )


def new_invoice(input: CreateInvoiceInput) -> NewInvoice:
    """What a draft is made from. Raises Refused: INVALID for an id of another type."""
    subscription_id = given_or_none(input.subscription_id)
    grant_ids = given_or_none(input.credit_grant_ids) or []
    return NewInvoice(
        customer=refs.resolve(input.customer, "input", "customer"),
        subscription_id=None
        if subscription_id is None
        else ids.decode("PlanSubscription", subscription_id, "input", "subscriptionId"),
        period=read_period(input.period, "input", "period"),
        credit_grant_ids=tuple(
            ids.decode("CreditGrant", id, "input", "creditGrantIds", index)
            for index, id in enumerate(grant_ids)
        ),
        **given(input, "notes", "idempotency_key"),
    )


def new_line(input: ManualLineInput) -> ManualLine:
    """The line that is added."""
    return ManualLine(
        input.description, input.unit_price, **given(input, "quantity", "idempotency_key")
    )


def search_of(info: Info, filter: InvoiceFilter | None) -> InvoiceSearch:
    """Which invoices a filter leaves. Raises Refused: INVALID for an id of another type."""
    chosen = given_or_none(filter) or InvoiceFilter()
    customer = given_or_none(chosen.customer)
    return InvoiceSearch(
        is_overdue=given_or_none(chosen.overdue),
        customer=None
        if customer is None
        else refs.resolve(customer, "filter", "customer", decode=info.context.own_id),
        **given(chosen, "statuses", "issued_after", "issued_before"),
    )
