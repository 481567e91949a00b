"""Sums kept beside the events, on PostgreSQL: whoever writes at once, and whatever is voided."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio
from tortoise.backends.base.executor import EXECUTOR_CACHE

from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.setup import open_database
from fubble_gql.db.sql import sql
from fubble_gql.pricing.period import Period
from fubble_gql.usage import directory, rollups
from fubble_gql.usage import void as voiding
from fubble_gql.usage.new_event import NewEvent
from fubble_gql.usage.store import store_of
from fubble_gql.usage.store.postgres import PostgresStore
from fubble_gql.usage.store.postgres_append import append_statement
from fubble_gql.usage.store.rows import Reduced, Reduction, Span
from tests.usage.builders import (
    accepted,
    at,
    clock_at,
    make_customer,
    make_metric,
    make_subscription,
    new_event,
    send,
    statuses,
    void,
)
from tests.usage.measuring import request, total

NOW = at("2026-06-20 10:30")
MAY = Period(at("2026-05-01 10:17"), at("2026-06-01 10:17"))


@pytest_asyncio.fixture
async def db(postgres_url: str) -> AsyncIterator[Connection]:
    """A connection to a fresh PostgreSQL database."""
    EXECUTOR_CACHE.clear()
    async with open_database(postgres_url) as connection:
        yield connection


async def kept(db: Connection, hours: int) -> list[tuple[datetime, int, Decimal]]:
    """The buckets of that length: start, events, total."""
    statement = sql("select start_at, events, total from usage_rollup where hours = ?", hours)
    records = await db.fetch(statement + "order by start_at")
    return [(record[0], record[1], record[2]) for record in records]


async def wrong(db: Connection) -> int:
    """How many sums are not what the events add up to."""
    return sum([len(found.unequal) async for found in rollups.check(db)])


async def test_an_event_is_in_the_sums_of_its_hour_and_its_day(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)

    await accepted(
        db,
        new_event("a", "1.5", event_time=at("2026-06-01 08:59:59.999999")),
        new_event("b", "2", event_time=at("2026-06-01 08:00")),
        new_event("c", "4", event_time=at("2026-06-01 09:00")),
        new_event("d", "8", event_time=at("2026-06-02 00:00")),
        now=NOW,
    )

    assert await kept(db, 1) == [
        (at("2026-06-01 08:00"), 2, Decimal("3.5")),
        (at("2026-06-01 09:00"), 1, Decimal(4)),
        (at("2026-06-02 00:00"), 1, Decimal(8)),
    ]
    assert await kept(db, 24) == [
        (at("2026-06-01"), 3, Decimal("7.5")),
        (at("2026-06-02"), 1, Decimal(8)),
    ]


async def test_what_is_repeated_or_rejected_adds_nothing(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db)
    events = [new_event("a", "1", event_time=NOW), new_event("b", "2", event_time=NOW)]

    await send(db, *events, new_event("a", "1", event_time=NOW), now=NOW)
    await send(db, *events, new_event("a", "9", event_time=NOW), now=NOW)

    assert await kept(db, 24) == [(at("2026-06-20"), 2, Decimal(3))]
    assert await wrong(db) == 0


async def test_a_void_takes_the_event_out_and_may_leave_nothing(db: Connection) -> None:
    await make_customer(db)
    await make_metric(db, kind="GAUGE", aggregation="MAX")
    await accepted(db, new_event("low", "1", event_time=NOW), now=NOW)
    await accepted(db, new_event("high", "7", event_time=NOW), now=NOW)

    await void(db, "high", NOW + timedelta(minutes=1))
    assert await kept(db, 1) == [(at("2026-06-20 10:00"), 1, Decimal(1))]
    await void(db, "low", NOW + timedelta(minutes=2))

    assert await kept(db, 24) == [(at("2026-06-20"), 0, Decimal(0))]
    assert await wrong(db) == 0


async def test_a_reading_as_of_the_past_does_not_know_what_came_after(db: Connection) -> None:
    customer = await make_customer(db)
    metric = await make_metric(db)
    await accepted(db, new_event("a", "1", event_time=at("2026-05-10")), now=NOW)
    await accepted(
        db, new_event("b", "2", event_time=at("2026-05-10")), now=NOW + timedelta(hours=1)
    )
    await void(db, "a", NOW + timedelta(hours=2))
    instants = [NOW + timedelta(hours=hours, microseconds=-1) for hours in range(4)]

    asked = [request(customer, metric, MAY, as_of=as_of) for as_of in instants]

    assert await total(db, *asked) == [Decimal(number) for number in (0, 1, 3, 2)]


async def test_whole_hours_and_days_are_not_read_from_the_events(db: Connection) -> None:
    customer = await make_customer(db)
    metric = await make_metric(db)
    edges = [
        new_event(f"edge {time}", "1", event_time=at(time))
        for time in (
            "2026-05-01 10:30",
            "2026-05-01 23:00",
            "2026-05-15 12:00",
            "2026-06-01 10:16",
        )
    ]
    await accepted(db, *edges, now=NOW)
    # As if the events of whole hours were not there.
    await db.fetch(sql("update usage_rollup set total = 100, events = 100"))

    [quantity] = await total(db, request(customer, metric, MAY, as_of=NOW))

    assert quantity == 202


async def test_writers_and_voiders_of_the_same_hours_leave_them_right(db: Connection) -> None:
    customer = await make_customer(db)
    metrics = [await make_metric(db), await make_metric(db, "seats", "GAUGE", "MAX")]
    subscription = await make_subscription(db, customer)

    def batch(number: int) -> list[NewEvent]:
        """Those of a writer; every third event is another writer's too."""
        return [
            new_event(
                f"{n % 3 and number} {n}",
                str(n),
                metric=metrics[n % 2].key,
                event_time=at("2026-06-01") + timedelta(minutes=37 * n),
                subscription_id=(None, subscription)[n % 5 == 0],
            )
            for n in [*range(7 * number, 60), *range(7 * number)]
        ]

    async def write(number: int) -> None:
        events = batch(number)
        await send(db, *events, now=NOW)
        keys = [one.idempotency_key for one in events[::3]]
        await voiding.void(db, Ref(key="acme"), keys, None, clock_at(NOW))

    await asyncio.gather(*(write(number) for number in range(8)))

    assert await wrong(db) == 0
    [count] = (await db.fetch(sql("select count(*) from usage_event where voided_at is null")))[0]
    assert sum(events for _, events, _ in await kept(db, 24)) == count


