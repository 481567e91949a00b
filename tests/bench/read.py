"""Three pages over HTTP: by plans, without, as usually written, a peer's, as one bare statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import orjson
from rich.console import Console

from fubble_gql.app import PATH
from tests.bench import naive_app, peer, read_app
from tests.bench.asking import Effort, Target, contestant
from tests.bench.client import lines, post
from tests.bench.database import fresh_database
from tests.bench.dataset import Sizes, fill
from tests.bench.drawing import draw
from tests.bench.rounds import Rates, alternate, ratios, show
from tests.bench.servers import Meter, Server, serving

OURS = "fubble"
_IDS = 100


@dataclass(frozen=True, slots=True)
class Page:
    """A query, the variables that callers take in turns, and the bare statements that answer it.

    Shares are of the first statement.
    """

    name: str
    query: str
    variables: Sequence[dict[str, object]]
    raw: tuple[str, ...]

    def bodies(self, name: str) -> list[bytes]:
        """What one contestant is sent."""
        if name == peer.NAME:
            return [peer.body(self.name, one) for one in self.variables]
        return [orjson.dumps({"query": self.query, "variables": one}) for one in self.variables]


PAGES = (
    Page(
        "NESTED",
        """query Nested($first: Int) {
  customers(first: $first) { edges { node {
    id name
    subscriptions { nodes {
      id status plan { name priceComponents { key displayName pricing { __typename } } }
    } }
    invoices(first: 5) { nodes {
      id total { amount } issuedAt lines { description amount { amount } }
    } }
  } } }
}""",
        [{"first": 50}],
        ("nested-correlated", "nested-set-based"),
    ),
    Page(
        "FLAT",
        "query Flat($first: Int) "
        "{ customers(first: $first) { nodes { id key name currency timezone } } }",
        [{"first": 100}],
        ("flat",),
    ),
    Page(
        "ONE",
        "query One($id: ID!) { customer(id: $id) { id key name } }",
        [{"id": f"cus_{n:08x}000070008001{n:012x}"} for n in range(1, _IDS + 1)],
        ("one",),
    ),
)


async def run(sizes: Sizes, effort: Effort, plot: Path | None, *, with_peer: bool) -> None:
    """Check that all answers are equal, measure page by page, print, and draw."""
    console = Console()
    shares: dict[str, dict[str, list[float]]] = {}
    async with fresh_database() as url, AsyncExitStack() as stack:
        key = await fill(url, sizes)
        servers = await _servers(url, stack)
        if with_peer:
            servers |= await _peer(url, stack, console)
        for page in PAGES:
            async with AsyncExitStack() as asking:
                targets = await _targets(page, servers, key, url, effort, asking)
                expected = await _check(page, targets)
                console.print(
                    f"{page.name}: the answers are equal, {len(expected):,} bytes", soft_wrap=True
                )
                contestants = [contestant(name, one, effort) for name, one in targets.items()]
                rates = await alternate(contestants, effort.rounds)
            shares[page.name] = _shares(rates, f"raw {page.raw[0]}")
            _show(console, rates, targets, page)
    if plot is not None:
        draw(shares, plot)
        console.print(f"Drawn: {plot}", soft_wrap=True)


async def _servers(url: str, stack: AsyncExitStack) -> dict[str, Server]:
    async def served(target: str, environment: dict[str, str], *flags: str) -> Server:
        return await stack.enter_async_context(serving(target, environment, *flags))

    ours = {"FUBBLE_DATABASE_URL": url, "FUBBLE_METRICS": "false"}
    return {
        OURS: await served("fubble_gql.app:serve", ours, "--factory"),
        f"{OURS} without plans": await served(
            "fubble_gql.app:serve", {**ours, "FUBBLE_COMPILED_READS": "false"}, "--factory"
        ),
        "Tortoise, DataLoaders": await served(
            "tests.bench.naive_app:app", {naive_app.URL_VARIABLE: url}
        ),
        "raw": await served("tests.bench.read_app:app", {read_app.URL_VARIABLE: url}),
    }


async def _peer(url: str, stack: AsyncExitStack, console: Console) -> dict[str, Server]:
    try:
        return {peer.NAME: await stack.enter_async_context(peer.postgraphile(url))}
    except peer.Missing as missing:
        console.print(f"{peer.NAME} is left out: {missing}.", soft_wrap=True)
        return {}


async def _targets(
    page: Page,
    servers: Mapping[str, Server],
    key: str,
    url: str,
    effort: Effort,
    stack: AsyncExitStack,
) -> dict[str, Target]:
    asked = {name: (server, PATH) for name, server in servers.items() if name != "raw"}
    asked["Tortoise, DataLoaders"] = (servers["Tortoise, DataLoaders"], f"{PATH}/")
    asked |= {f"raw {name}": (servers["raw"], f"/{name}") for name in page.raw}
    return {
        name: Target(
            [post(path, body, key) for body in page.bodies(name)],
            await stack.enter_async_context(lines(server.port, effort.connections)),
            Meter(server),
            urlsplit(url).path[1:],
        )
        for name, (server, path) in asked.items()
    }


async def _check(page: Page, targets: Mapping[str, Target]) -> bytes:
    """An answer of all; raises where they differ, the peer's in what it means."""
    for target in targets.values():
        await target.learn()
    for name, target in targets.items():
        for answer, expected in zip(target.answers, targets[OURS].answers, strict=True):
            _compare(page, name, answer, expected)
    return targets[OURS].answers[0]


def _compare(page: Page, name: str, answer: bytes, expected: bytes) -> None:
    wanted = orjson.loads(expected)
    if "errors" in wanted or not next(iter(wanted["data"].values())):
        raise RuntimeError(f"There is no page to compare: {expected[:500]!r}")
    if name == peer.NAME:
        peer.check(page.name, answer, expected)
    elif orjson.loads(answer) != wanted or len(orjson.dumps(wanted)) != len(expected):
        raise RuntimeError(f"{name} answers otherwise: {answer[:500]!r}")


def _shares(rates: Rates, reference: str) -> dict[str, list[float]]:
    return {name: ratios(rates, name, reference) for name in rates if name != reference}


def _show(console: Console, rates: Rates, targets: Mapping[str, Target], page: Page) -> None:
    reference = f"raw {page.raw[0]}"
    pairs = [(f"{name} / {reference}", name, reference) for name in rates if name != reference]
    pairs.append((f"{OURS} / Tortoise", OURS, "Tortoise, DataLoaders"))
    if peer.NAME in rates:
        pairs.append((f"{OURS} / {peer.NAME}", OURS, peer.NAME))
    show(console, rates, "pages/s", pairs, 1)
    for name, target in targets.items():
        console.print(f"{name}: {target}", soft_wrap=True, highlight=False)
