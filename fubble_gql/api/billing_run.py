"""The bill run in the graph."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, cast

import strawberry
from strawberry import UNSET

from fubble_gql.api.context import Info
from fubble_gql.api.errors import UNAVAILABLE, UserError, refusals, user_error
from fubble_gql.api.inputs import given_or_none
from fubble_gql.api.invoices import Invoice
from fubble_gql.api.pagination import Connection, Listing, Page, connect, paged_forward
from fubble_gql.billing.invoice_rows import INVOICES
from fubble_gql.billing.run import Failure, Order, Run, run
from fubble_gql.db import pages
from fubble_gql.errors import Refused, Unavailable

if TYPE_CHECKING:
    from fubble_gql.api.customers import Customer
    from fubble_gql.api.subscriptions import PlanSubscription

LazyCustomer = Annotated["Customer", strawberry.lazy("fubble_gql.api.customers")]
LazySubscription = Annotated["PlanSubscription", strawberry.lazy("fubble_gql.api.subscriptions")]
OLDEST_FIRST = pages.Order(("created_at", "id"))


@strawberry.type
class BillingFailure:
    """A customer who could not be billed, and why; the others were."""

    failed: strawberry.Private[Failure]

    @strawberry.field
    async def customer(self, info: Info) -> LazyCustomer:
        """Who could not be billed."""
        return cast("Customer", await info.context.loaders.customer(self.failed.customer_id))

    @strawberry.field
    async def subscription(self, info: Info) -> LazySubscription | None:
        """For which subscription."""
        id = self.failed.subscription_id
        found = await info.context.loaders.subscription(id) if id else None
        return cast("PlanSubscription | None", found)

    @strawberry.field
    def error(self) -> UserError:
        """Why, and what to do about it."""
        return user_error(self.failed.problem)


@strawberry.type
class BillingRunPayload:
    """What a bill run did, or why it was refused."""

    done: strawberry.Private[Run]
    errors: list[UserError] = strawberry.field(description="Why nothing was done; else empty.")

    @strawberry.field
    def created(self) -> int:
        """How many invoices are new."""
        return self.done.created

    @strawberry.field
    def finalized(self) -> int:
        """How many were finalised: new ones, and drafts of closed periods."""
        return self.done.finalized

    @strawberry.field
    def skipped(self) -> int:
        """How many were due and could not be made: see failures."""
        return self.done.skipped

    @strawberry.field
    def remaining(self) -> int:
        """How many were left when the time was up, or the database went away: call until it is 0."""
        return self.done.remaining

    @strawberry.field
    def failures(self) -> list[BillingFailure]:
        """What could not be billed, and why."""
        return [BillingFailure(failed=one) for one in self.done.failures]

    @paged_forward
    async def invoices(self, info: Info, page: Page) -> Connection[Invoice]:
        """The invoices that it made or finalised, in the order in which they were made."""
        where = info.context.connection.is_in("id", self.done.invoice_ids)
        return await connect(info, Listing("billingRun", INVOICES, OLDEST_FIRST, where), page)


@strawberry.type
class BillingRunMutation:
    """The bill run."""

    @strawberry.mutation
    async def run_billing(
        self,
        info: Info,
        as_of: Annotated[
            datetime | None,
            strawberry.argument(
                description=(
                    "Only periods that ended by then; now unless said, and never later. Usage is "
                    "as it is known now, and invoices are issued now."
                )
            ),
        ] = UNSET,
        finalize: Annotated[
            bool | None,
            strawberry.argument(
                description=(
                    "Whether to issue them, and the drafts of closed periods too; false unless "
                    "said: drafts only."
                )
            ),
        ] = UNSET,
    ) -> BillingRunPayload:
        """Invoice every closed billing period that is not yet invoiced, once each.

        One invoice for each subscription and period. To be repeated without harm: what is invoiced
        stays as it is. It answers after some seconds with what `remaining` to do; call again then.
        """
        context = info.context
        order = Order(
            given_or_none(as_of) or context.clock(),
            bool(given_or_none(finalize)),
            context.clock,
            context.seller,
        )
        try:
            done = await run(context.connection, order, context.run_budget)
        except Refused as refused:
            errors = refusals(*refused.problems)
            return BillingRunPayload(done=Run(), errors=errors)
        except Unavailable:
            return BillingRunPayload(done=Run(), errors=refusals(UNAVAILABLE))
        return BillingRunPayload(done=done, errors=[])
