"""`fubble usage import` of a file, beside recordUsage calls with the same events."""

from __future__ import annotations

import csv
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import orjson
from rich.console import Console

from tests.bench import ingest_tables
from tests.bench.client import Line, lines
from tests.bench.commands import fubble
from tests.bench.database import copied, fresh_database
from tests.bench.dataset import Sizes, fill
from tests.bench.ingest_data import Supply, known_in
from tests.bench.rounds import Contestant, alternate, show
from tests.bench.sending import expect, rate
from tests.bench.servers import serving

Events = Sequence[dict[str, object]]

_EVENTS_PER_CALL = 1_000
_IMPORT, _MUTATION = "fubble usage import", "recordUsage"


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to record, with how many callers of the mutation at a time."""

    rounds: int
    events_per_round: int
    connections: int
    suffix: str


async def run(customers: int, effort: Effort) -> None:
    """Measure, check that both databases have each event once and the same ones, and print."""
    console = Console()
    async with fresh_database() as url, AsyncExitStack() as stack:
        api_key = await fill(url, Sizes(customers, plans=1, subscriptions=0))
        other_url = await stack.enter_async_context(copied(url))
        server = await stack.enter_async_context(
            serving("fubble_gql.app:serve", {"FUBBLE_DATABASE_URL": url}, "--factory")
        )
        callers = await stack.enter_async_context(lines(server.port, effort.connections))
        pools = [
            await stack.enter_async_context(asyncpg.create_pool(one, min_size=1, max_size=1))
            for one in (url, other_url)
        ]
        size = min(_EVENTS_PER_CALL, effort.events_per_round)
        supply = Supply(
            await known_in(pools[0], api_key), effort.events_per_round // size, receipts=False
        )
        supply.begin(size)
        rates = await alternate(
            _contestants(supply, callers, other_url, effort.suffix), effort.rounds
        )
        found = [await ingest_tables.content(pool, ingest_tables.EVENTS) for pool in pools]
        expect(found[0][:2], (supply.events, supply.events))
        expect(found[0], found[1])
    console.print(
        f"{supply.events:,} events of {customers:,} customers: each is in both databases exactly "
        "once, and they are equal.",
        soft_wrap=True,
    )
    show(console, rates, "events/s", [(f"{_IMPORT} / {_MUTATION}", _IMPORT, _MUTATION)])


def _contestants(
    supply: Supply, callers: Sequence[Line], other_url: str, suffix: str
) -> list[Contestant]:
    async def send(_: int) -> float:
        supply.renew()
        return await rate(callers, supply.batches)

    async def read_in(_: int) -> float:
        """With the time that the command takes to start."""
        events = [event for batch in supply.batches for event in batch.events]
        with tempfile.TemporaryDirectory(prefix="fubble-bench-") as folder:
            file = Path(folder) / f"events.{suffix}"
            _WRITERS[suffix](file, events)
            begin = time.perf_counter()
            await fubble(other_url, "usage", "import", str(file))
            return len(events) / (time.perf_counter() - begin)

    return [Contestant(_MUTATION, send), Contestant(_IMPORT, read_in)]


def _write_ndjson(file: Path, events: Events) -> None:
    file.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events))


def _write_csv(file: Path, events: Events) -> None:
    with file.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, list(events[0]))
        writer.writeheader()
        for event in events:
            writer.writerow(event | {"properties": orjson.dumps(event["properties"]).decode()})


_WRITERS: dict[str, Callable[[Path, Events], None]] = {"ndjson": _write_ndjson, "csv": _write_csv}
