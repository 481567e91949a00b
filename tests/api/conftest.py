"""The whole application on each database, with a clock that tests set, spoken to over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest_asyncio
from tortoise.backends.base.executor import EXECUTOR_CACHE

from fubble_gql.access import keys
from fubble_gql.app import create_app
from fubble_gql.config import load_settings
from fubble_gql.db.connection import Connection
from tests.statements import collected_statements

SECRET_KEY = "a-key-for-tests-of-at-least-32-bytes"  # noqa: S105 - signs tokens of tests alone
NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)


@dataclass
class TestClock:
    """The application's clock: it stands still until a test sets it."""

    __test__ = False

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def set(self, text: str) -> None:
        """Set it to an RFC 3339 instant."""
        self.now = datetime.fromisoformat(text)


@dataclass
class Api:
    """A caller with a key."""

    http: httpx.AsyncClient
    connection: Connection
    clock: TestClock
    key: str

    async def ask(self, document: str, **variables: object) -> Any:  # noqa: ANN401 - JSON
        """The data of an answer that has no errors; numbers are exact."""
        answer = await self.answer(document, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def errors(self, document: str, **variables: object) -> list[Any]:
        """The errors of an answer, at least one."""
        answer = await self.answer(document, **variables)
        assert answer.get("errors"), answer
        found: list[Any] = answer["errors"]
        return found

    async def answer(self, document: str, **variables: object) -> Any:  # noqa: ANN401 - JSON
        """Data and errors, as they came."""
        sent = json.dumps({"query": document, "variables": variables})
        response = await self.post(sent.encode())
        return read(response)

    async def post(self, body: bytes, **headers: str) -> httpx.Response:
        """A body as it is."""
        return await self.http.post(
            "/graphql", content=body, headers={"Content-Type": "application/json", **headers}
        )

    def statements(self) -> AbstractContextManager[list[str]]:
        """The statements that run inside the block."""
        return collected_statements()


def read(response: httpx.Response) -> Any:  # noqa: ANN401 - JSON
    """The JSON of an answer, its numbers exact."""
    return json.loads(response.content, parse_float=Decimal)


@asynccontextmanager
async def running(database_url: str, **settings: object) -> AsyncIterator[Api]:
    """The application on a database, until the block ends."""
    EXECUTOR_CACHE.clear()
    clock = TestClock(NOW)
    chosen = {"secret_key": SECRET_KEY, **settings}
    app = create_app(load_settings(database_url=database_url, **chosen), now=clock)
    async with app.router.lifespan_context(app):
        connection: Connection = app.state.connection
        key = await keys.create(connection, "tests", clock())
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://localhost",
            headers={"Authorization": f"Bearer {key}"},
        ) as http:
            yield Api(http, connection, clock, key)


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[Api]:
    """A caller of the application; the test runs once on each kind of database."""
    async with running(database_url) as caller:
        yield caller


@pytest_asyncio.fixture
async def sqlite_api(sqlite_url: str) -> AsyncIterator[Api]:
    """For what no database decides."""
    async with running(sqlite_url) as caller:
        yield caller


@pytest_asyncio.fixture
async def postgres_api(postgres_url: str) -> AsyncIterator[Api]:
    """For callers who meet: on SQLite there is one at a time."""
    async with running(postgres_url) as caller:
        yield caller
