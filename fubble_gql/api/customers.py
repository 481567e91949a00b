"""Customers in the graph."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Annotated, ClassVar

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from fubble_gql.api import refs
from fubble_gql.api.bills import InvoicePreview, preview_of
from fubble_gql.api.context import Info
from fubble_gql.api.credits import CreditGrant, GrantStatus, balance_of, grant_listing
from fubble_gql.api.customer_inputs import (
    CreateCustomerInput,
    CustomerFilter,
    CustomerOrder,
    UpdateCustomerInput,
    new_customer,
)
from fubble_gql.api.enums import OrderDirection
from fubble_gql.api.errors import UserError, answer
from fubble_gql.api.inputs import changes, given, given_or_none
from fubble_gql.api.invoices import FilterArgument, Invoice, invoices_of, invoices_of_each
from fubble_gql.api.node import Node, Shown, own_id
from fubble_gql.api.pagination import (
    Connection,
    Listing,
    Page,
    UncountedConnection,
    connect,
    connect_children,
    listed,
)
from fubble_gql.api.periods import AsOf, BillPeriod, Money
from fubble_gql.api.refs import CustomerRef
from fubble_gql.api.relations import paged_children
from fubble_gql.api.selecting import selected
from fubble_gql.api.subscriptions import PlanSubscription
from fubble_gql.api.usage import (
    GroupBy,
    Metrics,
    MetricUsage,
    SeriesGranularity,
    UsageEvent,
    UsageEventFilter,
    UsagePeriod,
    event_listing,
    usage_of,
)
from fubble_gql.billing import archive
from fubble_gql.billing.rows import (
    FIRST_STARTED_FIRST,
    SUBSCRIPTIONS,
    SubscriptionStatus,
    has_status,
)
from fubble_gql.credits.rows import CreditStatus
from fubble_gql.customers import search, store
from fubble_gql.customers.search import OrderField
from fubble_gql.customers.store import CUSTOMERS, CustomerRow
from fubble_gql.db import refs as rows
from fubble_gql.db.refs import Ref
from fubble_gql.db.sql import ALWAYS
from fubble_gql.reads.marks import hidden_from_some, marked, reads_selected

Status = Annotated[
    SubscriptionStatus | None, strawberry.argument(description="Only those in this status now.")
]


async def _subscriptions(info: Info, status: SubscriptionStatus | None = UNSET) -> Listing:
    chosen = given_or_none(status)
    where = has_status(chosen, info.context.now) if chosen else ALWAYS
    return Listing("subscriptions", SUBSCRIPTIONS, FIRST_STARTED_FIRST, where)


async def _events(info: Info, filter: UsageEventFilter | None = UNSET) -> Listing:
    return await event_listing(info, given_or_none(filter))


async def _grants(info: Info, status: CreditStatus | None = UNSET) -> Listing:
    return grant_listing(info, given_or_none(status))


@strawberry.type
class Customer(Shown, Node):
    """Whom you bill. One currency, one timezone, any number of subscriptions."""

    row: ClassVar[type] = CustomerRow

    key: str = strawberry.field(description="The key you chose, unique for ever.")
    name: str = strawberry.field(description="What the customer is called.")
    email: str | None = strawberry.field(description="Where invoices may be sent.")
    company_name: str | None = strawberry.field(description="The legal name, for invoices.")
    billing_address: str | None = strawberry.field(description="The address, for invoices.")
    payment_method_id: str | None = strawberry.field(
        description=(
            "How your payment service knows the customer's means of payment. Null to portal tokens."
        ),
        metadata=hidden_from_some(),
    )
    currency: str = strawberry.field(
        description='The ISO 4217 code of everything that is billed, as in "EUR". Never changes.'
    )
    timezone: str = strawberry.field(
        description='The IANA name of the timezone that days and months are cut in, as in "UTC".'
    )
    metadata: JSON = strawberry.field(
        description="A JSON object of your own. Portal tokens get an empty one."
    )
    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When it last changed.")
    archived_at: datetime | None = strawberry.field(description="When it was archived, if it was.")

    @paged_children("customer_id", _subscriptions)
    async def subscriptions(
        self, info: Info, page: Page, status: Status = UNSET
    ) -> Connection[PlanSubscription]:
        """The customer's subscriptions, the one that started first first."""
        listing = await _subscriptions(info, status)
        return await connect_children(info, listing, page, ("customer_id", own_id(self)))

    @paged_children("customer_id", invoices_of_each)
    async def invoices(
        self, info: Info, page: Page, filter: FilterArgument = UNSET
    ) -> Connection[Invoice]:
        """The customer's invoices, drafts and void ones too unless filtered; the newest first."""
        listing = invoices_of(info, filter, Ref(own_id(self)), Ref(key=self.key))
        return await connect_children(info, listing, page, ("customer_id", own_id(self)))

    @paged_children("customer_id", _events)
    async def usage_events(
        self,
        info: Info,
        page: Page,
        filter: Annotated[
            UsageEventFilter | None, strawberry.argument(description="Only some of them.")
        ] = UNSET,
    ) -> UncountedConnection[UsageEvent]:
        """What was recorded, the newest event time first."""
        listing = await _events(info, filter)
        return await connect_children(info, listing, page, ("customer_id", own_id(self)))

    @paged_children("customer_id", _grants)
    async def credit_grants(
        self, info: Info, page: Page, status: GrantStatus = UNSET
    ) -> Connection[CreditGrant]:
        """The credit that the customer was granted, the oldest first."""
        listing = await _grants(info, status)
        return await connect_children(info, listing, page, ("customer_id", own_id(self)))

    @strawberry.field
    async def credit_balance(self, info: Info) -> Money:
        """What can be spent now: of the grants that are active and in effect."""
        return await balance_of(info, own_id(self), self.currency)

    @strawberry.field
    async def usage(
        self,
        info: Info,
        period: UsagePeriod = UNSET,
        metrics: Metrics = UNSET,
        granularity: SeriesGranularity = UNSET,
        group_by: GroupBy = UNSET,
    ) -> list[MetricUsage]:
        """Usage by metric over a period, whatever subscription it counts for.

        Without `metrics`: every metric that the customer ever used, and no COMPOSITE.
        """
        return await usage_of(
            info,
            own_id(self),
            period=period,
            metrics=metrics,
            granularity=granularity,
            group_by=group_by,
        )

    @strawberry.field
    async def unbilled_usage(self, info: Info, period: UsagePeriod = UNSET) -> list[MetricUsage]:
        """Usage of the period that no subscription prices: nothing recorded is out of sight."""
        return await usage_of(info, own_id(self), period=period, unbilled=True)

    @strawberry.field
    async def invoice_preview(
        self, info: Info, period: BillPeriod = UNSET, as_of: AsOf = UNSET
    ) -> InvoicePreview | None:
        """The bill so far, over every subscription, or for any period. Computed, never stored.

        Without a period: of each subscription the billing period that runs at `asOf`. A given
        period is cut at billing-period boundaries, and each part is rated as a piece. Where
        nothing is to be billed there are no lines, and the total is 0. Null only with an error
        that says why.
        """
        return await preview_of(info, own_id(self), period=period, as_of=as_of)


