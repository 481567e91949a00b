"""The event store: the one seam between usage and the engine that keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from fubble_gql.db.connection import Connection, Dialect
from fubble_gql.usage.store.cut import Cut
from fubble_gql.usage.store.postgres import PostgresStore
from fubble_gql.usage.store.rows import (
    Appended,
    Body,
    EventKey,
    EventRow,
    Reduced,
    Reduction,
    Since,
    Span,
    Unequal,
)
from fubble_gql.usage.store.sqlite import SqliteStore

__all__ = ["Store", "store_of"]


class Store(Protocol):
    """What an engine must do with events."""

    async def hold(self, tx: Connection, customers: Sequence[UUID]) -> Cut:
        """Share the customers' locks until the transaction ends; where they stand, read after that.

        Who stamps when something became known shares them; who decides what is known takes them
        alone.
        """
        ...

    async def hold_alone(self, tx: Connection, customers: Iterable[UUID]) -> None:
        """Take the customers' locks alone: once nobody shares them, until the transaction ends."""

    async def known_until(
        self, tx: Connection, customers: Sequence[UUID], now: datetime
    ) -> datetime:
        """An instant, not before `now`, after which nothing of these customers was stamped.

        As of it everything that was recorded and voided is known, even if another machine's clock
        runs ahead. Only whoever holds the customers alone can rely on it.
        """
        ...

    async def append(
        self, tx: Connection, rows: Sequence[EventRow], recorded_at: datetime
    ) -> Appended:
        """Insert those whose key is free, numbered in the order given. One statement.

        No two of the rows have the same key. `Appended.recorded_before` may lack some: of what is
        neither there nor inserted, `recorded` tells what is recorded under its key.
        """
        ...

    async def recorded(self, tx: Connection, keys: Sequence[EventKey]) -> list[Body]:
        """What was recorded under the keys."""
        ...

    async def void(
        self,
        tx: Connection,
        customer_id: UUID,
        keys: Sequence[str],
        reason: str | None,
        voided_at: datetime,
    ) -> set[str]:
        """Void the events of the keys that are not voided yet; the keys of those.

        The number of statements does not depend on the number of keys.
        """
        ...

    async def late_since(
        self, connection: Connection, wanted: Sequence[Since], until: datetime | None = None
    ) -> dict[UUID, datetime]:
        """For each n the earliest event time of what its customer's settled invoices do not know.

        That are the events that came late or were voided after `settled_at`, and by `until` where
        that is given. An n without any is absent, as is one that was never settled. One statement.
        """
        ...

    async def rebuild(self, tx: Connection, customers: Sequence[UUID]) -> None:
        """Derive again, from these customers' events, whatever is kept beside them.

        Only whoever holds the customers alone may call it.
        """
        ...

    async def unequal(self, connection: Connection, customers: Sequence[UUID]) -> list[Unequal]:
        """What is kept beside these customers' events and is not what they add up to."""
        ...

    async def reduce(
        self, connection: Connection, what: Reduction, spans: Sequence[Span]
    ) -> list[Reduced]:
        """The figures of each group of the spans of each n. One statement."""
        ...


_STORES: dict[Dialect, Store] = {"postgres": PostgresStore(), "sqlite": SqliteStore()}


def store_of(connection: Connection) -> Store:
    """The store that the connection leads to."""
    return _STORES[connection.dialect]
