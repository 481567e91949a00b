"""Bills in the graph: what an invoice and a preview of one have in common, and the preview."""

from __future__ import annotations

import hashlib
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, cast
from uuid import UUID

import strawberry

from fubble_gql.api.context import Info
from fubble_gql.api.inputs import given_or_none
from fubble_gql.api.metrics import Metric
from fubble_gql.api.periods import Money, Period, PeriodInput, read_period
from fubble_gql.billing.preview import Asked, Preview
from fubble_gql.pricing import period as pricing_period
from fubble_gql.pricing.bill import Bill as RatedBill
from fubble_gql.pricing.bill import Line
from fubble_gql.pricing.charge import Step
from fubble_gql.pricing.line import LineKind
from fubble_gql.pricing.money import ZERO, round_money, tidy

if TYPE_CHECKING:
    from fubble_gql.api.customers import Customer
    from fubble_gql.api.plans import PriceComponent
    from fubble_gql.api.subscriptions import PlanSubscription

LazyCustomer = Annotated["Customer", strawberry.lazy("fubble_gql.api.customers")]
LazyComponent = Annotated["PriceComponent", strawberry.lazy("fubble_gql.api.plans")]
LazySubscription = Annotated["PlanSubscription", strawberry.lazy("fubble_gql.api.subscriptions")]


@strawberry.type
class PriceStep:
    """One step of how an amount came about: quantity x unitPrice + flatFee, within a tier."""

    label: str = strawberry.field(description="What the step is, for people.")
    quantity: Decimal = strawberry.field(description="The units that it is about.")
    unit_price: Decimal = strawberry.field(description="The price of one of them.")
    flat_fee: Decimal = strawberry.field(description="The flat fee of a tier; 0 without one.")
    amount: Decimal = strawberry.field(
        description=(
            "What it comes to before the line is rounded, with up to 50 decimals where time "
            "divides. A line's steps sum to its amount before rounding."
        )
    )
    from_: Decimal | None = strawberry.field(
        name="from", description="A tier holds the quantities above this one …"
    )
    up_to: Decimal | None = strawberry.field(
        description="… up to and including this one; the last tier has none."
    )


@strawberry.type
class InvoiceLine:
    """One line of a bill, with the steps that explain its amount."""

    line: strawberry.Private[Line]
    place: strawberry.Private[str]
    currency: strawberry.Private[str]

    @strawberry.field
    def id(self) -> strawberry.ID:
        """Unique in the graph; on a preview it changes with what the line was computed from."""
        return strawberry.ID(self.place)

    @strawberry.field
    def kind(self) -> LineKind:
        """Why the line is there."""
        return self.line.kind

    @strawberry.field
    def description(self) -> str:
        """What it is for, as a customer reads it."""
        return self.line.description

    @strawberry.field
    async def metric(self, info: Info) -> Metric | None:
        """The metric whose usage it prices."""
        if self.line.metric_id is None:
            return None
        return Metric.shown_or_none(await info.context.loaders.metric(self.line.metric_id))

    @strawberry.field
    async def subscription(self, info: Info) -> LazySubscription | None:
        """The subscription that it belongs to."""
        if self.line.subscription_id is None:
            return None
        found = await info.context.loaders.subscription(self.line.subscription_id)
        return cast("PlanSubscription | None", found)

    @strawberry.field
    async def component(self, info: Info) -> LazyComponent | None:
        """The price that it was rated by."""
        if self.line.component_id is None:
            return None
        found = await info.context.loaders.component(self.line.component_id)
        return cast("PriceComponent | None", found)

    @strawberry.field
    def period(self) -> Period | None:
        """The span that it bills."""
        return show_period(self.line.period) if self.line.period else None

    @strawberry.field
    def quantity(self) -> Decimal:
        """How much was used; a fee is one of itself."""
        return self.line.quantity

    @strawberry.field
    def unit_price(self) -> Decimal | None:
        """The amount divided by the quantity, at most 18 decimals, where that means something."""
        return self.line.unit_price

    @strawberry.field
    def amount(self) -> Money:
        """The line's amount: the sum of its steps, rounded once, half away from zero."""
        return Money(amount=self.line.amount, currency=self.currency)

    @strawberry.field
    def steps(self) -> list[PriceStep]:
        """How the amount came about; the steps' amounts sum to the line before rounding."""
        return [_step(step) for step in self.line.steps]


@strawberry.interface
class Bill:
    """What an invoice and a preview of one have in common."""

    rated: strawberry.Private[RatedBill]

    customer: LazyCustomer | None = strawberry.field(description="Who is billed.")
    currency: str = strawberry.field(description="The ISO 4217 code of every amount on it.")
    period: Period = strawberry.field(description="The span that it bills.")

    @strawberry.field
    def lines(self) -> list[InvoiceLine]:
        """What is billed, by subscription, then in the order of the plan's components."""
        return self._lines()

    @strawberry.field
    def subtotal(self) -> Money:
        """The sum of the lines."""
        return Money(amount=self.rated.subtotal, currency=self.currency)

    @strawberry.field
    def credits_applied(self) -> Money:
        """What credit pays of it."""
        paid = round_money(self.rated.credits_applied, self.currency)
        return Money(amount=paid, currency=self.currency)

    @strawberry.field
    def total(self) -> Money:
        """The subtotal less credits; never below zero."""
        return Money(amount=self.rated.total, currency=self.currency)

    def _lines(self) -> list[InvoiceLine]:
        raise NotImplementedError


@strawberry.type
class InvoicePreview(Bill):
    """The invoice as it stands: computed by the code that issues invoices, and never stored."""

    as_of: datetime = strawberry.field(
        description="What had been recorded by this instant is in it."
    )

    def _lines(self) -> list[InvoiceLine]:
        return [
            InvoiceLine(line=line, place=_place(line, self.as_of), currency=self.currency)
            for line in self.rated.lines
        ]


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


def show_preview(found: Preview) -> InvoicePreview:
    """A bill that was worked out, as the graph shows it."""
    return InvoicePreview(
        rated=found.bill,
        customer=cast("Customer", found.customer),
        currency=found.bill.currency,
        period=show_period(found.period),
        as_of=found.as_of,
    )


def show_period(period: pricing_period.Period) -> Period:
    """A span as the graph shows it."""
    return Period(start=period.start, end=period.end)


def _step(step: Step) -> PriceStep:
    return PriceStep(
        label=step.label,
        quantity=tidy(step.quantity),
        unit_price=tidy(step.unit_price),
        flat_fee=ZERO if step.flat_fee is None else tidy(step.flat_fee),
        amount=tidy(step.amount),
        from_=step.above,
        up_to=step.up_to,
    )


def _place(line: Line, as_of: datetime) -> str:
    """An id for a line that is stored nowhere: what it was computed from, hashed."""
    parts = (
        line.kind,
        line.subscription_id,
        line.component_id,
        line.period,
        line.quantity,
        line.amount,
        as_of,
    )
    return "line_" + hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
