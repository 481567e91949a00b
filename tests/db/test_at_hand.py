"""Connections lie at hand between two statements, and nothing is lost by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import asyncpg
import pytest
import pytest_asyncio

from fubble_gql.db import at_hand
from fubble_gql.db.connection import Connection
from fubble_gql.db.postgres import PatientClient
from fubble_gql.db.setup import Patience, open_database
from fubble_gql.db.sql import sql
from fubble_gql.errors import Unavailable

WHO = sql("select pg_backend_pid()")
OURS = (
    "select count(*) from pg_stat_activity"
    " where datname = current_database() and application_name = 'fubble_gql'"
)


@pytest_asyncio.fixture
async def two(postgres_url: str) -> AsyncIterator[Connection]:
    """The database with a pool of two connections."""
    async with open_database(postgres_url, pool_size=2) as connection:
        yield connection


@pytest_asyncio.fixture
async def beside(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of somebody else's."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


async def _pid(connection: Connection) -> int:
    [[pid]] = await connection.fetch(WHO)
    return int(pid)


async def _becomes(check: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so; the test's own time-out is the limit."""
    async with asyncio.timeout(30):
        while not await check():  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.01)


async def test_the_next_statement_takes_the_connection_of_the_one_before(two: Connection) -> None:
    assert len({await _pid(two) for _ in range(5)}) == 1


# Of a statement that was prepared and never run, whose time goes on.
UNDER_WAY = (
    "select count(*) from pg_stat_activity where datname = current_database()"
    " and application_name = 'fubble_gql' and state <> 'idle'"
)


async def test_a_statement_that_cannot_be_sent_leaves_nothing_under_way(
    two: Connection, beside: asyncpg.Connection
) -> None:
    """Else it would hold back vacuum, and its time-out would fall on another statement."""
    for _ in range(2):
        with pytest.raises(asyncpg.DataError):
            await two.fetch(sql("select ?::int", "no number"))

        assert await beside.fetchval(UNDER_WAY) == 0


async def test_a_caller_that_goes_away_leaves_nothing_under_way(
    two: Connection, beside: asyncpg.Connection
) -> None:
    await asyncio.gather(*(_pid(two) for _ in range(2)))
    for n in range(50):
        # Stopped at every step of a statement that is new to the connection.
        caller = asyncio.ensure_future(two.fetch(sql(f"select {n} as one")))
        for _ in range(n % 10):
            await asyncio.sleep(0)
        caller.cancel()
        await asyncio.wait([caller])

        assert await beside.fetchval(UNDER_WAY) == 0


async def test_whoever_waits_gets_the_connection_that_becomes_free(two: Connection) -> None:
    await asyncio.gather(*(_pid(two) for _ in range(2)))

    async def work(tx: Connection) -> int:
        return await _pid(tx)

    async with asyncio.timeout(30):
        statements = (_pid(two) for _ in range(40))
        transactions = (two.transaction(work) for _ in range(20))
        pids = await asyncio.gather(*statements, *transactions)
    assert len(set(pids)) <= 2


async def test_a_statement_that_is_stopped_ends_on_the_server_and_holds_nothing_up(
    two: Connection, beside: asyncpg.Connection
) -> None:
    await _pid(two)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await two.fetch(sql("select pg_sleep(600)"))

    async def is_over() -> bool:
        sleeping = "select count(*) from pg_stat_activity where query like '%pg_sleep(600)%'"
        return not await beside.fetchval(
            f"{sleeping} and state = 'active' and pid <> pg_backend_pid()"
        )

    await _becomes(is_over)
    assert await asyncio.gather(*(_pid(two) for _ in range(4)))


async def test_a_connection_that_was_cut_while_it_lay_at_hand_is_replaced(
    two: Connection, beside: asyncpg.Connection
) -> None:
    cut = await _pid(two)
    await beside.execute("select pg_terminate_backend($1)", cut)
    assert await _pid(two) != cut
    assert await asyncio.gather(*(_pid(two) for _ in range(4)))


async def test_after_a_failed_statement_the_next_one_works(two: Connection) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        await two.fetch(sql("select 1 / 0"))
    assert await _pid(two)


async def test_a_transaction_that_has_ended_reaches_no_connection_of_others(
    two: Connection,
) -> None:
    async def work(tx: Connection) -> Connection:
        return tx

    ended = await two.transaction(work)
    await _pid(two)
    with pytest.raises(Unavailable):
        await ended.fetch(WHO)


