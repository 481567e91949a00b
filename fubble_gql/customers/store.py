"""Customers: read as light rows, created, updated, archived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from fubble_gql import checks
from fubble_gql.customers.models import Customer
from fubble_gql.db import refs
from fubble_gql.db.connection import Connection
from fubble_gql.db.pages import Order
from fubble_gql.db.refs import Ref
from fubble_gql.db.repeat import Call, make_once, new_id
from fubble_gql.db.rows import JsonObject, Table, own
from fubble_gql.errors import Problems


class CustomerRow(NamedTuple):
    """A customer as it is stored."""

    id: UUID
    key: str
    name: str
    email: str | None
    company_name: str | None
    billing_address: str | None
    payment_method_id: str | None
    currency: str
    timezone: str
    metadata: JsonObject
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None
    cut_at: datetime | None
    invoiced_until: datetime | None


CUSTOMERS = Table(
    "customer",
    CustomerRow,
    own("id"),
    # The operator's own notes, and how its payment service knows the customer.
    hidden={"metadata": {}, "payment_method_id": None},
)
BY_CREATION = Order(("created_at", "id"))


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """What a customer is made from."""

    key: str
    name: str
    email: str | None = None
    company_name: str | None = None
    billing_address: str | None = None
    payment_method_id: str | None = None
    currency: str = "USD"
    timezone: str = "UTC"
    metadata: Mapping[str, Any] = field(default_factory=dict)


async def create(connection: Connection, new: NewCustomer, now: datetime) -> CustomerRow:
    """Make a customer; the same input again returns it as it is now.

    Raises Refused: INVALID with every reason, ALREADY_EXISTS when the key was used otherwise.
    """
    problems = Problems()
    checks.text(problems, new.key, "key")
    checks.currency(problems, new.currency, "currency")
    _check(problems, asdict(new))
    call = Call("createCustomer", new.key, asdict(new), new_id())

    async def make(tx: Connection, id: UUID) -> None:
        await Customer.create(
            using_db=tx.client, id=id, created_at=now, updated_at=now, **asdict(new)
        )

    return await _row(connection, await make_once(connection, call, problems, make, now))


async def update(
    connection: Connection, ref: Ref, changes: Mapping[str, Any], now: datetime
) -> CustomerRow:
    """Change the given fields, by column name; None clears what may be empty.

    Raises Refused: INVALID with every reason, NOT_FOUND.
    """
    problems = Problems()
    _check(problems, changes)
    problems.raise_if_any("input")

    async def work(tx: Connection) -> CustomerRow:
        row = await refs.get(tx, CUSTOMERS, ref, "customer")
        if any(getattr(row, name) != value for name, value in changes.items()):
            changed = Customer.filter(id=row.id).using_db(tx.client)
            await changed.update(**changes, updated_at=now)
        return await _row(tx, row.id)

    return await connection.transaction(work)


async def archive(tx: Connection, row: CustomerRow, now: datetime) -> CustomerRow:
    """Take a customer out of use; again changes nothing. Whether it may be is billing's to say."""
    if row.archived_at is None:
        await Customer.filter(id=row.id).using_db(tx.client).update(archived_at=now, updated_at=now)
    return await _row(tx, row.id)


async def _row(connection: Connection, id: UUID) -> CustomerRow:
    (row,) = await CUSTOMERS.by(connection, "id", [id])
    return row


def _check(problems: Problems, fields: Mapping[str, Any]) -> None:
    """The fields that creating and updating share; only those that are given."""
    if "name" in fields:
        checks.text(problems, fields["name"], "name")
    if "timezone" in fields:
        checks.timezone(problems, fields["timezone"] or "", "timezone")
    if "metadata" in fields:
        checks.metadata(problems, fields["metadata"], "metadata")
    for column, (path, limit) in _OPTIONAL_TEXTS.items():
        checks.optional_text(problems, fields.get(column), path, limit=limit)


_OPTIONAL_TEXTS = {
    "email": ("email", checks.EMAIL_LENGTH_MAX),
    "company_name": ("companyName", checks.TEXT_LENGTH_MAX),
    "billing_address": ("billingAddress", checks.LONG_TEXT_LENGTH_MAX),
    "payment_method_id": ("paymentMethodId", checks.TEXT_LENGTH_MAX),
}
