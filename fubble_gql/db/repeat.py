"""Repeating a mutation safely: same key and input, same object."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

from fubble_gql import checks
from fubble_gql.db import exact_json
from fubble_gql.db.connection import Connection
from fubble_gql.db.rows import JsonObject, Table
from fubble_gql.db.sql import sql
from fubble_gql.errors import Code, Problems, refuse
from fubble_gql.pricing.fault import camel


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


async def made_before(tx: Connection, call: Call, *path: str, now: datetime) -> UUID | None:
    """The object that the same call made under its idempotency key; None when the key was free.

    The key is taken then, as long as the caller's transaction lasts to its end. `path` is where
    the input's fields are. Raises Refused: INVALID for a key that cannot be kept,
    IDEMPOTENCY_MISMATCH naming the field in which the inputs differ.
    """
    problems = Problems()
    checks.text(problems, call.key, "idempotencyKey")
    problems.raise_if_any(*path)
    earlier = await claim(tx, call, now=now)
    if earlier is None:
        return None
    if name := differing(earlier.input, call.input):
        raise refuse(
            Code.IDEMPOTENCY_MISMATCH,
            f"This idempotencyKey was used with another {name}; use a new key for a new call.",
            *path,
            name,
        )
    return earlier.made_id


async def make_once(
    connection: Connection,
    call: Call,
    problems: Problems,
    make: Callable[[Connection, UUID], Awaitable[object]],
    now: datetime,
) -> UUID:
    """Make an object under a key of the caller's, or find the one that the same call made.

    What is wrong with the input by now is no reason to refuse a repetition of what was once right.
    Raises Refused: with the problems, or with ALREADY_EXISTS for another input.
    """
    if any(problem.path == ("key",) for problem in problems.found):
        problems.raise_if_any("input")

    async def work(tx: Connection) -> UUID:
        earlier = await claim(tx, call, now=now)
        if earlier is None:
            problems.raise_if_any("input")
            await make(tx, call.made_id)
            return call.made_id
        if name := differing(earlier.input, call.input):
            raise refuse(
                Code.ALREADY_EXISTS,
                f"{call.key!r} exists and was created with another {name}: update it, "
                "or choose another key.",
                "input",
                "key",
            )
        return earlier.made_id

    return await connection.transaction(work)


def differing(earlier: Mapping[str, object], later: Mapping[str, object]) -> str | None:
    """The first input field by which two calls differ, as the graph spells it; None if equal."""
    for field in sorted(earlier.keys() | later.keys()):
        if exact_json.dumps(earlier.get(field)) != exact_json.dumps(later.get(field)):
            return camel(field)
    return None
