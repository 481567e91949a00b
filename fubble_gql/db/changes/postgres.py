"""Changes on PostgreSQL: told by triggers in the transaction that makes them, heard by LISTEN.

A trigger tells only what is watched. Whoever watches a customer shares an advisory lock, its place,
which a trigger tries: NOTIFY makes commits wait for each other, and nothing may slow down recording
usage that nobody looks at. Locks go with their session, so nobody needs to clean up.

A transaction that had tried a place before it was locked tells nothing when it commits. So watchers
are told once more when every transaction that was running then has ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from fubble_gql.db.changes.watch import INVOICES_MAX, Changes, Watch

CHANNEL = "fubble_changes"
_LOCK_CLASS = 727_403
_ANYBODY, _ALL_INVOICES, _CUSTOMERS = 0, 1, 2
_ANSWER_SECONDS = 10
_PING_SECONDS = 20.0
_SETTLING_SECONDS = 0.1

_LOCK = f"select pg_advisory_lock_shared({_LOCK_CLASS}, place) from unnest($1::int[]) as p(place)"
_UNLOCK = (
    f"select pg_advisory_unlock_shared({_LOCK_CLASS}, place) from unnest($1::int[]) as p(place)"
)
_OLDEST = "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
# A number of our own is above those of all that run: a snapshot's end is above what has ended only.
_NEWEST = "select pg_current_xact_id()::text::bigint"
# Every change of an invoice writes its row, and a row knows which transaction wrote it.
_MISSED = (
    "select customer_id, id from invoice where age(xmin) <= age($1::text::xid8::xid)"
    " and ($2::uuid[] is null or customer_id = any($2)) order by created_at limit $3"
)


def place_of(customer_id: UUID | None) -> int:
    """The place that is locked for watchers of a customer, or of all invoices: see the triggers."""
    return _ALL_INVOICES if customer_id is None else _CUSTOMERS + customer_id.int % 512


@dataclass(frozen=True, slots=True)
class _Settling:
    """Places just locked, which a transaction before `until` may not have seen.

    What transactions before `since` wrote has been told, or was there before.
    """

    places: frozenset[int]
    since: int
    until: int


class PostgresChanges(Changes):
    """One connection of its own, while anybody watches."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._told: deque[int] = deque(maxlen=2)  # the oldest that ran, at the last two looks

    async def hear(self) -> None:
        """Keep the places of all watchers locked, until nobody watches."""
        async with self._session() as session:
            await session.add_listener(CHANNEL, self._heard)
            held: set[int] = set()
            settling: list[_Settling] = []
            pause = _SETTLING_SECONDS
            while self.watches:
                wanted = {_ANYBODY, *map(place_of, self.watches)}
                if held - wanted:
                    await session.execute(_UNLOCK, held - wanted)
                if wanted - held:
                    settling.append(await self._lock(session, wanted - held, is_first=not held))
                held = wanted
                settling = await self._settle(session, held, settling)
                pause = min(pause * 2, _PING_SECONDS) if settling else _SETTLING_SECONDS
                await self.asked(pause if settling else _PING_SECONDS)

    def forget(self) -> None:
        """Begin anew with the transactions that run then."""
        self._told.clear()

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[asyncpg.Connection]:
        session = await asyncpg.connect(
            self._url,
            timeout=_ANSWER_SECONDS,
            command_timeout=_ANSWER_SECONDS,
            server_settings={"application_name": "fubble_gql changes"},
        )
        session.add_termination_listener(lambda _: self.stir())
        try:
            yield session
        finally:
            session.terminate()

    async def _lock(
        self, session: asyncpg.Connection, places: Collection[int], *, is_first: bool
    ) -> _Settling:
        await session.execute(_LOCK, places)
        oldest, newest = await session.fetchval(_OLDEST), await session.fetchval(_NEWEST)
        # In a session after one that was lost, what that one may not have told is still to be told.
        since = self._told[0] if self._told and is_first else oldest
        return _Settling(frozenset(places), since, newest)

    async def _settle(
        self, session: asyncpg.Connection, held: set[int], settling: list[_Settling]
    ) -> list[_Settling]:
        """Tell the watchers of places that every running transaction has seen; the others."""
        oldest = await session.fetchval(_OLDEST)
        for one in settling:
            if one.until <= oldest:
                await self._catch_up(session, one)
        rest = [one for one in settling if one.until > oldest]
        unsettled = frozenset[int]().union(*(one.places for one in rest))
        for watch in self.all_watches():
            if place_of(watch.customer_id) in held - unsettled:
                watch.begun.set()
        if not rest:
            self._told.append(oldest)
            self.is_hearing()
        return rest

    async def _catch_up(self, session: asyncpg.Connection, settled: _Settling) -> None:
        watches = [
            watch for watch in self.all_watches() if place_of(watch.customer_id) in settled.places
        ]
        for watch in watches:
            watch.tell()
        await self._tell_missed(session, settled.since, [w for w in watches if w.is_for_invoices])

    async def _tell_missed(
        self, session: asyncpg.Connection, since: int, watches: list[Watch]
    ) -> None:
        """Tell these watchers which invoices were written by transactions from `since` on."""
        if not watches:
            return
        customers = {watch.customer_id for watch in watches}
        wanted = None if None in customers else customers
        missed = await session.fetch(_MISSED, str(since), wanted, INVOICES_MAX + 1)
        for watch in watches:
            if len(missed) > INVOICES_MAX:
                watch.tell_too_many()
            for customer_id, invoice_id in missed:
                if watch.customer_id in (None, customer_id):
                    watch.tell(invoice_id)

    def _heard(self, _session: Any, _pid: int, _channel: str, message: str) -> None:
        self.tell(*(UUID(part) for part in message.split()))