async def test_what_no_statement_needs_for_a_while_goes_back_to_the_pool(
    two: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_hand, "UNUSED_SECONDS", 0.05)
    await asyncio.gather(*(two.fetch(sql("select pg_sleep(0.02)")) for _ in range(2)))
    client: Any = two.client

    async def all_are_back() -> bool:
        return bool(client._pool.get_idle_size() == 2)

    assert client._pool.get_idle_size() == 0
    await _becomes(all_are_back)
    assert await _pid(two)


async def test_whoever_leaves_when_it_is_its_turn_passes_the_connection_on(two: Connection) -> None:
    client = cast(PatientClient, two.client)
    held = [await client.borrow() for _ in range(2)]
    first, second = (asyncio.ensure_future(_pid(two)) for _ in range(2))
    await asyncio.sleep(0)

    assert client.keep(held[0])
    first.cancel()

    async with asyncio.timeout(30):
        assert await second
    assert client.keep(held[1])
    assert first.cancelled()
    async with asyncio.timeout(30):
        await asyncio.gather(*(two.fetch(sql("select pg_sleep(0.02)")) for _ in range(4)))


async def test_whoever_waits_too_long_hears_of_it_and_nobody_else_waits_for_that(
    postgres_url: str,
) -> None:
    async with open_database(postgres_url, 1, Patience(wait=1)) as one:
        client = cast(PatientClient, one.client)
        held = await client.borrow()
        with pytest.raises(Unavailable):
            await _pid(one)
        assert client.keep(held)
        assert await _pid(one)


async def test_a_connection_that_dies_makes_room_for_whoever_waits(two: Connection) -> None:
    client = cast(PatientClient, two.client)
    held = [await client.borrow() for _ in range(2)]
    waiting = [asyncio.ensure_future(_pid(two)) for _ in range(2)]
    await asyncio.sleep(0)

    for connection in held:
        connection.terminate()
        assert not client.keep(connection)
        await client.give_back(connection, None)

    async with asyncio.timeout(30):
        assert len({*await asyncio.gather(*waiting)}) <= 2


async def test_a_connection_that_cannot_be_opened_takes_nobodys_place(
    two: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = two.client
    held, other = [await client.borrow() for _ in range(2)]
    other.terminate()
    await client.give_back(other, None)

    with monkeypatch.context() as broken:
        broken.setitem(client._pool._connect_kwargs, "host", "/no/such/place")
        for _ in range(3):
            with pytest.raises(Unavailable):
                await _pid(two)

    async with asyncio.timeout(30):
        assert await _pid(two) != held.get_server_pid()
    await client.give_back(held, None)


async def test_closing_closes_what_lies_at_hand(
    postgres_url: str, beside: asyncpg.Connection
) -> None:
    async with open_database(postgres_url, pool_size=2) as connection:
        await asyncio.gather(*(_pid(connection) for _ in range(2)))
        assert await beside.fetchval(OURS)

    async def none_is_left() -> bool:
        return not await beside.fetchval(OURS)

    await _becomes(none_is_left)


async def test_whoever_comes_while_it_closes_opens_nothing_anew(
    two: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Any = two.client
    held = await client.borrow()
    await _pid(two)
    opened = []
    create = client.create_connection

    async def counted(*, with_db: bool) -> None:
        opened.append(with_db)
        await create(with_db=with_db)

    monkeypatch.setattr(client, "create_connection", counted)
    closing = asyncio.ensure_future(client._close())
    await asyncio.sleep(0)
    late = asyncio.ensure_future(_pid(two))
    await asyncio.sleep(0)
    assert not client.keep(held)
    await client.give_back(held, None)
    await asyncio.wait([closing, late])

    assert not opened
    assert isinstance(late.exception(), Unavailable | None)


async def test_one_that_the_pool_has_taken_back_is_given_back_all_the_same(
    two: Connection,
) -> None:
    """Its user hears that it was stopped, and nothing of us."""
    client = cast(PatientClient, two.client)
    connection = await client.borrow()
    connection.terminate()
    await _becomes(connection_is_gone(connection))

    await client.give_back(connection, asyncio.CancelledError())

    assert await _pid(two)


def connection_is_gone(connection: asyncpg.Connection) -> Callable[[], Awaitable[bool]]:
    """Whether the pool has noticed."""

    async def is_gone() -> bool:
        try:
            return bool(connection.is_closed()) and connection._con is None
        except asyncpg.InterfaceError:
            return True

    return is_gone
