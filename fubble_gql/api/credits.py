"""Credits in the graph: what customers were granted, and the ledger of what became of it."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, ClassVar, cast
from uuid import UUID

import strawberry
from strawberry import UNSET

from fubble_gql.api import ids, refs
from fubble_gql.api.context import Info
from fubble_gql.api.errors import UserError, answer
from fubble_gql.api.inputs import given
from fubble_gql.api.node import Node, Shown
from fubble_gql.api.pagination import Listing
from fubble_gql.api.periods import Money
from fubble_gql.api.refs import CustomerRef
from fubble_gql.credits import ledger
from fubble_gql.credits.new_grant import NewGrant
from fubble_gql.credits.rows import (
    BY_CREATION,
    CREDIT_GRANTS,
    CreditGrantRow,
    CreditStatus,
    CreditTransactionRow,
    CreditType,
    has_status,
    status_at,
)
from fubble_gql.db.sql import ALWAYS
from fubble_gql.pricing.money import ZERO, round_money

if TYPE_CHECKING:
    from fubble_gql.api.customers import Customer
    from fubble_gql.api.invoices import Invoice

LazyCustomer = Annotated["Customer", strawberry.lazy("fubble_gql.api.customers")]
LazyInvoice = Annotated["Invoice", strawberry.lazy("fubble_gql.api.invoices")]
GrantStatus = Annotated[
    CreditStatus | None, strawberry.argument(description="Only those in this status now.")
]


@strawberry.type
class CreditTransaction:
    """One entry of the ledger; a grant's entries sum to what remains of it."""

    entry: strawberry.Private[CreditTransactionRow]
    currency: strawberry.Private[str]

    @strawberry.field
    def id(self) -> strawberry.ID:
        """Unique in the graph."""
        return strawberry.ID(ids.encode("CreditTransaction", self.entry.id))

    @strawberry.field
    def amount(self) -> Money:
        """Above zero what was granted or came back; below zero what was spent or cancelled."""
        return _money(self.entry.amount, self.currency)

    @strawberry.field
    def balance(self) -> Money:
        """What remained of the grant after this entry."""
        return _money(self.entry.balance, self.currency)

    @strawberry.field
    def description(self) -> str:
        """What happened, for people."""
        return self.entry.description

    @strawberry.field
    async def invoice(self, info: Info) -> LazyInvoice | None:
        """The invoice that spent it, or from whose end it came."""
        id = self.entry.invoice_id
        found = await info.context.loaders.invoice(id) if id else None
        return cast("Invoice | None", found)

    @strawberry.field
    def created_at(self) -> datetime:
        """When it was entered."""
        return self.entry.created_at


@strawberry.type
class CreditGrant(Shown, Node):
    """Money that a customer can spend on invoices, and only there.

    Finalising an invoice draws on the grants that it names, then on those of the lowest priority
    number, among these on the one that expires soonest, then on the oldest.
    """

    row: ClassVar[type] = CreditGrantRow

    type: CreditType = strawberry.field(description="Where it comes from.")
    priority: int = strawberry.field(description="The lower, the sooner it is spent.")
    description: str | None = strawberry.field(description="What it is for.")
    effective_at: datetime = strawberry.field(description="From when it can be spent; in it.")
    expires_at: datetime | None = strawberry.field(
        description="Until when it can be spent; not in it. Without one it never expires."
    )
    created_at: datetime = strawberry.field(description="When it was granted.")

    @strawberry.field
    async def customer(self, info: Info) -> LazyCustomer:
        """Who can spend it."""
        found = await info.context.loaders.customer(_row(self).customer_id)
        return cast("Customer", found)

    @strawberry.field
    def status(self, info: Info) -> CreditStatus:
        """Whether it can be spent, and else why not. One that takes effect later is ACTIVE."""
        return status_at(_row(self), info.context.now)

    @strawberry.field
    async def amount(self, info: Info) -> Money:
        """What was granted."""
        return _money(_row(self).amount, await _currency(info, _row(self)))

    @strawberry.field
    async def remaining(self, info: Info) -> Money:
        """What has been neither spent nor cancelled; also of an expired grant."""
        return _money(_row(self).remaining, await _currency(info, _row(self)))

    @strawberry.field
    async def transactions(self, info: Info) -> list[CreditTransaction]:
        """Its entries in the ledger, in the order in which they were made."""
        currency = await _currency(info, _row(self))
        entries = await info.context.loaders.credit_transactions(_row(self).id)
        return [CreditTransaction(entry=entry, currency=currency) for entry in entries]


