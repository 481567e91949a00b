"""The event store: the one seam between usage and the engine that keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from fubble_gql.db.connection import Connection, Dialect
from fubble_gql.usage.store.postgres import PostgresStore
from fubble_gql.usage.store.rows import Body, EventKey, EventRow, Reduced, Reduction, Span
from fubble_gql.usage.store.sqlite import SqliteStore

__all__ = ["Store", "store_of"]


class Store(Protocol):
    """What an engine must do with events."""

    async def hold(self, tx: Connection, customers: Iterable[UUID]) -> None:
        """Share the customers' locks until the transaction ends.

        Who stamps when something became known shares them; who decides what is known takes them
        alone.
        """

    async def hold_alone(self, tx: Connection, customers: Iterable[UUID]) -> None:
        """Take the customers' locks alone: once nobody shares them, until the transaction ends."""

    async def append(
        self, tx: Connection, rows: Sequence[EventRow], recorded_at: datetime
    ) -> set[EventKey]:
        """Insert those whose key is free, numbered in the order given; the keys of those."""
        ...

    async def recorded(self, tx: Connection, keys: Sequence[EventKey]) -> list[Body]:
        """What was recorded under the keys."""
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
