"""What is too much is refused before it is validated or run, and costs next to nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from graphql import get_introspection_query, parse

from fubble_gql.api.limits import DOCUMENT_LIMITS, DocumentLimits, weigh
from fubble_gql.api.measure import COMPUTED
from fubble_gql.api.schema import build_schema
from tests.api.builders import a_customer
from tests.api.conftest import Api, read, running

GRAPHQL = build_schema()._schema
MANY = 2**62
BOUNDLESS = DocumentLimits(MANY, MANY, MANY, MANY, MANY, MANY, MANY, MANY)
INTROSPECTION = get_introspection_query(
    specified_by_url=True,
    directive_is_repeatable=True,
    schema_description=True,
    input_value_deprecation=True,
)

# For each limit: a setting, the document that just keeps to it, and one that goes beyond.
BOUNDS: dict[str, tuple[int, str, str]] = {
    "tokens": (
        100,
        "{ nodes(ids: [" + '"", ' * 88 + "]) { id } }",
        "{ nodes(ids: [" + '"", ' * 100 + "]) { id } }",
    ),
    "operations": (1, "query Q { __typename }", "query Q { __typename } query B { __typename }"),
    "root_fields": (
        2,
        "{ ...F } fragment F on Query { __typename viewer { role } }",
        "{ ...F __typename } fragment F on Query { __typename viewer { role } }",
    ),
    "fields": (
        10,
        "{ viewer { ...F ...F ...F } } fragment F on Viewer { role role }",
        "{ viewer { ...F ...F ...F role } } fragment F on Viewer { role role }",
    ),
    "depth": (
        3,
        "{ customers { nodes { ... on Customer { ... on Customer { id } } } } }",
        "{ customers { nodes { ... on Customer { subscriptions { __typename } } } } }",
    ),
    "aliases": (
        2,
        "{ viewer { ...F } } fragment F on Viewer { a: role b: role }",
        "{ viewer { ...F } c: viewer { role } } fragment F on Viewer { a: role b: role }",
    ),
    "directives": (
        2,
        "query ($y: Boolean!) { __typename @skip(if: $y) viewer @include(if: $y) { role } }",
        "query ($y: Boolean!) { __typename @skip(if: $y) @include(if: $y) "
        "viewer @include(if: $y) { role } }",
    ),
    "cost": (
        101,
        "{ customers(first: 100) { nodes { id } } }",
        "{ customers(first: 100) { nodes { id } } viewer { role } }",
    ),
}


def test_every_limit_is_tried() -> None:
    assert BOUNDS.keys() == set(DocumentLimits.__dataclass_fields__)


async def sent(api: Api, document: str, **rest: object) -> httpx.Response:
    """The response to a body of a document and whatever else."""
    return await api.post(json.dumps({"query": document, **rest}).encode())


@pytest.mark.parametrize("name", BOUNDS)
async def test_a_limit_is_kept_to_the_last_one(sqlite_url: str, name: str) -> None:
    maximum, within, beyond = BOUNDS[name]

    async with running(sqlite_url, **{f"document_{name}_max": maximum}) as api:
        variables = {"y": False}
        answered = await sent(api, within, variables=variables)
        with api.statements() as statements:
            chosen = "Q" if name == "operations" else None
            refused = await sent(api, beyond, variables=variables, operationName=chosen)

    assert "LIMIT" not in answered.text
    assert refused.status_code == 200
    (error,) = read(refused)["errors"]
    assert "data" not in read(refused)
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert f"{maximum:,}" in error["message"].replace("100 tokens", "100")
    if name != "tokens":
        assert error["extensions"]["limit"].lower() == name.replace("_", "")
        cost = error["extensions"]["cost"]
        assert cost["maximum"] == (101 if name == "cost" else DOCUMENT_LIMITS.cost)
        assert name != "cost" or cost["requested"] == 102
    assert [text for text in statements if "api_key" not in text] == []


async def test_a_long_row_of_directives_is_one_error(sqlite_api: Api) -> None:
    (error,) = await sqlite_api.errors("{ __typename " + "@aa" * 10 + " }")

    assert error["extensions"]["limit"] == "directives"


def doubling(levels: int) -> str:
    """Fragments of which each spreads the next one twice: 2 ** levels spreads, side by side."""
    parts = [f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(levels)]
    return f"{{ ...F0 }} {' '.join(parts)} fragment F{levels} on Query {{ __typename }}"


def doubling_inwards(levels: int) -> str:
    """The same inside of each other, under other names, so that nothing can be merged."""
    inner = "subscriptions(first: 1) {{ nodes {{ customer {{ ...F{0} }} }} }}"
    parts = [
        f"fragment F{n} on Customer {{ a: {inner.format(n + 1)} b: {inner.format(n + 1)} }}"
        for n in range(levels)
    ]
    last = f"fragment F{levels} on Customer {{ id }}"
    return f'{{ customer(key: "acme") {{ ...F0 }} }} {" ".join(parts)} {last}'


@pytest.mark.parametrize("levels", [25, 60, 90])
@pytest.mark.parametrize("document", [doubling, doubling_inwards])
async def test_doubling_fragments_are_refused_at_once(
    sqlite_api: Api, document: Callable[[int], str], levels: int
) -> None:
    (error,) = await sqlite_api.errors(document(levels))

    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"


@pytest.mark.parametrize("kept", ["cost", "fields", "root_fields", "aliases"])
async def test_one_limit_is_enough_against_doubling_fragments(kept: str) -> None:
    limits = replace(BOUNDLESS, **{kept: getattr(DOCUMENT_LIMITS, kept)})
    document = doubling if kept == "root_fields" else doubling_inwards

    weighed = weigh(GRAPHQL, parse(document(20)), None, {}, limits)

    assert weighed.beyond is not None
    assert weighed.beyond.amount >= 2**20


async def test_fragments_in_a_long_chain_are_refused(sqlite_api: Api) -> None:
    parts = [f"fragment F{n} on Query {{ ...F{n + 1} }}" for n in range(400)]

    (error,) = await sqlite_api.errors(
        f"{{ ...F0 }} {' '.join(parts)} fragment F400 on Query {{ a }}"
    )

    assert error["extensions"]["limit"] == "depth"


async def test_fragments_in_a_circle_are_left_to_validation(sqlite_api: Api) -> None:
    document = "{ ...F } fragment F on Query { viewer { role } ...G } fragment G on Query { ...F }"

    (error,) = await sqlite_api.errors(document)

    assert (error["extensions"]["code"], "Cannot spread" in error["message"]) == ("INVALID", True)


async def test_unused_fragments_count_too(sqlite_api: Api) -> None:
    unused = " ".join(f"fragment F{n} on Query {{ __typename }}" for n in range(500))

    (error,) = await sqlite_api.errors(f"{{ __typename }} {unused}")

    assert error["extensions"]["limit"] == "fields"


PAGE = "{ customers%s { nodes { id } } }"
SIZED = "query ($n: Int%s) { customers(first: $n) { nodes { id } } }"
COSTS: list[tuple[str, dict[str, object], int]] = [
    ("{ __typename }", {}, 0),
    ("{ viewer { role } }", {}, 1),
    (PAGE % "", {}, 21),
    (PAGE % "(first: 7)", {}, 8),
    (PAGE % "(last: 7)", {}, 8),
    (PAGE % "(first: null)", {}, 21),
    (SIZED % "", {"n": 7}, 8),
    (SIZED % "", {"n": None}, 21),
    (SIZED % "", {}, 21),
    (SIZED % " = 5", {}, 6),
    (SIZED % " = 5", {"n": 7}, 8),
    ("{ customers(first: 7) { edges { node { id } cursor } pageInfo { hasNextPage } } }", {}, 9),
    ("{ customers(first: 7) { nodes { id } edges { node { id } } totalCount } }", {}, 15),
    ("{ customers(first: 7) { nodes { subscriptions(first: 3) { nodes { id } } } } }", {}, 36),
    # A list without pages is taken to hold five.
    ("{ plans(first: 2) { nodes { priceComponents { key pricing { __typename } } } } }", {}, 23),
    # What is listed is paid for where it is given: three objects, by three ids.
    ('{ nodes(ids: ["a", "b", "c"]) { id } }', {}, 6),
    ("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["a"] * 9}, 18),
    (
        "query ($k: [String!]) { a: customers(first: 1) { nodes { ...F } } b: customers(first: 2) "
        "{ nodes { ...F } } } fragment F on Customer { usage(metrics: $k) { quantity } }",
        {"k": ["calls"] * 7},
        # Two pages and their customers; for each customer a sum, its list of five, and seven names.
        2 + 3 + 3 * (10 + 5 + 7),
    ),
    # Every tenth field of an object costs as much as another object.
    (
        "{ customers(first: 7) { nodes { " + " ".join(f"f{n}: id" for n in range(9)) + " } } }",
        {},
        8,
    ),
    (
        "{ customers(first: 7) { nodes { " + " ".join(f"f{n}: id" for n in range(20)) + " } } }",
        {},
        22,
    ),
    ('{ customer(key: "acme") { invoicePreview { total { amount } } } }', {}, 13),
    # The same fragment of two pages, of different sizes.
    (
        "{ a: customers(first: 1) { ...F } b: customers(first: 50) { ... { ...F } } } "
        "fragment F on CustomerConnection { nodes { id } }",
        {},
        53,
    ),
    ("{ __schema { types { name } } }", {}, 0),
]


@pytest.mark.parametrize(("document", "variables", "cost"), COSTS)
async def test_the_cost_is_what_may_be_returned(
    sqlite_api: Api, document: str, variables: dict[str, object], cost: int
) -> None:
    extensions = {"cost": True}

    answer = read(await sent(sqlite_api, document, variables=variables, extensions=extensions))

    assert answer["extensions"] == {"cost": {"requested": cost, "maximum": DOCUMENT_LIMITS.cost}}


@pytest.mark.parametrize("value", [10**9, "100", 100.0, True, [100], -1, "x"])
async def test_no_spelling_of_a_page_size_makes_it_cheap(value: Any) -> None:  # noqa: ANN401
    weighed = weigh(GRAPHQL, parse(SIZED % ""), None, {"n": value}, DOCUMENT_LIMITS)

    listed = len(value) if isinstance(value, list) else 0
    assert weighed.cost == (2 if value in (True, -1) else 101 + listed)


async def test_a_long_list_is_paid_for_wherever_it_is_used(sqlite_api: Api) -> None:
    """A variable may be as long as a body, and be used in any number of places."""
    fields = " ".join(f"a{n}: usage(metrics: $k) {{ quantity }}" for n in range(40))
    document = f'query ($k: [String!]) {{ customer(key: "acme") {{ {fields} }} }}'

    for _ in range(2):
        response = await sent(sqlite_api, document, variables={"k": ["calls"] * 3_000})
        [error] = read(response)["errors"]
        assert error["extensions"]["limit"] == "cost"


async def test_only_the_operation_that_runs_is_paid_for(sqlite_api: Api) -> None:
    document = "query A { viewer { role } } query B { customers { nodes { id } } }"

    for name, cost in (("A", 1), ("B", 21)):
        response = await sent(sqlite_api, document, operationName=name, extensions={"cost": True})
        assert read(response)["extensions"]["cost"]["requested"] == cost


async def test_an_answer_tells_its_cost_only_when_asked(sqlite_api: Api) -> None:
    for extensions in (None, {}, {"cost": False}):
        response = await sent(sqlite_api, "{ viewer { role } }", extensions=extensions)
        assert response.content == b'{"data":{"viewer":{"role":"OPERATOR"}}}'


async def test_a_document_is_judged_again_by_each_calls_variables(sqlite_url: str) -> None:
    document = SIZED % ""

    async with running(sqlite_url, document_cost_max=100) as api:
        await a_customer(api)
        seen = [
            [
                error["extensions"]["code"]
                for error in (await api.answer(document, n=n)).get("errors", [])
            ]
            for n in (1, 100, 1, 99, 100)
        ]

    assert seen == [[], ["LIMIT_EXCEEDED"], [], [], ["LIMIT_EXCEEDED"]]


async def test_the_whole_schema_can_be_asked_for_whatever_the_limits(sqlite_url: str) -> None:
    async with running(sqlite_url, document_depth_max=2, document_cost_max=100) as api:
        found = await api.ask(INTROSPECTION)

    assert len(found["__schema"]["types"]) > 100


async def test_the_schema_cannot_be_asked_for_in_circles(sqlite_api: Api) -> None:
    circle = "type { fields { " * 3 + "name" + " } }" * 3
    deep = "ofType { " * 25 + "name" + " }" * 25

    for asked in (
        f"{{ __schema {{ types {{ fields {{ {circle} }} }} }} }}",
        f'{{ __type(name: "Query") {{ {deep} }} }}',
    ):
        (error,) = await sqlite_api.errors(asked)
        assert error["extensions"]["limit"] == "introspection"


async def test_without_a_key_a_refusal_tells_nothing(sqlite_api: Api) -> None:
    sqlite_api.http.headers.pop("Authorization")

    response = await sent(sqlite_api, doubling(25))

    assert response.status_code == 401
    assert read(response)["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def test_what_is_computed_is_in_the_schema() -> None:
    names = {name for kind in GRAPHQL.type_map.values() for name in getattr(kind, "fields", ())}

    assert names >= COMPUTED


async def test_fields_that_are_selected_too_many_times_are_too_much(sqlite_api: Api) -> None:
    few, many = (" ".join(f"n(a: {n})" for n in range(count)) for count in (20, 390))
    codes = [
        [error["extensions"]["code"] for error in answer["errors"]]
        for answer in [
            await sqlite_api.answer(f"{{ __typename {{ {fields} }} }}") for fields in (few, many)
        ]
    ]
    assert "LIMIT_EXCEEDED" not in codes[0]
    assert codes[1][-1] == "LIMIT_EXCEEDED"
