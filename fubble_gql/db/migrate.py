"""Bringing the tables up to date, by one process at a time."""

from __future__ import annotations

import asyncio
import fcntl
import pkgutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib.util import find_spec

import asyncpg
from tortoise.context import TortoiseContext
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.recorder import MigrationRecorder

from fubble_gql.config import sqlite_file
from fubble_gql.db.connection import Connection
from fubble_gql.db.setup import migrations_module, tortoise_config
from fubble_gql.db.sql import sql

_ADVISORY_LOCK = 727_401


async def migrate(url: str) -> list[str]:
    """Apply what is missing and return the names of what was applied.

    Processes that start together wait for the one that came first. Raises OSError or asyncpg's
    errors when the database cannot be reached.
    """
    async with _lock(url), TortoiseContext() as context:
        config = tortoise_config(url, pool_size=1)
        await context.init(config=config)
        before = await _applied(context)
        if _shipped() <= set(before):
            return []  # without reading them all: they make half of the time of a start
        executor = MigrationExecutor(context.db(), config.to_dict()["apps"])
        await executor.migrate(direction="forward")
        return [name for name in await _applied(context) if name not in before]


async def pending(url: str) -> list[str]:
    """The names of migrations that have not been applied."""
    async with TortoiseContext() as context:
        config = tortoise_config(url, pool_size=1)
        await context.init(config=config)
        executor = MigrationExecutor(context.db(), config.to_dict()["apps"])
        await executor.recorder.ensure_schema(executor._schema_editor(atomic=False))
        return [step.migration.name for step in await executor.plan()]


async def missing(connection: Connection) -> list[str]:
    """The names of migrations that these tables still need; raises Unavailable.

    More than we know of is not less: a newer version has been here.
    """
    rows = await connection.fetch(sql("select name from tortoise_migrations where app = 'fubble'"))
    return sorted(_shipped() - {name for (name,) in rows})


@cache
def _shipped() -> frozenset[str]:
    """The names of the migrations that come with this version."""
    spec = find_spec(migrations_module())
    folders = spec.submodule_search_locations if spec else None
    return frozenset(module.name for module in pkgutil.iter_modules(folders))


async def _applied(context: TortoiseContext) -> list[str]:
    tables = await context.db().execute_query_dict(_TABLES[context.db().capabilities.dialect])
    if not tables:
        return []
    applied = await MigrationRecorder(context.db()).applied_migrations()
    return sorted(key.name for key in applied)


_TABLES = {
    "sqlite": "select name from sqlite_master where name = 'tortoise_migrations'",
    "postgres": "select 1 from pg_tables where tablename = 'tortoise_migrations'",
}


@asynccontextmanager
async def _lock(url: str) -> AsyncIterator[None]:
    """Held by one process at a time; the operating system or the server frees it at a crash."""
    if not url.startswith("sqlite"):
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(f"select pg_advisory_lock({_ADVISORY_LOCK})")
            yield
        finally:
            await connection.close()
        return
    file = sqlite_file(url)
    if file is None:
        yield
        return
    with file.with_name(file.name + ".migrate.lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        yield
