"""The same event again changes nothing; another one under its key is rejected."""

from __future__ import annotations

from datetime import timedelta, timezone
from decimal import Decimal
from uuid import uuid4

from fubble_gql.db.connection import Connection
from fubble_gql.db.sql import sql
from fubble_gql.errors import Code, Problem
from fubble_gql.usage.ingest import Receipt, ReceiptStatus
from tests.usage.builders import (
    NOW,
    accepted,
    at,
    make_customer,
    make_metric,
    new_event,
    send,
    statuses,
    stored,
    void,
)


def problem_of(receipt: Receipt) -> Problem:
    assert receipt.status is ReceiptStatus.REJECTED
    assert receipt.error is not None
    return receipt.error


async def test_a_repeated_event_changes_nothing(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)
    events = [
        new_event("k1", "1.10", event_time=at("2026-06-01"), properties={"b": 1, "a": [1]}),
        new_event("k2", "2"),
    ]
    await accepted(db, *events)
    before = await stored(db)
    later = NOW + timedelta(days=1)
    assert statuses(await send(db, *events, now=later)) == ["DUPLICATE", "DUPLICATE"]
    assert await stored(db) == before


async def test_an_equal_body_in_another_spelling_is_a_duplicate(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)
    offset = timezone(timedelta(hours=-5))
    first = new_event(
        "k1", "1.10", event_time=at("2026-06-01"), properties={"b": Decimal("2.0"), "a": 1}
    )
    again = new_event(
        "k1",
        "1.1",
        event_time=at("2026-06-01").astimezone(offset),
        properties={"a": 1, "b": Decimal(2)},
    )
    await accepted(db, first)
    assert statuses(await send(db, again)) == ["DUPLICATE"]


CHANGES: list[tuple[dict[str, object], str]] = [
    ({"metric": "other"}, "metric"),
    ({"metric": "unknown"}, "metric"),
    ({"quantity": "2"}, "quantity"),
    ({"quantity": None}, "quantity"),
    ({"quantity": "NaN"}, "quantity"),
    ({"quantity": "sNaN"}, "quantity"),
    ({"quantity": "1E+999999"}, "quantity"),
    ({"event_time": at("2026-06-02")}, "eventTime"),
    ({"event_time": None}, "eventTime"),
    ({"subscription_id": uuid4()}, "subscriptionId"),
    ({"properties": {"a": "1"}}, "properties"),
    ({"properties": {"a": True}}, "properties"),
    ({"properties": {}}, "properties"),
    ({"properties": None}, "properties"),
    ({"properties": ["no object"]}, "properties"),
]


async def test_another_body_under_a_known_key_is_rejected(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)
    await make_metric(db, "other")
    body = {"quantity": "1", "event_time": at("2026-06-01"), "properties": {"a": 1}}
    await accepted(db, new_event("k1", **body))  # type: ignore[arg-type]
    before = await stored(db)
    changed = [new_event("k1", **{**body, **change}) for change, _ in CHANGES]  # type: ignore[arg-type]
    receipts = await send(db, *changed)
    for index, (_, field) in enumerate(CHANGES):
        problem = problem_of(receipts[index])
        assert problem.code is Code.IDEMPOTENCY_MISMATCH
        assert problem.path == ("events", index, field)
        assert f"another {field}" in problem.message
    assert await stored(db) == before


async def test_a_default_sent_in_full_differs_from_one_left_out(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db, aggregation="COUNT")
    await accepted(db, new_event("k1", None))
    quantity = problem_of((await send(db, new_event("k1", "1")))[0])
    time = problem_of((await send(db, new_event("k1", None, event_time=NOW)))[0])
    assert (quantity.path[-1], time.path[-1]) == ("quantity", "eventTime")


async def test_a_known_key_is_answered_before_anything_else(db: Connection) -> None:
    customer = await make_customer(db)
    metric = await make_metric(db)
    event = new_event("k1", event_time=at("2026-06-01"))
    await accepted(db, event)
    await db.fetch(sql("update metric set archived_at = ? where id = ?", NOW, metric.id))
    await db.fetch(sql("update customer set archived_at = ? where id = ?", NOW, customer))
    assert statuses(await send(db, event)) == ["DUPLICATE"]
    assert problem_of((await send(db, new_event("k2")))[0]).code is Code.INVALID_STATE


async def test_a_voided_key_stays_taken_for_ever(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)
    await accepted(db, new_event("k1"))
    await void(db, "k1", NOW)
    same, other = await send(db, new_event("k1"), new_event("k1", "2"))
    assert same.status is ReceiptStatus.DUPLICATE
    assert problem_of(other).code is Code.IDEMPOTENCY_MISMATCH
    assert len(await stored(db)) == 1


async def test_a_key_belongs_to_its_customer_alone(db: Connection) -> None:
    await make_customer(db)
    await make_customer(db, "globex")
    await make_metric(db)
    await accepted(db, new_event("k1"), new_event("k1", customer="globex"))
    assert len(await stored(db)) == 2


async def test_inside_a_call_the_first_valid_event_takes_the_key(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)
    receipts = await send(
        db,
        new_event("k1", None),
        new_event("k1", "5"),
        new_event("k1", "5.0"),
        new_event("k1", "6"),
        new_event("k1", None),
    )
    assert statuses(receipts) == ["REJECTED", "ACCEPTED", "DUPLICATE", "REJECTED", "REJECTED"]
    assert problem_of(receipts[0]).code is Code.INVALID
    assert problem_of(receipts[3]).path == ("events", 3, "quantity")
    assert problem_of(receipts[4]).code is Code.IDEMPOTENCY_MISMATCH
    assert [row.quantity for row in await stored(db)] == [5]


async def test_a_rejected_event_does_not_burn_its_key(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)
    assert statuses(await send(db, new_event("k1", "NaN"))) == ["REJECTED"]
    assert statuses(await send(db, new_event("k1", "1"))) == ["ACCEPTED"]
