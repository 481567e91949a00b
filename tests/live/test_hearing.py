"""Changes are heard wherever they are committed, whatever happens to whoever listens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
import pytest_asyncio

from fubble_gql.app import utc_now
from fubble_gql.cli import websocket
from fubble_gql.db.changes import Changes, Watch, open_changes
from fubble_gql.db.changes.postgres import PostgresChanges
from fubble_gql.db.changes.sqlite import SqliteChanges
from fubble_gql.db.connection import Connection
from fubble_gql.db.setup import open_database
from fubble_gql.db.sql import sql
from fubble_gql.errors import Unavailable
from tests.api.builders import asked, event, used
from tests.cli.running import run, started
from tests.live.conftest import Place, served
from tests.live.sockets import PATIENCE_SECONDS, dialled
from tests.live.test_values import ACME, CHANGED, USAGE, a_business, a_draft
from tests.usage.builders import make_customer


@pytest_asyncio.fixture
async def changes(database_url: str, db: Connection) -> AsyncIterator[Changes]:
    """What changes on each kind of database."""
    async with open_changes(database_url, db) as found:
        yield found


async def first_told(watch: Watch) -> None:
    """Wait until nothing more goes unheard, and take what is told then."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        await watch.begun.wait()
    assert await watch.change(PATIENCE_SECONDS)


async def renamed(connection: Connection, id: UUID, *, fails: bool = False) -> None:
    """A change of a customer, in a transaction that may be rolled back."""

    async def work(tx: Connection) -> None:
        await tx.fetch(sql("update customer set name = 'New' where id = ?", id))
        if fails:
            raise RuntimeError

    await connection.transaction(work)


async def test_a_change_that_is_rolled_back_is_not_heard(changes: Changes, db: Connection) -> None:
    acme, other = await make_customer(db, "acme"), await make_customer(db, "other")
    with changes.watch(acme) as watch, changes.watch(other) as next_one:
        await first_told(watch)
        await first_told(next_one)
        with pytest.raises(RuntimeError):
            await renamed(db, acme, fails=True)
        await renamed(db, other)
        assert await next_one.change(PATIENCE_SECONDS)
        assert not await watch.change(0)


async def test_a_transaction_that_was_running_when_watching_began_is_heard(
    postgres_url: str,
) -> None:
    async with open_database(postgres_url) as db, open_changes(postgres_url, db) as changes:
        acme = await make_customer(db, "acme")
        writer = await asyncpg.connect(postgres_url)
        running = writer.transaction()
        await running.start()
        await writer.execute("update customer set name = 'New' where id = $1", acme)
        with changes.watch(acme) as watch:
            await until(db, LOCKED)
            assert not watch.begun.is_set()
            await running.commit()
            await first_told(watch)
        await writer.close()


LOCKED = "select count(*) > 1 from pg_locks where locktype = 'advisory' and classid = 727403"
UNHEARD = (
    "select count(*) = 0 from pg_stat_activity where application_name = 'fubble_gql changes'"
    " and datname = current_database()"
)
TERMINATE = (
    "select pg_terminate_backend(pid) from pg_stat_activity"
    " where application_name = 'fubble_gql changes' and datname = current_database()"
)


