"""What graphql-cop looks for (github.com/dolevf/graphql-cop), in production's settings.

Its checks, request by request and verdict by verdict: it is no package that could be installed. The
thirteenth, field duplication, it has switched off itself; it is here all the same.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.api.conftest import Api, running

PRODUCTION: dict[str, object] = {"introspection": False, "graphiql": False}
# The specification's audits ask for queries by GET. No cookie goes with them, so no site can misuse
# them; mutations need a POST.
ASKED_FOR = {"get_method_support"}

Verdict = Callable[[httpx.Response], object]


@pytest_asyncio.fixture
async def production(sqlite_url: str) -> AsyncIterator[Api]:
    """A caller with a key of a server that shows neither its schema nor GraphiQL."""
    async with running(sqlite_url, **PRODUCTION) as api:
        yield api


def found(verdict: Verdict, response: httpx.Response) -> bool:
    """A verdict, as graphql-cop reaches it: what cannot be read is no finding."""
    try:
        return bool(verdict(response))
    except (KeyError, IndexError, TypeError, ValueError):
        return False


def _typename(response: httpx.Response) -> object:
    return response.json()["data"]["__typename"]


CIRCLE = "type { fields { " * 3 + "type { name }" + " } }" * 3
# Documents that it sends as {"query": ..., "operationName": "cop"}, and what would be a finding.
POSTED: Mapping[str, tuple[str, Verdict]] = {
    "field_suggestions": (
        "query cop { __schema { directive } }",
        lambda response: "Did you mean" in response.json()["errors"][0]["message"],
    ),
    "introspection": (
        "query cop { __schema { types { name fields { name } } } }",
        lambda response: response.json()["data"]["__schema"]["types"],
    ),
    "alias_overloading": (
        "query cop { " + "".join(f"alias{n}:__typename \n" for n in range(101)) + " }",
        lambda response: response.json()["data"]["alias100"],
    ),
    "directive_overloading": (
        "query cop { __typename " + "@aa" * 10 + " }",
        lambda response: len(response.json()["errors"]) == 10,
    ),
    "circular_query_introspection": (
        "query cop { __schema { types { fields { " + CIRCLE + " } } } }",
        lambda response: len(response.json()["data"]["__schema"]["types"]) > 25,
    ),
    "trace_mode": (
        "query cop { __typename }",
        lambda response: "'extensions': {'tracing':" in str(response.json()).lower(),
    ),
    "unhandled_error_detection": (
        "qwerty cop { abc }",
        lambda response: "exception" in response.json()["errors"][0]["extensions"],
    ),
    "field_duplication": ("query cop { " + "__typename \n" * 500 + "} ", _typename),
}


async def findings(api: Api) -> set[str]:
    """The names of the checks that find something."""
    http = api.http
    seen = {
        name: found(
            verdict,
            await http.post("/graphql", json={"query": document, "operationName": "cop"}),
        )
        for name, (document, verdict) in POSTED.items()
    }
    batch = await http.post("/graphql", json=[{"query": "query cop { __typename }"}] * 10)
    seen["batch_query"] = len(batch.json()) >= 10
    read = await http.get("/graphql", params={"query": "query cop {__typename}"})
    seen["get_method_support"] = found(_typename, read)
    written = await http.get("/graphql", params={"query": "mutation cop {__typename}"})
    seen["get_based_mutation"] = found(_typename, written)
    form = await http.post("/graphql", data={"query": "query cop { __typename }"})
    seen["post_based_csrf"] = found(_typename, form)
    page = await http.get("/graphql", headers={"Accept": "text/html"})
    marks = ("graphiql.min.css", "GraphQL Playground", "GraphiQL", "graphql-playground")
    seen["detect_graphiql"] = any(mark in page.text for mark in marks)
    assert len(seen) == 13
    return {name for name, is_found in seen.items() if is_found}


async def test_in_production_graphql_cop_finds_what_the_audits_ask_for(production: Api) -> None:
    assert await findings(production) == ASKED_FOR


async def test_a_stranger_finds_no_more(production: Api) -> None:
    del production.http.headers["Authorization"]

    assert await findings(production) == ASKED_FOR


async def test_the_checks_find_what_is_open(sqlite_api: Api) -> None:
    """As it comes, for development; GraphiQL's page has none of the words that it looks for."""
    assert await findings(sqlite_api) == {
        "get_method_support",
        "field_suggestions",
        "introspection",
    }


async def test_a_browser_gets_no_page_in_production(production: Api) -> None:
    for path in ("/", "/graphql", "/graphql/assets/index.js"):
        answer = await production.http.get(path, headers={"Accept": "text/html"})
        assert "html" not in answer.headers["content-type"]


@pytest.mark.parametrize("name", ["X-Anything", "Cookie"])
async def test_no_answer_sets_a_cookie(sqlite_api: Api, name: str) -> None:
    bodies: list[Any] = [{"query": "{ viewer { role } }"}, {"query": "{"}, []]
    answers = [
        await sqlite_api.http.post("/graphql", json=body, headers={name: "session=1"})
        for body in bodies
    ]
    answers += [
        await sqlite_api.http.get(path, headers={"Accept": "text/html", name: "session=1"})
        for path in ("/", "/graphql", "/graphql?query={__typename}", "/nowhere")
    ]

    assert [answer for answer in answers if "set-cookie" in answer.headers] == []
