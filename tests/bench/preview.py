"""invoicePreview over HTTP: of a customer among few and many events, and of a busy customer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import cycle, islice
from typing import NamedTuple

import orjson
from rich.console import Console

from fubble_gql.app import PATH
from tests.bench.client import Line, lines, post
from tests.bench.plain_usage import total, used
from tests.bench.rounds import Contestant, alternate, show
from tests.bench.servers import Meter, Server, serving
from tests.bench.volume_data import Calendar, Filled

# In a database of their own; both odd, so that their periods do not begin with an hour.
HEAVY, LIGHT = 1, 3
QUERY = """query Preview($key: String!) {
  customer(key: $key) { invoicePreview { period { start } total { amount } } }
}"""
_CUSTOMERS_MAX = 50


class Effort(NamedTuple):
    """How much to ask."""

    rounds: int
    previews_per_round: int


@dataclass(frozen=True, slots=True)
class Crowds:
    """Few and many events of as many customers, and a database with a heavy and a light one."""

    few: Filled
    many: Filled
    busy: Filled
    customers: int
    heavy: int
    light: int


class Side(NamedTuple):
    """Some customers of a database, whose running periods began at an instant."""

    name: str
    filled: Filled
    customers: list[str]
    start: datetime


@dataclass(frozen=True, slots=True)
class Target:
    """Requests for the previews of a side, and their answers, which were checked."""

    line: Line
    meter: Meter
    answers: list[tuple[bytes, bytes]]


async def run(crowds: Crowds, calendar: Calendar, effort: Effort, console: Console) -> None:
    """Check every answer against plain SQL, measure, and print."""
    compared = _compared(crowds, calendar)
    async with AsyncExitStack() as stack:
        databases = (crowds.few, crowds.many, crowds.busy)
        opened = {filled.url: await _open(filled, stack) for filled in databases}
        targets = {
            side.name: await _target(side, calendar.now, *opened[side.filled.url])
            for pair in compared
            for side in pair
        }
        checked = sum(len(target.answers) for target in targets.values())
        console.print(f"{checked} previews are what plain SQL adds up to.", soft_wrap=True)
        contestants = [
            _contestant(name, target, effort.previews_per_round) for name, target in targets.items()
        ]
        rates = await alternate(contestants, effort.rounds)
    pairs = [(f"time, {much.name} / {less.name}", less.name, much.name) for less, much in compared]
    show(console, rates, "previews/s", pairs, 1)
    for name, target in targets.items():
        console.print(f"{name}: {target.meter}", soft_wrap=True)


def _compared(crowds: Crowds, calendar: Calendar) -> list[tuple[Side, Side]]:
    """The side with less beside the one with more."""

    def among(filled: Filled, first: int, start: datetime) -> Side:
        numbers = range(first, crowds.customers + 1, 2)[:_CUSTOMERS_MAX]
        name = f"{filled.events:,} events, from {start:%H:%M}"
        return Side(name, filled, [f"customer-{number}" for number in numbers], start)

    def alone(number: int, events: int) -> Side:
        name = f"{events:,} events in the month"
        return Side(name, crowds.busy, [f"customer-{number}"], calendar.anniversary)

    return [
        *(
            (among(crowds.few, first, start), among(crowds.many, first, start))
            for first, start in ((2, calendar.midnight), (1, calendar.anniversary))
        ),
        (alone(LIGHT, crowds.light), alone(HEAVY, crowds.heavy)),
    ]


async def _open(filled: Filled, stack: AsyncExitStack) -> tuple[Server, Line]:
    environment = {"FUBBLE_DATABASE_URL": filled.url}
    server = await stack.enter_async_context(
        serving("fubble_gql.app:serve", environment, "--factory")
    )
    [line] = await stack.enter_async_context(lines(server.port, 1))
    return server, line


async def _target(side: Side, now: datetime, server: Server, line: Line) -> Target:
    """What a side asks; raises where the server answers otherwise than plain SQL."""
    end = now + timedelta(days=1)
    quantities = await used(side.filled.url, side.customers, side.start, end)
    if not quantities:
        raise RuntimeError(f"There is nothing to preview: {side.name}.")
    answers = []
    for customer in side.customers:
        request = _request(side.filled.api_key, customer)
        answer = await line.ask(request)
        _check(answer, side.start, total(quantities, customer))
        answers.append((request, answer))
    return Target(line, Meter(server), answers)


def _request(api_key: str, customer: str) -> bytes:
    body = orjson.dumps({"query": QUERY, "variables": {"key": customer}})
    return post(PATH, body, api_key)


def _check(answer: bytes, start: datetime, amount: Decimal) -> None:
    found = orjson.loads(answer)
    if "errors" in found:
        raise RuntimeError(f"There is no preview: {answer!r}")
    preview = found["data"]["customer"]["invoicePreview"]
    begins = datetime.fromisoformat(preview["period"]["start"])
    if (begins, Decimal(preview["total"]["amount"])) != (start, amount):
        raise RuntimeError(f"Expected {amount} since {start}, found {answer!r}")


def _contestant(name: str, target: Target, previews: int) -> Contestant:
    asked = list(islice(cycle(target.answers), previews))

    async def burst(_: int) -> float:
        begin = time.perf_counter()
        with target.meter.running():
            await _ask_all(target.line, asked)
        target.meter.answers += len(asked)
        return len(asked) / (time.perf_counter() - begin)

    return Contestant(name, burst)


async def _ask_all(line: Line, asked: Sequence[tuple[bytes, bytes]]) -> None:
    for request, answer in asked:
        if await line.ask(request) != answer:
            raise RuntimeError("An answer differs from the first one.")
