"""What PostgreSQL writes of answers is what Python would write, to the byte."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from itertools import permutations

import orjson
import pytest

from fubble_gql.api import written
from fubble_gql.customers import store
from fubble_gql.db import pages
from fubble_gql.db.pages import Order, Window
from fubble_gql.db.rows import Masked
from fubble_gql.db.sql import ALWAYS, sql
from tests.api.builders import a_customer, a_subscription
from tests.api.changing import cancel
from tests.api.conftest import Api
from tests.api.invoicing import a_draft, added, finalized
from tests.api.portal import as_customer
from tests.api.two_customers import two_customers
from tests.reads.both import both
from tests.reads.documents import Sent

# Control characters, what JSON and SQL escape, and letters of two, three and four bytes.
ODD = (
    "".join(map(chr, (*range(1, 32), 127, 128, 0xE9, 0x2028, 0xFFFF, 0x1F600)))
    + "\"\\/'?$1{table}%s"
)
TEXTS = ("", " ", "null", ODD, "\\u0041", "é" * 50)
# With none, two, three and four decimals.
CURRENCIES = ("JPY", "USD", "KWD", "CLF")
AMOUNTS = ("0", "-0.4", "0.5", "1234567.89125", "99999999999.5")

CUSTOMERS = """{
  customers { edges { cursor node {
    __typename id key named: name email companyName billingAddress currency timezone createdAt
    updatedAt archivedAt metadata
    invoices { totalCount pageInfo { hasNextPage endCursor } nodes {
      __typename id number status asOf issuedAt dueAt paidAt notes createdAt
      period { __typename end start } total { amount currency __typename } subtotal { amount }
      lines { __typename id kind description quantity unitPrice amount { currency amount } }
    } }
  } } }
}"""
WHOLE_LISTS = """{
  customers { nodes { key
    invoices(first: 2) { nodes { number lines { description amount { amount currency } } } }
    older: invoices(last: 2) { edges { node { id number } } nodes { notes } }
    subscriptions { nodes { id startAt endAt } }
  } }
  plans { nodes { key priceComponents { key displayName minimum } } }
}"""
BELOW_LINES = """{
  invoices { nodes { number
    lines { amount { amount } metric { key } component { key } subscription { id } }
    again: lines { steps { amount } description }
  } }
}"""
SUBSCRIPTIONS = """{
  customers { nodes { key subscriptions(first: 50) { nodes {
    __typename id status timezone customer { id key paymentMethodId }
    plan {
      id key version name description currency billingFrequency trialDays minimum isActive isLatest
      priceComponents {
        __typename id key displayName minimum maximum
        metric { id key } pricing { __typename kind: __typename }
      }
    }
  } } } }
}"""
INSTANTS = """{
  customers { nodes { subscriptions(first: 50) { nodes {
    startAt endAt trialEndAt scheduledChange { effectiveAt }
  } } } }
}"""

# What can be selected of a page, which is written as one text where nothing but `nodes` looks at its rows.
PAGE_PARTS = (
    "nodes { id }",
    "again: nodes { __typename }",
    "edges { __typename }",
    "edges { node { __typename } }",
    "edges { node { id } }",
    "edges { cursor }",
    "pageInfo { hasNextPage }",
    "pageInfo { __typename }",
    "totalCount",
)
PAGES = ("subscriptions", "invoices", "creditGrants")


async def _an_odd_seller(api: Api) -> None:
    """A customer in each currency, with odd texts, and invoices of odd amounts at odd instants."""
    for currency in CURRENCIES:
        key = currency.lower()
        texts = {"companyName": TEXTS[3], "billingAddress": TEXTS[5], "email": "a@example.com"}
        await a_customer(api, key, currency=currency, **{**texts, "name": f"{currency} {ODD}"})
        for n, amount in enumerate(AMOUNTS):
            invoice = await a_draft(api, customer=key, notes=TEXTS[n % len(TEXTS)])
            for description in ("Support", ODD[31:], "é"):
                await added(api, invoice, amount, quantity="1.50", description=description)
            if n % 2:
                await finalized(api, invoice)
            api.clock.now += timedelta(seconds=1, microseconds=n * 100_100)


@pytest.mark.parametrize("document", [CUSTOMERS, WHOLE_LISTS, BELOW_LINES])
async def test_values_of_every_kind_are_written_alike(
    document: str, api: Api, database_url: str
) -> None:
    await two_customers(api)
    await _an_odd_seller(api)
    customer = await as_customer(api)
    async with both(api, database_url) as pair, customer.http:
        for key in (api.key, customer.key):
            text = await pair.ask(Sent(document, {}), {"Authorization": f"Bearer {key}"})
            assert '"errors"' not in text
        assert pair.tally.by_plan == 2
        assert pair.tally.by_database == 2 * (api.connection.dialect == "postgres")
        assert pair.tally.reordered == 0


async def test_what_changes_with_time_is_written_as_of_the_request(
    postgres_api: Api, postgres_url: str
) -> None:
    api = postgres_api
    await two_customers(api)
    await a_customer(api, "timely")
    for more in ({"trialDays": 9}, {"startAt": "2026-07-01T00:00:00Z", "trialDays": 3}):
        await a_subscription(api, "timely", "open", **more)
    for start in ("2026-05-01T00:00:00Z", "2026-08-01T00:00:00Z"):
        await cancel(api, await a_subscription(api, "timely", "open", startAt=start))
    text = (await api.post(orjson.dumps({"query": INSTANTS}))).text
    instants = {datetime.fromisoformat(found) for found in re.findall(r'"(20[^"]+Z)"', text)}
    statuses: set[str] = set()
    key = {"Authorization": f"Bearer {api.key}"}
    async with both(api, postgres_url) as pair:
        for instant in instants:
            for distance in (-1, 0, 1):
                api.clock.now = instant + timedelta(microseconds=distance)
                text = await pair.ask(Sent(SUBSCRIPTIONS, {}), key)
                statuses |= {*re.findall(r'"status":"(\w+)"', text)}
    assert statuses == {"SCHEDULED", "TRIALING", "ACTIVE", "ENDED"}
    assert len(instants) > 5
    assert pair.tally.with_errors == 0
    assert pair.tally.by_database == pair.tally.documents


async def test_subscriptions_and_their_plans_are_one_statement(postgres_api: Api) -> None:
    """Beside the one for the key, and the one for the customers."""
    await two_customers(postgres_api)
    with postgres_api.statements() as statements:
        await postgres_api.ask(SUBSCRIPTIONS)
    assert len(statements) == 3


async def test_whole_lists_come_as_one_text_for_each_parent(postgres_api: Api) -> None:
    await two_customers(postgres_api)
    with postgres_api.statements() as statements:
        await postgres_api.ask(WHOLE_LISTS)
    lists = [text for text in statements if "string_agg" in text]
    assert [
        name
        for name in ("invoice", "plan_subscription", "price_component")
        if any(f"from {name} " in text for text in lists)
    ] == ["invoice", "plan_subscription", "price_component"]


async def test_what_customers_may_not_see_is_not_written(
    postgres_api: Api, postgres_url: str
) -> None:
    await two_customers(postgres_api)
    customer = await as_customer(postgres_api)
    document = "{ customers { nodes { key paymentMethodId name metadata } } }"
    async with both(postgres_api, postgres_url) as pair, customer.http:
        await pair.ask(Sent(document, {}), {"Authorization": f"Bearer {postgres_api.key}"})
        text = await pair.ask(Sent(document, {}), {"Authorization": f"Bearer {customer.key}"})
    assert text.count('"paymentMethodId":null') == text.count('"key"') == 1
    assert pair.tally.by_plan == pair.tally.by_database == 2


@pytest.mark.parametrize("field", PAGES)
async def test_pages_are_alike_whatever_is_selected_beside_their_nodes(
    field: str, postgres_api: Api, postgres_url: str
) -> None:
    await two_customers(postgres_api)
    customer = await as_customer(postgres_api)
    asked = [
        "{ customers { nodes { key page: " + f"{field}(first: 2) {{ {one} {other} }}" + " } } }"
        for one, other in permutations(PAGE_PARTS, 2)
        if "nodes { id }" in (one, other)
    ]
    async with both(postgres_api, postgres_url) as pair, customer.http:
        for document in asked:
            for key in (postgres_api.key, customer.key):
                await pair.ask(Sent(document, {}), {"Authorization": f"Bearer {key}"})
    assert pair.tally.reordered == pair.tally.with_errors == 0
    assert pair.tally.by_database == pair.tally.documents == 2 * len(asked)


async def test_a_customer_gets_no_hidden_column_in_a_whole_list(postgres_api: Api) -> None:
    """No field lists customers below a parent; whoever adds one need not know of this."""
    await two_customers(postgres_api)
    (row, *_) = await store.CUSTOMERS.select(postgres_api.connection, sql("where") + ALWAYS)
    connection = postgres_api.connection.only(row.id)
    table = store.CUSTOMERS.only({"id"}, (written.text("payment_method_id"),))
    with pytest.raises(Masked):
        await table.written_by(connection, "id", [row.id], "id")
    with pytest.raises(Masked):
        await pages.pages_written(connection, table, ("id", [row.id]), Order(("id",)), Window(1))
