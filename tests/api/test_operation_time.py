"""An operation has its time; what it has begun to write ends first, and nobody is told otherwise."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing

import asyncpg
import httpx
import pytest

from fubble_gql.db.sql import sql
from tests.api.builders import RECORD, a_customer, a_metric, counted_rows, event, record
from tests.api.conftest import Api, read, running

# Against hanging for ever only.
PATIENCE_SECONDS = 60
# The database itself would not end a statement in time.
SHORT: dict[str, object] = {
    "operation_seconds": 2,
    "billing_run_seconds": 1,
    "statement_seconds": 600,
}
ENDLESS = "with recursive n (x) as (select 1 union all select x + 1 from n) select count(*) from n"
WAITING = "select count(*) from pg_locks where not granted"

Release = Callable[[], Awaitable[None]]


@asynccontextmanager
async def hurried(url: str) -> AsyncIterator[Api]:
    """The application with a customer and a metric, and little time for each operation."""
    async with asyncio.timeout(PATIENCE_SECONDS), running(url, **SHORT) as api:
        await a_customer(api)
        await a_metric(api)
        yield api


@asynccontextmanager
async def nobody_may_write(url: str) -> AsyncIterator[Release]:
    """Somebody else holds the events (the whole file of SQLite), until told to release them."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite://"), isolation_level=None)) as file:
            file.execute("begin immediate")

            async def release() -> None:
                file.execute("rollback")

            yield release
        return
    connection = await asyncpg.connect(url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("lock table usage_event in access exclusive mode")
    yield transaction.rollback
    await connection.close()


def sent(api: Api, document: str, **variables: object) -> asyncio.Task[httpx.Response]:
    """A call on its way."""
    body = json.dumps({"query": document, "variables": variables}).encode()
    return asyncio.create_task(api.post(body))


async def being_stopped(call: asyncio.Task[httpx.Response]) -> None:
    """Returns when the call's time is up, and its transaction has yet to end."""
    while not call.cancelling():  # noqa: ASYNC110 - nobody could set an event
        await asyncio.sleep(0.01)
    assert not call.done()


def assert_stopped(response: httpx.Response) -> None:
    """The call was stopped, may be sent again, and is not told that nothing was done."""
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    (error,) = read(response)["errors"]
    assert error["extensions"]["code"] == "SERVICE_UNAVAILABLE"
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]
    assert "stopped after 2 seconds" in error["message"]
    assert "nothing" not in error["message"].lower()


async def test_what_is_being_written_ends_before_the_call_is_stopped(database_url: str) -> None:
    async with hurried(database_url) as api:
        async with nobody_may_write(database_url) as release:
            call = sent(api, RECORD, events=[event(key="e1")])
            await being_stopped(call)
            await release()
            assert_stopped(await call)
        assert (await counted_rows(api))["usage_event"] == 1

        (again,) = (await record(api, event(key="e1")))["receipts"]
        assert again["status"] == "DUPLICATE"


async def test_what_is_being_written_in_vain_leaves_nothing(postgres_url: str) -> None:
    async with hurried(postgres_url) as api:
        async with nobody_may_write(postgres_url) as release:
            call = sent(api, RECORD, events=[event(key="e1")])
            await being_stopped(call)
            await api.connection.fetch(
                sql(
                    "select pg_terminate_backend(pid) from pg_locks "
                    "where not granted and pid <> pg_backend_pid()"
                )
            )
            assert_stopped(await call)
            await release()
        assert (await counted_rows(api))["usage_event"] == 0

        (again,) = (await record(api, event(key="e1")))["receipts"]
        assert again["status"] == "ACCEPTED"


async def test_what_is_being_read_ends_with_the_call(postgres_url: str) -> None:
    reading = '{ customer(key: "acme") { usageEvents { nodes { id } } } }'

    async with hurried(postgres_url) as api:
        async with nobody_may_write(postgres_url):
            assert_stopped(await sent(api, reading))
            while (await api.connection.fetch(sql(WAITING)))[0][0]:
                pass

        assert await api.ask(reading) == {"customer": {"usageEvents": {"nodes": []}}}


async def test_an_abandoned_statement_gives_the_file_free(sqlite_url: str) -> None:
    async with hurried(sqlite_url) as api:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await api.connection.fetch(sql(ENDLESS))

        assert await api.ask('{ customer(key: "acme") { key } }') == {"customer": {"key": "acme"}}
