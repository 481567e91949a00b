"""Millions of events by SQL, of customers on a plan that prices five metrics in five ways."""

# ruff: noqa: S608 - statements are put together from this package's own words only

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import asyncpg
import orjson

from fubble_gql.access import keys
from fubble_gql.db.setup import open_database
from fubble_gql.pricing.rates import PerUnit
from fubble_gql.pricing.rates.codec import encode
from fubble_gql.usage import rollups
from tests.bench.database import Pool
from tests.bench.dataset import CUSTOMERS, id_of

CHUNK = 250_000
SPREAD = timedelta(days=181)
SETTINGS = {
    "session_replication_role": "replica",  # no trigger looks up what a row refers to
    "synchronous_commit": "off",
    "maintenance_work_mem": "512MB",
    "timezone": "UTC",
}

_KINDS = (
    ("COUNTER", "SUM", Decimal("0.25")),
    ("TIME", "SUM", Decimal("0.003")),
    ("COUNTER", "COUNT", Decimal("0.07")),
    ("GAUGE", "MAX", Decimal("1.5")),
    ("GAUGE", "LAST", Decimal("0.9")),
)
PRICES = [price for _, _, price in _KINDS]

_METRICS = f"""
insert into metric (id, key, display_name, type, aggregation, dimensions, created_at)
select {id_of(2, "n")}, 'metric-' || n, 'Metric ' || n, type, aggregation, '[]',
  timestamptz '2025-01-01Z'
from unnest($1::text[], $2::text[]) with ordinality as kind(type, aggregation, n)
"""

_PLAN = f"""
insert into plan (id, key, version, name, currency, billing_frequency, trial_days, created_at)
values ({id_of(3, "1")}, 'plan', 1, 'Plan', 'USD', 'MONTHLY', 0, timestamptz '2025-01-01Z')
"""

_COMPONENTS = f"""
insert into price_component (id, plan_id, position, key, display_name, metric_id, pricing)
select {id_of(4, "n")}, {id_of(3, "1")}, n - 1, 'component-' || n, 'Component ' || n,
  {id_of(2, "n")}, pricing
from unnest($1::jsonb[]) with ordinality as rate(pricing, n)
"""

# All began months before the first event; the first period is due.
_SUBSCRIPTIONS = f"""
insert into plan_subscription (id, customer_id, timezone, start_at, created_at, due_at)
select {id_of(5, "i")}, {id_of(1, "i")}, 'UTC', born, born, born + interval '1 month'
from (select i, ($2::timestamptz[])[1 + i % 2] - interval '7 months' as born
      from generate_series(1, $1::int) as i) as numbered
"""

_PHASES = f"""
insert into subscription_phase (id, subscription_id, plan_id, start_at, billing_anchor)
select id, id, {id_of(3, "1")}, start_at, start_at from plan_subscription
"""

# Recorded as they happened, so they lie in the table in the order of their times.
_EVENTS = f"""
insert into usage_event
  (customer_id, metric_id, idempotency_key, quantity, event_time, recorded_at, defaulted)
select {id_of(1, "$3::int + (hashint4(i) & 2147483647) % $4::int")},
  {id_of(2, f"1 + (hashint4(i + 7) & 2147483647) % {len(_KINDS)}")}, 'event-' || $3::int || '-' || i,
  (hashint4(i * 3) & 65535)::numeric / 100, at, at, 0
from (select i, $5::timestamptz + ($6::timestamptz - $5::timestamptz) * (i / ($7::float8 + 1)) as at
      from generate_series($1::int, $2::int) as i) as numbered
"""

_INDEXES = """
select conname, coalesce(conname, indexrelid::regclass::text),
  coalesce(pg_get_constraintdef(held.oid), pg_get_indexdef(indexrelid))
from pg_index left join pg_constraint as held on conindid = indexrelid and contype in ('p', 'u')
where indrelid = 'usage_event'::regclass
"""

# As recording leaves the sums: in the order of time, not of customers.
_LAID_OUT = (
    "create index bench_by_time on usage_rollup (start_at, hours desc)",
    "cluster usage_rollup using bench_by_time",
    "drop index bench_by_time",
)