@strawberry.type
class CustomerPayload:
    """The customer, or why the call was refused."""

    customer: Customer | None = strawberry.field(description="The customer as it is now.")
    errors: list[UserError] = strawberry.field(description="Why nothing was done; else empty.")


@strawberry.type
class CustomerQuery:
    """Reading customers."""

    @marked(reads_selected())
    async def customer(
        self,
        info: Info,
        id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Its id, or else its key.")
        ] = UNSET,
        key: Annotated[
            str | None, strawberry.argument(description="Its key, or else its id.")
        ] = UNSET,
    ) -> Customer | None:
        """One customer, by id or by key; null when there is none."""
        ref = refs.either(info, "Customer", given_or_none(id), given_or_none(key))
        return Customer.shown_or_none(
            await rows.find(info.context.connection, selected(CUSTOMERS, info), ref)
        )

    @listed
    async def customers(
        self,
        info: Info,
        page: Page,
        filter: Annotated[
            CustomerFilter | None, strawberry.argument(description="Only some of them.")
        ] = UNSET,
        order_by: Annotated[
            CustomerOrder | None, strawberry.argument(description="The oldest first unless said.")
        ] = UNSET,
    ) -> Connection[Customer]:
        """Every customer, archived ones too unless filtered. Its own alone to a portal token."""
        return await connect(info, _listing(info, filter, order_by), page)


CustomerArgument = Annotated[CustomerRef, strawberry.argument(description="Which customer.")]


@strawberry.type
class CustomerMutation:
    """Writing customers."""

    @strawberry.mutation
    async def create_customer(
        self,
        info: Info,
        input: Annotated[CreateCustomerInput, strawberry.argument(description="The customer.")],
    ) -> CustomerPayload:
        """Make a customer. Again with the same input: the customer as it is now."""
        context = info.context
        new = new_customer(input)
        return await answer(
            CustomerPayload,
            "customer",
            lambda: store.create(context.connection, new, context.now),
        )

    @strawberry.mutation
    async def update_customer(
        self,
        info: Info,
        customer: CustomerArgument,
        input: Annotated[UpdateCustomerInput, strawberry.argument(description="What changes.")],
    ) -> CustomerPayload:
        """Change a customer. Its key and currency never change."""
        context = info.context
        changed = changes(input)
        if "metadata" in changed and changed["metadata"] is None:
            changed["metadata"] = {}
        return await answer(
            CustomerPayload,
            "customer",
            lambda: store.update(
                context.connection, refs.resolve(customer, "customer"), changed, context.now
            ),
        )

    @strawberry.mutation
    async def archive_customer(self, info: Info, customer: CustomerArgument) -> CustomerPayload:
        """Take a customer out of use; everything can still be read. Again: no error, no change."""
        context = info.context
        return await answer(
            CustomerPayload,
            "customer",
            lambda: archive.archive_customer(
                context.connection, refs.resolve(customer, "customer"), context.now
            ),
        )


_OLDEST_FIRST = CustomerOrder(field=OrderField.CREATED_AT, direction=OrderDirection.ASC)


@lru_cache
def _everybody(field: OrderField, direction: OrderDirection) -> Listing:
    """Every customer, in an order."""
    order = search.order_by(field, descending=direction is OrderDirection.DESC)
    return Listing(f"customers.{field}.{direction}", CUSTOMERS, order)


def _listing(info: Info, filter: CustomerFilter | None, order_by: CustomerOrder | None) -> Listing:
    order = given_or_none(order_by) or _OLDEST_FIRST
    everybody = _everybody(order.field, order.direction)
    chosen = given_or_none(filter)
    if chosen is None:
        return everybody
    wanted = search.CustomerSearch(
        text=given_or_none(chosen.search),
        is_archived=given_or_none(chosen.archived),
        **given(chosen, "plan_key", "created_after", "created_before"),
    )
    return replace(everybody, where=wanted.conditions(info.context.now))
