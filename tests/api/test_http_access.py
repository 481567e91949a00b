"""Who may ask what: without a key, only about types; without introspection, nobody."""

from __future__ import annotations

import pytest

from tests.api.toy import code, post


@pytest.mark.parametrize(
    ("query", "introspection", "status"),
    [
        ("{__typename}", True, 200),
        ("{__typename}", False, 200),
        ("{__schema{queryType{name}}}", True, 200),
        ("{__schema{queryType{name}}}", False, 403),
        ('{...F} fragment F on Query{__type(name:"Query"){name}}', True, 200),
        ("{... on Query{__typename}}", True, 200),
        ("{__typename echo}", True, 401),
        ("{...F} fragment F on Query{__typename echo}", True, 401),
        ("query A{__typename} query B{nothing}", False, 401),
        ("{__typename} fragment F on Nothing{a}", False, 401),
        ("{__schema{nothing}}", True, 401),
        ("{__schema{nothing}}", False, 403),
        ("query($x:Nothing){__typename}", True, 401),
        ("query($x:Nothing){__typename}", False, 401),
        ("{__typename @nothing}", False, 401),
        ("{__typename(a: 1)}", False, 401),
        ("{__typename{n}}", False, 401),
        ("query A{a:__typename b:__typename}", False, 200),
        ("{}", True, 401),
        ("{echo(", True, 401),
        ("{nothing}", True, 401),
        ("subscription{ticks}", True, 401),
    ],
)
async def test_without_a_key_only_the_types_can_be_asked_for(
    query: str, introspection: bool, status: int
) -> None:
    answer = await post({"query": query}, key=None, introspection=introspection)
    assert answer.status_code == status
    if status == 401:
        assert code(answer) == "UNAUTHENTICATED"
        assert answer.headers["www-authenticate"] == "Bearer"
    elif status == 403:
        assert code(answer) == "FORBIDDEN"


@pytest.mark.parametrize(
    "query", ["{__schema{description}}", "{again{again{__schema{description}}}}"]
)
async def test_introspection_turned_off_is_off_for_all(query: str) -> None:
    answer = await post({"query": query}, introspection=False)
    assert (answer.status_code, code(answer)) == (403, "FORBIDDEN")
    allowed = await post({"query": '{__typename echo(text:"__schema")}'}, introspection=False)
    assert allowed.json()["data"] == {"__typename": "Query", "echo": "__schema0"}
