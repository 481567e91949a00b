"""Void events: they stay where they are, with their history, and count no more from then on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from fubble_gql import checks
from fubble_gql.db import refs
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.rows import Table
from fubble_gql.db.sql import sql
from fubble_gql.errors import Code, Problem, Problems, Refused
from fubble_gql.usage.events import USAGE_EVENTS, UsageEventRow
from fubble_gql.usage.rules import KnownCustomer, is_usable_key
from fubble_gql.usage.store import store_of

KEYS_MAX = 5_000

Clock = Callable[[], datetime]

_CUSTOMERS = Table("customer", KnownCustomer)


class VoidReceipt(NamedTuple):
    """What became of a key: its event is voided, since now if `is_new`; else why there is none."""

    idempotency_key: str
    is_new: bool
    problem: Problem | None


async def void(
    connection: Connection, customer: Ref, keys: Sequence[str], reason: str | None, clock: Clock
) -> list[VoidReceipt]:
    """Void the customer's events of these keys in one transaction; a receipt for each, in order.

    May be repeated for ever: an event stays as it was first voided, its reason too. A key that is
    unknown has its problem, without a path, and keeps no other from being voided. The number of
    statements does not depend on the number of keys.
    Raises Refused: INVALID, LIMIT_EXCEEDED, NOT_FOUND for the customer.
    """
    problems = Problems()
    if not keys:
        problems.add("Name at least one event.", "idempotencyKeys")
    if len(keys) > KEYS_MAX:
        message = f"At most {KEYS_MAX:,} events at once; split the {len(keys):,} into calls."
        problems.add(message, "idempotencyKeys", code=Code.LIMIT_EXCEEDED)
    check_reason(problems, reason)
    problems.raise_if_any()

    async def work(tx: Connection) -> list[VoidReceipt]:
        customer_id = await _customer(tx, customer)
        return await _void(tx, customer_id, keys, reason, clock)

    return await connection.transaction(work)


async def void_one(
    connection: Connection, customer: Ref, key: str, reason: str | None, clock: Clock
) -> UsageEventRow:
    """Void the customer's event of this key, as `void` does; the event as it is now.

    Raises Refused: INVALID, NOT_FOUND for the customer or the event.
    """
    problems = Problems()
    check_reason(problems, reason)
    problems.raise_if_any()

    async def work(tx: Connection) -> UsageEventRow:
        customer_id = await _customer(tx, customer)
        [receipt] = await _void(tx, customer_id, [key], reason, clock)
        if receipt.problem is not None:
            raise Refused([receipt.problem.below("idempotencyKey")])
        condition = sql("where customer_id = ? and idempotency_key = ?", customer_id, key)
        [row] = await USAGE_EVENTS.select(tx, condition)
        return row

    return await connection.transaction(work)


def check_reason(problems: Problems, reason: str | None) -> None:
    """A reason may be left out."""
    checks.optional_text(problems, reason, "reason", limit=checks.LONG_TEXT_LENGTH_MAX)


async def _customer(tx: Connection, ref: Ref) -> UUID:
    """Its row is not locked: whoever finalises holds the customer first, and writes the row last."""
    row = await refs.find(tx, _CUSTOMERS, ref)
    if row is None:
        raise refs.not_found("customer", "customer")
    return row.id


async def _void(
    tx: Connection, customer_id: UUID, keys: Sequence[str], reason: str | None, clock: Clock
) -> list[VoidReceipt]:
    store = store_of(tx)
    cut = await store.hold(tx, [customer_id])
    wanted = sorted({key for key in keys if is_usable_key(key)})
    # The clock is read only now, as when recording.
    new = await store.void(tx, customer_id, wanted, reason, cut.stamp(clock()))
    before = await _known(tx, customer_id, [key for key in wanted if key not in new])
    return list(_receipts(keys, new, before))


async def _known(tx: Connection, customer_id: UUID, keys: Sequence[str]) -> set[str]:
    """Those of the keys that an event has."""
    statement = sql(
        "select idempotency_key from usage_event where customer_id = ? and", customer_id
    )
    records = await tx.fetch(statement + tx.is_in("idempotency_key", keys))
    return {record[0] for record in records}


def _receipts(keys: Sequence[str], new: set[str], before: set[str]) -> Iterator[VoidReceipt]:
    """Of a key that is repeated, only the first receipt is new."""
    seen: set[str] = set()
    for key in keys:
        if key in new or key in before:
            yield VoidReceipt(key, key in new and key not in seen, None)
        else:
            problem = Problem(Code.NOT_FOUND, f'The customer has no event "{key}".')
            yield VoidReceipt(key, False, problem)  # noqa: FBT003
        seen.add(key)
