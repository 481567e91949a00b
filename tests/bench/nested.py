"""The nested page over HTTP, beside bare statements that answer with the same bytes."""

from __future__ import annotations

from contextlib import AsyncExitStack

import httpx
import orjson
from rich.console import Console

from fubble_gql.app import PATH, create_app
from fubble_gql.config import load_settings
from tests.bench import raw_app
from tests.bench.asking import Effort, Target, contestant
from tests.bench.client import lines, post
from tests.bench.database import fresh_database
from tests.bench.dataset import Sizes, fill
from tests.bench.rounds import alternate, show
from tests.bench.servers import HOST, Meter, serving
from tests.statements import collected_statements

FIRST = 50
STATEMENTS_MAX = 6
QUERY = """query Nested($first: Int) {
  customers(first: $first) {
    edges {
      node {
        id
        name
        subscriptions {
          nodes { id status plan { name priceComponents { key displayName pricing { __typename } } } }
        }
      }
    }
  }
}"""
_OURS = "fubble"
_BODY = orjson.dumps({"query": QUERY, "variables": {"first": FIRST}})


async def run(sizes: Sizes, effort: Effort) -> None:
    """Check that all answers are equal, measure, and print."""
    console = Console()
    async with fresh_database() as url, AsyncExitStack() as stack:
        key = await fill(url, sizes)
        statements = await _count_statements(url, key)
        if len(statements) > STATEMENTS_MAX:
            raise RuntimeError(f"{len(statements)} statements for a page: {statements}")
        targets = await _targets(url, key, effort.connections, stack)
        expected = await _check(targets)
        console.print(
            f"{FIRST} of {sizes.customers:,} customers: the answers are equal, "
            f"{len(expected):,} bytes; {len(statements)} statements and one for the key, raw 1.",
            soft_wrap=True,
        )
        contestants = [contestant(name, target, effort) for name, target in targets.items()]
        rates = await alternate(contestants, effort.rounds)
    pairs = [(f"{_OURS} / {name}", _OURS, name) for name in rates if name != _OURS]
    show(console, rates, "pages/s", pairs, 1)
    for name, target in targets.items():
        console.print(f"{name}: {target}", soft_wrap=True)


async def _count_statements(url: str, key: str) -> list[str]:
    """The statements of one page in the application itself, but for the one that reads the key."""
    app = create_app(load_settings(database_url=url))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client,
    ):
        with collected_statements() as statements:
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
            await client.post(PATH, content=_BODY, headers=headers)
    return [text for text in statements if "api_key" not in text]


async def _targets(
    url: str, key: str, connections: int, stack: AsyncExitStack
) -> dict[str, Target]:
    ours = await stack.enter_async_context(
        serving("fubble_gql.app:serve", {"FUBBLE_DATABASE_URL": url}, "--factory")
    )
    raw = await stack.enter_async_context(
        serving("tests.bench.raw_app:app", {raw_app.URL_VARIABLE: url})
    )
    asked = {_OURS: (ours, PATH)}
    asked |= {f"raw {name}": (raw, f"/{name}") for name in raw_app.STATEMENTS}
    return {
        name: Target(
            [post(path, _BODY, key)],
            await stack.enter_async_context(lines(server.port, connections)),
            Meter(server),
        )
        for name, (server, path) in asked.items()
    }


async def _check(targets: dict[str, Target]) -> bytes:
    """The one answer of all; raises where they differ."""
    for target in targets.values():
        await target.learn()
    expected = targets[_OURS].answers[0]
    answer = orjson.loads(expected)
    if "errors" in answer or not answer["data"]["customers"]["edges"]:
        raise RuntimeError(f"There is no page to compare: {expected[:500]!r}")
    for name, target in targets.items():
        found = target.answers[0]
        if orjson.loads(found) != answer or len(found) != len(expected):
            raise RuntimeError(f"{name} answers otherwise: {found[:500]!r}")
    return expected
