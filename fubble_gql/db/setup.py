"""Opening the database: which tables there are, how each engine is configured."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
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
# How much longer than PostgreSQL itself we wait for a statement that it is to give up.
_MARGIN_SECONDS = 1
# A bill run computes between two statements of a transaction, but not that long.
_IDLE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Patience:
    """How many seconds the database is waited for.

    `wait` is for a connection, or for one's turn at the file; `statement` is for the answer to
    one statement, without an end where it is None.
    """

    wait: int = 10
    statement: int | None = 30


SERVING = Patience()
MIGRATING = Patience(statement=None)


def migrations_module() -> str:
    """Where the migrations are: inside an installed wheel, or beside the package in a checkout."""
    packaged = "fubble_gql.migrations"
    return packaged if find_spec(packaged) else "migrations"


def tortoise_config(
    url: str, pool_size: int = 10, patience: Patience = MIGRATING
) -> TortoiseConfig:
    """Tortoise's configuration for a sqlite:// or postgresql:// address."""
    return TortoiseConfig(
        connections={"default": _connection(url, pool_size, patience)},
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


def _connection(url: str, pool_size: int, patience: Patience) -> ConnectionConfig:
    credentials = dict(expand_db_url(url)["credentials"])
    credentials["wait_seconds"] = patience.wait
    if url.startswith("sqlite"):
        credentials["synchronous"] = "FULL"
        return ConnectionConfig(engine="fubble_gql.db.sqlite", credentials=credentials)
    credentials |= {
        "minsize": min(2, pool_size),
        "maxsize": pool_size,
        "application_name": "fubble_gql",
        "server_settings": {
            # A day's sum is 24 hours, and what is read after a lock is what its holder left,
            # whatever the server's own defaults are.
            "timezone": "UTC",
            "default_transaction_isolation": "read committed",
            # Compiling would cost short statements over many spans more than running them.
            "jit": "off",
            # Every statement has its index. One that was planned, and kept, while a table was nearly
            # empty would go on to read all of it for each event, until the next analyze.
            "enable_seqscan": "off",
        },
    }
    if patience.statement is not None:
        credentials["command_timeout"] = patience.statement + _MARGIN_SECONDS
        credentials["server_settings"] |= {
            "statement_timeout": f"{patience.statement}s",
            # What a worker holds that went away without a word is given free.
            "idle_in_transaction_session_timeout": f"{_IDLE_SECONDS}s",
        }
    return ConnectionConfig(engine="fubble_gql.db.postgres", credentials=credentials)


@asynccontextmanager
async def open_database(
    url: str, pool_size: int = 10, patience: Patience = SERVING
) -> AsyncIterator[Connection]:
    """The database, until the block ends.

    The first one that a process opens also serves Tortoise's models in tasks that were not
    started from here, as a server's requests are.
    """
    is_first = get_current_context() is None
    async with TortoiseContext() as context:
        config = tortoise_config(url, pool_size, patience)
        await context.init(config=config, _enable_global_fallback=is_first)
        yield Connection(context.db())
