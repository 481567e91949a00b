"""What makes an event count, and why others are rejected."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from fubble_gql.db.connection import Connection
from fubble_gql.db.sql import sql
from fubble_gql.errors import Code, Problem
from tests.usage.builders import (
    NOW,
    accepted,
    dimensions,
    make_customer,
    make_metric,
    make_subscription,
    new_event,
    send,
    stored,
)


async def rejected(db: Connection, **event: object) -> Problem:
    """Why the event was rejected; it must have left nothing behind."""
    before = len(await stored(db))
    [receipt] = await send(db, new_event(**event))  # type: ignore[arg-type]
    assert receipt.error is not None
    assert receipt.error.path[:2] == ("events", 0)
    assert len(await stored(db)) == before
    return receipt.error


def seen(problem: Problem) -> tuple[str, object]:
    return str(problem.code), problem.path[2]


async def test_unknown_references_are_not_found(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)
    assert seen(await rejected(db, customer="none")) == ("NOT_FOUND", "customer")
    assert seen(await rejected(db, customer="\0")) == ("NOT_FOUND", "customer")
    assert seen(await rejected(db, customer="\ud800")) == ("NOT_FOUND", "customer")
    assert seen(await rejected(db, metric="none")) == ("NOT_FOUND", "metric")
    assert seen(await rejected(db, subscription_id=uuid4())) == ("NOT_FOUND", "subscriptionId")


async def test_anothers_subscription_does_not_exist(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)
    theirs = await make_subscription(db, await make_customer(db, "globex"))
    unknown = uuid4()
    foreign = await rejected(db, subscription_id=theirs)
    missing = await rejected(db, subscription_id=unknown)
    assert foreign.message.replace(str(theirs), "") == missing.message.replace(str(unknown), "")
    assert foreign.code is Code.NOT_FOUND


async def test_archived_customers_and_metrics_take_nothing(db: Connection) -> None:
    await make_customer(db)
    await make_customer(db, "gone", archived=True)
    await make_metric(db)
    await make_metric(db, "old", archived_at=NOW)
    assert seen(await rejected(db, customer="gone")) == ("INVALID_STATE", "customer")
    assert seen(await rejected(db, metric="old")) == ("INVALID_STATE", "metric")


async def test_a_composite_metric_takes_no_events(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db, "ratio", "COMPOSITE", formula="a / b")
    assert seen(await rejected(db, metric="ratio")) == ("INVALID", "metric")


@pytest.mark.parametrize("key", ["", "  ", "x" * 256, "a\0b", "a\ud800"])
async def test_a_key_must_be_usable(db: Connection, key: str) -> None:
    await make_customer(db)
    await make_metric(db)
    assert seen(await rejected(db, key=key)) == ("INVALID", "idempotencyKey")


async def test_a_key_of_255_characters_is_kept(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)
    await accepted(db, new_event("ü" * 255))


async def test_event_time_may_be_a_day_ahead_and_no_more(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)
    day = NOW + timedelta(hours=24)
    await accepted(db, new_event("k1", event_time=day))
    late = await rejected(db, key="k2", event_time=day + timedelta(microseconds=1))
    assert seen(late) == ("INVALID", "eventTime")


@pytest.mark.parametrize("aggregation", ["SUM", "TIME_WEIGHTED"])
async def test_a_metric_that_measures_wants_a_quantity(db: Connection, aggregation: str) -> None:
    await make_customer(db)
    await make_metric(db, aggregation=aggregation)
    assert seen(await rejected(db, quantity=None)) == ("INVALID", "quantity")


@pytest.mark.parametrize(
    "quantity", ["NaN", "sNaN", "Infinity", "1E+20", "1E-19", "0.1234567890123456789"]
)
async def test_a_quantity_out_of_range_is_rejected(db: Connection, quantity: str) -> None:
    await make_customer(db)
    await make_metric(db)
    assert seen(await rejected(db, quantity=quantity)) == ("INVALID", "quantity")


@pytest.mark.parametrize(
    ("kind", "aggregation", "may_be_negative"),
    [
        ("COUNTER", "SUM", True),
        ("COUNTER", "TIME_WEIGHTED", True),
        ("COUNTER", "COUNT", False),
        ("TIME", "SUM", True),
        ("DIMENSION", "SUM", True),
        ("DIMENSION", "MAX", False),
        ("DIMENSION", "COUNT", False),
        *(("GAUGE", way, True) for way in ("LAST", "MAX", "MIN", "AVG", "TIME_WEIGHTED")),
    ],
)
async def test_only_levels_and_sums_may_be_negative(
    db: Connection, kind: str, aggregation: str, may_be_negative: bool
) -> None:
    await make_customer(db)
    await make_metric(db, "calls", kind, aggregation)
    if may_be_negative:
        await accepted(db, new_event("k1", "-1"))
    else:
        assert seen(await rejected(db, quantity="-1")) == ("INVALID", "quantity")
    await accepted(db, new_event("k2", "-0"))


async def test_a_count_stores_the_quantity_that_was_sent(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db, aggregation="COUNT")
    await accepted(db, new_event("k1", "7"))
    assert [row.quantity for row in await stored(db)] == [7]


async def derived_columns(db: Connection) -> tuple[str, str]:
    rows = await db.fetch(
        sql("select cast(dimension_values as text), unique_value from usage_event")
    )
    return rows[0][0].replace(", ", ","), rows[0][1]


async def test_dimensions_are_kept_in_the_metrics_order(db: Connection) -> None:
    await make_customer(db)
    await make_metric(
        db,
        aggregation="UNIQUE_COUNT",
        property="user",
        dimensions=dimensions(region="STRING", size="NUMBER"),
    )
    sent = {"size": Decimal("2.50"), "user": "a", "more": 1, "region": " eu"}
    await accepted(db, new_event("k1", None, properties=sent))
    assert await derived_columns(db) == ('[" eu","2.5"]', '"a"')
    assert (await stored(db))[0].properties == sent


@pytest.mark.parametrize(
    "properties",
    [
        None,
        {},
        {"region": "eu"},
        {"size": 1},
        {"region": None, "size": 1},
        {"region": "", "size": 1},
        {"region": "x" * 256, "size": 1},
        {"region": 5, "size": 1},
        {"region": True, "size": 1},
        {"region": "eu", "size": "1"},
        {"region": "eu", "size": True},
        {"region": "eu", "size": None},
        {"region": "eu", "size": Decimal("1E+20")},
        {"region": "eu", "size": Decimal("1E-19")},
        {"region": "eu", "size": [1]},
    ],
)
async def test_every_dimension_must_be_there_and_of_its_kind(
    db: Connection, properties: dict[str, object] | None
) -> None:
    await make_customer(db)
    await make_metric(db, dimensions=dimensions(region="STRING", size="NUMBER"))
    problem = await rejected(db, properties=properties)
    assert seen(problem) == ("INVALID", "properties")
    assert '"region"' in problem.message or '"size"' in problem.message


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("1", '"1"'),
        (1, "1"),
        (Decimal("1.0"), "1"),
        (Decimal("1E+2"), "100"),
        (True, "true"),
        ("", '""'),
        (2**70, str(2**70)),
    ],
)
async def test_what_is_counted_once_is_kept_as_json(
    db: Connection, value: object, kept: str
) -> None:
    await make_customer(db)
    dims = dimensions(region="STRING")
    await make_metric(db, aggregation="UNIQUE_COUNT", property="user", dimensions=dims)
    await accepted(db, new_event("k1", properties={"user": value, "region": "eu"}))
    assert await derived_columns(db) == ('["eu"]', kept)


@pytest.mark.parametrize("properties", [None, {}, {"user": None}, {"user": []}, {"user": {}}])
async def test_the_counted_property_must_be_a_plain_value(
    db: Connection, properties: dict[str, object] | None
) -> None:
    await make_customer(db)
    await make_metric(db, aggregation="UNIQUE_COUNT", property="user")
    assert seen(await rejected(db, properties=properties)) == ("INVALID", "properties")


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "properties",
    [
        [1],
        "text",
        {"a": 0.5},
        {"a": Decimal("NaN")},
        {"a": Decimal("1E+999999999")},
        {"a": Decimal("1E-101")},
        {"a": 10**100},
        {"a": "\0"},
        {"a\0": 1},
        {"a": "\ud800"},
        {1: "a"},
        {"a": object()},
        {"a": nested(32)},
        {"a": nested(100_000)},
    ],
)
async def test_properties_must_be_json_that_can_be_kept(db: Connection, properties: object) -> None:
    await make_customer(db)
    await make_metric(db)
    assert seen(await rejected(db, properties=properties)) == ("INVALID", "properties")


async def test_large_json_comes_back_as_it_was_sent(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)
    sent = {
        "deep": nested(30),
        "digits": Decimal("9" * 100),
        "tiny": Decimal("1E-100"),
        "int": 2**64,
        "quoted": "\"\\'?$[0]",
        "nothing": None,
    }
    await accepted(db, new_event("k1", properties=sent))
    await accepted(db, new_event("k2", properties={}))
    assert [row.properties for row in await stored(db)] == [sent, {}]


async def test_the_first_problem_in_field_order_is_told(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db, dimensions=dimensions(region="STRING"))
    wrong: list[tuple[str, object, object]] = [
        ("customer", "none", "acme"),
        ("metric", "none", "calls"),
        ("quantity", None, "1"),
        ("event_time", NOW + timedelta(days=2), NOW),
        ("key", "", "k1"),
        ("subscription_id", uuid4(), None),
        ("properties", {}, {"region": "eu"}),
    ]
    event = {field: bad for field, bad, _ in wrong}
    told = []
    for field, _, good in wrong:
        told.append((await rejected(db, **event)).path[2])
        event[field] = good
    assert told == [
        "customer",
        "metric",
        "quantity",
        "eventTime",
        "idempotencyKey",
        "subscriptionId",
        "properties",
    ]
    await accepted(db, new_event(**event))  # type: ignore[arg-type]
