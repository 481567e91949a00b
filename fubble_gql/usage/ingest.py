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
from fubble_gql.usage import directory
from fubble_gql.usage.bodies import differing_field
from fubble_gql.usage.new_event import NewEvent
from fubble_gql.usage.rules import (
    Facts,
    KnownSubscription,
    accept,
    is_usable_key,
)
from fubble_gql.usage.store import store_of
from fubble_gql.usage.store.cut import Cut
from fubble_gql.usage.store.rows import Body, EventKey, EventRow

__all__ = ["EVENTS_MAX", "NewEvent", "Receipt", "ReceiptStatus", "record"]

EVENTS_MAX = 5_000

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
    facts, cut = await _resolve(tx, events)
    # Read only now: what is stamped under the lock comes after every cut made before it.
    now = clock()
    batch = _Batch.judge(events, facts, now)
    became = await _append(tx, batch, cut, now)
    settled = became.accepted | became.repeated
    asked = {key for index, key in enumerate(batch.keys) if key and index not in settled}
    recorded = await store_of(tx).recorded(tx, sorted(asked)) if asked else []
    earlier = {(body.customer_id, body.idempotency_key): body for body in recorded}
    return [_receipt(batch, index, became, earlier) for index in range(len(events))]


async def _resolve(tx: Connection, events: Sequence[NewEvent]) -> tuple[Facts, Cut]:
    """What the keys of a batch stand for, its customers held from now on."""
    customers, cut = await directory.hold_customers(tx, {one.customer for one in events})
    keys = sorted(filter(is_storable, {one.metric for one in events}))
    metrics = await METRICS.by(tx, "key", keys)
    named = {event.subscription_id for event in events if event.subscription_id}
    subscriptions = await _SUBSCRIPTIONS.by(tx, "id", sorted(named))
    facts = Facts(
        customers, {row.key: row for row in metrics}, {row.id: row for row in subscriptions}
    )
    return facts, cut


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


class _Became(NamedTuple):
    """Which events took their keys, and which are repeated just as they had been recorded."""

    taken: Mapping[EventKey, int]
    accepted: frozenset[int]
    repeated: frozenset[int]


async def _append(tx: Connection, batch: _Batch, cut: Cut, now: datetime) -> _Became:
    """Insert the first valid event of each key that is free."""
    firsts: dict[EventKey, int] = {}
    rows: list[EventRow] = []
    for index, (row, key) in enumerate(zip(batch.rows, batch.keys, strict=True)):
        if key and isinstance(row, EventRow) and firsts.setdefault(key, index) == index:
            rows.append(row._replace(is_late=True) if cut.is_late(row) else row)
    if not firsts:
        return _Became({}, frozenset(), frozenset())
    indexes = list(firsts.values())
    places = await store_of(tx).append(tx, rows, cut.stamp(now))
    accepted = frozenset(indexes[place] for place in places.inserted)
    taken = {key: index for key, index in firsts.items() if index in accepted}
    repeated = frozenset(indexes[place] for place in places.recorded_before)
    return _Became(taken, accepted, repeated)


def _receipt(
    batch: _Batch, index: int, became: _Became, earlier: Mapping[EventKey, Body]
) -> Receipt:
    event, row, key = batch.events[index], batch.rows[index], batch.keys[index]
    if index in became.accepted:
        return Receipt(index, event.idempotency_key, ReceiptStatus.ACCEPTED, None)
    if index in became.repeated:
        return Receipt(index, event.idempotency_key, ReceiptStatus.DUPLICATE, None)
    body = earlier.get(key) if key else None
    # An event behind this one may have taken the key only because this one is not valid.
    if key and body is not None and became.taken.get(key, -1) < index:
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
