"""Bills in the graph: what an invoice and a preview of one have in common, and the preview."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, cast
from uuid import UUID

import strawberry

from fubble_gql import monitoring
from fubble_gql.api import refs
from fubble_gql.api.context import Info
from fubble_gql.api.inputs import given_or_none
from fubble_gql.api.lines import InvoiceLine, Origin
from fubble_gql.api.periods import (
    Money,
    Period,
    PeriodInput,
    read_period,
    show_money,
    show_period,
)
from fubble_gql.api.refs import PlanRef
from fubble_gql.billing.pieces import Need, needs_behind
from fubble_gql.billing.preview import Asked, Preview
from fubble_gql.billing.rows import SubscriptionRow
from fubble_gql.billing.what_if import Supposed
from fubble_gql.db.refs import not_found
from fubble_gql.pricing.line import Bill as RatedBill
from fubble_gql.pricing.line import Line

if TYPE_CHECKING:
    from fubble_gql.api.customers import Customer

LazyCustomer = Annotated["Customer", strawberry.lazy("fubble_gql.api.customers")]


@strawberry.interface
class Bill:
    """What an invoice and a preview of one have in common."""

    customer: LazyCustomer | None = strawberry.field(
        description="Who is billed; none in the estimate of a plan."
    )
    currency: str = strawberry.field(description="The ISO 4217 code of every amount on it.")
    period: Period = strawberry.field(description="The span that it bills.")
    lines: list[InvoiceLine] = strawberry.field(
        description=(
            "What is billed: by subscription, then in the order of the plan's components; then "
            "what late usage changed in earlier periods, then what was added by hand."
        )
    )
    subtotal: Money = strawberry.field(description="The sum of the lines.")
    credits_applied: Money = strawberry.field(description="What credit pays of it.")
    total: Money = strawberry.field(description="The subtotal less credits; never below zero.")


@strawberry.type
class InvoicePreview(Bill):
    """The invoice as it stands: computed by the code that issues invoices, and never stored."""

    as_of: datetime = strawberry.field(
        description="What had been recorded by this instant is in it."
    )


async def preview_of(
    info: Info,
    customer_id: UUID,
    *,
    subscription_id: UUID | None = None,
    period: PeriodInput | None,
    as_of: datetime | None,
) -> InvoicePreview:
    """The preview of a customer's bill, or of one subscription's."""
    context = info.context
    asked = Asked(
        customer_id,
        min(given_or_none(as_of) or context.now, context.now),
        subscription_id,
        read_period(period, "period"),
    )
    return show_preview(await context.loaders.preview(asked))


async def what_if_of(
    info: Info, row: SubscriptionRow, plan: PlanRef, period: PeriodInput | None
) -> InvoicePreview:
    """The bill of a subscription as it would be on another plan."""
    loaders = info.context.loaders
    ref = refs.resolve(plan, "plan", decode=info.context.own_id)
    other = await (loaders.plan(ref.id) if ref.id else loaders.latest_plan(ref.key or ""))
    if other is None:
        raise not_found("plan", "plan")
    supposed = Supposed(
        row.customer_id, row.id, other, info.context.now, read_period(period, "period")
    )
    return show_preview(await loaders.what_if(supposed))


def show_preview(found: Preview) -> InvoicePreview:
    """A bill that was worked out, as the graph shows it."""
    monitoring.invoice_previews.inc()

    async def needs_of(_: Info, line: Line) -> Sequence[Need]:
        return needs_behind(found.pieces, line)

    origin = Origin(found.customer.id, found.as_of, needs_of)
    bill = show_bill(found.bill, show_period(found.period), found.as_of, origin)
    bill.customer = cast("Customer", found.customer)
    return bill


def show_bill(
    rated: RatedBill, period: Period, as_of: datetime, origin: Origin | None = None
) -> InvoicePreview:
    """A bill that is stored nowhere; without an origin it is of nobody's usage."""
    currency = rated.currency
    return InvoicePreview(
        customer=None,
        currency=currency,
        period=period,
        lines=[
            InvoiceLine(line=line, place=as_of, currency=currency, origin=origin)
            for line in rated.lines
        ],
        subtotal=show_money(rated.subtotal, currency),
        credits_applied=show_money(rated.credits_applied, currency),
        total=show_money(rated.total, currency),
        as_of=as_of,
    )
