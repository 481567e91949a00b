"""Recorded events are listed by page and filter."""

from __future__ import annotations

from fubble_gql.db.connection import Connection
from fubble_gql.db.pages import Window, page
from fubble_gql.pricing.period import Period
from fubble_gql.usage.events import NEWEST_FIRST, USAGE_EVENTS, EventFilter, metrics_used
from tests.usage.builders import (
    NOW,
    accepted,
    at,
    make_customer,
    make_metric,
    make_subscription,
    new_event,
    void,
)


async def keys(db: Connection, wanted: EventFilter, size: int = 10) -> list[str]:
    found = await page(db, USAGE_EVENTS, NEWEST_FIRST, Window(size), where=wanted.conditions(db))
    return [row.idempotency_key for row in found.rows]


async def test_events_are_found_by_every_filter(db: Connection) -> None:
    customer = await make_customer(db)
    await make_metric(db)
    other = await make_metric(db, "other")
    subscription = await make_subscription(db, customer)
    await accepted(
        db,
        new_event("a", event_time=at("2026-06-01")),
        new_event("b", event_time=at("2026-06-02"), metric="other"),
        new_event("c", event_time=at("2026-06-02"), subscription_id=subscription),
        new_event("d", event_time=at("2026-06-03")),
    )
    await void(db, "d", NOW)
    day = Period(at("2026-06-01"), at("2026-06-02"))
    assert await keys(db, EventFilter()) == ["c", "b", "a"]
    assert await keys(db, EventFilter(), size=2) == ["c", "b"]
    assert await keys(db, EventFilter(include_voided=True)) == ["d", "c", "b", "a"]
    assert await keys(db, EventFilter(idempotency_keys=["b", "d", "\0"])) == ["b"]
    assert await keys(db, EventFilter(idempotency_keys=[])) == []
    assert await keys(db, EventFilter(metric_ids=[other.id])) == ["b"]
    assert await keys(db, EventFilter(period=day)) == ["a"]
    assert await keys(db, EventFilter(subscription_id=subscription)) == ["c"]
    both = EventFilter(metric_ids=[other.id], subscription_id=subscription)
    assert await keys(db, both) == []


async def test_a_page_goes_on_behind_a_known_event(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)
    await accepted(db, *(new_event(f"k{n}", event_time=at("2026-06-01")) for n in range(5)))
    first = await page(db, USAGE_EVENTS, NEWEST_FIRST, Window(2))
    last = first.rows[-1]
    rest = await page(db, USAGE_EVENTS, NEWEST_FIRST, Window(9, after=(last.event_time, last.id)))
    found = [row.idempotency_key for row in [*first.rows, *rest.rows]]
    assert found == ["k4", "k3", "k2", "k1", "k0"]


async def test_the_metrics_that_customers_used_are_known(db: Connection) -> None:
    acme, globex = await make_customer(db), await make_customer(db, "globex")
    calls = await make_metric(db)
    await make_metric(db, "other")
    await accepted(db, new_event("a"), new_event("b"))
    assert await metrics_used(db, [acme, globex]) == {acme: {calls.id}, globex: set()}
