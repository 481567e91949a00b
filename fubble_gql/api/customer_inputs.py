"""Customers as they are given, filtered and ordered."""

from __future__ import annotations

from datetime import datetime

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from fubble_gql.api.enums import OrderDirection
from fubble_gql.api.inputs import given
from fubble_gql.customers.search import OrderField
from fubble_gql.customers.store import NewCustomer


@strawberry.input
class CreateCustomerInput:
    """A new customer."""

    key: str = strawberry.field(description="A key of your own, at most 255 characters.")
    name: str = strawberry.field(description="What the customer is called.")
    email: str | None = strawberry.field(default=UNSET, description="Where invoices may be sent.")
    company_name: str | None = strawberry.field(default=UNSET, description="The legal name.")
    billing_address: str | None = strawberry.field(default=UNSET, description="The address.")
    payment_method_id: str | None = strawberry.field(
        default=UNSET, description="How your payment service knows the means of payment."
    )
    currency: str | None = strawberry.field(
        default=UNSET, description='An ISO 4217 code; "USD" unless said. Never changes.'
    )
    timezone: str | None = strawberry.field(
        default=UNSET, description='An IANA name, as in "Europe/Berlin"; "UTC" unless said.'
    )
    metadata: JSON | None = strawberry.field(
        default=UNSET, description="A JSON object of your own."
    )


@strawberry.input
class UpdateCustomerInput:
    """What changes. What is left out stays; null clears."""

    name: strawberry.Maybe[str | None] = strawberry.field(description="What it is called.")
    email: strawberry.Maybe[str | None] = strawberry.field(description="For invoices.")
    company_name: strawberry.Maybe[str | None] = strawberry.field(description="The legal name.")
    billing_address: strawberry.Maybe[str | None] = strawberry.field(description="The address.")
    payment_method_id: strawberry.Maybe[str | None] = strawberry.field(
        description="How your payment service knows the means of payment."
    )
    timezone: strawberry.Maybe[str | None] = strawberry.field(
        description="An IANA name. Running subscriptions keep the one they began in."
    )
    metadata: strawberry.Maybe[JSON | None] = strawberry.field(
        description="A JSON object that takes the place of the present one; null empties it."
    )


@strawberry.input
class CustomerFilter:
    """Which customers are listed: those that meet every condition."""

    search: str | None = strawberry.field(
        default=UNSET, description="A part of key, name, email or company name, in any case."
    )
    archived: bool | None = strawberry.field(
        default=UNSET, description="Only archived ones, or only those that are not; else both."
    )
    plan_key: str | None = strawberry.field(
        default=UNSET, description="Only those with a subscription that runs on this plan now."
    )
    created_after: datetime | None = strawberry.field(
        default=UNSET, description="Only those created later than this instant."
    )
    created_before: datetime | None = strawberry.field(
        default=UNSET, description="Only those created before this instant."
    )


@strawberry.input
class CustomerOrder:
    """How customers are ordered; equal ones by id."""

    field: OrderField = strawberry.field(description="By what.")
    direction: OrderDirection = strawberry.field(description="Which way.")


def new_customer(input: CreateCustomerInput) -> NewCustomer:
    """What a customer is made from."""
    return NewCustomer(input.key, input.name, **given(input, *_OPTIONAL))


_OPTIONAL = (
    "email",
    "company_name",
    "billing_address",
    "payment_method_id",
    "currency",
    "timezone",
    "metadata",
)