@dataclass(frozen=True, slots=True)
class Load:
    """So many events, spread evenly over some customers and over the time from `since` to now."""

    first_customer: int
    customers: int
    events: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Calendar:
    """What all databases of a benchmark have in common: when now is, and when periods begin.

    The running periods began four weeks ago: those of even customers at midnight, those of odd
    ones at 10:17, as for a customer who is billed on the anniversary of subscribing.
    """

    now: datetime

    @property
    def midnight(self) -> datetime:
        """When the running periods of even customers began: a day that every month has."""
        begin = self.now - timedelta(days=27)
        day = min(begin.day, 28)
        return begin.replace(day=day, hour=0, minute=0, second=0, microsecond=0)

    @property
    def anniversary(self) -> datetime:
        """When those of odd customers began."""
        return self.midnight.replace(hour=10, minute=17)


@dataclass(frozen=True, slots=True)
class Filled:
    """A database with its events, and an API key for it."""

    url: str
    api_key: str
    events: int


Tell = Callable[[str], None]


async def fill(
    url: str, calendar: Calendar, customers: int, loads: list[Load], tell: Tell
) -> Filled:
    """Fill the migrated database; what the events add up to comes from the product itself."""
    events = sum(load.events for load in loads)
    began = time.perf_counter()

    def tell_done(what: str) -> None:
        tell(f"{events:,} events: {what} after {time.perf_counter() - began:,.0f} s")

    connection = await asyncpg.connect(url, server_settings=SETTINGS)
    try:
        await _make_agreements(connection, calendar, customers)
        indexes = await connection.fetch(_INDEXES)
        await _drop(connection, indexes)
        for load in loads:
            await _insert(connection, calendar, load, tell_done)
        await _restore(connection, indexes)
        await connection.execute("analyze")
        tell_done("indexed")
        api_key = await _add_up(url, customers, tell_done)
        for statement in (*_LAID_OUT, "vacuum analyze", "checkpoint"):
            await connection.execute(statement)
        tell_done("vacuumed")
    finally:
        await connection.close()
    return Filled(url, api_key, events)


async def _make_agreements(connection: Pool, calendar: Calendar, customers: int) -> None:
    rates = [orjson.dumps(encode(PerUnit(price))).decode() for price in PRICES]
    await connection.execute(CUSTOMERS, customers)
    await connection.execute(_METRICS, [kind[0] for kind in _KINDS], [kind[1] for kind in _KINDS])
    await connection.execute(_PLAN)
    await connection.execute(_COMPONENTS, rates)
    anchors = [calendar.midnight, calendar.anniversary]
    await connection.execute(_SUBSCRIPTIONS, customers, anchors)
    await connection.execute(_PHASES)


async def _drop(connection: Pool, indexes: list[tuple[str | None, str, str]]) -> None:
    for constraint, name, _ in indexes:
        is_own = f"drop index {name}"
        held = f"alter table usage_event drop constraint {name}"
        await connection.execute(held if constraint else is_own)


async def _restore(connection: Pool, indexes: list[tuple[str | None, str, str]]) -> None:
    for constraint, name, definition in indexes:
        held = f"alter table usage_event add constraint {name} {definition}"
        await connection.execute(held if constraint else definition)


async def _insert(connection: Pool, calendar: Calendar, load: Load, tell_done: Tell) -> None:
    places = (load.first_customer, load.customers, load.since, calendar.now, load.events)
    tenth = max(1, load.events // 10)
    for first in range(1, load.events + 1, CHUNK):
        last = min(first + CHUNK - 1, load.events)
        await connection.execute(_EVENTS, first, last, *places)
        if last // tenth > (first - 1) // tenth:
            tell_done(f"{last:,} inserted")


async def _add_up(url: str, customers: int, tell_done: Tell) -> str:
    """What `fubble usage rebuild` does; returns an API key."""
    async with open_database(url, pool_size=1) as connection:
        done = 0
        async for some in rollups.rebuild(connection):
            done += some
            if done % max(1, customers // 4) == 0:
                tell_done(f"those of {done:,} customers added up")
        return await keys.create(connection, "benchmark", datetime.now(UTC))


def calendar() -> Calendar:
    """Of this moment."""
    return Calendar(datetime.now(UTC))
