"""A database that cannot answer is said to be so, in time, and is used again as soon as it can."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from urllib.parse import urlsplit

import asyncpg
import pytest

from fubble_gql.api.errors import UNAVAILABLE
from fubble_gql.db.connection import Connection
from fubble_gql.db.sql import sql
from tests.api.builders import RECORD, Json, a_customer, a_metric, event
from tests.api.conftest import Api, running
from tests.crash.network import network_to

UPDATE = """
mutation ($input: UpdateCustomerInput!) {
  updateCustomer(customer: {key: "acme"}, input: $input) { errors { code message } }
}
"""
# Only against hanging for ever: every wait of the application is far shorter.
PATIENCE_SECONDS = 60
BRIEF: dict[str, object] = {"database_wait_seconds": 1, "statement_seconds": 1}
UNANSWERED = {"SERVICE_UNAVAILABLE": UNAVAILABLE.message}


@asynccontextmanager
async def recording(url: str, **settings: object) -> AsyncIterator[Api]:
    """The application with a customer and a metric, and little patience."""
    async with asyncio.timeout(PATIENCE_SECONDS), running(url, **BRIEF | settings) as api:
        await a_customer(api)
        await a_metric(api)
        yield api


async def sent(api: Api, *events: Json) -> list[str] | dict[str, str]:
    """The statuses of events, or why the call was refused: codes with their messages."""
    return _outcome(await api.answer(RECORD, events=list(events)), "recordUsage")


async def updated(api: Api, **changes: object) -> list[str] | dict[str, str]:
    """Nothing when the customer was changed, or why it was not."""
    return _outcome(await api.answer(UPDATE, input=changes), "updateCustomer")


def _outcome(answer: Json, field: str) -> list[str] | dict[str, str]:
    if "errors" in answer:
        return {one["extensions"]["code"]: one["message"] for one in answer["errors"]}
    payload = answer["data"][field]
    if payload["errors"]:
        return {one["code"]: one["message"] for one in payload["errors"]}
    return [one["status"] for one in payload.get("receipts", [])]


async def stored(api: Api) -> int:
    """How many events there are."""
    rows = await api.connection.fetch(sql("select count(*) from usage_event"))
    return int(rows[0][0])


async def execute(url: str, statement: str) -> None:
    """Run a statement on a connection of its own."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


UNTIL_SOMEBODY_WAITS = """
do $$ begin
  while not exists (select from pg_locks where relation = 'usage_event'::regclass and not granted)
  loop perform pg_sleep(0.01); end loop;
end $$
"""
# Those of the application; they are over when it returns.
END_ALL_SESSIONS = """
select pg_terminate_backend(pid, 50000) from pg_stat_activity
where datname = current_database() and application_name = 'fubble_gql'
"""


@asynccontextmanager
async def nobody_may_record(url: str) -> AsyncIterator[None]:
    """The table of events is locked by somebody else."""
    connection = await asyncpg.connect(url)
    async with connection.transaction():
        await connection.execute("lock table usage_event in exclusive mode")
        yield
    await connection.close()


