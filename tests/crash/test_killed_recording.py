"""Servers and databases that are killed while usage is recorded: nothing is lost, nothing twice."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from decimal import Decimal
from pathlib import Path

import asyncpg

from fubble_gql.db.connection import Connection
from tests.cli.running import Running, ask, started
from tests.crash.company import a_key, inside
from tests.crash.postgres import own_postgres
from tests.crash.senders import BATCH, Sender, batch, sending
from tests.usage.builders import make_customer, make_metric

SOME = 10
USAGE = """{
  customer(key: "acme") {
    usage(period: { start: "2026-05-01T00:00:00Z", end: "2026-06-01T00:00:00Z" }) {
      quantity eventCount
    }
  }
}"""


class Server:
    """`fubble serve`, which is killed and started again, each time at another address."""

    def __init__(self, url: str, folder: Path, until_the_end: ExitStack) -> None:
        self._url = url
        self._folder = folder
        self._until_the_end = until_the_end
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        serve = started("serve", "--port", "0", folder=self._folder, DATABASE_URL=self._url)
        self.running: Running = self._until_the_end.enter_context(serve)
        self._address = self.running.address()

    def where(self) -> str:
        """The endpoint's address."""
        return self._address + "/graphql"

    def kill(self) -> None:
        """SIGKILL."""
        assert self.running.stop(signal.SIGKILL) == -signal.SIGKILL

    def wait_for_more(self) -> None:
        """Until some more batches are stored, each of them wholly: others can see them."""
        known = len(stored_batches(self._url))
        self.running.wait_for(lambda: len(stored_batches(self._url)) >= known + SOME or None)


@contextmanager
def serving(url: str, folder: Path) -> Iterator[Server]:
    """The server, until the block ends."""
    with ExitStack() as until_the_end:
        yield Server(url, folder, until_the_end)


async def founded(db: Connection) -> str:
    """A customer and a metric; a key."""
    await make_customer(db)
    await make_metric(db)
    return await a_key(db)


def stored_keys(url: str) -> list[str]:
    """The keys of all events."""
    keys = "select idempotency_key from usage_event"
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite://"))) as file:
            return [str(row[0]) for row in file.execute(keys)]

    async def fetched() -> list[str]:
        connection = await asyncpg.connect(url)
        try:
            return [str(row[0]) for row in await connection.fetch(keys)]
        finally:
            await connection.close()

    return asyncio.run(fetched())


def stored_batches(url: str) -> set[str]:
    """The batches that are stored: none of them in part, whenever one looks."""
    counts = Counter(key.partition("/")[0] for key in stored_keys(url))
    assert set(counts.values()) <= {BATCH}
    return set(counts)


def check(url: str, server: Server, key: str, senders: Sequence[Sender]) -> None:
    """What was acknowledged is what there is, once each, and what is counted."""
    assert [sender.failures for sender in senders] == [[] for _ in senders]
    acknowledged = {key: status for one in senders for key, status in one.statuses.items()}
    assert set(acknowledged.values()) <= {"ACCEPTED", "DUPLICATE"}
    assert sorted(stored_keys(url)) == sorted(acknowledged)

    batches = [one.rpartition("-") for one in stored_batches(url)]
    events = [event for name, _, number in batches for event in batch(name, int(number))]
    total = sum(Decimal(event["quantity"]) for event in events)
    (usage,) = ask(server.where(), key, USAGE)["data"]["customer"]["usage"]
    assert Decimal(usage["quantity"]) == total
    assert usage["eventCount"] == str(len(acknowledged))


def test_postgres_and_its_server_are_killed_amid_writers(tmp_path: Path) -> None:
    with own_postgres() as postgres, serving(postgres.url, tmp_path) as server:
        key = inside(postgres.url, founded)
        with sending(key, server.where) as senders:
            server.wait_for_more()
            server.kill()
            stored_batches(postgres.url)
            server.start()
            server.wait_for_more()
            postgres.kill()
            server.running.wait_for(lambda: any(one.refusals for one in senders) or None)
            postgres.start()
            server.wait_for_more()
        check(postgres.url, server, key, senders)


def test_the_server_of_a_file_is_killed_amid_writers(sqlite_url: str, tmp_path: Path) -> None:
    with serving(sqlite_url, tmp_path) as server:
        key = inside(sqlite_url, founded)
        with sending(key, server.where) as senders:
            for _ in range(2):
                server.wait_for_more()
                server.kill()
                stored_batches(sqlite_url)
                server.start()
            server.wait_for_more()
        check(sqlite_url, server, key, senders)
