"""Wrong values in every place where a client puts one: refused by name, and never a surprise."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
from graphql import GraphQLInputObjectType

from fubble_gql.api.schema import build_schema
from fubble_gql.errors import Code
from tests.api.builders import a_customer, a_metric, a_plan, a_subscription, per_unit
from tests.api.conftest import Api, read
from tests.api.places import Place, places

SCHEMA = build_schema()._schema
PLACES = list(places(SCHEMA))
# Of another type than any place but those for JSON, and for truth, wants.
WRONG: list[object] = [True, {"zzz": 1}, [[[1]]], 1.5, "\u2028", 10**400, None]
STRICT = 2  # that many of them no other place takes
# Of the right type, at its edges.
EDGES: dict[str, list[object]] = {
    "String": ["", "x" * 300, "💥\u202e' or 1=1 --"],
    "ID": ["", "inv_" + "f" * 32],
    "Int": [-1, 2**31 - 1],
    "BigInt": ["-1", "9" * 30],
    "Decimal": ["-0.000000000000000001", "99999999999999999999.999999999999999999"],
    "DateTime": ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"],
    "JSON": [[], {"": {"a": [None]}}],
    "Boolean": [True],
}


async def the_parents(api: Api) -> str:
    """What the documents start from; the id of a subscription."""
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, per_unit())
    found: str = (await a_subscription(api))["id"]
    return found


async def holding(api: Api, place: Place, value: object, parent: str) -> httpx.Response:
    """The answer when a place holds a value."""
    variables = {**place.holding(value), "parent": parent}
    if "$parent" not in place.document:
        del variables["parent"]
    return await api.post(json.dumps({"query": place.document, "variables": variables}).encode())


def complaints(response: httpx.Response) -> Iterator[tuple[str, list[str]]]:
    """The code and the path of each refusal, in a payload or at the top."""
    answer = read(response)
    for error in answer.get("errors", []):
        yield error["extensions"]["code"], error["extensions"].get("path", error.get("path"))
    for payload in (answer.get("data") or {}).values():
        for error in (payload.get("errors") or []) if isinstance(payload, dict) else []:
            yield error["code"], error["path"]


def assert_clean(response: httpx.Response, told: str) -> list[tuple[str, list[str]]]:
    """The refusals, each with a code of ours and a path."""
    found = list(complaints(response))
    assert response.status_code == 200, told
    assert {code for code, _ in found} <= set(Code), told
    assert all(path for _, path in found), told
    return found


def test_every_input_field_is_a_place() -> None:
    inputs = [kind for kind in SCHEMA.type_map.values() if isinstance(kind, GraphQLInputObjectType)]
    ends = {str(place.path[-1]) for place in PLACES if place.path}
    lasts = {part for place in PLACES for part in map(str, place.path)}

    assert {name for kind in inputs for name in kind.fields} <= ends | lasts
    assert {place.kind for place in PLACES} >= {kind.name for kind in inputs}


async def test_a_value_of_another_type_is_refused_where_it_stands(sqlite_api: Api) -> None:
    parent = await the_parents(sqlite_api)

    for number, place in enumerate(PLACES):
        for value in [*WRONG[:STRICT], WRONG[STRICT + number % (len(WRONG) - STRICT)]]:
            told = f"{value!r} for {place.kind} at {place.shown_path} of {place.document}"
            found = assert_clean(await holding(sqlite_api, place, value, parent), told)
            if value in WRONG[:STRICT] and place.kind not in ("JSON", "Boolean"):
                assert ("INVALID", place.shown_path) in found, told


async def test_values_at_the_edge_are_taken_or_refused_by_name(api: Api) -> None:
    parent = await the_parents(api)

    for place in PLACES:
        for value in EDGES.get(place.kind, []):
            told = f"{value!r} at {place.shown_path} of {place.document}"
            assert_clean(await holding(api, place, value, parent), told)
