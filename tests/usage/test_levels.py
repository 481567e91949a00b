"""Levels are weighed by how long they lasted."""

from __future__ import annotations

from decimal import Decimal

from fubble_gql.db.connection import Connection
from fubble_gql.pricing.period import Period
from fubble_gql.usage.aggregate import EVERYTHING, Request, Scope, Stretch
from tests.usage.builders import (
    accepted,
    at,
    make_customer,
    make_metric,
    make_subscription,
    new_event,
)
from tests.usage.measuring import JUNE, LATER, request, tell, total


async def test_a_level_is_weighed_by_how_long_it_lasted(db: Connection) -> None:
    customer = await make_customer(db)
    metric = await make_metric(db, "calls", "GAUGE", "TIME_WEIGHTED")
    await tell(db, before="2026-05-01 | 10", a="2026-06-11 | 40", b="2026-06-21 | 0")
    assert await total(db, request(customer, metric)) == [round(Decimal(500) / 30, 18)]


async def test_a_counter_adds_to_its_level(db: Connection) -> None:
    customer = await make_customer(db)
    metric = await make_metric(db, aggregation="TIME_WEIGHTED")
    await tell(db, before="2026-05-01 | 10", a="2026-06-11 | 5", b="2026-06-21 | -15")
    assert await total(db, request(customer, metric)) == [round(Decimal(250) / 30, 18)]


async def test_a_level_is_known_only_up_to_as_of(db: Connection) -> None:
    customer = await make_customer(db)
    metric = await make_metric(db, "calls", "GAUGE", "TIME_WEIGHTED")
    await accepted(db, new_event("a", "30", event_time=at("2026-05-01")), now=at("2026-05-01"))
    dates = ("2026-05-20", "2026-06-01", "2026-06-11", "2026-07-01", "2026-07-20")
    asked = [request(customer, metric, as_of=at(date)) for date in dates]
    assert await total(db, *asked) == [0, 0, 10, 30, 30]


async def test_a_level_divides_by_the_whole_period(db: Connection) -> None:
    customer = await make_customer(db)
    metric = await make_metric(db, "calls", "GAUGE", "TIME_WEIGHTED")
    await tell(db, a="2026-05-01 | 30")
    pieces = [Period(JUNE.start, at("2026-06-11")), Period(at("2026-06-11"), JUNE.end)]
    asked = [
        Request(customer, metric, (Stretch(piece, EVERYTHING),), LATER, JUNE) for piece in pieces
    ]
    assert await total(db, *asked) == [10, 20]


async def test_one_level_is_never_billed_by_two_subscriptions(db: Connection) -> None:
    customer = await make_customer(db)
    metric = await make_metric(db, aggregation="TIME_WEIGHTED")
    first, second = [await make_subscription(db, customer) for _ in range(2)]
    may = at("2026-05-01")
    await accepted(
        db,
        new_event("a", "1", event_time=may),
        new_event("b", "10", event_time=may, subscription_id=first),
        new_event("c", "100", event_time=may, subscription_id=second),
    )
    scopes = [
        Scope(subscription_id=first, unnamed=True),
        Scope(subscription_id=second),
        Scope(unnamed=True),
        EVERYTHING,
    ]
    asked = [request(customer, metric, scope=scope) for scope in scopes]
    assert await total(db, *asked) == [111, 100, 111, 111]
