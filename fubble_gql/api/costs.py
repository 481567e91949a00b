"""Costs in the graph: what a subscription costs day by day."""

from __future__ import annotations

from decimal import Decimal
from itertools import accumulate
from typing import TYPE_CHECKING, Annotated, cast

import strawberry

from fubble_gql.api.context import Info
from fubble_gql.api.metrics import Metric
from fubble_gql.api.periods import (
    Money,
    Period,
    PeriodInput,
    read_period,
    show_money,
    show_period,
)
from fubble_gql.billing.cost_series import Asked
from fubble_gql.billing.rows import SubscriptionRow
from fubble_gql.pricing.accrual import Day, DayLine
from fubble_gql.pricing.line import LineKind
from fubble_gql.pricing.money import tidy

if TYPE_CHECKING:
    from fubble_gql.api.plans import PriceComponent

LazyComponent = Annotated["PriceComponent", strawberry.lazy("fubble_gql.api.plans")]


@strawberry.type
class CostPointLine:
    """What one price added in a day."""

    line: strawberry.Private[DayLine]
    currency: strawberry.Private[str]

    @strawberry.field
    def kind(self) -> LineKind:
        """Why the bill has such a line."""
        return self.line.kind

    @strawberry.field
    async def component(self, info: Info) -> LazyComponent | None:
        """The price; none for commitments and for a plan's minimum."""
        if self.line.component_id is None:
            return None
        found = await info.context.loaders.component(self.line.component_id)
        return cast("PriceComponent | None", found)

    @strawberry.field
    async def metric(self, info: Info) -> Metric | None:
        """The metric whose usage it prices; none for fees and for a plan's minimum."""
        if self.line.metric_id is None:
            return None
        return Metric.shown_or_none(await info.context.loaders.metric(self.line.metric_id))

    @strawberry.field
    def quantity(self) -> Decimal:
        """How much was added to the line's quantity; of a fee: 1 on its first day, then 0.

        Negative where an average, a last value or a correction lowers it.
        """
        return tidy(self.line.quantity)

    @strawberry.field
    def amount(self) -> Money:
        """How much was added to the line's amount; it may be negative."""
        return show_money(self.line.amount, self.currency)


@strawberry.type
class CostPoint:
    """The cost of one day."""

    day: strawberry.Private[Day]
    total: strawberry.Private[Decimal]
    currency: strawberry.Private[str]

    @strawberry.field
    def period(self) -> Period:
        """The local day: 23 or 25 hours where clocks change, less at the period's start and end."""
        return show_period(self.day.period)

    @strawberry.field
    def amount(self) -> Money:
        """What the bill was at the day's end less what it was at its start."""
        return show_money(self.day.amount, self.currency)

    @strawberry.field
    def cumulative_amount(self) -> Money:
        """What the bill was at the day's end: the sum of the amounts so far."""
        return show_money(self.total, self.currency)

    @strawberry.field
    def lines(self) -> list[CostPointLine]:
        """What the amount is made of, by kind, component and metric; they sum to it.

        What did not change in the day is left out.
        """
        return [CostPointLine(line=line, currency=self.currency) for line in self.day.lines]


async def cost_series_of(
    info: Info, row: SubscriptionRow, period: PeriodInput | None
) -> list[CostPoint]:
    """The days of a subscription's period."""
    asked = Asked(row.customer_id, row.id, info.context.now, read_period(period, "period"))
    found = await info.context.loaders.cost_series(asked)
    info.context.loaders.show_points(sum(1 + len(day.lines) for day in found.days))
    totals = accumulate(day.amount for day in found.days)
    return [
        CostPoint(day=day, total=total, currency=found.currency)
        for day, total in zip(found.days, totals, strict=True)
    ]
