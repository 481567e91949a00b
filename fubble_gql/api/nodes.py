"""Who is asking, and any object by its id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, cast

import strawberry

from fubble_gql.api.context import Info
from fubble_gql.api.customers import Customer
from fubble_gql.api.enums import Role
from fubble_gql.api.node import Node
from fubble_gql.billing.invoice_rows import INVOICES
from fubble_gql.billing.rows import SUBSCRIPTIONS
from fubble_gql.catalog.rows import METRICS, PLANS
from fubble_gql.credits.rows import CREDIT_GRANTS
from fubble_gql.customers.store import CUSTOMERS
from fubble_gql.db.rows import Table
from fubble_gql.errors import Code, Refused, refuse
from fubble_gql.usage.events import USAGE_EVENTS

NODES_MAX = 100
_TABLES: dict[str, Table[Any]] = {
    "Customer": CUSTOMERS,
    "Metric": METRICS,
    "Plan": PLANS,
    "PlanSubscription": SUBSCRIPTIONS,
    "UsageEvent": USAGE_EVENTS,
    "CreditGrant": CREDIT_GRANTS,
    "Invoice": INVOICES,
}


@strawberry.type
class Viewer:
    """Who is asking."""

    role: Role = strawberry.field(description="What the caller may do.")
    customer: Customer | None = strawberry.field(
        description="With a portal token: the customer that it is for."
    )


@strawberry.type
class NodeQuery:
    """The caller, and objects by id."""

    @strawberry.field
    async def viewer(self, info: Info) -> Viewer:
        """Who is asking, by the key or the token that was sent."""
        asking = info.context.viewer
        if asking is None:
            raise refuse(Code.UNAUTHENTICATED, "Send a valid key or portal token.")
        if asking.customer_id is None:
            return Viewer(role=asking.role, customer=None)
        customer = await info.context.loaders.customer(asking.customer_id)
        return Viewer(role=asking.role, customer=Customer.shown_or_none(customer))

    @strawberry.field
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Any object's id.")],
    ) -> Node | None:
        """Any object by its id; null when there is none."""
        return (await _fetch(info, [info.context.split_id(id, "id")]))[0]

    @strawberry.field
    async def nodes(
        self,
        info: Info,
        ids: Annotated[
            list[strawberry.ID], strawberry.argument(description="At most 100 objects' ids.")
        ],
    ) -> list[Node | None]:
        """Objects by their ids, in the order given.

        Null for each that there is not; null with an error for each that is no id (to a portal
        token that is not there either).
        """
        if len(ids) > NODES_MAX:
            raise refuse(Code.LIMIT_EXCEEDED, f"At most {NODES_MAX} ids at once.", "ids")
        return await _fetch(info, [_split(info, id, index) for index, id in enumerate(ids)])


def _split(info: Info, id: str, index: int) -> tuple[str, object] | Refused:
    try:
        return info.context.split_id(id, "ids", index)
    except Refused as refused:
        return refused


async def _fetch(info: Info, wanted: Sequence[tuple[str, object] | Refused]) -> list[Node | None]:
    """One statement for each type among the ids. A refusal in a list is an error at its place."""
    found: dict[object, object] = {one: one for one in wanted if isinstance(one, Refused)}
    split = [one for one in wanted if not isinstance(one, Refused)]
    for name, table in _TABLES.items():
        own = [id for type_name, id in split if type_name == name]
        rows = await table.by(info.context.connection, "id", own)
        found |= {(name, row[0]): row for row in rows}
    return [cast(Node | None, found.get(key)) for key in wanted]
