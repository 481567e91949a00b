"""The whole application on a port of its own, with a clock and a pace that tests set."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
import pytest_asyncio
import uvicorn
from tortoise.backends.base.executor import EXECUTOR_CACHE

from fubble_gql.access import keys
from fubble_gql.api.context import Clock
from fubble_gql.api.socket import SocketLimits
from fubble_gql.app import create_app
from fubble_gql.cli import server
from fubble_gql.config import load_settings
from fubble_gql.db.changes import Changes
from tests.api.conftest import NOW, Api, TestClock
from tests.live.sockets import PATIENCE_SECONDS, Line, dialled


class Pace:
    """What subscribers wait for between two values: nothing, unless a test holds them."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()

    async def __call__(self) -> None:
        await self._open.wait()

    def hold(self) -> None:
        """Let everybody wait."""
        self._open.clear()

    def release(self) -> None:
        """Let everybody go on."""
        self._open.set()


@dataclass
class Place:
    """A server, a caller of it with an operator's key, and what drives it."""

    url: str
    database_url: str
    api: Api
    pace: Pace
    changes: Changes
    uvicorn: uvicorn.Server

    def dial(self, key: str | None = None) -> AbstractAsyncContextManager[Line]:
        """A socket, for the operator unless another key is given."""
        return dialled(self.url, key or self.api.key)

    async def watched_by(self, number: int) -> None:
        """Wait until so many subscriptions hear of everything that is committed from now on."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(list(self.changes.all_watches())) < number:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            for watch in list(self.changes.all_watches()):
                await watch.begun.wait()

    async def heard_too_much(self) -> None:
        """Wait until the one subscription has heard of more invoices than are kept."""
        (watch,) = self.changes.all_watches()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not watch._has_too_many:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@asynccontextmanager
async def served(
    database_url: str,
    *,
    limits: SocketLimits | None = None,
    now: Clock | None = None,
    **settings: object,
) -> AsyncIterator[Place]:
    """The application on a port, until the block ends."""
    EXECUTOR_CACHE.clear()
    clock, pace = TestClock(NOW), Pace()
    known = load_settings(database_url=database_url, secret_key="k" * 32, **settings)
    set_ = SocketLimits(known.sockets_max, known.subscriptions_max)
    app = create_app(known, now=now or clock, socket_limits=replace(limits or set_, pause=pace))
    running = uvicorn.Server(server.configured(app))
    with server.bind("127.0.0.1", 0) as listener:
        server.listen(listener)
        task = asyncio.create_task(running.serve([listener]))
        while not running.started:
            assert not task.done(), task
            await asyncio.sleep(0.01)
        state: Any = app.state
        url = server.address_of(listener)
        key = await keys.create(state.connection, "tests", clock())
        try:
            async with httpx.AsyncClient(
                base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60
            ) as http:
                api = Api(http, state.connection, clock, key)
                yield Place(url, database_url, api, pace, state.feed.changes, running)
        finally:
            running.should_exit = True
            await task


@pytest_asyncio.fixture
async def place(database_url: str) -> AsyncIterator[Place]:
    """A server on each kind of database."""
    async with served(database_url) as found:
        yield found


@pytest_asyncio.fixture
async def sqlite_place(sqlite_url: str) -> AsyncIterator[Place]:
    """For what no database decides."""
    async with served(sqlite_url) as found:
        yield found


@pytest_asyncio.fixture
async def postgres_place(postgres_url: str) -> AsyncIterator[Place]:
    """For what only several processes can do."""
    async with served(postgres_url) as found:
        yield found


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
