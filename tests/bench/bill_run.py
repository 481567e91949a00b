"""What a bill run reads of usage: that of all customers at once, beside the ORM's rows."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from rich.console import Console

from fubble_gql.billing.facts import Facts, gather
from fubble_gql.billing.pieces import plan
from fubble_gql.db.connection import Connection
from fubble_gql.db.setup import open_database
from fubble_gql.db.sql import sql
from fubble_gql.pricing.formula import FormulaFailed
from fubble_gql.pricing.period import Period
from fubble_gql.usage.aggregate import Request, measure
from fubble_gql.usage.models import UsageEvent
from tests.bench.plain_usage import Used, used
from tests.bench.rounds import Contestant, alternate, show
from tests.bench.volume_data import Calendar, Filled
from tests.statements import collected_statements

STATEMENTS_MAX = 3


class Effort(NamedTuple):
    """How often to read, and for how many customers through the ORM."""

    rounds: int
    orm_customers: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What a bill run wants to know: of each customer the last closed period."""

    connection: Connection
    facts: Facts
    periods: Mapping[UUID, Period]
    requests: Sequence[Request]

    async def at_once(self) -> Used:
        """As the product reads it."""
        found = await measure(self.connection, self.requests, self.facts.prices.operands)
        return {
            (self._key(request.customer_id), request.metric.key): one.quantity
            for request, measured in zip(self.requests, found, strict=True)
            if not isinstance(measured, FormulaFailed)
            for one in measured
        }

    async def by_orm(self, customers: Sequence[UUID]) -> Used:
        """For some customers as it is usually written: events as objects, added up in Python."""
        quantities: Used = {}
        for customer_id in customers:
            events = await UsageEvent.filter(
                customer_id=customer_id,
                event_time__gte=self.periods[customer_id].start,
                event_time__lt=self.periods[customer_id].end,
                voided_at=None,
            ).using_db(self.connection.client)
            by_metric: defaultdict[UUID, list[UsageEvent]] = defaultdict(list)
            for event in events:
                by_metric[event.metric_id].append(event)
            for id, metric in self.facts.prices.metrics.items():
                quantity = _folded(metric.aggregation, by_metric[id])
                quantities[self._key(customer_id), metric.key] = quantity
        return quantities

    async def plainly(self, url: str) -> Used:
        """By a plain statement for each span."""
        sharing: defaultdict[Period, list[str]] = defaultdict(list)
        for customer_id, period in self.periods.items():
            sharing[period].append(self._key(customer_id))
        quantities = {
            (self._key(customer_id), metric.key): Decimal(0)
            for customer_id in self.periods
            for metric in self.facts.prices.metrics.values()
        }
        for period, customers in sharing.items():
            quantities |= await used(url, customers, period.start, period.end)
        return quantities

    def _key(self, customer_id: UUID) -> str:
        return self.facts.customers[customer_id].key


def _folded(aggregation: str | None, events: Sequence[UsageEvent]) -> Decimal:
    if not events:
        return Decimal(0)
    match aggregation:
        case "SUM":
            return sum((event.quantity for event in events), Decimal(0))
        case "COUNT":
            return Decimal(len(events))
        case "MAX":
            return max(event.quantity for event in events)
        case _:
            return max(events, key=lambda event: (event.event_time, event.id)).quantity


async def run(
    few: Filled, many: Filled, calendar: Calendar, effort: Effort, console: Console
) -> None:
    """Check the quantities against plain SQL, count the statements, measure, and print."""
    contestants: list[Contestant] = []
    async with AsyncExitStack() as stack:
        for filled in (few, many):
            connection = await stack.enter_async_context(open_database(filled.url))
            reading = await _reading(connection, calendar)
            sample = list(reading.periods)[:: max(1, len(reading.periods) // effort.orm_customers)]
            statements = await _check(reading, sample, filled.url)
            console.print(
                f"{filled.events:,} events: the usage of {len(reading.periods):,} customers is "
                f"what plain SQL adds up to; {statements} statements read it.",
                soft_wrap=True,
            )
            contestants += _contestants(f"{filled.events:,} events", reading, sample)
        rates = await alternate(contestants, effort.rounds)
    few_read, few_orm, many_read, many_orm = (one.name for one in contestants)
    pairs = [
        (f"time, {many_read} / {few_read}", few_read, many_read),
        (f"{few_read} / {few_orm}", few_read, few_orm),
        (f"{many_read} / {many_orm}", many_read, many_orm),
    ]
    show(console, rates, "customers/s", pairs)


async def _reading(connection: Connection, calendar: Calendar) -> Reading:
    records = await connection.fetch(sql("select id from customer order by id"))
    facts = await gather(connection, [record[0] for record in records])
    within = calendar.midnight - timedelta(days=1)
    periods: dict[UUID, Period] = {}
    requests: list[Request] = []
    for customer_id, [line] in facts.timelines.items():
        period = line.period_running(within)
        if period is None:
            raise RuntimeError(f"{customer_id} has no period at {within}.")
        periods[customer_id] = period
        for cut in line.cuts(period):
            planned = plan(facts, line, cut)
            requests += planned.requests(facts.prices, customer_id, calendar.now)
    return Reading(connection, facts, periods, requests)


async def _check(reading: Reading, sample: Sequence[UUID], url: str) -> int:
    """Raises where quantities are not those of plain SQL; how many statements read them."""
    with collected_statements() as statements:
        found = await reading.at_once()
    if len(statements) > STATEMENTS_MAX:
        raise RuntimeError(f"{len(statements)} statements for a reading: {statements}")
    plain = await reading.plainly(url)
    if found != plain:
        raise RuntimeError(
            f"These are not what plain SQL adds up to: {found.items() ^ plain.items()}"
        )
    if not (await reading.by_orm(sample)).items() <= plain.items():
        raise RuntimeError("The ORM's rows add up to something else.")
    return len(statements)


def _contestants(name: str, reading: Reading, sample: Sequence[UUID]) -> list[Contestant]:
    async def read(_: int) -> float:
        begin = time.perf_counter()
        await reading.at_once()
        return len(reading.periods) / (time.perf_counter() - begin)

    async def read_by_orm(_: int) -> float:
        begin = time.perf_counter()
        await reading.by_orm(sample)
        return len(sample) / (time.perf_counter() - begin)

    return [Contestant(name, read), Contestant(f"{name}, ORM rows", read_by_orm)]