def behind_the_back(url: str) -> None:
    """End all sessions while this event loop stands still, and so hears nothing of it."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, execute(url, END_ALL_SESSIONS)).result()


async def test_sessions_that_ended_unnoticed_cost_no_request(postgres_url: str) -> None:
    async with recording(postgres_url) as api:
        for n in range(3):
            behind_the_back(postgres_url)
            assert await api.ask("{ viewer { role } }")
            behind_the_back(postgres_url)
            await api.connection.transaction(_count)
            assert await sent(api, event(key=f"e{n}")) == ["ACCEPTED"]
        assert await stored(api) == 3


async def _count(tx: Connection) -> None:
    await tx.fetch(sql("select count(*) from usage_event"))


async def test_a_session_that_ends_in_the_middle_leaves_nothing(postgres_url: str) -> None:
    async with recording(postgres_url, statement_seconds=50) as api:
        async with nobody_may_record(postgres_url):
            call = asyncio.create_task(sent(api, event(key="one"), event(key="two")))
            await execute(postgres_url, UNTIL_SOMEBODY_WAITS)
            await execute(postgres_url, END_ALL_SESSIONS)
            assert await call == UNANSWERED
        assert await stored(api) == 0
        assert await sent(api, event(key="one"), event(key="two")) == ["ACCEPTED"] * 2


async def test_a_statement_that_takes_too_long_is_given_up(postgres_url: str) -> None:
    async with recording(postgres_url) as api:
        async with nobody_may_record(postgres_url):
            assert await sent(api, event(key="one")) == UNANSWERED
        assert await sent(api, event(key="one")) == ["ACCEPTED"]


async def test_a_server_that_is_only_read_from_is_left_for_one_that_writes(
    postgres_url: str, postgres_server: str
) -> None:
    name = urlsplit(postgres_url).path.strip("/")
    admin = await asyncpg.connect(postgres_server)
    async with recording(postgres_url) as api:
        await admin.execute(f"alter database {name} set default_transaction_read_only = on")
        await execute(postgres_url, END_ALL_SESSIONS)
        assert await api.ask("{ viewer { role } }")
        assert await updated(api, name="Other") == UNANSWERED
        assert await sent(api, event(key="one")) == UNANSWERED

        await admin.execute(f"alter database {name} reset default_transaction_read_only")
        assert await sent(api, event(key="one")) == ["ACCEPTED"]
    await admin.close()


async def test_a_silent_network_costs_no_request_once_it_is_replaced(postgres_url: str) -> None:
    async with network_to(postgres_url) as network, recording(network.url) as api:
        await asyncio.gather(*(api.ask("{ viewer { role } }") for _ in range(8)))
        network.swallow()
        calls = [sent(api, event(key=f"e{n}")) for n in range(2)]
        assert await asyncio.gather(*calls) == [UNANSWERED] * 2

        network.heal()
        for n in range(8):
            assert await sent(api, event(key=f"e{n}")) == ["ACCEPTED"]
        assert await stored(api) == 8


async def test_a_commit_whose_answer_is_lost_may_be_sent_again(postgres_url: str) -> None:
    async with network_to(postgres_url) as network, recording(network.url) as api:
        network.cut_after = b"COMMIT"
        assert await sent(api, event(key="one"), event(key="two")) == UNANSWERED
        assert await stored(api) == 2
        assert await sent(api, event(key="one"), event(key="two")) == ["DUPLICATE"] * 2
        assert await stored(api) == 2


async def test_who_finds_every_connection_in_use_is_sent_away(database_url: str) -> None:
    async with recording(database_url, database_pool_size=1) as api:
        has_begun, may_end = asyncio.Event(), asyncio.Event()

        async def hold(_: Connection) -> None:
            has_begun.set()
            await may_end.wait()

        holder = asyncio.create_task(api.connection.transaction(hold))
        await has_begun.wait()
        assert await sent(api, event(key="one")) == UNANSWERED
        refused = await api.post(b'{"query": "{ viewer { role } }"}')
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        may_end.set()
        await holder
        assert await sent(api, event(key="one")) == ["ACCEPTED"]


async def test_an_operation_too_many_is_sent_away_at_once(postgres_url: str) -> None:
    async with recording(postgres_url, statement_seconds=50, requests_max=1) as api:
        async with nobody_may_record(postgres_url):
            call = asyncio.create_task(sent(api, event(key="one")))
            await execute(postgres_url, UNTIL_SOMEBODY_WAITS)
            for refused in (
                await api.post(b'{"query": "{ viewer { role } }"}'),
                await api.http.get("/invoices/inv_1.pdf"),
            ):
                assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
                assert "too many requests" in refused.json()["errors"][0]["message"]
        assert await call == ["ACCEPTED"]
        assert await api.ask("{ viewer { role } }")


async def test_a_file_that_another_process_writes_to_is_waited_for(sqlite_url: str) -> None:
    async with recording(sqlite_url) as api:
        with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite://"))) as other:
            other.execute("begin immediate")
            assert await sent(api, event(key="one")) == UNANSWERED
            assert await api.ask("{ viewer { role } }")
        assert await sent(api, event(key="one")) == ["ACCEPTED"]


@pytest.mark.parametrize("ahead", [0, 1])
async def test_a_full_disk_refuses_whole_batches(sqlite_url: str, ahead: int) -> None:
    async with recording(sqlite_url) as api:
        pages = (await api.connection.fetch(sql("pragma page_count")))[0][0] + ahead
        await api.connection.fetch(sql(f"pragma max_page_count = {pages}"))
        batch = [event(key=f"e{n}", properties={"text": "x" * 500}) for n in range(100)]
        assert await sent(api, *batch) == UNANSWERED
        assert await stored(api) == 0
        assert await updated(api, metadata={"text": "x" * 9_000}) == UNANSWERED
        await api.connection.fetch(sql("pragma max_page_count = 1000000"))
        assert await sent(api, *batch) == ["ACCEPTED"] * 100