@pytest.mark.parametrize(
    "damage",
    [
        "update usage_rollup set total = total + 0.000000000000000001 where hours = 1",
        "update usage_rollup set changed_at = changed_at + interval '1 microsecond'",
        "update usage_rollup set known_from = known_from - interval '1 microsecond'",
        "delete from usage_rollup where hours = 24",
        "insert into usage_rollup select customer_id, metric_id, 1, timestamptz '1999-01-01Z', null,"
        " 1, 1, 1, 1, known_from, changed_at from usage_rollup limit 1",
    ],
)
async def test_damage_is_found_and_rebuilding_mends_it(db: Connection, damage: str) -> None:
    customer, other = await make_customer(db), await make_customer(db, "globex")
    metric = await make_metric(db)
    await accepted(db, new_event("a", "1.5", event_time=at("2026-05-10")), now=NOW)
    await accepted(db, new_event("b", "2", event_time=at("2026-05-11")), now=NOW)
    await void(db, "b", NOW)
    before = await everything(db)
    assert await wrong(db) == 0

    await db.fetch(sql(damage))

    assert await wrong(db) > 0
    assert {one.customer_id for one in await store_of(db).unequal(db, [customer, other])} == {
        customer
    }
    assert [done async for done in rollups.rebuild(db)] == [1, 1]
    assert await wrong(db) == 0
    assert await everything(db) == before
    assert await total(db, request(customer, metric, MAY, as_of=NOW)) == [Decimal("1.5")]


