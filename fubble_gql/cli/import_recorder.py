"""Events of a file recorded by several calls at a time, each customer's in the file's order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fubble_gql.app import utc_now
from fubble_gql.db.connection import Connection
from fubble_gql.errors import Unavailable
from fubble_gql.usage import ingest
from fubble_gql.usage.ingest import NewEvent, Receipt

# How many calls are made at a time: while some wait for the database, another computes.
LANES = 4
# How long is waited, in seconds, before a call is made again that the database could not answer.
PAUSES = (0.5, 1, 2, 4, 8)


@dataclass(slots=True)
class Recorder:
    """Has a lane for each call: a customer's events are all in one, and one waits for another.

    So which of two events under one key is the first, and which of two at one time the last, is as
    the file has it; and calls hardly wait for each other in the database.
    """

    tell: Callable[[str], None]
    _lanes: list[asyncio.Lock] = field(
        default_factory=lambda: [asyncio.Lock() for _ in range(LANES)]
    )
    _pausing: int = 0
    _has_given_up: bool = False

    async def record(self, events: Sequence[NewEvent], connection: Connection) -> list[Receipt]:
        """The receipts, in the order of the events. May be called again before it has ended."""
        # SQLite makes one call after another anyway, and takes long over each commit.
        shares = _shares(events, 1 if connection.dialect == "sqlite" else LANES)
        calls = [
            self._call(lane, [events[index] for index in share], connection)
            for lane, share in zip(self._lanes, shares, strict=False)
        ]
        receipts: dict[int, Receipt] = {}
        # All of them end before this does, whatever becomes of the first.
        done = await asyncio.gather(*calls, return_exceptions=True)
        for share, received in zip(shares, done, strict=True):
            if isinstance(received, BaseException):
                raise received
            receipts.update(zip(share, received, strict=True))
        return [receipts[index] for index in range(len(events))]

    async def _call(
        self, lane: asyncio.Lock, events: Sequence[NewEvent], connection: Connection
    ) -> list[Receipt]:
        """Again and again, for a while, where the database cannot answer: that is safe."""
        if not events:
            return []
        async with lane:
            pauses = iter(PAUSES)
            while not self._has_given_up:
                try:
                    return await ingest.record(connection, events, utc_now)
                except Unavailable as failure:
                    await self._pause(next(pauses, None), failure.__cause__)
        raise Unavailable

    async def _pause(self, seconds: float | None, cause: BaseException | None) -> None:
        """None: it has been long enough, for the other calls too."""
        if seconds is None:
            self._has_given_up = True
            return
        self._pausing += 1
        if self._pausing == 1:
            self.tell(
                f"The database cannot answer now, trying again in {seconds:g} seconds: {cause}"
            )
        await asyncio.sleep(seconds)
        self._pausing -= 1


def _shares(events: Sequence[NewEvent], count: int) -> list[list[int]]:
    """The indexes of the events of each lane."""
    shares: list[list[int]] = [[] for _ in range(count)]
    for index, event in enumerate(events):
        shares[hash(event.customer) % count].append(index)
    return shares
