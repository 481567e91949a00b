"""Lines of bills in the graph: what each amount is for, its steps, and the usage behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, cast
from uuid import UUID

import strawberry

from fubble_gql.api import ids, written
from fubble_gql.api.context import Info
from fubble_gql.api.metrics import Metric
from fubble_gql.api.pagination import Listing, Page, UncountedConnection, connect_where, paged
from fubble_gql.api.periods import Money, Period, show_money, show_period
from fubble_gql.api.usage import UsageEvent
from fubble_gql.billing.pieces import Need
from fubble_gql.catalog.metrics import operand_keys
from fubble_gql.db.sql import NEVER, Sql, all_of, sql
from fubble_gql.pricing.charge import Step
from fubble_gql.pricing.line import Line, LineKind
from fubble_gql.pricing.money import ZERO, tidy
from fubble_gql.reads.marks import computed_from, marked
from fubble_gql.usage.events import NEWEST_FIRST, USAGE_EVENTS, behind

if TYPE_CHECKING:
    from fubble_gql.api.plans import PriceComponent
    from fubble_gql.api.subscriptions import PlanSubscription

LazyComponent = Annotated["PriceComponent", strawberry.lazy("fubble_gql.api.plans")]
LazySubscription = Annotated["PlanSubscription", strawberry.lazy("fubble_gql.api.subscriptions")]


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose usage a bill was rated from, as known when, and how to tell what a line needed of it."""

    customer_id: UUID
    as_of: datetime
    needs_of: Callable[[Info, Line], Awaitable[Sequence[Need]]]


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
    place: strawberry.Private[UUID | datetime]
    currency: strawberry.Private[str]
    origin: strawberry.Private[Origin | None]

    @marked(computed_from("id", written=written.own_id))
    def id(self) -> strawberry.ID:
        """Unique in the graph; what is previewed, or drafted and rated anew, has new ones."""
        place = self.place
        return strawberry.ID(
            ids.encode("InvoiceLine", place)
            if isinstance(place, UUID)
            else _passing_id(self.line, place)
        )

    @marked(computed_from("kind", written=written.name("kind")))
    def kind(self) -> LineKind:
        """Why the line is there."""
        return self.line.kind

    @marked(computed_from("description", written=written.text("description")))
    def description(self) -> str:
        """What it is for, as a customer reads it."""
        return self.line.description

    @marked(computed_from("metric_id"))
    async def metric(self, info: Info) -> Metric | None:
        """The metric whose usage it prices; none for fees, a plan's minimum, lines by hand."""
        if self.line.metric_id is None:
            return None
        return Metric.shown_or_none(await info.context.loaders.metric(self.line.metric_id))

    @marked(computed_from("subscription_id"))
    async def subscription(self, info: Info) -> LazySubscription | None:
        """The subscription that it belongs to; none in an estimate, and for lines by hand."""
        if self.line.subscription_id is None:
            return None
        found = await info.context.loaders.subscription(self.line.subscription_id)
        return cast("PlanSubscription | None", found)

    @marked(computed_from("component_id"))
    async def component(self, info: Info) -> LazyComponent | None:
        """The price that it was rated by.

        None for commitments and usage under them, a plan's minimum, lines by hand.
        """
        if self.line.component_id is None:
            return None
        found = await info.context.loaders.component(self.line.component_id)
        return cast("PriceComponent | None", found)

    @strawberry.field
    def period(self) -> Period | None:
        """The span that it bills; of an ADJUSTMENT the one that was invoiced before."""
        return show_period(self.line.period) if self.line.period else None

    @marked(computed_from("quantity", written=written.number("quantity")))
    def quantity(self) -> Decimal:
        """How much was used; a fee is one of itself."""
        return tidy(self.line.quantity)

    @marked(computed_from("unit_price", written=written.number("unit_price")))
    def unit_price(self) -> Decimal | None:
        """The amount divided by the quantity, at most 18 decimals, where that means something."""
        return None if self.line.unit_price is None else tidy(self.line.unit_price)

    @marked(computed_from("amount", written=written.ON_INVOICE))
    def amount(self) -> Money:
        """The line's amount: the sum of its steps, rounded once, half away from zero."""
        return show_money(self.line.amount, self.currency)

    @strawberry.field
    def steps(self) -> list[PriceStep]:
        """How the amount came about; the steps' amounts sum to the line before rounding."""
        return [_step(step) for step in self.line.steps]

    @paged
    async def usage_events(self, info: Info, page: Page) -> UncountedConnection[UsageEvent]:
        """The events that it was rated from, the newest event time first; none behind a fee.

        Those that had been recorded and not voided by the bill's `asOf`. An ADJUSTMENT has those
        of its span that were known when it was made. A level (LAST, MAX, TIME_WEIGHTED, …) that
        was carried in comes from an event before the span, which is not among these.
        """
        where = await _behind(info, self.origin, self.line)
        listing = Listing("usageEvents", USAGE_EVENTS, NEWEST_FIRST, where)
        return await connect_where(info, listing, page)


def _passing_id(line: Line, as_of: datetime) -> str:
    """An id for a line that is stored nowhere: what it was computed from, hashed."""
    parts = (
        line.kind,
        line.subscription_id,
        line.component_id,
        line.metric_id,
        line.period,
        line.quantity,
        line.amount,
        as_of,
    )
    return "line_" + hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


async def _behind(info: Info, origin: Origin | None, line: Line) -> Sql:
    """The events behind a line, for a WHERE; of a COMPOSITE those of its operands."""
    if origin is None or line.metric_id is None or line.kind is LineKind.COMMITMENT:
        return NEVER
    needs = await origin.needs_of(info, line)
    stretches = [stretch for need in needs for stretch in need.stretches]
    if not stretches:
        return NEVER
    loaders = info.context.loaders
    metric = await loaders.metric(line.metric_id)
    operands = await loaders.metrics_named(sorted(operand_keys(metric))) if metric else []
    metric_ids = [line.metric_id, *(operand.id for operand in operands)]
    own = sql("customer_id = ?", origin.customer_id)
    return all_of([own, behind(info.context.connection, metric_ids, stretches, origin.as_of)])


def _step(step: Step) -> PriceStep:
    return PriceStep(
        label=step.label,
        quantity=tidy(step.quantity),
        unit_price=tidy(step.unit_price),
        flat_fee=ZERO if step.flat_fee is None else tidy(step.flat_fee),
        amount=tidy(step.amount),
        from_=None if step.above is None else tidy(step.above),
        up_to=None if step.up_to is None else tidy(step.up_to),
    )