@strawberry.type
class CreditGrantPayload:
    """The grant, or why the call was refused."""

    credit_grant: CreditGrant | None = strawberry.field(description="The grant as it is now.")
    errors: list[UserError] = strawberry.field(description="Why nothing was done; else empty.")


@strawberry.input
class GrantCreditInput:
    """What is granted to whom, until when."""

    customer: CustomerRef = strawberry.field(description="The customer.")
    amount: Decimal = strawberry.field(
        description="How much, in the customer's currency; above 0, no finer than its minor unit."
    )
    type: CreditType | None = strawberry.field(
        default=UNSET, description="Where it comes from; PREPAID unless said."
    )
    priority: int | None = strawberry.field(
        default=UNSET,
        description="From 0 to 1,000: the lower, the sooner it is spent; 50 unless said.",
    )
    description: str | None = strawberry.field(
        default=UNSET, description="What it is for; the customer may read it."
    )
    effective_at: datetime | None = strawberry.field(
        default=UNSET, description="From when it can be spent; now unless said."
    )
    expires_at: datetime | None = strawberry.field(
        default=UNSET,
        description="The instant at which it is gone; after effectiveAt and now. Never unless said.",
    )
    idempotency_key: str | None = strawberry.field(
        default=UNSET,
        description="Makes a retry safe: the same key with the same input gives the same grant.",
    )


@strawberry.type
class CreditMutation:
    """Granting and cancelling credit."""

    @strawberry.mutation
    async def grant_credit(
        self,
        info: Info,
        input: Annotated[GrantCreditInput, strawberry.argument(description="What, to whom.")],
    ) -> CreditGrantPayload:
        """Give a customer money to spend on invoices. Without an idempotencyKey: once a call."""
        context = info.context
        return await answer(
            CreditGrantPayload,
            "credit_grant",
            lambda: ledger.grant(context.connection, _new(input), context.now),
        )

    @strawberry.mutation
    async def cancel_credit(
        self,
        info: Info,
        credit_grant_id: Annotated[
            strawberry.ID, strawberry.argument(description="The grant's id.")
        ],
    ) -> CreditGrantPayload:
        """Take back what remains of a grant. What was spent stays. Again: no error, no change."""
        context = info.context

        def work() -> Awaitable[CreditGrantRow]:
            id = ids.decode("CreditGrant", credit_grant_id, "creditGrantId")
            return ledger.cancel(context.connection, id, context.now)

        return await answer(CreditGrantPayload, "credit_grant", work)


def grant_listing(info: Info, status: CreditStatus | None) -> Listing:
    """Grants as they are listed, those of one status if one is given."""
    where = has_status(status, info.context.now) if status else ALWAYS
    return Listing("creditGrants", CREDIT_GRANTS, BY_CREATION, where)


async def balance_of(info: Info, customer_id: UUID, currency: str) -> Money:
    """What a customer can spend now."""
    grants = await info.context.loaders.spendable(customer_id, info.context.now)
    return _money(sum((grant.remaining for grant in grants), ZERO), currency)


def _row(shown: object) -> CreditGrantRow:
    return cast(CreditGrantRow, shown)


def _money(amount: Decimal, currency: str) -> Money:
    return Money(amount=round_money(amount, currency), currency=currency)


async def _currency(info: Info, row: CreditGrantRow) -> str:
    customer = await info.context.loaders.customer(row.customer_id)
    return cast("Customer", customer).currency


def _new(input: GrantCreditInput) -> NewGrant:
    return NewGrant(
        customer=refs.resolve(input.customer, "input", "customer"),
        amount=input.amount,
        **given(
            input,
            "type",
            "priority",
            "description",
            "effective_at",
            "expires_at",
            "idempotency_key",
        ),
    )
