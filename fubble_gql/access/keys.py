"""API keys: made, listed, revoked, recognised."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Awaitable, Coroutine
from datetime import datetime
from typing import Any, NamedTuple, TypeGuard, cast

from fubble_gql import checks
from fubble_gql.access.models import ApiKey
from fubble_gql.db.connection import Connection
from fubble_gql.db.pages import Order
from fubble_gql.db.refs import not_found
from fubble_gql.db.rows import Table
from fubble_gql.db.sql import sql
from fubble_gql.db.together import row_by
from fubble_gql.errors import Problems

# So many keys that worked are remembered, by each process.
_WORKING_MAX = 1_000
_SHAPE = re.compile(r"fub_live_([0-9a-f]{16})_([A-Za-z0-9_-]{43})", re.ASCII)


class ApiKeyRow(NamedTuple):
    """A key as it is stored: the hash of its secret, never the secret."""

    id: str
    name: str
    secret_sha256: str
    created_at: datetime
    revoked_at: datetime | None


API_KEYS = Table("api_key", ApiKeyRow)
BY_CREATION = Order(("created_at", "id"))


async def create(connection: Connection, name: str, now: datetime) -> str:
    """Make a key and return it, the only time that it is ever shown.

    Its secret has 256 random bits, which is why a plain SHA-256 protects it.
    """
    problems = Problems()
    checks.text(problems, name, "name")
    problems.raise_if_any()
    id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    await ApiKey.create(
        using_db=connection.client, id=id, name=name, secret_sha256=_hash(secret), created_at=now
    )
    return f"fub_live_{id}_{secret}"


async def list_keys(connection: Connection) -> list[ApiKeyRow]:
    """Every key, the oldest first."""
    return await API_KEYS.select(connection, sql(BY_CREATION.clause))


async def revoke(connection: Connection, id: str, now: datetime) -> ApiKeyRow:
    """Stop a key from working, from this instant; again changes nothing. Refused when unknown."""
    key = ApiKey.filter(id=id, revoked_at=None).using_db(connection.client)
    await key.update(revoked_at=now)
    rows = await API_KEYS.by(connection, "id", [id])
    if not rows:
        raise not_found("key", "id")
    return rows[0]


async def recognise(connection: Connection, presented: str) -> ApiKeyRow | None:
    """The key that was presented, or None when it is not one or was revoked.

    One statement for anything that looks like a key, known or not, and for all that are presented
    at the same time.
    """
    shape = _SHAPE.fullmatch(presented)
    if shape is None:
        return None
    found = await row_by(connection, API_KEYS, "id", shape[1])
    if _is_secret_of(found, shape[2]) and found.revoked_at is None:
        working = _working(connection)
        if len(working) >= _WORKING_MAX:
            working.clear()
        working[found.id] = found
        return found
    return None


def presume(connection: Connection, presented: str) -> ApiKeyRow | None:
    """The key that was presented, if it worked the last time. Whether it `still_works` is not known."""
    shape = _SHAPE.fullmatch(presented)
    known = _working(connection).get(shape[1]) if shape else None
    return known if shape and _is_secret_of(known, shape[2]) else None


def still_works(connection: Connection, known: ApiKeyRow) -> Coroutine[Any, Any, bool]:
    """Whether a key is as it was when it worked, which is looked up from now on.

    One statement, also for others at the same time.
    """
    return _is_as(known, row_by(connection, API_KEYS, "id", known.id), _working(connection))


async def _is_as(
    known: ApiKeyRow, now: Awaitable[ApiKeyRow | None], working: dict[str, ApiKeyRow]
) -> bool:
    works = await now == known
    if not works:
        working.pop(known.id, None)
    return works


def _working(connection: Connection) -> dict[str, ApiKeyRow]:
    """Keys by their ids that worked the last time."""
    return cast(dict[str, ApiKeyRow], connection.remembered.setdefault("keys", {}))


def _is_secret_of(row: ApiKeyRow | None, secret: str) -> TypeGuard[ApiKeyRow]:
    """In the same time for every secret, and where there is no row."""
    equal = hmac.compare_digest(row.secret_sha256 if row else _hash(""), _hash(secret))
    return equal and row is not None


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
