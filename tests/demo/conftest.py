"""A demo that was begun at a fixed instant, loaded once for all tests."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tortoise.backends.base.executor import EXECUTOR_CACHE

from fubble_gql.access import keys
from fubble_gql.app import create_app
from fubble_gql.config import load_settings
from fubble_gql.db.connection import Connection
from fubble_gql.db.migrate import migrate
from fubble_gql.db.setup import open_database
from fubble_gql.demo.folder import Folder
from fubble_gql.demo.load import load
from tests.demo.counting import say_nothing

NOW = datetime(2026, 6, 15, 12, 30, tzinfo=UTC)
EVERY_DAYS = 4


def clock() -> datetime:
    """It stands still."""
    return NOW


@dataclass(frozen=True)
class Demo:
    """A loaded demo, with an application over it."""

    connection: Connection
    http: httpx.AsyncClient

    async def ask(self, query: str, **variables: object) -> Any:  # noqa: ANN401 - JSON
        """The data of an answer that has no errors."""
        body = {"query": query, "variables": variables}
        answer = (await self.http.post("/graphql", json=body)).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]


@pytest.fixture(scope="session")
def loaded_folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """The folder that tests copy from."""
    folder = Folder(tmp_path_factory.mktemp("demo"))
    folder.prepare()

    async def fill() -> None:
        await migrate(folder.database_url)
        async with open_database(folder.database_url) as connection:
            await load(connection, folder, clock, say_nothing, EVERY_DAYS)

    # In a thread: this one may have a running loop already.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, fill()).result()
    return folder


@pytest.fixture
def folder(loaded_folder: Folder, tmp_path: Path) -> Folder:
    """A loaded demo's folder, the test's own."""
    EXECUTOR_CACHE.clear()
    shutil.copytree(loaded_folder.path, tmp_path / "demo")
    return Folder(tmp_path / "demo")


@pytest_asyncio.fixture
async def demo(folder: Folder) -> AsyncIterator[Demo]:
    """A loaded demo, spoken to over HTTP."""
    app = create_app(load_settings(database_url=folder.database_url), now=clock)
    async with (
        open_database(folder.database_url) as connection,
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://127.0.0.1",
            headers={"Authorization": f"Bearer {await keys.create(connection, 'test', NOW)}"},
        ) as http,
    ):
        yield Demo(connection, http)
