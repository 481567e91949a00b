"""Analytics in the graph: revenue over time, and who uses most. For operators."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, cast
from uuid import UUID

import strawberry
from strawberry import UNSET

from fubble_gql import checks
from fubble_gql.api.context import Info
from fubble_gql.api.inputs import given_or_none
from fubble_gql.api.operators import operators_only
from fubble_gql.api.periods import (
    Money,
    Period,
    PeriodInput,
    needed_period,
    show_money,
    show_period,
)
from fubble_gql.billing import revenue, top_customers
from fubble_gql.billing.points import points
from fubble_gql.errors import Code, Problems, refuse
from fubble_gql.pricing.period import Granularity

if TYPE_CHECKING:
    from fubble_gql.api.customers import Customer

LazyCustomer = Annotated["Customer", strawberry.lazy("fubble_gql.api.customers")]
FIRST_DEFAULT, FIRST_MAX = 10, 100


@strawberry.type
class RevenuePoint:
    """What was invoiced and what was paid in one bucket of a period, in one currency."""

    period: Period = strawberry.field(description="The bucket.")
    invoiced: Money = strawberry.field(
        description="The totals, after credits, of the invoices issued in it; without VOID ones."
    )
    paid: Money = strawberry.field(
        description="The totals of the invoices paid in it, whenever they were issued."
    )
    credits_applied: Money = strawberry.field(
        description="What credit paid of the invoices issued in it."
    )
    invoice_count: int = strawberry.field(description="How many invoices were issued in it.")


@strawberry.type
class TopCustomer:
    """A customer among those that use most of a metric."""

    customer_id: strawberry.Private[UUID]
    quantity: Decimal = strawberry.field(description="What its usage in the period comes to.")

    @strawberry.field
    async def customer(self, info: Info) -> LazyCustomer:
        """Who."""
        return cast("Customer", await info.context.loaders.customer(self.customer_id))


@strawberry.type
class AnalyticsQuery:
    """Questions about all customers at once."""

    @operators_only
    async def revenue(
        self,
        info: Info,
        period: Annotated[PeriodInput, strawberry.argument(description="Over which span.")],
        granularity: Annotated[
            Granularity, strawberry.argument(description="Into which buckets it is cut, in UTC.")
        ],
        currency: Annotated[
            str, strawberry.argument(description='Whose invoices: an ISO 4217 code, as in "EUR".')
        ],
    ) -> list[RevenuePoint]:
        """What was invoiced and paid in each bucket of a period; empty buckets are listed too.

        Cut in UTC, whatever the timezones of customers, since it is about all of them. Only
        operators may ask.
        """
        problems = Problems()
        checks.currency(problems, currency, "currency")
        problems.raise_if_any()
        buckets = points(needed_period(period, "period"), granularity, "UTC")
        info.context.loaders.show_points(len(buckets))
        found = await revenue.revenue(info.context.connection, buckets, currency)
        return [_point(one, currency) for one in found]

    @operators_only
    async def top_customers(
        self,
        info: Info,
        metric: Annotated[str, strawberry.argument(description="The metric's key.")],
        period: Annotated[PeriodInput, strawberry.argument(description="Over which span.")],
        first: Annotated[
            int | None, strawberry.argument(description="How many: 10 unless said, at most 100.")
        ] = UNSET,
    ) -> list[TopCustomer]:
        """The customers that used most of a metric in a period, the largest quantity first.

        The quantity is what `Customer.usage` shows for the same period. Of equal quantities the
        customer that was created first comes first. Who used nothing is left out, and so is whose
        usage makes the formula of a COMPOSITE fail. Only operators may ask.
        """
        ranked = await top_customers.top_customers(
            info.context.connection,
            metric,
            needed_period(period, "period"),
            _size(given_or_none(first)),
            info.context.now,
        )
        return [TopCustomer(customer_id=one.customer_id, quantity=one.quantity) for one in ranked]


def _point(one: revenue.Revenue, currency: str) -> RevenuePoint:
    return RevenuePoint(
        period=show_period(one.period),
        invoiced=show_money(one.invoiced, currency),
        paid=show_money(one.paid, currency),
        credits_applied=show_money(one.credits_applied, currency),
        invoice_count=one.invoice_count,
    )


def _size(first: int | None) -> int:
    if first is None:
        return FIRST_DEFAULT
    if first < 1:
        raise refuse(Code.INVALID, "first must be at least 1.", "first")
    if first > FIRST_MAX:
        raise refuse(Code.LIMIT_EXCEEDED, f"first may be at most {FIRST_MAX}.", "first")
    return first