async def everything(db: Connection) -> Sequence[object]:
    records = await db.fetch(sql("select * from usage_rollup order by hours, start_at"))
    return [tuple(record) for record in records]


async def test_a_day_is_24_hours_whatever_the_servers_clock_does(postgres_url: str) -> None:
    name = urlsplit(postgres_url).path.lstrip("/")
    server = await asyncpg.connect(postgres_url)
    await server.execute(f"alter database {name} set timezone = 'Europe/Berlin'")
    await server.execute(
        f"alter database {name} set default_transaction_isolation = 'repeatable read'"
    )
    await server.close()
    EXECUTOR_CACHE.clear()
    async with open_database(postgres_url) as db:
        [record] = await db.fetch(sql("select current_setting('transaction_isolation')"))
        assert record[0] == "read committed"
        customer = await make_customer(db)
        metric = await make_metric(db)
        for start in (at("2026-03-29"), at("2025-10-26")):  # 23 and 25 hours in Berlin
            day = Period(start, start + timedelta(hours=24))
            events = [
                new_event(f"{start} {n}", event_time=start + n * timedelta(minutes=30))
                for n in range(-2, 50)
            ]
            await accepted(db, *events[:-1], now=NOW)
            await accepted(db, events[-1], now=NOW + timedelta(seconds=2))
            await void(db, events[2].idempotency_key, NOW + timedelta(seconds=2))

            asked = [
                request(customer, metric, day, as_of=NOW + timedelta(seconds=n)) for n in (1, 3)
            ]

            assert await total(db, *asked) == [48, 47]
        assert await wrong(db) == 0


async def test_the_key_of_an_event_is_looked_up_in_its_index(db: Connection) -> None:
    """Also by a plan that was made, and is kept, while there were hardly any events."""
    await make_customer(db)
    await make_metric(db)
    await accepted(db, *(new_event(f"k{n}", event_time=NOW) for n in range(3)), now=NOW)
    statement = sql(append_statement()).numbered()
    nulls = ", ".join(["null"] * append_statement().count("?"))

    async with db.client.acquire_connection() as driver:
        await driver.execute("analyze usage_event; set plan_cache_mode = force_generic_plan")
        await driver.execute(f"prepare adding as {statement}")
        lines = await driver.fetch(f"explain execute adding({nulls})")
        await driver.execute("deallocate adding; reset plan_cache_mode")

    plan = "\n".join(line[0] for line in lines)
    assert "using uid_usage_event_" in plan
    assert "(idempotency_key)::text <= sent" in plan
    assert "Filter: ((e.idempotency_key" not in plan


async def test_a_void_between_two_statements_leaves_no_half_of_a_reading(
    db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = await make_customer(db)
    metric = await make_metric(db, kind="GAUGE", aggregation="LAST")
    await accepted(db, new_event("k", event_time=at("2026-05-10")), now=NOW)
    reduce = PostgresStore.reduce

    async def voided_meanwhile(
        self: PostgresStore, connection: Connection, what: Reduction, spans: Sequence[Span]
    ) -> list[Reduced]:
        if what is Reduction.LAST:
            await void(db, "k", NOW)
        return await reduce(self, connection, what, spans)

    monkeypatch.setattr(PostgresStore, "reduce", voided_meanwhile)

    assert await total(db, request(customer, metric, MAY, as_of=NOW)) == [0]


async def test_customers_that_others_forget_meanwhile_are_found(
    db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "REMEMBERED_MAX", 3)
    await make_metric(db)
    keys = [f"customer {n}" for n in range(8)]
    for key in keys:
        await make_customer(db, key)

    async def write(number: int) -> list[str]:
        named = [keys[(number + n) % len(keys)] for n in range(3)]
        events = [new_event(f"{number}", customer=key, event_time=NOW) for key in named]
        return statuses(await send(db, *events, now=NOW))

    written = await asyncio.gather(*(write(number) for number in range(40)))

    assert {status for each in written for status in each} == {"ACCEPTED"}
