"""Recorded events are listed by page and filter."""

from __future__ import annotations

from datetime import timedelta

from fubble_gql.db.connection import Connection
from fubble_gql.db.pages import Window, page
from fubble_gql.db.sql import sql
from fubble_gql.pricing.period import Period
from fubble_gql.usage.events import NEWEST_FIRST, USAGE_EVENTS, EventFilter, behind, metrics_used
from fubble_gql.usage.scope import EVERYTHING, Scope, Stretch
from tests.statements import plan_of
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

MICROSECOND = timedelta(microseconds=1)


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


async def test_the_events_behind_an_amount_are_those_that_it_was_measured_from(
    db: Connection,
) -> None:
    customer = await make_customer(db)
    metric, other = await make_metric(db), await make_metric(db, "other")
    first, second = [await make_subscription(db, customer) for _ in range(2)]
    may, june = at("2026-05-01"), at("2026-06-01")
    await accepted(
        db,
        new_event("april", event_time=may - MICROSECOND),
        new_event("may", event_time=may),
        new_event("of first", event_time=may, subscription_id=first),
        new_event("of second", event_time=may, subscription_id=second),
        new_event("other", event_time=may, metric="other"),
        new_event("june", event_time=june),
        new_event("gone", event_time=may),
        new_event("going", event_time=may),
        now=june,
    )
    await void(db, "gone", june + MICROSECOND)
    await void(db, "going", june + 2 * MICROSECOND)
    await accepted(db, new_event("late", event_time=may), now=june + 2 * MICROSECOND)

    async def found(*stretches: Stretch) -> set[str]:
        where = behind(db, [metric.id], stretches, june + MICROSECOND)
        rows = await page(db, USAGE_EVENTS, NEWEST_FIRST, Window(20), where)
        return {row.idempotency_key for row in rows.rows}

    def in_may(scope: Scope) -> Stretch:
        return Stretch(Period(may, june), scope)

    in_june = Stretch(Period(june, at("2026-07-01")), EVERYTHING)
    named = Scope(subscription_id=first)
    assert await found(in_may(EVERYTHING)) == {"may", "of first", "of second", "going"}
    assert await found(in_may(Scope(subscription_id=first, unnamed=True))) == {
        "may",
        "of first",
        "going",
    }
    assert await found(in_may(Scope(unnamed=True))) == {"may", "going"}
    assert await found(in_may(named)) == {"of first"}
    assert await found(in_may(Scope())) == set()
    assert await found(in_may(named), in_june) == {"of first", "june"}
    assert await found() == set()
    both = behind(db, [metric.id, other.id], [in_may(EVERYTHING)], june)
    assert len((await page(db, USAGE_EVENTS, NEWEST_FIRST, Window(20), both)).rows) == 6


async def test_the_metrics_that_customers_used_are_known(db: Connection) -> None:
    acme, globex = await make_customer(db), await make_customer(db, "globex")
    calls = await make_metric(db)
    await make_metric(db, "other")
    await accepted(db, new_event("a"), new_event("b"))
    assert await metrics_used(db, [acme, globex]) == {acme: {calls.id}, globex: set()}


async def test_one_event_is_looked_for_of_each_customer_and_metric(db: Connection) -> None:
    customers = [await make_customer(db, key) for key in ("acme", "globex")]
    for key in ("calls", "other"):
        await make_metric(db, key)
        events = (new_event(f"{key}-{n}", metric=key) for n in range(500))
        await accepted(db, *events)
    await db.fetch(sql("analyze"))

    plan = await plan_of(db, lambda tx: metrics_used(tx, customers))

    probe = {
        "postgres": "Index Cond: ((customer_id = customer.id) AND (metric_id = metric.id))",
        "sqlite": "(customer_id=? AND metric_id=?)",
    }
    assert probe[db.dialect] in plan