async def until(db: Connection, condition: str) -> None:
    """Wait until the database says so."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (await db.fetch(sql(condition)))[0][0]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_what_a_lost_listener_missed_is_told_when_it_is_back(
    postgres_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_hear = asyncio.Event()
    may_hear.set()
    hear = PostgresChanges.hear

    async def when_allowed(changes: PostgresChanges) -> None:
        await may_hear.wait()
        await hear(changes)

    monkeypatch.setattr(PostgresChanges, "hear", when_allowed)
    api = postgres_place.api
    await a_business(api)
    await a_draft(api)
    async with postgres_place.dial() as one, postgres_place.dial() as other:
        usage = await one.subscribe(USAGE, customer=ACME, metric="calls")
        await one.value(usage)
        changed = await other.subscribe(CHANGED)
        await postgres_place.watched_by(2)
        may_hear.clear()
        await api.connection.fetch(sql(TERMINATE))
        await until(api.connection, UNHEARD)
        await used(api, event("5"))
        draft = await a_draft(api)
        may_hear.set()
        assert (await one.value(usage))["quantity"] == "5"
        assert (await other.value(changed))["id"] == draft["id"]
        await used(api, event("1"))
        assert (await one.value(usage))["quantity"] == "6"
        later = await a_draft(api)
        assert (await other.value(changed))["id"] == later["id"]


async def test_what_could_not_be_looked_at_for_a_while_is_told_later(
    sqlite_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = SqliteChanges._newest
    is_busy, was_busy = asyncio.Event(), asyncio.Event()

    async def unless_busy(changes: SqliteChanges) -> object:
        if is_busy.is_set():
            was_busy.set()
            raise Unavailable
        return await newest(changes)

    monkeypatch.setattr(SqliteChanges, "_newest", unless_busy)
    await a_business(sqlite_place.api)
    async with sqlite_place.dial() as line:
        id = await line.subscribe(CHANGED)
        await sqlite_place.watched_by(1)
        is_busy.set()
        draft = await a_draft(sqlite_place.api)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await was_busy.wait()
        is_busy.clear()
        assert (await line.value(id))["id"] == draft["id"]


@asynccontextmanager
async def in_present_time(database_url: str) -> AsyncIterator[Place]:
    """A server whose clock is that of other processes, with something to watch."""
    async with served(database_url, now=utc_now) as place:
        await a_business(place.api)
        yield place


def just_now() -> dict[str, Any]:
    """One call, at this moment."""
    return event("1", eventTime=utc_now().isoformat())


async def test_workers_hear_each_other(postgres_url: str, tmp_path: Path) -> None:
    async with in_present_time(postgres_url) as place:
        with started("serve", "--port", "0", folder=tmp_path, DATABASE_URL=postgres_url) as server:
            address = await asyncio.to_thread(server.address)
            async with (
                place.dial() as here,
                dialled(address, place.api.key) as there,
                httpx.AsyncClient(base_url=address, headers=place.api.http.headers) as http,
            ):
                ids = [
                    (line, await line.subscribe(USAGE, customer=ACME, metric="calls"))
                    for line in (here, there)
                ]
                for total, api in enumerate((place.api, place.api, replace(place.api, http=http))):
                    if total:
                        await used(api, just_now())
                    for line, id in ids:
                        assert (await line.value(id))["quantity"] == str(total)
            assert await asyncio.to_thread(server.stop) == 0


async def test_another_process_on_the_same_file_is_heard(sqlite_url: str, tmp_path: Path) -> None:
    async with in_present_time(sqlite_url) as place, place.dial() as line:
        id = await line.subscribe(USAGE, customer=ACME, metric="calls")
        assert (await line.value(id))["quantity"] == "0"
        file = tmp_path / "events.ndjson"
        file.write_text(json.dumps(just_now()) + "\n")
        imported = await asyncio.to_thread(
            run, "usage", "import", str(file), folder=tmp_path, DATABASE_URL=sqlite_url
        )
        assert imported.returncode == 0, imported.stderr
        assert (await line.value(id))["quantity"] == "1"


async def test_who_takes_nothing_is_cut_off_and_keeps_nothing(
    sqlite_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "TAKING_SECONDS", 0.2)
    await a_business(sqlite_place.api)
    # Half a megabyte a value: soon the kernel takes no more of it.
    description = "x" * 10_000
    document = 'mutation ($input: UpdateMetricInput!) { updateMetric(metric: {key: "calls"}, '
    document += "input: $input) { metric { id } errors { message } } }"
    await asked(sqlite_place.api, document, input={"description": description})
    many = " ".join(f"d{n}: description" for n in range(45))
    large = USAGE.replace("metric { key }", f"metric {{ {many} }}")
    async with sqlite_place.dial() as quick, sqlite_place.dial() as slow:
        id = await quick.subscribe(USAGE, customer=ACME, metric="calls")
        await quick.value(id)
        await slow.subscribe(large, customer=ACME, metric="calls")
        await sqlite_place.watched_by(2)
        slow.socket.transport.pause_reading()
        count = 0
        while len(list(sqlite_place.changes.all_watches())) == 2:
            await used(sqlite_place.api, event("1"))
            count += 1
        last = 0
        while last < count:
            last = int((await quick.value(id))["quantity"])
        assert last == count
