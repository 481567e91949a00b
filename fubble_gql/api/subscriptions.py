"""Subscriptions in the graph: a customer on a plan, its periods, its bill so far."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated, ClassVar, NamedTuple, cast
from uuid import UUID

import strawberry
from strawberry import UNSET

from fubble_gql.api import relations, written
from fubble_gql.api.bills import InvoicePreview, preview_of, what_if_of
from fubble_gql.api.commitments import Commitment
from fubble_gql.api.context import Info
from fubble_gql.api.costs import CostPoint, cost_series_of
from fubble_gql.api.node import Node, Shown
from fubble_gql.api.pagination import Listing, Page, UncountedConnection, paged_forward
from fubble_gql.api.periods import AsOf, BillPeriod, Period, show_period
from fubble_gql.api.plans import Plan
from fubble_gql.api.refs import PlanRef
from fubble_gql.api.selecting import selected
from fubble_gql.api.usage import (
    GroupBy,
    Metrics,
    MetricUsage,
    SeriesGranularity,
    UsagePeriod,
    usage_of,
)
from fubble_gql.billing.change import scheduled
from fubble_gql.billing.current import plan_id_in, plans_at
from fubble_gql.billing.rows import (
    SUBSCRIPTIONS,
    SubscriptionRow,
    SubscriptionStatus,
    phase_at,
    status_at,
    status_in,
)
from fubble_gql.billing.timeline import Timeline, timeline, until
from fubble_gql.catalog.rows import PLANS, PlanRow
from fubble_gql.customers.store import CUSTOMERS
from fubble_gql.db import refs as db_refs
from fubble_gql.db.pages import Order, Slice
from fubble_gql.db.refs import Ref
from fubble_gql.db.rows import INSTANT, ITSELF, Table
from fubble_gql.reads.marks import computed_from, for_many, marked, reads_selected

if TYPE_CHECKING:
    from fubble_gql.api.customers import Customer
    from fubble_gql.api.invoices import Invoice

LazyCustomer = Annotated["Customer", strawberry.lazy("fubble_gql.api.customers")]
LazyInvoice = Annotated["Invoice", strawberry.lazy("fubble_gql.api.invoices")]


async def _plans_now(info: Info, subscriptions: Sequence[SubscriptionRow]) -> list[PlanRow | None]:
    """The plan version that each is on now."""
    wanted = selected(PLANS, info, "id")
    ids = [row.id for row in subscriptions]
    found = await plans_at(info.context.connection, ids, info.context.now, wanted)
    return [found[id] for id in ids]


@strawberry.type
class BillingPeriod:
    """One billing period of a subscription."""

    span: strawberry.Private[Period]
    subscription_id: strawberry.Private[UUID]

    @strawberry.field
    def period(self) -> Period:
        """Its span; the first and the last may be shorter than the others."""
        return self.span

    @strawberry.field
    def is_closed(self, info: Info) -> bool:
        """Whether it has ended, so that it can be invoiced."""
        return self.span.end <= info.context.now

    @strawberry.field
    async def invoice(self, info: Info) -> LazyInvoice | None:
        """The invoice that holds it, if one does; a VOID one has settled it at zero."""
        loaders = info.context.loaders
        for held in await loaders.held_periods(self.subscription_id):
            if held.start_at == self.span.start:
                return cast("Invoice", await loaders.invoice(held.invoice_id))
        return None


@strawberry.type
class ScheduledChange:
    """What is to become of a subscription, unless cancelScheduledChange drops it."""

    plan: Plan | None = strawberry.field(
        description="The plan version that it goes on to; null when it ends."
    )
    effective_at: datetime = strawberry.field(description="When.")


@strawberry.type
class PlanSubscription(Shown, Node):
    """A customer on a plan, from its start until its end.

    An event counts for the subscription that it names, else for the one that prices its metric
    and started first. A trial bills no fees and no usage.
    """

    row: ClassVar[type] = SubscriptionRow

    start_at: datetime = strawberry.field(description="When it begins; in it.")
    end_at: datetime | None = strawberry.field(
        description="When it ends; not in it. It goes on until cancelled where there is none."
    )
    trial_end_at: datetime | None = strawberry.field(
        description="Until then nothing is billed: no fees and no usage."
    )
    timezone: str = strawberry.field(
        description="Its customer's when it began; its periods and days are cut in it."
    )

    @marked(relations.one(CUSTOMERS, "customer_id"))
    async def customer(self, info: Info) -> LazyCustomer:
        """Who subscribed."""
        found = await info.context.loaders.customer(_row(self).customer_id)
        return cast("Customer", found)

    @marked(
        for_many(
            _plans_now,
            "id",
            within=written.row_of(
                PLANS, f"{PLANS.name}.id = {plan_id_in(ITSELF, INSTANT)}", written.MISSING
            ),
        )
    )
    async def plan(self, info: Info) -> Plan:
        """The version of the plan that it is on now."""
        phases = await info.context.loaders.phases(_row(self).id)
        plan_id = phase_at(phases, info.context.now).plan_id
        return Plan.shown(await info.context.loaders.plan(plan_id))

    @marked(
        computed_from(
            "start_at",
            "end_at",
            "trial_end_at",
            written=written.quoted(status_in(ITSELF, INSTANT)),
        )
    )
    def status(self, info: Info) -> SubscriptionStatus:
        """Where it is in its life."""
        return status_at(_row(self), info.context.now)

    @strawberry.field
    async def scheduled_change(self, info: Info) -> ScheduledChange | None:
        """What has not taken effect yet: the next plan, else a cancellation. Else null."""
        row, now = _row(self), info.context.now
        found = scheduled(row, await info.context.loaders.phases(row.id), now)
        if found is None:
            return None
        plan = await info.context.loaders.plan(found.plan_id) if found.plan_id else None
        return ScheduledChange(plan=Plan.shown_or_none(plan), effective_at=found.effective_at)

    @strawberry.field
    async def billing_anchor(self, info: Info) -> datetime:
        """The instant that periods repeat from; month ends are clamped (31 Jan, 28 Feb, 31 Mar)."""
        phases = await info.context.loaders.phases(_row(self).id)
        return phase_at(phases, info.context.now).billing_anchor

    @strawberry.field
    async def current_period(self, info: Info) -> Period | None:
        """The billing period now; none before it starts and after it has ended."""
        found = (await _timeline(info, _row(self))).period_at(info.context.now)
        return show_period(found) if found else None

    @paged_forward
    async def periods(self, info: Info, page: Page) -> UncountedConnection[BillingPeriod]:
        """Its billing periods up to now, the earliest first; they tile its life without a gap."""
        return _periods(await _timeline(info, _row(self)), page, info.context.now)

    @strawberry.field
    async def commitments(self, info: Info) -> list[Commitment]:
        """The commitments that hold now or will, the one that starts first first."""
        found = await info.context.loaders.commitments(_row(self).id)
        now = info.context.now
        return [Commitment.shown(one) for one in found if one.end_at is None or one.end_at > now]

    @strawberry.field
    async def usage(
        self,
        info: Info,
        period: UsagePeriod = UNSET,
        metrics: Metrics = UNSET,
        granularity: SeriesGranularity = UNSET,
        group_by: GroupBy = UNSET,
    ) -> list[MetricUsage]:
        """Usage that counts for this subscription; without `metrics`: all that it prices then.

        A COMPOSITE whose formula has no result is left out then; asked for by name it is an error.
        """
        row = _row(self)
        return await usage_of(
            info,
            row.customer_id,
            subscription_id=row.id,
            period=period,
            metrics=metrics,
            granularity=granularity,
            group_by=group_by,
        )

    @strawberry.field
    async def invoice_preview(
        self, info: Info, period: BillPeriod = UNSET, as_of: AsOf = UNSET
    ) -> InvoicePreview | None:
        """The next invoice as it stands, or the one for any period. Computed, never stored.

        Without a period: of the billing period that runs at `asOf`; before the subscription
        begins of its first one, after it has ended of its last one, also when that is invoiced.
        A given period is cut at billing-period boundaries, and each part is rated as a piece.
        Null only with an error that says why.
        """
        row = _row(self)
        return await preview_of(
            info, row.customer_id, subscription_id=row.id, period=period, as_of=as_of
        )

    @strawberry.field
    async def cost_series(self, info: Info, period: BillPeriod = UNSET) -> list[CostPoint] | None:
        """The cost of each day: what the bill was at its end less what it was at its start.

        The days sum to what `invoicePreview` of the same period shows, line by line, but for
        ADJUSTMENT and MANUAL lines, which belong to no day. Days are local ones, cut at the
        period's start and end; coming ones are listed with their fees. Fees, minima and prices of
        levels grow evenly with time, TIME_WEIGHTED ones up to now; a FLAT fee falls on the first
        day on the plan that charges it; usage costs when it happens, so a maximum that is reached
        makes the rest of its span cost nothing. A day may be negative, for instance where a lower
        tier takes over. At most 400 days.
        """
        return await cost_series_of(info, _row(self), period)

    @strawberry.field
    async def what_if(
        self,
        info: Info,
        plan: Annotated[
            PlanRef,
            strawberry.argument(description="The plan to compare with, in the same currency."),
        ],
        period: BillPeriod = UNSET,
    ) -> InvoicePreview | None:
        """The same real usage, rated as if this subscription were on another plan.

        Cut into the same pieces, without credits and adjustments. A plan that bills at another
        rhythm has its fees, minimum and maximum in proportion to its own period.
        """
        return await what_if_of(info, _row(self), plan, period)


@strawberry.type
class SubscriptionQuery:
    """Reading subscriptions."""

    @marked(reads_selected())
    async def plan_subscription(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
    ) -> PlanSubscription | None:
        """One subscription; null when there is none."""
        ref = Ref(id=info.context.own_id("PlanSubscription", id, "id"))
        wanted = selected(SUBSCRIPTIONS, info)
        found = await db_refs.find(info.context.connection, wanted, ref)
        return PlanSubscription.shown_or_none(found)


class _Span(NamedTuple):
    """What a cursor of a billing period holds."""

    start: datetime


def _row(shown: object) -> SubscriptionRow:
    return cast(SubscriptionRow, shown)


async def _timeline(info: Info, row: SubscriptionRow) -> Timeline:
    loaders = info.context.loaders
    phases = await loaders.phases(row.id)
    plans = await asyncio.gather(*(loaders.plan(phase.plan_id) for phase in phases))
    return timeline(row, phases, {plan.id: plan for plan in plans if plan is not None})


def _periods(line: Timeline, page: Page, now: datetime) -> UncountedConnection[BillingPeriod]:
    """Computed, not stored: the periods after the cursor's, up to the one that runs now."""
    listing = Listing("periods", Table("billing_period", _Span), Order(("start",)))
    window = listing.window(page)
    last_start = window.after[0] if window.after else None
    # The calendar ends soon after what a cursor may hold.
    is_over = last_start is not None and last_start >= now
    begun = (
        span
        for span in (() if is_over else until(line.periods(last_start), now))
        if last_start is None or span.start > last_start
    )
    spans = list(islice(begun, window.size + 1))
    return UncountedConnection(
        found=Slice(
            [
                BillingPeriod(span=show_period(span), subscription_id=line.subscription.id)
                for span in spans[: window.size]
            ],
            len(spans) > window.size,
            last_start is not None,
        ),
        cursor_of=lambda node: listing.cursor(node.span),
    )
