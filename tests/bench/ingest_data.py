"""Batches of usage events, in the shape that each contestant takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import orjson

from fubble_gql.app import PATH
from fubble_gql.usage.store.rows import EventRow
from tests.bench.client import post
from tests.bench.database import Pool
from tests.bench.dataset import DIMENSION, METRICS

_COUNTS = "accepted duplicates rejected errors { code }"
_RECEIPTS = "receipts { index idempotencyKey status error { code } }"
_REGIONS = ("eu", "us", "ap")
_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Known:
    """The ids that the keys of customers and metrics stand for, in order, and an API key."""

    customers: list[tuple[str, UUID]]
    metrics: list[tuple[str, UUID]]
    api_key: str


async def known_in(pool: Pool, api_key: str) -> Known:
    """What a database knows."""
    customers = await pool.fetch("select key, id from customer order by created_at, id")
    metrics = await pool.fetch("select key, id from metric order by id")
    return Known([tuple(row) for row in customers], [tuple(row) for row in metrics], api_key)


@dataclass(frozen=True, slots=True)
class Batch:
    """The same events as they are sent, with the exact answers, and as the table's rows."""

    request: bytes
    first_answer: bytes
    repeated_answer: bytes
    events: list[dict[str, object]]
    rows: list[EventRow]


@dataclass
class Supply:
    """The batches of a round, in number so that recording them takes a wanted time."""

    known: Known
    calls_min: int
    receipts: bool
    size: int = 0
    calls: int = 0
    made: int = 0
    events: int = 0
    batches: list[Batch] = field(default_factory=list)

    def begin(self, size: int) -> None:
        """From now on a batch has so many events; of how many the time is enough, nobody knows."""
        self.size, self.calls = size, self.calls_min

    def renew(self) -> None:
        """Other batches, of keys that there have not been."""
        numbers = range(self.made, self.made + self.calls)
        self.batches = [
            make_batch(self.known, number, self.size, receipts=self.receipts) for number in numbers
        ]
        self.made += self.calls
        self.events += self.calls * self.size

    def judge(self, rate: float, seconds: float) -> None:
        """Learn from how many events were recorded in a second."""
        self.calls = max(self.calls_min, round(rate * seconds / self.size))


def make_batch(known: Known, number: int, size: int, *, receipts: bool) -> Batch:
    """A batch whose keys no other number has; its events are of as many customers as there are."""
    events, rows = [], []
    for index in range(size):
        event, row = _event(known, number, index)
        events.append(event)
        rows.append(row)
    selected = f"{_COUNTS} {_RECEIPTS}" if receipts else _COUNTS
    query = (
        "mutation Record($events: [UsageEventInput!]!) "
        f"{{ recordUsage(events: $events) {{ {selected} }} }}"
    )
    body = orjson.dumps({"query": query, "variables": {"events": events}})
    keys = [row.idempotency_key for row in rows]
    return Batch(
        post(PATH, body, known.api_key),
        _answer(keys, "ACCEPTED", receipts=receipts),
        _answer(keys, "DUPLICATE", receipts=receipts),
        events,
        rows,
    )


def _event(known: Known, number: int, index: int) -> tuple[dict[str, object], EventRow]:
    customer, customer_id = known.customers[(index * 7919 + number) % len(known.customers)]
    metric, metric_id = known.metrics[index % METRICS]
    key = f"batch-{number}-event-{index}"
    quantity = f"{index % 97}.{index % 10}5"
    event_time = _BEGINNING + timedelta(seconds=number * 60 + index, milliseconds=index % 1000)
    properties = {DIMENSION: _REGIONS[index % 3], "request": f"req-{index}"}
    event: dict[str, object] = {
        "customer": customer,
        "metric": metric,
        "quantity": quantity,
        "eventTime": event_time.isoformat(timespec="milliseconds"),
        "idempotencyKey": key,
        "properties": properties,
    }
    row = EventRow(
        customer_id=customer_id,
        metric_id=metric_id,
        subscription_id=None,
        idempotency_key=key,
        quantity=Decimal(quantity),
        event_time=event_time,
        properties=orjson.dumps(properties).decode(),
        dimension_values=orjson.dumps([properties[DIMENSION]]).decode(),
        unique_value=None,
        defaulted=0,
    )
    return event, row


def _answer(keys: list[str], status: str, *, receipts: bool) -> bytes:
    is_first = status == "ACCEPTED"
    payload: dict[str, object] = {
        "accepted": len(keys) if is_first else 0,
        "duplicates": 0 if is_first else len(keys),
        "rejected": 0,
        "errors": [],
    }
    if receipts:
        payload["receipts"] = [
            {"index": index, "idempotencyKey": key, "status": status, "error": None}
            for index, key in enumerate(keys)
        ]
    return orjson.dumps({"data": {"recordUsage": payload}})
