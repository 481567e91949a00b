"""Workers: what they began they finish, who dies is replaced, and they count together."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.api.counting import counted
from tests.cli.running import PATIENCE_SECONDS, Running, invoke, started
from tests.live.sockets import dialled

RENAME = """
mutation Rename {
  updateCustomer(customer: {key: "acme"}, input: {name: "Acme"}) { customer { name } errors { code } }
}
"""
CREATE = """
mutation { createCustomer(input: {key: "acme", name: "acme", currency: "EUR"}) { errors { code } } }
"""
WHO = "query Who { viewer { role } }"
SERVICE_RESTART = 1012
STARTED = "Application startup complete"


def a_key(url: str) -> str:
    return invoke("keys", "create", "--name", "test", DATABASE_URL=url).stdout.strip()


def ask(address: str, key: str, query: str) -> httpx.Response:
    """The answer, over a connection of its own."""
    return httpx.post(
        f"{address}/graphql",
        json={"query": query},
        headers={"Authorization": f"Bearer {key}"},
        timeout=PATIENCE_SECONDS,
    )


@asynccontextmanager
async def held_customer(url: str) -> AsyncIterator[asyncpg.Connection]:
    """Nobody may change a customer until the block ends."""
    holder = await asyncpg.connect(url)
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute("select 1 from customer for update")
    try:
        yield holder
    finally:
        await transaction.rollback()
        await holder.close()


async def until_somebody_waits(holder: asyncpg.Connection) -> None:
    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
    while not await holder.fetchval(waiting):
        # A transaction goes on seeing what it saw of others first, unless told to look again.
        await holder.execute("select pg_stat_clear_snapshot(), pg_sleep(0.01)")


async def until_refused(address: str) -> None:
    """Until nobody listens at the address any more."""
    url = httpx.URL(address)
    while True:
        try:
            _, writer = await asyncio.open_connection(url.host, url.port)
        except ConnectionRefusedError:
            return
        writer.close()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_what_was_accepted_is_answered_before_the_end(
    workers: str, postgres_url: str, tmp_path: Path
) -> None:
    key = await asyncio.to_thread(a_key, postgres_url)
    serve = ("serve", "--port", "0", "--workers", workers)
    with started(*serve, folder=tmp_path, DATABASE_URL=postgres_url) as server:
        address = await asyncio.to_thread(server.address)
        assert (await asyncio.to_thread(ask, address, key, CREATE)).status_code == 200
        async with asyncio.timeout(PATIENCE_SECONDS), held_customer(postgres_url) as holder:
            asking = asyncio.create_task(asyncio.to_thread(ask, address, key, RENAME))
            await until_somebody_waits(holder)
            server.process.send_signal(signal.SIGTERM)
            await until_refused(address)
            assert server.process.poll() is None
        answer = await asking
        assert answer.json()["data"]["updateCustomer"]["customer"] == {"name": "Acme"}
        assert await asyncio.to_thread(server.process.wait, PATIENCE_SECONDS) == 0
    (line,) = [line for line in server.events("operation") if line["operation"] == "Rename"]
    assert line["status"] == 200


async def test_whoever_watches_is_told_to_connect_again(sqlite_url: str, tmp_path: Path) -> None:
    key = await asyncio.to_thread(a_key, sqlite_url)
    with started("serve", "--port", "0", folder=tmp_path, DATABASE_URL=sqlite_url) as server:
        address = await asyncio.to_thread(server.address)
        async with dialled(address, key) as line:
            await line.subscribe("subscription Watch { invoiceChanged { id } }")
            assert await line.is_quiet()
            server.process.send_signal(signal.SIGTERM)
            assert await line.closed() == SERVICE_RESTART
        assert await asyncio.to_thread(server.process.wait, PATIENCE_SECONDS) == 0
    (line_of_log,) = server.events("subscription ended")
    assert line_of_log["operation"] == "Watch"


def workers_of(server: Running, count: int) -> list[int]:
    """The processes that have begun to answer, as many as are waited for."""
    ready = server.wait_for(
        lambda: lines if len(lines := server.events(STARTED)) >= count else None
    )
    return [line["pid"] for line in ready]


def answered_by(server: Running) -> set[int]:
    return {line["pid"] for line in server.events("operation")}


def test_both_workers_answer_count_together_and_are_replaced(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = a_key(postgres_url)
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    serve = ("serve", "--port", "0", "--workers", "2")
    asked = 0
    with started(*serve, folder=tmp_path, DATABASE_URL=postgres_url) as server:
        address = server.address()
        workers = set(workers_of(server, 2))

        def ask_until(wanted: set[int]) -> None:
            nonlocal asked
            while not wanted <= answered_by(server):
                assert ask(address, key, WHO).json() == {"data": {"viewer": {"role": "OPERATOR"}}}
                asked += 1

        ask_until(workers)
        killed = min(workers)
        os.kill(killed, signal.SIGKILL)
        (successor,) = set(workers_of(server, 3)) - workers
        ask_until({successor})

        found = counted(httpx.get(f"{address}/metrics", timeout=PATIENCE_SECONDS))
        who = {"operation": "Who", "kind": "query"}
        assert found.of("fubble_operation_duration_seconds_count", **who) == asked
        living = {str(pid) for pid in (workers - {killed}) | {successor}}
        assert found.label("process_resident_memory_bytes", "pid") == living
        assert found.of("fubble_database_pool_size") == 20
        assert found.of("fubble_database_pool_in_use") == 0
        assert list(place.iterdir())
        assert server.stop() == 0
    assert list(place.iterdir()) == []
    for pid in living:
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)
