"""Repeating a mutation safely: same key and input, same object."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

from fubble_gql.db import exact_json
from fubble_gql.db.connection import Connection
from fubble_gql.db.rows import JsonObject, Table
from fubble_gql.db.sql import sql


class Call(NamedTuple):
    """What was asked under a key, and what it made."""

    mutation: str
    key: str
    input: JsonObject
    made_id: UUID


CALLS = Table("repeatable_call", Call)


def new_id() -> UUID:
    """A new object's id; ids made later sort later."""
    return uuid7()


async def claim(tx: Connection, call: Call, *, now: datetime) -> Call | None:
    """Take the key for a new object; return the earlier call when the key was taken already.

    Waits for a transaction that is taking the same key. Part of the caller's transaction: when
    that fails, the key is free again.
    """
    taken = await tx.fetch(
        sql(
            "insert into repeatable_call (id, mutation, key, input, made_id, created_at) "
            "values (?, ?, ?, ?, ?, ?) on conflict (mutation, key) do nothing returning id",
            new_id(),
            call.mutation,
            call.key,
            exact_json.dumps(call.input),
            call.made_id,
            now,
        )
    )
    if taken:
        return None
    earlier = await CALLS.select(tx, sql("where mutation = ? and key = ?", call.mutation, call.key))
    return earlier[0]


def differing(earlier: Mapping[str, object], later: Mapping[str, object]) -> str | None:
    """The first input field by which two calls differ; None when they are equal."""
    for field in sorted(earlier.keys() | later.keys()):
        if exact_json.dumps(earlier.get(field)) != exact_json.dumps(later.get(field)):
            return field
    return None
