"""Subscriptions in the graph: a customer on a plan, its periods, its bill so far."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated, ClassVar, NamedTuple, cast

import strawberry
from strawberry import UNSET

from fubble_gql.api import ids, refs
from fubble_gql.api.bills import InvoicePreview, preview_of, show_period
from fubble_gql.api.context import Info
from fubble_gql.api.errors import UserError, answer
from fubble_gql.api.inputs import given, given_or_none
from fubble_gql.api.node import Node, Shown
from fubble_gql.api.pagination import Listing, Page, UncountedConnection, paged_forward
from fubble_gql.api.periods import AsOf, BillPeriod, Period
from fubble_gql.api.plans import Plan
from fubble_gql.api.refs import CustomerRef, PlanRef
from fubble_gql.api.usage import (
    GroupBy,
    Metrics,
    MetricUsage,
    SeriesGranularity,
    UsagePeriod,
    usage_of,
)
from fubble_gql.billing import subscribe
from fubble_gql.billing.rows import (
    SUBSCRIPTIONS,
    SubscriptionRow,
    SubscriptionStatus,
    phase_at,
    status_at,
)
from fubble_gql.billing.subscribe import Effective
from fubble_gql.billing.timeline import Timeline, timeline, until
from fubble_gql.db import refs as db_refs
from fubble_gql.db.pages import Order, Slice
from fubble_gql.db.refs import Ref
from fubble_gql.db.rows import Table

if TYPE_CHECKING:
    from fubble_gql.api.customers import Customer

LazyCustomer = Annotated["Customer", strawberry.lazy("fubble_gql.api.customers")]


@strawberry.type
class BillingPeriod:
    """One billing period of a subscription."""

    span: strawberry.Private[Period]

    @strawberry.field
    def period(self) -> Period:
        """Its span; the first and the last may be shorter than the others."""
        return self.span

    @strawberry.field
    def is_closed(self, info: Info) -> bool:
        """Whether it has ended, so that it can be invoiced."""
        return self.span.end <= info.context.now


@strawberry.type
class PlanSubscription(Shown, Node):
    """A customer on a plan, from its start until its end.

    An event counts for the subscription that it names, else for the one that prices its metric
    and started first. A trial bills no fees and no usage.
    """

    row: ClassVar[type] = SubscriptionRow

    start_at: datetime = strawberry.field(description="When it begins; in it.")
    end_at: datetime | None = strawberry.field(description="When it ends; not in it.")
    trial_end_at: datetime | None = strawberry.field(
        description="Until then nothing is billed: no fees and no usage."
    )
    timezone: str = strawberry.field(
        description="Its customer's when it began; its periods and days are cut in it."
    )

    @strawberry.field
    async def customer(self, info: Info) -> LazyCustomer:
        """Who subscribed."""
        found = await info.context.loaders.customer(_row(self).customer_id)
        return cast("Customer", found)

    @strawberry.field
    async def plan(self, info: Info) -> Plan:
        """The version of the plan that it is on now."""
        phases = await info.context.loaders.phases(_row(self).id)
        plan_id = phase_at(phases, info.context.now).plan_id
        return Plan.shown(await info.context.loaders.plan(plan_id))

    @strawberry.field
    def status(self, info: Info) -> SubscriptionStatus:
        """Where it is in its life."""
        return status_at(_row(self), info.context.now)

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
    async def usage(
        self,
        info: Info,
        period: UsagePeriod = UNSET,
        metrics: Metrics = UNSET,
        granularity: SeriesGranularity = UNSET,
        group_by: GroupBy = UNSET,
    ) -> list[MetricUsage]:
        """Usage that counts for this subscription; without `metrics`: all that it prices.

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

        A given period is cut at billing-period boundaries, and each part is rated as a piece.
        """
        row = _row(self)
        return await preview_of(
            info, row.customer_id, subscription_id=row.id, period=period, as_of=as_of
        )


@strawberry.type
class PlanSubscriptionPayload:
    """The subscription, or why the call was refused."""

    subscription: PlanSubscription | None = strawberry.field(
        description="The subscription as it is now."
    )
    errors: list[UserError] = strawberry.field(description="Why nothing was done; else empty.")


@strawberry.input
class SubscribeInput:
    """Who subscribes to what, from when."""

    customer: CustomerRef = strawberry.field(description="The customer.")
    plan: PlanRef = strawberry.field(description="The plan, in the customer's currency.")
    start_at: datetime | None = strawberry.field(
        default=UNSET, description="Now unless said; may lie in the past or in the future."
    )
    end_at: datetime | None = strawberry.field(
        default=UNSET, description="When it ends; it goes on until cancelled unless said."
    )
    billing_anchor: datetime | None = strawberry.field(
        default=UNSET,
        description=(
            "The instant that periods repeat from; the trial's end unless said, without a trial "
            "the start. What comes before it is a shorter period."
        ),
    )
    trial_days: int | None = strawberry.field(
        default=UNSET,
        description=(
            "Local calendar days at the start that bill no fees and no usage; the plan's unless "
            "said."
        ),
    )
    idempotency_key: str | None = strawberry.field(
        default=UNSET,
        description=(
            "Makes a retry safe: the same key with the same input gives the same subscription."
        ),
    )


@strawberry.type
class SubscriptionQuery:
    """Reading subscriptions."""

    @strawberry.field
    async def plan_subscription(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
    ) -> PlanSubscription | None:
        """One subscription."""
        ref = Ref(id=ids.decode("PlanSubscription", id, "id"))
        found = await db_refs.find(info.context.connection, SUBSCRIPTIONS, ref)
        return PlanSubscription.shown_or_none(found)


@strawberry.type
class SubscriptionMutation:
    """Beginning and ending subscriptions."""

    @strawberry.mutation
    async def subscribe(
        self,
        info: Info,
        input: Annotated[SubscribeInput, strawberry.argument(description="Who, what, when.")],
    ) -> PlanSubscriptionPayload:
        """Put a customer on a plan. A trial bills no fees and no usage."""
        context = info.context
        return await answer(
            PlanSubscriptionPayload,
            "subscription",
            lambda: subscribe.subscribe(context.connection, _new(input), context.now),
        )

    @strawberry.mutation
    async def cancel_subscription(
        self,
        info: Info,
        subscription_id: Annotated[
            strawberry.ID, strawberry.argument(description="The subscription's id.")
        ],
        effective: Annotated[
            Effective | None,
            strawberry.argument(description="PERIOD_END unless said: with the current period."),
        ] = UNSET,
    ) -> PlanSubscriptionPayload:
        """End a subscription. An end that comes sooner stays. Again: no error, no change."""
        context = info.context

        def work() -> Awaitable[SubscriptionRow]:
            id = ids.decode("PlanSubscription", subscription_id, "subscriptionId")
            when = given_or_none(effective) or Effective.PERIOD_END
            return subscribe.cancel(context.connection, id, when, context.now)

        return await answer(PlanSubscriptionPayload, "subscription", work)


class _Span(NamedTuple):
    """What a cursor of a billing period holds."""

    start: datetime


def _row(shown: object) -> SubscriptionRow:
    return cast(SubscriptionRow, shown)


def _new(input: SubscribeInput) -> subscribe.NewSubscription:
    return subscribe.NewSubscription(
        customer=refs.resolve(input.customer, "input", "customer"),
        plan=refs.resolve(input.plan, "input", "plan"),
        **given(input, "start_at", "end_at", "billing_anchor", "trial_days", "idempotency_key"),
    )


async def _timeline(info: Info, row: SubscriptionRow) -> Timeline:
    loaders = info.context.loaders
    phases = await loaders.phases(row.id)
    plans = [await loaders.plan(phase.plan_id) for phase in phases]
    return timeline(row, phases, {plan.id: plan for plan in plans if plan is not None})


def _periods(line: Timeline, page: Page, now: datetime) -> UncountedConnection[BillingPeriod]:
    """Computed, not stored: the periods after the cursor's, up to the one that runs now."""
    listing = Listing("periods", Table("billing_period", _Span), Order(("start",)))
    window = listing.window(page)
    last_start = window.after[0] if window.after else None
    begun = (
        span
        for span in until(line.periods(last_start), now)
        if last_start is None or span.start > last_start
    )
    spans = list(islice(begun, window.size + 1))
    return UncountedConnection(
        found=Slice(
            [BillingPeriod(span=show_period(span)) for span in spans[: window.size]],
            len(spans) > window.size,
            last_start is not None,
        ),
        cursor_of=lambda node: listing.cursor(node.span),
    )
