"""Events are recorded exactly once, whatever is sent again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from fubble_gql.db.connection import Connection
from fubble_gql.errors import Code, Refused
from fubble_gql.usage.ingest import NewEvent, Receipt, ReceiptStatus, record
from tests.statements import collected_statements
from tests.usage.builders import (
    NOW,
    accepted,
    clock_at,
    dimensions,
    make_customer,
    make_metric,
    make_subscription,
    new_event,
    send,
    statuses,
    stored,
)


async def test_an_event_is_stored_as_it_was_sent(db: Connection) -> None:
    customer = await make_customer(db)
    metric = await make_metric(db)
    subscription = await make_subscription(db, customer)
    event = new_event(
        "k1",
        "12345678901234567890.123456789012345678",
        event_time=datetime(2026, 6, 1, 10, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2))),
        subscription_id=subscription,
        properties={"note": "ü", "size": Decimal("1.50"), "deep": [{"a": None}, True]},
    )
    receipts = await send(db, event)
    assert receipts == [Receipt(0, "k1", ReceiptStatus.ACCEPTED, None)]
    [row] = await stored(db)
    assert row[1:] == (
        customer,
        metric.id,
        subscription,
        "k1",
        Decimal("12345678901234567890.123456789012345678"),
        datetime(2026, 6, 1, 8, 0, 0, 123456, tzinfo=UTC),
        NOW,
        None,
        None,
        {"note": "ü", "size": Decimal("1.5"), "deep": [{"a": None}, True]},
    )


async def test_what_was_left_out_has_its_default(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db, "calls", "COUNTER", "COUNT")
    await accepted(db, new_event("k1", None))
    [row] = await stored(db)
    assert (row.quantity, row.event_time, row.properties) == (Decimal(1), NOW, None)


async def test_large_and_odd_json_comes_back_as_it_was_sent(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)
    sent = {
        "deep": [[[[{"a": []}]]]],
        "digits": Decimal("9" * 100),
        "tiny": Decimal("1E-100"),
        "int": 2**64,
        "quoted": "\"\\'?$[0]",
        "nothing": None,
    }
    await accepted(db, new_event("k1", properties=sent), new_event("k2", properties={}))
    assert [row.properties for row in await stored(db)] == [sent, {}]


async def test_texts_that_no_database_keeps_are_rejected(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)
    receipts = await send(
        db,
        new_event("k1"),
        new_event("k2", customer="\0"),
        new_event("k3", customer="\ud800"),
        new_event("k4", metric="\0"),
        new_event("k\0"),
        new_event("k5", properties={"a": "\0"}),
    )
    assert [receipt.error.path[2] for receipt in receipts if receipt.error] == [
        "customer",
        "customer",
        "metric",
        "idempotencyKey",
        "properties",
    ]
    assert [row.idempotency_key for row in await stored(db)] == ["k1"]


async def test_ids_follow_the_order_given(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)
    keys = [f"{n * 7919 % 50:02}" for n in range(50)]
    await accepted(db, *(new_event(key) for key in keys))
    assert [row.idempotency_key for row in await stored(db)] == keys


async def test_valid_events_are_kept_beside_rejected_ones(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)
    receipts = await send(db, new_event("k1"), new_event("k2", customer="none"), new_event("k3"))
    assert statuses(receipts) == ["ACCEPTED", "REJECTED", "ACCEPTED"]
    assert [row.idempotency_key for row in await stored(db)] == ["k1", "k3"]


async def test_an_empty_call_is_refused_whole(db: Connection) -> None:
    with pytest.raises(Refused) as refused:
        await record(db, [], clock_at(NOW))
    [problem] = refused.value.problems
    assert (problem.code, problem.path) == (Code.INVALID, ("events",))


async def test_too_many_events_are_refused_whole(db: Connection) -> None:
    with pytest.raises(Refused) as refused:
        await record(db, [new_event(str(n)) for n in range(5_001)], clock_at(NOW))
    [problem] = refused.value.problems
    assert (problem.code, problem.path) == (Code.LIMIT_EXCEEDED, ("events",))


def test_a_naive_event_time_is_a_defect() -> None:
    with pytest.raises(ValueError, match="timezone"):
        NewEvent("acme", "calls", "k1", event_time=datetime(2026, 6, 1))  # noqa: DTZ001


async def test_five_thousand_events_go_in_one_call(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)
    await accepted(db, *(new_event(str(n), str(n)) for n in range(5_000)))
    assert len(await stored(db)) == 5_000


async def test_statements_do_not_grow_with_the_events(db: Connection) -> None:
    customer = await make_customer(db)
    await make_metric(db, dimensions=dimensions(region="STRING"))
    await make_metric(db, "other")
    subscription = await make_subscription(db, customer)

    def batch(first: int, last: int) -> list[NewEvent]:
        good = [
            new_event(
                str(n),
                "1",
                properties={"region": str(n)},
                subscription_id=(subscription, None)[n % 2],
            )
            for n in range(first, last)
        ]
        return [*good, *good, *(new_event(f"bad {n}", None) for n in range(first, last))]

    await send(db, *batch(0, 1))  # from now on it is remembered whom a key stands for
    with collected_statements() as few:
        await send(db, *batch(0, 2))
    with collected_statements() as many:
        await send(db, *batch(0, 300))
    assert len(few) == len(many) <= 7
