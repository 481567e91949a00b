"""Bills, usage and costs of fifty customers in one document, beside those of one customer alone."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

import orjson
from rich.console import Console

from fubble_gql.app import PATH
from tests.bench.asking import Effort, Target, contestant
from tests.bench.client import Line, lines, post
from tests.bench.database import fresh_database
from tests.bench.rounds import alternate, ratios, show, spread
from tests.bench.servers import Meter, Server, serving
from tests.bench.volume_data import SPREAD, Filled, Load, calendar, fill

MANY, SINGLE = 50, 10
QUESTIONS = {
    "invoicePreview": "invoicePreview { total { amount } }",
    "usage": "usage { metric { key } quantity }",
    "costSeries": "subscriptions { nodes { costSeries { cumulativeAmount { amount } } } }",
}
# Its periods begin at midnight, which is the cheapest: others begin inside an hour.
_KEY = "customer-2"


async def run(customers: int, events: int, effort: Effort) -> None:
    """Check that both answer alike, measure question by question, and print."""
    console = Console()
    today = calendar()
    async with fresh_database() as url, AsyncExitStack() as stack:
        loads = [Load(1, customers, events, today.now - SPREAD)]
        filled = await fill(url, today, customers, loads, lambda _: None)
        server = await stack.enter_async_context(
            serving(
                "fubble_gql.app:serve",
                {"FUBBLE_DATABASE_URL": url, "FUBBLE_METRICS": "false"},
                "--factory",
            )
        )
        opened = await stack.enter_async_context(lines(server.port, effort.connections))
        for name, field in QUESTIONS.items():
            targets = {
                f"{MANY} in one": _target(filled, server, opened, _of_many(field)),
                "one alone": _target(filled, server, opened, _of_one(field)),
            }
            await _check(*targets.values())
            console.print(f"{name}: one customer's is the same in both", soft_wrap=True)
            await _measure(console, name, targets, effort)


def _of_many(field: str) -> Mapping[str, object]:
    query = f"query Many($first: Int) {{ customers(first: $first) {{ nodes {{ key {field} }} }} }}"
    return {"query": query, "variables": {"first": MANY}}


def _of_one(field: str) -> Mapping[str, object]:
    query = f"query One($key: String!) {{ customer(key: $key) {{ key {field} }} }}"
    return {"query": query, "variables": {"key": _KEY}}


def _target(
    filled: Filled, server: Server, opened: list[Line], asked: Mapping[str, object]
) -> Target:
    request = post(PATH, orjson.dumps(asked), filled.api_key)
    return Target([request], opened, Meter(server), urlsplit(filled.url).path[1:])


async def _check(many: Target, one: Target) -> None:
    """Both answers are kept; raises where they differ in what one customer has, or show nothing."""
    for target in (many, one):
        await target.learn()
    nodes: list[Any] = orjson.loads(many.answers[0])["data"]["customers"]["nodes"]
    alone: Any = orjson.loads(one.answers[0])["data"]["customer"]
    kinds = {orjson.dumps({**node, "key": ""}) for node in nodes}
    if alone not in nodes or len(kinds) == 1:
        raise RuntimeError(f"They differ: {one.answers[0][:500]!r}, {many.answers[0][:500]!r}")


async def _measure(
    console: Console, name: str, targets: Mapping[str, Target], effort: Effort
) -> None:
    contestants = [contestant(each, target, effort) for each, target in targets.items()]
    rates = await alternate(contestants, effort.rounds)
    show(console, rates, "answers/s", [], 1)
    many, one = rates
    shares = [share / SINGLE for share in ratios(rates, one, many)]
    console.print(
        f"{name}: time of {MANY} in one / of {SINGLE} alone: ratio {spread(shares, 3)}"
        + _worked(targets[many], targets[one]),
        highlight=False,
        soft_wrap=True,
    )
    for each, target in targets.items():
        console.print(f"{each}: {target}", highlight=False, soft_wrap=True)


def _worked(many: Target, one: Target) -> str:
    """The same ratio by the processor time of server and PostgreSQL, where the system tells it."""
    used, alone = (
        (target.meter.server_seconds + target.database_seconds) / target.meter.answers
        for target in (many, one)
    )
    return f", by processor time {used / alone / SINGLE:.3f}" if alone else ""
