"""Record usage events, each exactly once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from fubble_gql.catalog.rows import METRICS
from fubble_gql.checks import is_storable
from fubble_gql.db.connection import Connection
from fubble_gql.db.rows import Table
from fubble_gql.errors import Code, Problem, Refused, refuse
from fubble_gql.usage.bodies import differing_field
from fubble_gql.usage.new_event import NewEvent
from fubble_gql.usage.rules import (
    Facts,
    KnownCustomer,
    KnownSubscription,
    accept,
    is_usable_key,
)
from fubble_gql.usage.store import store_of
from fubble_gql.usage.store.cut import Cut
from fubble_gql.usage.store.rows import Body, EventKey, EventRow

__all__ = ["EVENTS_MAX", "NewEvent", "Receipt", "ReceiptStatus", "record"]

EVENTS_MAX = 5_000

_CUSTOMERS = Table("customer", KnownCustomer)
_SUBSCRIPTIONS = Table("plan_subscription", KnownSubscription)


class ReceiptStatus(StrEnum):
    """ACCEPTED counts; DUPLICATE was already counted; REJECTED was not stored."""

    ACCEPTED = "ACCEPTED"
    DUPLICATE = "DUPLICATE"
    REJECTED = "REJECTED"


class Receipt(NamedTuple):
    """What became of the event at that index; `error` says why it was rejected."""

    index: int  # type: ignore[assignment]  # tuple.index goes unused
    idempotency_key: str
    status: ReceiptStatus
    error: Problem | None


async def record(
    connection: Connection, events: Sequence[NewEvent], clock: Callable[[], datetime]
) -> list[Receipt]:
    """Record the events in one transaction; a receipt for each, in the order given.

    The same call may be repeated for ever: a key that is known is compared with what was recorded
    under it before anything else is checked. Refused only where there are no events or too many.
    The number of statements does not depend on the number of events.
    """
    if not events:
        raise refuse(Code.INVALID, "Send at least one event.", "events")
    if len(events) > EVENTS_MAX:
        message = f"At most {EVENTS_MAX:,} events at once; split the {len(events):,} into calls."
        raise refuse(Code.LIMIT_EXCEEDED, message, "events")
    return await connection.transaction(lambda tx: _record(tx, events, clock))


async def _record(
    tx: Connection, events: Sequence[NewEvent], clock: Callable[[], datetime]
) -> list[Receipt]:
    store = store_of(tx)
    facts = await _resolve(tx, events)
    customers = [customer.id for customer in facts.customers.values()]
    cut = await store.hold(tx, customers)
    # Read only now: what is stamped under the lock comes after every cut made before it.
    now = clock()
    batch = _Batch.judge(events, facts, now)
    accepted = await _append(tx, batch, cut, now)
    asked = {key for index, key in enumerate(batch.keys) if key and accepted.get(key) != index}
    recorded = await store.recorded(tx, sorted(asked)) if asked else []
    earlier = {(body.customer_id, body.idempotency_key): body for body in recorded}
    return [_receipt(batch, index, accepted, earlier) for index in range(len(events))]


async def _resolve(tx: Connection, events: Sequence[NewEvent]) -> Facts:
    customers = {event.customer for event in events if is_storable(event.customer)}
    metrics = {event.metric for event in events if is_storable(event.metric)}
    subscriptions = {event.subscription_id for event in events if event.subscription_id}
    return Facts(
        {row.key: row for row in await _CUSTOMERS.by(tx, "key", sorted(customers))},
        {row.key: row for row in await METRICS.by(tx, "key", sorted(metrics))},
        {row.id: row for row in await _SUBSCRIPTIONS.by(tx, "id", sorted(subscriptions))},
    )


@dataclass(frozen=True, slots=True)
class _Batch:
    """Events, what each would become, and under which key; all in the order given."""

    events: Sequence[NewEvent]
    facts: Facts
    rows: list[EventRow | Problem]
    keys: list[EventKey | None]

    @classmethod
    def judge(cls, events: Sequence[NewEvent], facts: Facts, now: datetime) -> _Batch:
        rows = [_judge(event, facts, now) for event in events]
        keys = [_key(event, row, facts) for event, row in zip(events, rows, strict=True)]
        return cls(events, facts, rows, keys)


def _judge(event: NewEvent, facts: Facts, now: datetime) -> EventRow | Problem:
    try:
        return accept(event, facts, now)
    except Refused as refused:
        return refused.problems[0]


def _key(event: NewEvent, row: EventRow | Problem, facts: Facts) -> EventKey | None:
    """Under which an event may have been recorded, also when this one is not valid."""
    if isinstance(row, EventRow):
        return row.event_key
    customer = facts.customers.get(event.customer)
    if customer is None or not is_usable_key(event.idempotency_key):
        return None
    return customer.id, event.idempotency_key


async def _append(tx: Connection, batch: _Batch, cut: Cut, now: datetime) -> dict[EventKey, int]:
    """Insert the first valid event of each key that is free; the indexes of those."""
    firsts: dict[EventKey, tuple[int, EventRow]] = {}
    for index, row in enumerate(batch.rows):
        if isinstance(row, EventRow):
            firsts.setdefault(row.event_key, (index, row))
    if not firsts:
        return {}
    given = [row for _, row in firsts.values()]
    rows = [row._replace(is_late=True) if cut.is_late(row) else row for row in given]
    inserted = await store_of(tx).append(tx, rows, cut.stamp(now))
    return {key: firsts[key][0] for key in inserted}


def _receipt(
    batch: _Batch, index: int, accepted: Mapping[EventKey, int], earlier: Mapping[EventKey, Body]
) -> Receipt:
    event, row, key = batch.events[index], batch.rows[index], batch.keys[index]
    place = accepted.get(key, -1) if key else -1
    body = earlier.get(key) if key else None
    if place == index:
        return Receipt(index, event.idempotency_key, ReceiptStatus.ACCEPTED, None)
    # An event behind this one may have taken the key only because this one is not valid.
    if body is not None and place < index:
        problem = _mismatch(event, body, batch.facts)
    elif isinstance(row, Problem):
        problem = row
    else:
        raise RuntimeError("A valid event was neither inserted nor recorded before.")
    if problem is None:
        return Receipt(index, event.idempotency_key, ReceiptStatus.DUPLICATE, None)
    error = problem.below("events", index)
    return Receipt(index, event.idempotency_key, ReceiptStatus.REJECTED, error)


def _mismatch(event: NewEvent, body: Body, facts: Facts) -> Problem | None:
    """What is wrong with sending the event under the key of one that was recorded."""
    field = differing_field(event, body, facts.metrics)
    if field is None:
        return None
    message = (
        f'"{event.idempotency_key}" is the key of an event that was recorded with another {field}. '
        "Give a new event a new key."
    )
    return Problem(Code.IDEMPOTENCY_MISMATCH, message, (field,))
