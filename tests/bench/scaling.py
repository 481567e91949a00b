"""What a leaf of the nested page costs, on small pages and on large ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson
from rich.console import Console

from fubble_gql.app import PATH
from tests.bench.asking import Effort, Target, contestant
from tests.bench.client import Line, lines, post
from tests.bench.database import fresh_database
from tests.bench.dataset import Sizes, fill
from tests.bench.read import PAGES
from tests.bench.rounds import alternate
from tests.bench.servers import Meter, serving

CUSTOMERS = (10, 50, 100, 200, 500)
PAGE_MAX = 100


async def run(sizes: Sizes, effort: Effort) -> None:
    """Ask for so many customers at once, in turns; more than a page holds as pages beside each other."""
    console = Console()
    async with fresh_database() as url:
        key = await fill(url, sizes)
        environment = {
            "FUBBLE_DATABASE_URL": url,
            "FUBBLE_METRICS": "false",
            "FUBBLE_DOCUMENT_COST_MAX": "10000000",
        }
        async with (
            serving("fubble_gql.app:serve", environment, "--factory") as server,
            lines(server.port, effort.connections) as opened,
        ):
            targets: dict[int, Target] = {}
            leaves: dict[int, int] = {}
            ends = await _cursors(opened[0], key)
            for customers in CUSTOMERS:
                request = post(PATH, body(customers, ends), key)
                targets[customers] = target = Target([request], opened, Meter(server))
                await target.learn()
                data = orjson.loads(target.answers[0])["data"]
                leaves[customers] = sum(1 for _ in _leaves(data))
            await alternate(
                [contestant(str(size), one, effort) for size, one in targets.items()], effort.rounds
            )
    for size, target in targets.items():
        milliseconds = target.meter.server_seconds / target.meter.answers * 1e3
        console.print(
            f"{size} customers: {leaves[size]:,} leaves, {milliseconds:.2f} ms of the server's "
            f"processor, {milliseconds * 1e3 / leaves[size]:.2f} microseconds a leaf",
            highlight=False,
            soft_wrap=True,
        )


async def _cursors(line: Line, key: str) -> list[str | None]:
    """Where each page of customers begins."""
    query = (
        "query ($after: String) { customers(first: 100, after: $after) { pageInfo { endCursor } } }"
    )
    found: list[str | None] = [None]
    while len(found) * PAGE_MAX < max(CUSTOMERS):
        asked = orjson.dumps({"query": query, "variables": {"after": found[-1]}})
        answer = orjson.loads(await line.ask(post(PATH, asked, key)))
        found.append(answer["data"]["customers"]["pageInfo"]["endCursor"])
    return found


def body(customers: int, cursors: Sequence[str | None]) -> bytes:
    """What asks for so many customers: pages beside each other, of which each begins at its cursor."""
    nested = PAGES[0].query
    selected = nested[nested.index("{ edges") : nested.rindex("}")]
    pages = range(-(-customers // PAGE_MAX))
    fields = " ".join(f"p{n}: customers(first: $first, after: $c{n}) {selected}" for n in pages)
    declared = " ".join(f"$c{n}: String" for n in pages)
    variables = {"first": min(customers, PAGE_MAX), **{f"c{n}": cursors[n] for n in pages}}
    query = f"query ($first: Int {declared}) {{ {fields} }}"
    return orjson.dumps({"query": query, "variables": variables})


def _leaves(part: object) -> Iterator[object]:
    if isinstance(part, dict | list):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from _leaves(inner)
    else:
        yield part
