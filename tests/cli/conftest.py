"""Databases that nothing was done to yet."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables: the test runs once on each kind."""
    if request.param == "sqlite":
        yield f"sqlite://{tmp_path / 'empty.sqlite3'}"
        return
    server: str = request.getfixturevalue("postgres_server")
    name = f"empty_{uuid.uuid4().hex}"
    asyncio.run(_execute(server, f"create database {name}"))
    yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    asyncio.run(_execute(server, f"drop database {name} with (force)"))


async def _execute(server: str, statement: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
