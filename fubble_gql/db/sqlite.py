"""The SQLite engine: exact decimals in SQL, and transactions that take the write lock at once."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from tortoise.backends.base.client import (
    ConnectionWrapper,
    TransactionalDBClient,
    TransactionContext,
)
from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
)
from tortoise.connection import get_connections

from fubble_gql.pricing.money import plain


class _Sum:
    """dsum(x): an exact sum; NULL over nothing, like sum()."""

    def __init__(self) -> None:
        self.total = Decimal(0)
        self.is_empty = True

    def step(self, value: str | int | None, /) -> None:
        if value is not None:
            self.total += Decimal(value)
            self.is_empty = False

    def finalize(self) -> str | None:
        return None if self.is_empty else plain(self.total)


class _Largest:
    """dmax(x): the largest number, compared as a number."""

    def __init__(self) -> None:
        self.best: Decimal | None = None

    def step(self, value: str | int | None, /) -> None:
        if value is not None:
            number = Decimal(value)
            self.best = number if self.best is None else self.choose(self.best, number)

    @staticmethod
    def choose(left: Decimal, right: Decimal) -> Decimal:
        return max(left, right)

    def finalize(self) -> str | None:
        return None if self.best is None else plain(self.best)


class _Smallest(_Largest):
    """dmin(x): the smallest number, compared as a number."""

    @staticmethod
    def choose(left: Decimal, right: Decimal) -> Decimal:
        return min(left, right)


def _compare(left: str, right: str) -> int:
    a, b = Decimal(left), Decimal(right)
    return (a > b) - (a < b)


def _microseconds(text: str | None) -> int | None:
    """An instant as whole microseconds since 1970, for durations without floats."""
    if text is None:
        return None
    since = datetime.fromisoformat(text) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _multiply(left: str | int | None, right: str | int | None) -> str | None:
    """dmul(a, b): an exact product."""
    if left is None or right is None:
        return None
    return plain(Decimal(left) * Decimal(right))


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def register(connection: sqlite3.Connection) -> None:
    """Teach a connection exact decimals: dsum, dmax, dmin, dmul, micros, COLLATE DECIMAL."""
    # The type stubs know only aggregates of whole numbers.
    for name, aggregate in {"dsum": _Sum, "dmax": _Largest, "dmin": _Smallest}.items():
        connection.create_aggregate(name, 1, cast(Any, aggregate))
    connection.create_collation("DECIMAL", _compare)
    connection.create_function("dmul", 2, _multiply, deterministic=True)
    connection.create_function("micros", 1, _microseconds, deterministic=True)
    connection.create_function("lower", 1, _lower, deterministic=True)


class _Turn(ConnectionWrapper[Any]):
    """The file for one statement, once it is free."""

    client: ExactSqliteClient

    async def __aenter__(self) -> Any:
        await self.client.take_turn()
        try:
            await self.ensure_connection()
        except BaseException:
            self._lock.release()
            raise
        return self.connection

    async def __aexit__(self, _: Any, error: BaseException | None, __: Any) -> None:
        try:
            if isinstance(error, asyncio.CancelledError):
                await _interrupt(self.connection)
        finally:
            self._lock.release()


async def _interrupt(connection: Any) -> None:
    """End the statement that nobody waits for any more; the thread is free when this returns.

    Again and again: it may only be about to begin.
    """
    ended = asyncio.ensure_future(connection._execute(bool))
    while not ended.done():
        await connection.interrupt()
        await asyncio.wait([ended], timeout=0.01)


class _Transaction(SqliteTransactionContext):
    """The file for one transaction; the lock is free again however it ends, or fails to begin."""

    def __init__(self, parent: ExactSqliteClient) -> None:
        super().__init__(_Statements(parent), parent._lock)
        self._parent = parent

    async def __aenter__(self) -> TransactionalDBClient:
        await self._parent.take_turn()
        try:
            await self.ensure_connection()
            await self.connection.begin()
        except BaseException:
            self._trxlock.release()
            raise
        self.token = get_connections().set(self.connection_name, self.connection)
        return cast(TransactionalDBClient, self.connection)

    async def __aexit__(self, _: Any, error: BaseException | None, __: Any) -> None:
        get_connections().reset(self.token)
        try:
            if error is None:
                await self.connection.commit()
                self._parent.committed.set()
        finally:
            try:
                await self.connection.undo()
            finally:
                self._trxlock.release()


class _Statements(SqliteTransactionWrapper):
    """Inside of a transaction."""

    async def begin(self) -> None:
        """Take the write lock first: a later upgrade could fail at once, however long it waits."""
        await self.undo()
        await self._connection.execute("BEGIN IMMEDIATE")

    async def undo(self) -> None:
        """Undo what is not committed: after a commit that failed too, on a full disk for instance."""
        if self._connection.in_transaction:
            await self._connection.rollback()


class ExactSqliteClient(SqliteClient):
    """Tortoise's SQLite client with exact decimal functions, which waits only so long."""

    def __init__(self, file_path: str, *, wait_seconds: int, **pragmas: Any) -> None:
        super().__init__(file_path, busy_timeout=wait_seconds * 1_000, **pragmas)
        self._wait_seconds = wait_seconds
        self.committed = asyncio.Event()  # for whoever looks at what was

    async def create_connection(self, with_db: bool) -> None:  # noqa: FBT001
        """Connect and register the exact functions on the connection's own thread."""
        await super().create_connection(with_db)
        connection = self._connection
        if connection is not None:
            await connection._execute(register, connection._conn)  # type: ignore[no-untyped-call]

    async def take_turn(self) -> None:
        """Hold the lock of the one connection. Raises TimeoutError when it does not come free."""
        async with asyncio.timeout(self._wait_seconds):
            await self._lock.acquire()

    def acquire_connection(self) -> ConnectionWrapper[Any]:
        return _Turn(self._lock, self)

    def _in_transaction(self) -> TransactionContext:
        return _Transaction(self)


client_class = ExactSqliteClient
