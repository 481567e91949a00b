"""The PostgreSQL engine: nobody waits for ever, and connections that have died are replaced."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, cast

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import (
    PoolConnectionWrapper,
    TransactionalDBClient,
    TransactionContext,
)
from tortoise.connection import get_connections

from fubble_gql import monitoring
from fubble_gql.db import faults
from fubble_gql.db.at_hand import AtHand


class _Stateless(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """A connection that carries nothing from one user to the next but an open transaction.

    Settings, locks and cursors all end with their transaction here, so there is nothing to reset,
    and no trip to the server for it after every statement. But for one that failed: asyncpg prepares
    a statement apart from running it, and where the latter never happens the server waits for it,
    in a transaction, while the statement's time goes on and would fall on a later one.
    """

    has_failed = False

    def fail(self) -> None:
        """Its last statement did not end well."""
        self.has_failed = True

    def get_reset_query(self) -> str:
        """None, and after a failure any: it ends whatever was begun."""
        has_failed, self.has_failed = self.has_failed, False
        return "select 1" if has_failed else ""


class PatientClient(AsyncpgDBClient):
    """Tortoise's asyncpg client, which waits for a connection only so long."""

    connection_class = _Stateless

    def __init__(self, *, wait_seconds: int, **credentials: Any) -> None:
        super().__init__(**credentials, timeout=wait_seconds)
        self.wait_seconds = wait_seconds
        self._at_hand: AtHand | None = None  # while the pool is open

    def acquire_connection(self) -> PoolConnectionWrapper[asyncpg.Connection]:
        return _Borrowed(self, self._pool_init_lock)

    def _in_transaction(self) -> TransactionContext:
        return _Transaction(self)

    async def borrow(self) -> asyncpg.Connection:
        """A connection of the pool. Raises Unavailable when there is none in time."""
        connection = await self._at_hand.take() if self._at_hand else None
        if connection is None:
            connection = await self._wait_for_one()
        monitoring.pool_in_use.inc()
        return connection

    async def _wait_for_one(self) -> asyncpg.Connection:
        monitoring.pool_waiting.inc()
        try:
            return await (self._at_hand or await self._opened()).wait()
        except faults.FAILURES as failure:
            raise faults.unavailable(failure) from failure
        finally:
            monitoring.pool_waiting.dec()

    async def _opened(self) -> AtHand:
        async with asyncio.timeout(self.wait_seconds), self._pool_init_lock:
            if self._at_hand is None:
                await self.create_connection(with_db=True)
        return cast(AtHand, self._at_hand)

    async def create_connection(self, with_db: bool) -> None:  # noqa: FBT001
        await super().create_connection(with_db)
        if self._pool is not None:
            self._at_hand = AtHand(self._pool, self._release, self.wait_seconds)
            monitoring.pool_size.inc(self._pool.get_max_size())

    async def _close(self) -> None:
        if self._at_hand is not None:
            await self._at_hand.close()
        if self._pool is not None:
            monitoring.pool_size.dec(self._pool.get_max_size())
        await super()._close()
        self._at_hand = None

    def keep(self, connection: asyncpg.Connection) -> bool:
        """Have a connection that a statement was run on for whoever needs one next."""
        if not self._at_hand or not self._at_hand.put(connection):
            return False
        monitoring.pool_in_use.dec()
        return True

    async def give_back(self, connection: asyncpg.Connection, error: BaseException | None) -> None:
        """Return a connection to the pool, with the error that its use ended with.

        Where it was lost the others are no better: each is replaced before it is used again.
        """
        monitoring.pool_in_use.dec()
        if faults.is_lost(error):
            await self._expire()
            with suppress(asyncpg.InterfaceError):  # the pool had noticed, and taken it back
                connection.terminate()
        elif error is not None:
            # AttributeError: the pool had noticed that it died, and took it back.
            with suppress(asyncpg.InterfaceError, AttributeError):
                connection.fail()
        give_back = self._at_hand.give_back if self._at_hand else self._release
        await give_back(connection)

    async def _release(self, connection: asyncpg.Connection) -> None:
        if self._pool is None:
            return
        try:
            await self._pool.release(connection, timeout=self.wait_seconds)
        except faults.FAILURES:
            # Whatever it was used for is done; the pool has dropped it.
            await self._expire()

    async def _expire(self) -> None:
        if self._pool is not None:
            await self._pool.expire_connections()
        if self._at_hand is not None:
            await self._at_hand.clear()


class _Borrowed(PoolConnectionWrapper[asyncpg.Connection]):
    """A connection for one statement."""

    client: PatientClient

    async def __aenter__(self) -> asyncpg.Connection:
        self.connection = await self.client.borrow()
        return self.connection

    async def __aexit__(self, _: Any, error: BaseException | None, __: Any) -> None:
        if error is not None or not self.client.keep(self.connection):
            await self.client.give_back(self.connection, error)


class _Transaction(TransactionContext):
    """A transaction on a connection of its own, which is alive when the work begins."""

    def __init__(self, parent: PatientClient) -> None:
        self._parent = parent
        self.client = TransactionWrapper(parent)

    async def __aenter__(self) -> TransactionalDBClient:
        try:
            await self._begin()
        except faults.SEVERED:
            # It died while nobody used it. Nothing was done yet, so another one may be taken.
            await self._begin()
        self._token = get_connections().set(self.client.connection_name, self.client)
        return self.client

    async def _begin(self) -> None:
        self.client._connection = await self._parent.borrow()
        try:
            async with asyncio.timeout(self._parent.wait_seconds):
                await self.client.begin()
        except BaseException as error:
            await self._parent.give_back(self.client._connection, error)
            raise

    async def __aexit__(self, _: Any, error: BaseException | None, __: Any) -> None:
        get_connections().reset(self._token)
        outcome = error
        try:
            await self._end(error)
        except faults.LOST as lost:
            outcome = lost
            if error is None:
                raise
        finally:
            await self._parent.give_back(self.client._connection, outcome)

    async def _end(self, error: BaseException | None) -> None:
        if error is None:
            await self.client.commit()
        elif not faults.is_lost(error):
            async with asyncio.timeout(self._parent.wait_seconds):
                await self.client.rollback()


client_class = PatientClient
