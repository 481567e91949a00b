"""A small schema behind the endpoint, and the ways in which tests talk to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

import httpx
import strawberry
from graphql import GraphQLError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.scalars import JSON
from strawberry.types.execution import ExecutionContext

from fubble_gql.api.context import Viewer
from fubble_gql.api.enums import Role
from fubble_gql.api.http import GraphQLEndpoint, crash_response
from fubble_gql.api.ide import graphiql_routes
from fubble_gql.errors import Unavailable

SECRET = "password=hunter2"  # noqa: S105 - it must never be seen


@strawberry.input
class Event:
    quantity: int
    name: str = ""


@strawberry.input
class RecordInput:
    name: str = ""
    events: list[Event] = strawberry.field(default_factory=list)


@strawberry.type
class Query:
    @strawberry.field
    def echo(self, text: str = "", number: int = 0) -> str:
        return f"{text}{number}"

    @strawberry.field
    def value(self, json: JSON) -> JSON:
        return json

    @strawberry.field
    def boom(self) -> str | None:
        raise RuntimeError(SECRET)

    @strawberry.field
    def wrong(self) -> int | None:
        return SECRET  # type: ignore[return-value]

    @strawberry.field
    def missing(self) -> str | None:
        raise GraphQLError("No such record.", extensions={"code": "NOT_FOUND"})

    @strawberry.field
    def again(self) -> Query:
        return Query()


@strawberry.type
class Mutation:
    @strawberry.mutation
    def record(self, input: RecordInput) -> int:
        return len(input.events)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncIterator[int]:
        yield 1


class QuietSchema(strawberry.Schema):
    """Leaves the logging of errors to the endpoint."""

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        pass


SCHEMA = QuietSchema(Query, Mutation, Subscription, extensions=[ParserCache, ValidationCache])


@dataclass
class Context:
    viewer: Viewer | None

    def stop_reading(self) -> None:
        """Nothing is read."""


async def open_context(request: Request) -> Context:
    sent = request.headers.get("authorization", "")
    if sent == "Bearer crash":
        raise RuntimeError(SECRET)
    if sent == "Bearer broken":
        raise Unavailable(SECRET)
    return Context(Viewer(Role.OPERATOR) if sent == "Bearer good" else None)


def unavailable(error: GraphQLError) -> GraphQLError:
    if isinstance(error.original_error, Unavailable):
        return GraphQLError("Try again soon.", extensions={"code": "SERVICE_UNAVAILABLE"})
    return error


class Settings(TypedDict, total=False):
    """What a test may want otherwise."""

    body_bytes_max: int
    page: Callable[[Request], Response]
    introspection: bool
    suggestions: bool
    document_tokens_max: int


def toy_app(**settings: Unpack[Settings]) -> Starlette:
    """The toy schema at /graphql, open to the key `good`."""
    chosen: Settings = {"body_bytes_max": 1_000_000, **settings}
    endpoint = GraphQLEndpoint(SCHEMA, open_context, map_error=unavailable, **chosen)
    return Starlette(
        routes=[Route("/graphql", endpoint), *graphiql_routes()],
        exception_handlers={Exception: crash_response},
    )


def client(key: str | None = "good", **settings: Unpack[Settings]) -> httpx.AsyncClient:
    app = toy_app(**settings)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://localhost",
        headers=headers,
    )


async def post(
    body: bytes | dict[str, object],
    *,
    key: str | None = "good",
    headers: Mapping[str, str] | None = None,
    **settings: Unpack[Settings],
) -> httpx.Response:
    sent = httpx.Headers({"Content-Type": "application/json", **(headers or {})})
    async with client(key, **settings) as http:
        if isinstance(body, bytes):
            return await http.post("/graphql", content=body, headers=sent)
        return await http.post("/graphql", json=body, headers=sent)


def first(answer: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = answer.json()["errors"][0]
    return error


def code(answer: httpx.Response) -> str:
    found: str = first(answer)["extensions"]["code"]
    return found
