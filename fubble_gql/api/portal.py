"""Portal sessions in the graph: tokens that read one customer's own data."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import UNSET

from fubble_gql.access import portal
from fubble_gql.access.portal import Issued
from fubble_gql.api import refs
from fubble_gql.api.context import Info
from fubble_gql.api.errors import UserError, answer
from fubble_gql.api.inputs import given_or_none
from fubble_gql.api.refs import CustomerRef
from fubble_gql.customers.store import CUSTOMERS
from fubble_gql.db import refs as rows
from fubble_gql.db.refs import not_found


@strawberry.type
class PortalSessionPayload:
    """The session's token, or why the call was refused."""

    issued: strawberry.Private[Issued | None]
    errors: list[UserError] = strawberry.field(description="Why there is no session; else empty.")

    @strawberry.field
    def token(self) -> str | None:
        """Send it as Authorization: Bearer <token>. Whoever has it reads what the customer may."""
        return self.issued.token if self.issued else None

    @strawberry.field
    def expires_at(self) -> datetime | None:
        """From then on it is answered UNAUTHENTICATED; make another session in time."""
        return self.issued.expires_at if self.issued else None

    @strawberry.field
    def url(self) -> str | None:
        """Where the customer can be sent, as in "https://billing.example.com/portal/#token=…".

        It is FUBBLE_PORTAL_URL with the token in its fragment, which browsers do not send to
        servers; null where that is not set.
        """
        return self.issued.url if self.issued else None


@strawberry.type
class PortalMutation:
    """Letting a customer in."""

    @strawberry.mutation
    async def create_portal_session(
        self,
        info: Info,
        customer: Annotated[
            CustomerRef, strawberry.argument(description="Whose data the token reads.")
        ],
        ttl_seconds: Annotated[
            int | None,
            strawberry.argument(
                description="How long it works: 60 to 86400 seconds; 900 (15 minutes) unless said."
            ),
        ] = UNSET,
    ) -> PortalSessionPayload:
        """A short-lived token that reads, and only reads, one customer's own data.

        Ask for one where your own frontend's user is known, and hand it to that frontend. Each
        call makes another; nothing is stored, so a token works until it expires. An archived
        customer's data can be read too. Needs FUBBLE_SECRET_KEY.
        """
        context = info.context

        async def work() -> Issued:
            ttl = portal.ttl(given_or_none(ttl_seconds), "ttlSeconds")
            ref = refs.resolve(customer, "customer")
            row = await rows.find(context.connection, CUSTOMERS, ref)
            if row is None:
                raise not_found("customer", "customer")
            return context.portal.issue(row.id, ttl, context.now)

        return await answer(PortalSessionPayload, "issued", work)
