"""Changes on SQLite: looked for after each commit of this process, and once a second for others'.

New events are found by their numbers, which only ever rise; triggers leave a row for everything
else. One writer at a time means that what is numbered later was committed later.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import NamedTuple
from uuid import UUID

from fubble_gql.db.changes.watch import Changes
from fubble_gql.db.connection import Connection
from fubble_gql.db.sql import sql
from fubble_gql.db.sqlite import ExactSqliteClient

_LOOK_SECONDS = 1
_NEWEST = (
    "select (select ifnull(max(id), 0) from usage_event),"
    " (select ifnull(max(position), 0) from customer_change)"
)
_SINCE = (
    "select distinct customer_id, null from usage_event where id > ? and id <= ?"
    " union all select customer_id, invoice_id from customer_change"
    " where position > ? and position <= ?"
)


class _Seen(NamedTuple):
    """The newest of each kind."""

    event: int
    change: int


class SqliteChanges(Changes):
    """Looks on the connection that this process has."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection
        self._seen: _Seen | None = None

    async def hear(self) -> None:
        """Look again and again, until nobody watches; after a failure from where it was."""
        committed = self._committed()
        seen = self._seen or await self._newest()
        for watch in self.all_watches():
            watch.tell()
        self.is_hearing()
        while self.watches:
            self._seen = seen
            for watch in self.all_watches():
                watch.begun.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await committed.wait()
            committed.clear()
            newest = await self._newest()
            if newest != seen:
                await self._tell_since(seen, newest)
                seen = newest

    def forget(self) -> None:
        """Begin anew from what there is then."""
        self._seen = None

    def _committed(self) -> asyncio.Event:
        client = self._connection.client
        assert isinstance(client, ExactSqliteClient)  # noqa: S101 - the only one for SQLite
        return client.committed

    async def _newest(self) -> _Seen:
        [record] = await self._connection.fetch(sql(_NEWEST))
        return _Seen(*record)

    async def _tell_since(self, seen: _Seen, newest: _Seen) -> None:
        spans = (seen.event, newest.event, seen.change, newest.change)
        for customer_id, invoice_id in await self._connection.fetch(sql(_SINCE, *spans)):
            self.tell(UUID(customer_id), UUID(invoice_id) if invoice_id else None)
