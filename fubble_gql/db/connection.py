"""One door to the database, or to one transaction on it: statements in, light rows out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, TypeVar
from uuid import UUID

from tortoise.backends.base.client import BaseDBAsyncClient, TransactionalDBClient

from fubble_gql.db import exact_json, faults
from fubble_gql.db.sql import Listed, Sql, sql
from fubble_gql.pricing.money import plain

T = TypeVar("T")
Dialect = Literal["postgres", "sqlite"]
Record = Sequence[Any]

log = logging.getLogger("fubble_gql.sql")


class Connection:
    """Runs statements on the database, or inside the transaction that it was opened for.

    `remembered` is for what callers know of this database and may keep: its transactions share it.
    With a `customer_id` it reads only what that customer may see (`db/rows.py` decides).
    """

    def __init__(
        self,
        client: BaseDBAsyncClient,
        remembered: dict[str, object] | None = None,
        customer_id: UUID | None = None,
    ) -> None:
        self.client = client
        self.customer_id = customer_id
        self.remembered: dict[str, object] = {} if remembered is None else remembered
        self.dialect: Dialect = "sqlite" if client.capabilities.dialect == "sqlite" else "postgres"

    def only(self, customer_id: UUID) -> Connection:
        """The same database, as far as one customer may see it."""
        return Connection(self.client, self.remembered, customer_id)

    async def fetch(self, statement: Sql) -> Sequence[Record]:
        """Run one statement and return its rows, as the driver made them.

        Raises Unavailable when the database cannot answer now.
        """
        log.debug("%s", statement.text)
        with faults.TOLD_APART:
            try:
                return await self._fetch(statement)
            except faults.SEVERED:
                if not self._may_repeat(statement):
                    raise
                return await self._fetch(statement)

    async def _fetch(self, statement: Sql) -> Sequence[Record]:
        async with self.client.acquire_connection() as driver:
            if self.dialect == "sqlite":
                values = [_for_sqlite(arg) for arg in statement.args]
                return list(await driver.execute_fetchall(statement.text, values))
            values = [_for_postgres(arg) for arg in statement.args]
            return list(await driver.fetch(statement.numbered(), *values))

    @property
    def is_transaction(self) -> bool:
        """Statements are part of one that somebody began."""
        return isinstance(self.client, TransactionalDBClient)

    def _may_repeat(self, statement: Sql) -> bool:
        """Whether it changes nothing, and may be asked of another connection than the first."""
        return not self.is_transaction and statement.text.startswith("select ")

    async def transaction(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work` in one transaction, to its end even when the caller goes away.

        A cancelled transaction would keep SQLite's lock for ever, so the caller's cancellation
        waits until the transaction has ended.
        """
        task = asyncio.ensure_future(self._transaction(work))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            raise

    async def _transaction(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        with faults.TOLD_APART:
            async with self.client._in_transaction() as client:
                return await work(Connection(client, self.remembered, self.customer_id))

    @property
    def lock(self) -> str:
        """What makes a select keep its rows for this transaction; SQLite has the whole file."""
        return "for update" if self.dialect == "postgres" else ""

    def exact_sum(self, amounts: str) -> str:
        """The sum of a column of decimals; SQLite's own would go through floats."""
        return f"sum({amounts})" if self.dialect == "postgres" else f"dsum({amounts})"

    def is_in(self, column: str, values: Sequence[object]) -> Sql:
        """`column` is one of the values, which travel as one argument."""
        # A tuple: conditions are compared and hashed, so that equal reads are batched.
        listed = Listed(tuple(values))
        if self.dialect == "sqlite":
            return sql(f"{column} in (select value from json_each(?))", listed)
        return sql(f"{column} = any(?)", listed)


def _for_postgres(value: object) -> object:
    return list(value.values) if isinstance(value, Listed) else value


def _for_sqlite(value: object) -> object:
    match value:
        case Listed():
            return exact_json.dumps([_for_sqlite(one) for one in value.values])
        case UUID():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat(" ")
        case Decimal():
            return plain(value)
        case _:
            return value
