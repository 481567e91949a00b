"""The nested page takes as many statements of many customers as of few, and pages beside it no more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest_asyncio

from fubble_gql.db import write
from fubble_gql.db.connection import Connection
from fubble_gql.db.repeat import new_id
from fubble_gql.db.write import Row
from tests.api.builders import Json, a_metric, a_plan, asked, fee, per_unit
from tests.api.changing import row_id
from tests.api.conftest import NOW, Api, read, running
from tests.bench.scaling import PAGE_MAX, body

CUSTOMERS = 5 * PAGE_MAX


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[Api]:
    """A caller of an application that answers pages of any number of customers."""
    async with running(database_url, document_cost_max=10_000_000) as caller:
        yield caller


async def many_customers(api: Api) -> None:
    """Each with two subscriptions and three invoices of two lines."""
    await a_metric(api)
    plans = [
        row_id((await a_plan(api, fee(), per_unit(), key=f"plan-{n}"))["id"]) for n in range(3)
    ]
    await api.connection.transaction(lambda tx: _insert(tx, plans))


async def _insert(tx: Connection, plans: Sequence[UUID]) -> None:
    customers = [new_id() for _ in range(CUSTOMERS)]
    subscriptions = [(new_id(), customer) for customer in customers for _ in range(2)]
    invoices = [(new_id(), customer) for customer in customers for _ in range(3)]
    await write.insert(tx, "customer", [_customer(n, id) for n, id in enumerate(customers)])
    await write.insert(tx, "plan_subscription", [_subscription(*one) for one in subscriptions])
    phases = [_phase(id, plans[n % len(plans)]) for n, (id, _) in enumerate(subscriptions)]
    await write.insert(tx, "subscription_phase", phases)
    await write.insert(tx, "invoice", [_invoice(*one) for one in invoices])
    lines = [_line(id, position) for id, _ in invoices for position in range(2)]
    await write.insert(tx, "invoice_line", lines)


def _customer(n: int, id: UUID) -> Row:
    return {
        "id": id,
        "key": f"c{n:03}",
        "name": f"Customer {n}",
        "currency": "USD",
        "timezone": "UTC",
        "metadata": write.Json({}),
        "created_at": NOW,
        "updated_at": NOW,
    }


def _subscription(id: UUID, customer: UUID) -> Row:
    return {
        "id": id,
        "customer_id": customer,
        "timezone": "UTC",
        "start_at": NOW,
        "created_at": NOW,
    }


def _phase(subscription: UUID, plan: UUID) -> Row:
    return {
        "id": new_id(),
        "subscription_id": subscription,
        "plan_id": plan,
        "start_at": NOW,
        "billing_anchor": NOW,
    }


def _invoice(id: UUID, customer: UUID) -> Row:
    return {
        "id": id,
        "customer_id": customer,
        "status": "DRAFT",
        "currency": "USD",
        "period_start": NOW,
        "period_end": NOW + timedelta(days=30),
        "subtotal": Decimal(20),
        "credits_applied": Decimal(0),
        "total": Decimal(20),
        "credit_grant_ids": write.Json([]),
        "created_at": NOW,
    }


def _line(invoice: UUID, position: int) -> Row:
    return {
        "id": new_id(),
        "invoice_id": invoice,
        "position": position,
        "kind": "MANUAL",
        "description": "Support",
        "quantity": Decimal(1),
        "amount": Decimal(10),
        "steps": write.Json([]),
    }


async def test_a_page_takes_as_many_statements_of_a_hundred_customers_as_of_five(api: Api) -> None:
    await many_customers(api)
    cursors: list[str | None] = [None]
    while len(cursors) < CUSTOMERS // PAGE_MAX:
        cursors.append(await _end(api, cursors[-1]))

    counts = {}
    for customers in (5, 50, PAGE_MAX, CUSTOMERS):
        with api.statements() as statements:
            answer = read(await api.post(body(customers, cursors)))
        _check(answer["data"], customers)
        counts[customers] = len([text for text in statements if "api_key" not in text])

    # Customers, subscriptions, their plans, components, invoices, lines: PostgreSQL writes plans into
    # their subscriptions, and lines into their invoices.
    of_a_page = 3 if api.connection.dialect == "postgres" else 6
    assert counts[5] == counts[50] == counts[PAGE_MAX] == of_a_page
    assert counts[CUSTOMERS] <= CUSTOMERS // PAGE_MAX * of_a_page


async def _end(api: Api, after: str | None) -> str:
    """Where a page of customers ends."""
    document = (
        "query ($first: Int, $after: String) "
        "{ customers(first: $first, after: $after) { pageInfo { endCursor } } }"
    )
    page = await asked(api, document, first=PAGE_MAX, after=after)
    cursor: str = page["pageInfo"]["endCursor"]
    return cursor


def _check(data: Json, customers: int) -> None:
    """That many different customers are there, with all that belongs to them."""
    nodes = [edge["node"] for page in data.values() for edge in page["edges"]]
    assert len({one["id"] for one in nodes}) == customers
    for one in nodes:
        assert [len(each["plan"]["priceComponents"]) for each in one["subscriptions"]["nodes"]] == (
            [2] * 2
        )
        assert [len(each["lines"]) for each in one["invoices"]["nodes"]] == [2] * 3
