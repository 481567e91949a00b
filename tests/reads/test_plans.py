"""What plans read, what they leave to the stock executor, and how much of them is remembered."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import combinations, islice
from pathlib import Path
from typing import Any

import pytest
from graphql import get_named_type, is_composite_type, is_required_argument

from fubble_gql.api.context import Context, Viewer
from fubble_gql.api.enums import Role
from fubble_gql.api.schema import build_schema
from fubble_gql.customers.store import CUSTOMERS
from fubble_gql.reads.memory import Plans
from tests.api.conftest import NOW, Api, running
from tests.api.graph import fields_of, schema
from tests.api.two_customers import two_customers
from tests.reads.both import both
from tests.reads.documents import Sent

BYTES = 4_000_000
DISTINCT = int(os.environ.get("FUBBLE_TEST_DISTINCT_DOCUMENTS", "400"))
NESTED = """query ($first: Int) {
  customers(first: $first) { edges { node { id name
    subscriptions { nodes { id status plan { name priceComponents { key } } } }
    invoices(first: 5) { nodes { id total { amount } lines { description amount { amount } } } }
  } } }
}"""

# How to come to objects of a type.
PATHS = {
    "Customer": "{ customers { nodes { FIELD } } }",
    "PlanSubscription": "{ customers { nodes { subscriptions { nodes { FIELD } } } } }",
    "Plan": "{ customers { nodes { subscriptions { nodes { plan { FIELD } } } } } }",
    "PriceComponent": "{ plans { nodes { priceComponents { FIELD } } } }",
    "Metric": "{ plans { nodes { priceComponents { metric { FIELD } } } } }",
    "Invoice": "{ customers { nodes { invoices { nodes { FIELD } } } } }",
    "InvoiceLine": "{ customers { nodes { invoices { nodes { lines { FIELD } } } } } }",
    "UsageEvent": "{ customers { nodes { usageEvents { nodes { FIELD } } } } }",
    "CreditGrant": "{ customers { nodes { creditGrants { nodes { FIELD } } } } }",
}


async def test_the_nested_page_takes_at_most_six_statements_of_what_is_selected(api: Api) -> None:
    await two_customers(api)
    found = {}
    for first in (1, 2):
        with api.statements() as statements:
            await api.ask(NESTED, first=first)
        found[first] = [text for text in statements if "api_key" not in text]
    assert len(found[1]) == len(found[2]) <= 6
    (customers,) = [text for text in found[2] if " from customer " in text]
    assert "customer.name" in customers
    assert "email" not in customers
    (lines,) = [text for text in found[2] if " from invoice_line " in text]
    assert "invoice_line.amount" in lines
    assert "steps" not in lines


async def test_rows_are_there_though_nothing_of_them_is_selected(
    api: Api, database_url: str
) -> None:
    await two_customers(api)
    document = "{ customers { edges { node { __typename } } totalCount } }"
    async with both(api, database_url) as pair:
        text = await pair.ask(Sent(document, {}), {"Authorization": f"Bearer {api.key}"})
        assert pair.tally.by_plan == 1
    assert text.count('"Customer"') == 2


async def test_every_field_is_answered_by_a_plan(api: Api, database_url: str) -> None:
    """A field that reads a column which it did not name would be left to the stock executor."""
    await two_customers(api)
    known = {"Authorization": f"Bearer {api.key}"}
    left = []
    async with both(api, database_url) as pair:
        for kind, path in PATHS.items():
            for name, field in fields_of(schema().type_map[kind]).items():
                if any(map(is_required_argument, field.args.values())):
                    continue
                below = " { __typename }" if is_composite_type(get_named_type(field.type)) else ""
                before = pair.tally.by_plan
                await pair.ask(Sent(path.replace("FIELD", name + below), {}), known)
                if pair.tally.by_plan == before:
                    left.append(f"{kind}.{name}")
    assert left == []


async def test_directives_on_variables_choose_the_plan(api: Api, database_url: str) -> None:
    await two_customers(api)
    document = (
        "query ($with: Boolean!) { customers { nodes { key name @include(if: $with) "
        "... @skip(if: $with) { email } } } }"
    )
    async with both(api, database_url) as pair:
        known = {"Authorization": f"Bearer {api.key}"}
        answers = [
            await pair.ask(Sent(document, {"with": value}), known) for value in (True, False, True)
        ]
        assert pair.tally.by_plan == 3
    assert answers[0] == answers[2]
    assert '"name"' in answers[0]
    assert '"email"' in answers[1]


async def test_what_is_remembered_for_some_sizes_is_not_given_for_others(
    api: Api, database_url: str
) -> None:
    await two_customers(api)
    document = """query ($n: Int, $m: Int = 1, $all: Boolean) {
      customers(first: $n) { nodes {
        key
        invoices(first: $m) { nodes { id } }
        again: invoices(last: $n) { nodes { number } }
        usageEvents(first: 3) { nodes { id } }
      } }
      plans(filter: {allVersions: $all}) { nodes { key version } }
    }"""
    sizes: list[dict[str, object]] = [{}]
    sizes += [{"n": n} for n in (1, 2, 0, -1, None, 101, True, 3)]
    sizes += [{"n": n, "m": m} for n in (1, 2) for m in (None, 1, 2, 5)]
    sizes += [{"all": value} for value in (True, False, None, 1)]
    async with both(api, database_url) as pair:
        known = {"Authorization": f"Bearer {api.key}"}
        first = [await pair.ask(Sent(document, given), known) for given in sizes]
        again = [await pair.ask(Sent(document, given), known) for given in reversed(sizes)]
    assert again[::-1] == first
    assert len(set(first)) > len(sizes) / 2


async def test_a_parent_that_is_there_twice_has_its_own_rows_once(
    api: Api, database_url: str
) -> None:
    await two_customers(api)
    found = await api.ask("{ customers(first: 1) { nodes { id } } }")
    (customer,) = found["customers"]["nodes"]
    document = """query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Customer {
      usageEvents(first: 2) { pageInfo { hasNextPage startCursor endCursor } }
      again: usageEvents(first: 2) { nodes { id } }
      subscriptions(first: 1) { totalCount edges { cursor } }
    } } }"""
    async with both(api, database_url) as pair:
        known = {"Authorization": f"Bearer {api.key}"}
        sent = Sent(document, {"ids": [customer["id"]] * 3})
        first, second, third = json.loads(await pair.ask(sent, known))["data"]["nodes"]
        assert pair.tally.by_plan == 1
    assert first == second == third
    assert len(first["again"]["nodes"]) == 2
    assert (
        first["usageEvents"]["pageInfo"]["startCursor"]
        != (first["usageEvents"]["pageInfo"]["endCursor"])
    )


async def test_an_error_is_told_as_without_plans(api: Api, database_url: str) -> None:
    await two_customers(api)
    document = """{
      customers { nodes { key first: subscriptions(first: 0) { nodes { id } } name } }
      nodes(ids: ["nonsense"]) { id }
    }"""
    async with both(api, database_url) as pair:
        text = await pair.ask(Sent(document, {}), {"Authorization": f"Bearer {api.key}"})
        assert pair.tally.by_plan == 0
    assert text.count('"path"') >= 3


@pytest.mark.parametrize("compiled", [True, False])
async def test_the_setting_decides_whether_there_are_plans(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, *, compiled: bool
) -> None:
    ran = []

    async def run(*arguments: Any) -> Any:  # noqa: ANN401
        ran.append(arguments)
        return {"viewer": None}

    monkeypatch.setattr("fubble_gql.reads.execution._run", run)
    async with running(sqlite_url, compiled_reads=compiled) as api:
        await api.ask("{ viewer { role } }")
    assert bool(ran) is compiled


async def test_distinct_documents_do_not_grow_the_memory_of_plans(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`FUBBLE_TEST_DISTINCT_DOCUMENTS=100000` attacks with as many, every 40th of them a long one."""
    names = [name for name in CUSTOMERS.row._fields if name not in {"cut_at", "invoiced_until"}]
    choices = (
        " ".join(_camel(name) for name in chosen)
        for size in range(2, len(names))
        for chosen in combinations(names, size)
    )
    monkeypatch.setattr("fubble_gql.reads.execution.Plans", partial(Plans, bytes_max=BYTES))
    async with _asked(database_url) as (built, ask):
        grown = []
        for n, selected in enumerate(_endless(choices, DISTINCT)):
            comment = "" if n % 40 else "#" * (BYTES // 300) + "\n"
            await ask(comment + f"{{ customers {{ nodes {{ {selected} as{n}: __typename }} }} }}")
            if n in (DISTINCT // 2, DISTINCT - 1):
                gc.collect()
                grown.append(_resident_bytes())
        plans = built.execution_context_class.plans
    assert plans.size == sum(one.size for one in plans._known.values()) <= BYTES
    assert 20 < len(plans._known) < DISTINCT / 4
    assert len(CUSTOMERS._narrower) <= 128
    assert grown[1] - grown[0] < 30_000_000


def _endless(choices: Any, count: int) -> Any:  # noqa: ANN401
    """The choices, over and over."""
    kept = list(islice(choices, 4_000))
    return (kept[n % len(kept)] for n in range(count))


@asynccontextmanager
async def _asked(url: str) -> AsyncIterator[tuple[Any, Any]]:
    async with running(url) as api:
        schema = build_schema()

        async def ask(document: str) -> None:
            context = Context(
                api.connection, lambda: NOW, Viewer(Role.OPERATOR, "tests"), takes_json=True
            )
            result = await schema.execute(document, context_value=context)
            assert not result.errors, result.errors

        yield schema, ask


def _resident_bytes() -> int:
    """Of this process; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.title, rest))
