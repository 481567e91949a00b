"""Connections that stay out of asyncpg's pool between two statements.

The pool takes as long to lend a connection and to take it back as a short statement takes. So one that
was used for a statement, and is as good as before, lies here for the next one. The pool's rules hold
all the same: it counts these as lent, they go back to it when anybody waits for one or when they were
not needed for a while, and it closes what is not used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg

UNUSED_SECONDS = 60.0


class AtHand:
    """The connections, the one that was used last on top; `give_back` returns one to its pool."""

    def __init__(self, give_back: Callable[[asyncpg.Connection], Awaitable[None]]) -> None:
        self._give_back = give_back
        self._connections: list[asyncpg.Connection] = []
        self._fewest = 0  # that lay here at any time since the last look
        self._look: asyncio.TimerHandle | None = None
        self._returning: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """How many lie here."""
        return len(self._connections)

    async def take(self) -> asyncpg.Connection | None:
        """The best one, if there is any; those that died meanwhile go back."""
        while self._connections:
            connection = self._connections.pop()
            self._fewest = min(self._fewest, len(self._connections))
            if _is_open(connection):
                return connection
            await self._give_back(connection)
        return None

    def put(self, connection: asyncpg.Connection) -> bool:
        """Keep one for the next statement; False where it is not as good as before."""
        if not _is_open(connection) or connection.is_in_transaction():
            return False
        self._connections.append(connection)
        if self._look is None:
            self._look_later()
        return True

    async def clear(self) -> None:
        """Return all of them."""
        if self._look is not None:
            self._look.cancel()
            self._look = None
        while self._connections:
            await self._give_back(self._connections.pop())

    def _look_later(self) -> None:
        self._fewest = len(self._connections)
        loop = asyncio.get_running_loop()
        self._look = loop.call_later(UNUSED_SECONDS, self._return_unused)

    def _return_unused(self) -> None:
        """Those at the bottom that no statement needed since the last look."""
        unused = self._connections[: self._fewest]
        del self._connections[: self._fewest]
        self._look = None
        if self._connections:
            self._look_later()
        if unused:
            self._returning = asyncio.ensure_future(self._return(unused))

    async def _return(self, unused: list[asyncpg.Connection]) -> None:
        for connection in unused:
            await self._give_back(connection)


def _is_open(connection: asyncpg.Connection) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:  # the pool noticed that it died, and took it back
        return False
