"""What can be watched in the graph: usage, previews, and invoices as they change."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated
from uuid import UUID

import strawberry
from strawberry import UNSET

from fubble_gql.api import refs
from fubble_gql.api.bills import InvoicePreview, show_preview
from fubble_gql.api.context import Context, Info
from fubble_gql.api.inputs import given_or_none
from fubble_gql.api.invoices import Invoice
from fubble_gql.api.refs import CustomerRef
from fubble_gql.api.streams import Value, latest
from fubble_gql.api.usage import MetricUsage, usage_of
from fubble_gql.billing.invoice_rows import INVOICES
from fubble_gql.billing.preview import Asked
from fubble_gql.billing.rows import SUBSCRIPTIONS
from fubble_gql.customers.store import CUSTOMERS
from fubble_gql.db import refs as db_refs
from fubble_gql.db.refs import Ref
from fubble_gql.errors import Code, Unavailable, refuse


@strawberry.type(name="Subscription")
class LiveSubscription:
    """What can be watched, over a WebSocket (graphql-transport-ws) at the endpoint's own address.

    Send the key or the portal token in the payload of connection_init, as in
    {"Authorization": "Bearer <key>"}. A socket is closed with 4403 when it is no longer valid:
    connect again with a new one. After a connection was lost, subscribe again: the present values
    of usage and invoicePreview come first.
    """

    @strawberry.subscription
    async def usage(
        self,
        info: Info,
        customer: Annotated[CustomerRef, strawberry.argument(description="Whose usage.")],
        metric: Annotated[str, strawberry.argument(description="The metric's key.")],
    ) -> AsyncGenerator[MetricUsage, None]:
        """The usage of a metric in the customer's current calendar month.

        The running total, now and after every change, at most once a second; when a month ends, the
        next one's. A COMPOSITE metric changes with the metrics that its formula names.
        """
        customer_id = await _customer_id(info, customer)
        if not await info.context.loaders.metrics_named([metric]):
            raise refuse(Code.NOT_FOUND, f"There is no metric with the key {metric!r}.", "metric")

        async def evaluate() -> Value[MetricUsage]:
            [found] = await usage_of(info, customer_id, metrics=[metric])
            return Value(found, found, found.period.end)

        return latest(info.context, customer_id, evaluate)

    @strawberry.subscription
    async def invoice_preview(
        self,
        info: Info,
        subscription_id: Annotated[
            strawberry.ID, strawberry.argument(description="The subscription's id.")
        ],
    ) -> AsyncGenerator[InvoicePreview, None]:
        """The preview of a subscription's running billing period.

        Now and whenever it changes, at most once a second: by usage, by what is agreed, invoiced
        and granted, and by a new period.
        """
        context = info.context
        ref = Ref(id=context.own_id("PlanSubscription", subscription_id, "subscriptionId"))
        row = await db_refs.find(context.connection, SUBSCRIPTIONS, ref)
        if row is None:
            raise db_refs.not_found(SUBSCRIPTIONS.name, "subscriptionId")

        async def evaluate() -> Value[InvoicePreview]:
            found = await context.loaders.preview(Asked(row.customer_id, context.now, row.id))
            essence = (found.customer, found.period, found.bill)
            return Value(show_preview(found), essence, found.period.end)

        return latest(context, row.customer_id, evaluate)

    @strawberry.subscription
    async def invoice_changed(
        self,
        info: Info,
        customer: Annotated[
            CustomerRef | None,
            strawberry.argument(description="Only this customer's; every customer's unless said."),
        ] = UNSET,
    ) -> AsyncGenerator[Invoice, None]:
        """Each invoice that is made or changes from now on, as it is then.

        Drafts that are rated anew too. An invoice that changes often is sent at most once a second.
        Nothing comes before the first change: read the list for what there is.
        """
        given = given_or_none(customer)
        customer_id = await _customer_id(info, given) if given else _own_customer(info.context)
        return _changed_invoices(info.context, customer_id)


async def _customer_id(info: Info, customer: CustomerRef) -> UUID:
    ref = refs.resolve(customer, "customer", decode=info.context.own_id)
    found = await db_refs.find(info.context.connection, CUSTOMERS, ref)
    if found is None:
        raise db_refs.not_found("customer", "customer")
    return found.id


def _own_customer(context: Context) -> UUID | None:
    """A portal token's customer; None, which is everybody, for an operator."""
    return context.viewer.customer_id if context.viewer else None


async def _changed_invoices(
    context: Context, customer_id: UUID | None
) -> AsyncGenerator[Invoice, None]:
    live = context.live
    with live.changes.watch(customer_id, invoices=True) as watch:
        while True:
            await watch.change()
            changed = watch.take_invoices()
            context.begin_anew()
            try:
                found = {
                    row.id: row for row in await INVOICES.by(context.connection, "id", changed)
                }
            except Unavailable:
                for id in changed:
                    watch.tell(id)
            else:
                for id in changed:
                    if id in found:
                        yield Invoice.shown(found[id])
            await live.pause()
