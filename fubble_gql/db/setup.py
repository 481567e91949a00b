"""Opening the database: which tables there are, how each engine is configured."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec

from tortoise.backends.base.config_generator import expand_db_url
from tortoise.config import AppConfig, ConnectionConfig, TortoiseConfig
from tortoise.context import TortoiseContext, get_current_context

from fubble_gql.db.connection import Connection

TABLE_MODULES = [
    "fubble_gql.db.models",
    "fubble_gql.access.models",
    "fubble_gql.customers.models",
    "fubble_gql.catalog.models",
    "fubble_gql.usage.models",
    "fubble_gql.credits.models",
    "fubble_gql.billing.models",
    "fubble_gql.billing.invoice_models",
]
BUSY_MILLISECONDS = 10_000
STATEMENT_SECONDS = 30


def migrations_module() -> str:
    """Where the migrations are: inside an installed wheel, or beside the package in a checkout."""
    packaged = "fubble_gql.migrations"
    return packaged if find_spec(packaged) else "migrations"


def tortoise_config(url: str, pool_size: int = 10) -> TortoiseConfig:
    """Tortoise's configuration for a sqlite:// or postgresql:// address."""
    return TortoiseConfig(
        connections={"default": _connection(url, pool_size)},
        apps={
            "fubble": AppConfig(
                models=TABLE_MODULES,
                default_connection="default",
                migrations=migrations_module(),
            )
        },
        use_tz=True,
        timezone="UTC",
    )


def _connection(url: str, pool_size: int) -> ConnectionConfig:
    credentials = dict(expand_db_url(url)["credentials"])
    if url.startswith("sqlite"):
        credentials |= {"busy_timeout": BUSY_MILLISECONDS, "synchronous": "FULL"}
        return ConnectionConfig(engine="fubble_gql.db.sqlite", credentials=credentials)
    credentials |= {
        "minsize": min(2, pool_size),
        "maxsize": pool_size,
        "command_timeout": STATEMENT_SECONDS,
        "application_name": "fubble_gql",
        "server_settings": {
            # Compiling would cost short statements over many spans more than running them.
            "jit": "off",
            # Every statement has its index. One that was planned, and kept, while a table was nearly
            # empty would go on to read all of it for each event, until the next analyze.
            "enable_seqscan": "off",
        },
    }
    return ConnectionConfig(engine="tortoise.backends.asyncpg", credentials=credentials)


@asynccontextmanager
async def open_database(url: str, pool_size: int = 10) -> AsyncIterator[Connection]:
    """The database, until the block ends.

    The first one that a process opens also serves Tortoise's models in tasks that were not
    started from here, as a server's requests are.
    """
    is_first = get_current_context() is None
    async with TortoiseContext() as context:
        await context.init(config=tortoise_config(url, pool_size), _enable_global_fallback=is_first)
        yield Connection(context.db())
