"""Usage in the graph: events, what they add up to, and recording them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, ClassVar, cast
from uuid import UUID

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from fubble_gql.api.context import Info
from fubble_gql.api.inputs import given_or_none
from fubble_gql.api.metrics import Metric
from fubble_gql.api.node import Node, Shown
from fubble_gql.api.pagination import Listing
from fubble_gql.api.periods import Period, PeriodInput, read_period
from fubble_gql.api.scalars import BigInt
from fubble_gql.billing import usage_report
from fubble_gql.billing.usage_report import Question, Report
from fubble_gql.pricing.period import Granularity
from fubble_gql.usage.events import NEWEST_FIRST, USAGE_EVENTS, EventFilter, UsageEventRow

if TYPE_CHECKING:
    from fubble_gql.api.customers import Customer
    from fubble_gql.api.subscriptions import PlanSubscription

LazyCustomer = Annotated["Customer", strawberry.lazy("fubble_gql.api.customers")]
LazySubscription = Annotated["PlanSubscription", strawberry.lazy("fubble_gql.api.subscriptions")]
UsagePeriod = Annotated[
    PeriodInput | None,
    strawberry.argument(description="The current local calendar month unless said."),
]
Metrics = Annotated[
    list[str] | None, strawberry.argument(description="The keys of the metrics wanted.")
]
SeriesGranularity = Annotated[
    Granularity | None,
    strawberry.argument(description="Cut the period into a series; without it there is none."),
]
GroupBy = Annotated[
    list[str] | None,
    strawberry.argument(
        description=(
            'Declared dimensions, as in ["region"]: a row for each combination of values. At most '
            "10,000 points in all: rows times buckets of their series."
        )
    ),
]


@strawberry.type
class UsageEvent(Shown, Node):
    """One use of a metric by a customer, as it was recorded. Events are never changed."""

    row: ClassVar[type] = UsageEventRow

    quantity: Decimal = strawberry.field(description="How much.")
    event_time: datetime = strawberry.field(description="When it happened: decides its period.")
    idempotency_key: str = strawberry.field(
        description="The sender's key: counts once for its customer, for ever."
    )
    recorded_at: datetime = strawberry.field(description="When it was recorded.")
    voided_at: datetime | None = strawberry.field(description="When it was voided, if it was.")
    void_reason: str | None = strawberry.field(description="Why it was voided.")

    @strawberry.field
    async def customer(self, info: Info) -> LazyCustomer:
        """Whose usage it is."""
        id = cast(UsageEventRow, self).customer_id
        return cast("Customer", await info.context.loaders.customer(id))

    @strawberry.field
    async def subscription(self, info: Info) -> LazySubscription | None:
        """The subscription that it names; without one, the first that prices the metric counts it."""
        id = cast(UsageEventRow, self).subscription_id
        found = await info.context.loaders.subscription(id) if id else None
        return cast("PlanSubscription | None", found)

    @strawberry.field
    async def metric(self, info: Info) -> Metric:
        """What was used."""
        id = cast(UsageEventRow, self).metric_id
        return Metric.shown(await info.context.loaders.metric(id))

    @strawberry.field
    def properties(self) -> JSON:
        """A JSON object: the metric's dimensions, and whatever else was sent."""
        return cast(JSON, cast(UsageEventRow, self).properties or {})


@strawberry.input
class UsageEventFilter:
    """Which events are listed."""

    idempotency_keys: list[str] | None = strawberry.field(
        default=UNSET, description="Only those with one of these keys."
    )
    metrics: list[str] | None = strawberry.field(
        default=UNSET, description="Only those of metrics with one of these keys."
    )
    period: PeriodInput | None = strawberry.field(
        default=UNSET, description="Only those whose event time lies in it."
    )
    subscription_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="Only those that name this subscription."
    )
    include_voided: bool | None = strawberry.field(
        default=UNSET, description="Voided ones too; false unless said."
    )


@strawberry.type
class DimensionValue:
    """One dimension's value in a group."""

    property: str = strawberry.field(description="The dimension.")
    value: str | None = strawberry.field(
        description="Its value; numbers as plain text. None where the metric has no such dimension."
    )


@strawberry.type
class UsagePoint:
    """The usage of one bucket of a series."""

    period: Period = strawberry.field(description="The bucket.")
    quantity: Decimal = strawberry.field(description="What its events come to.")
    event_count: BigInt = strawberry.field(description="How many events there were.")


@strawberry.type
class MetricUsage:
    """The usage of one metric over a period, or of one group of it."""

    metric: Metric = strawberry.field(description="The metric.")
    period: Period = strawberry.field(description="The period.")
    quantity: Decimal = strawberry.field(description="What its events come to.")
    event_count: BigInt = strawberry.field(description="How many events there were.")
    group: list[DimensionValue] = strawberry.field(
        description="The dimension values that this row is for; empty when not grouped."
    )
    series: list[UsagePoint] = strawberry.field(
        description="The period cut by `granularity`, empty buckets included; else empty."
    )


async def event_listing(info: Info, filter: UsageEventFilter | None) -> Listing:
    """The list of events that a filter leaves."""
    connection = info.context.connection
    chosen = filter or UsageEventFilter()
    keys = given_or_none(chosen.metrics)
    subscription = given_or_none(chosen.subscription_id)
    metrics = await info.context.loaders.metrics_named(keys or ())
    wanted = EventFilter(
        idempotency_keys=given_or_none(chosen.idempotency_keys),
        metric_ids=None if keys is None else [row.id for row in metrics],
        period=read_period(chosen.period, "filter", "period"),
        subscription_id=None
        if subscription is None
        else info.context.own_id("PlanSubscription", subscription, "filter", "subscriptionId"),
        include_voided=given_or_none(chosen.include_voided) or False,
    )
    return Listing("usageEvents", USAGE_EVENTS, NEWEST_FIRST, wanted.conditions(connection))


async def usage_of(
    info: Info,
    customer_id: UUID,
    *,
    subscription_id: UUID | None = None,
    unbilled: bool = False,
    period: PeriodInput | None = None,
    metrics: list[str] | None = None,
    granularity: Granularity | None = None,
    group_by: list[str] | None = None,
) -> list[MetricUsage]:
    """Usage of a customer, of one subscription, or what none prices."""
    keys = given_or_none(metrics)
    question = Question(
        customer_id=customer_id,
        as_of=info.context.now,
        subscription_id=subscription_id,
        unbilled=unbilled,
        period=read_period(period, "period"),
        metrics=None if keys is None else tuple(keys),
        granularity=given_or_none(granularity),
        group_by=tuple(given_or_none(group_by) or ()),
    )
    reports = await info.context.loaders.usage(question)
    info.context.loaders.show_points(sum(1 + len(one.series) for one in reports))
    return [_usage(report) for report in reports]


def _usage(report: Report) -> MetricUsage:
    return MetricUsage(
        metric=Metric.shown(report.metric),
        period=Period(start=report.period.start, end=report.period.end),
        quantity=report.quantity,
        event_count=BigInt(report.event_count),
        group=[DimensionValue(property=name, value=value) for name, value in report.group],
        series=[_point(point) for point in report.series],
    )


def _point(point: usage_report.Point) -> UsagePoint:
    return UsagePoint(
        period=Period(start=point.period.start, end=point.period.end),
        quantity=point.quantity,
        event_count=BigInt(point.event_count),
    )
