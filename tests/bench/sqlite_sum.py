"""Exact sums on SQLite, beside the same statements with binary floats."""

# ruff: noqa: S608 - statements are put together from this package's own words only

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from rich.console import Console

from fubble_gql.db.connection import Connection
from fubble_gql.db.migrate import migrate
from fubble_gql.db.setup import open_database
from fubble_gql.db.sql import Sql, sql
from fubble_gql.usage.scope import EVERYTHING
from fubble_gql.usage.store import sqlite, statements
from fubble_gql.usage.store.rows import Reduction, Span
from fubble_gql.usage.store.statements import Words
from tests.bench.rounds import Contestant, alternate, show
from tests.usage.builders import at, make_customer, make_metric

_START, _SECONDS = at("2026-05-01"), 2_000_000
_MONTH = timedelta(days=31)

_EXACT = sqlite._WORDS
_FLOAT = replace(
    _EXACT,
    total="sum(cast({} as real))",
    largest="max(cast({} as real))",
    smallest="min(cast({} as real))",
)
_EVENTS = """
insert into usage_event
  (customer_id, metric_id, idempotency_key, quantity, event_time, recorded_at, defaulted)
with recursive numbered (i) as (select 0 union all select i + 1 from numbered where i + 1 < ?),
event as (
  select i, strftime('%Y-%m-%d %H:%M:%S', '2026-05-01', '+' || (i * ? / ?) || ' seconds')
    || '+00:00' as at
  from numbered
)
select ?, ?, 'event-' || i, printf('%d.%02d', i * 7919 % 100003, i * 31 % 100), at, at, 0 from event
"""
_SUMS, _TOTALS = "sum", "count, sum, max, min"


async def run(events: int, rounds: int) -> None:
    """Check that the exact sum is what Decimals add up to, measure, and print."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="fubble-bench-") as folder:
        url = f"sqlite://{Path(folder) / 'fubble.sqlite3'}"
        await migrate(url)
        async with open_database(url) as connection:
            hits = await _fill(connection, events)
            await _check(connection, hits, events)
            console.print(f"{events:,} events: the exact sum is what Decimals add up to.")
            asked = {
                f"exact {_SUMS}": _summed(hits, _EXACT),
                f"float {_SUMS}": _summed(hits, _FLOAT),
                f"exact {_TOTALS}": statements.reduce(_EXACT, Reduction.TOTALS, hits, 0),
                f"float {_TOTALS}": statements.reduce(_FLOAT, Reduction.TOTALS, hits, 0),
            }
            contestants = [
                _contestant(name, connection, statement, events)
                for name, statement in asked.items()
            ]
            rates = await alternate(contestants, rounds)
    pairs = [
        (f"time, exact {what} / float {what}", f"float {what}", f"exact {what}")
        for what in (_SUMS, _TOTALS)
    ]
    show(console, rates, "events/s", pairs)


async def _fill(connection: Connection, events: int) -> Sql:
    """A month of one customer's; the store's own selection of all of it."""
    customer_id = await make_customer(connection)
    metric = await make_metric(connection)
    statement = sql(_EVENTS, events, _SECONDS, events, customer_id, metric.id)
    await connection.transaction(lambda tx: tx.fetch(statement))
    end = _START + _MONTH
    span = Span(0, customer_id, metric.id, _START, end, EVERYTHING, as_of=end)
    return sqlite._hits([span], 0)


def _summed(hits: Sql, words: Words) -> Sql:
    return sql("with hit as (") + hits + f") select {words.total.format('quantity')} from hit"


async def _check(connection: Connection, hits: Sql, events: int) -> None:
    records = await connection.fetch(sql("select quantity from usage_event"))
    quantities = [Decimal(record[0]) for record in records]
    right = sum(quantities, Decimal(0))
    [[exact]] = await connection.fetch(_summed(hits, _EXACT))
    [[binary]] = await connection.fetch(_summed(hits, _FLOAT))
    if len(quantities) != events or Decimal(exact) != right or abs(Decimal(binary) - right) > 1:
        raise RuntimeError(f"{len(quantities):,} events are {right}, not {exact} or {binary}.")


def _contestant(name: str, connection: Connection, statement: Sql, events: int) -> Contestant:
    async def read(_: int) -> float:
        begin = time.perf_counter()
        await connection.fetch(statement)
        return events / (time.perf_counter() - begin)

    return Contestant(name, read)
