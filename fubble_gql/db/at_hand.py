"""Connections that stay out of asyncpg's pool between two statements.

The pool takes as long to lend a connection and to take it back as a short statement takes. So one that
was used, and is as good as before, goes to whoever waits for one, or lies here for the next statement.
The pool's rules hold all the same: it counts these as lent, those that were not needed for a while go
back to it, and it closes what is not used.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import asyncpg

UNUSED_SECONDS = 60.0


class AtHand:
    """The connections, the one that was used last on top, and who waits for one, in order.

    Each that the pool has lent is in use or lies here; `give_back` returns one to it. Nobody waits
    while one lies here or the pool has more to lend.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        give_back: Callable[[asyncpg.Connection], Awaitable[None]],
        wait_seconds: int,
    ) -> None:
        self._pool = pool
        self._give_back = give_back
        self._wait_seconds = wait_seconds
        self._lent = 0
        self._is_closed = False
        self._connections: list[asyncpg.Connection] = []
        # Whose turn it is gets a connection, or None: the pool has one to lend.
        self._turns: deque[asyncio.Future[asyncpg.Connection | None]] = deque()
        self._fewest = 0  # that lay here at any time since the last look
        self._look: asyncio.TimerHandle | None = None
        self._returning: asyncio.Task[None] | None = None

    async def take(self) -> asyncpg.Connection | None:
        """The best that lies here, if there is any; those that died meanwhile go back."""
        while self._connections:
            connection = self._connections.pop()
            self._fewest = min(self._fewest, len(self._connections))
            if _is_open(connection):
                return connection
            await self.give_back(connection)
        return None

    async def wait(self) -> asyncpg.Connection:
        """Another one, which the pool lends, or the one that becomes free when it is one's turn.

        Raises TimeoutError when that takes too long.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + self._wait_seconds
        if self._lent < self._pool.get_max_size():
            self._lent += 1
        elif (connection := await self._turn(end)) is not None:
            return connection
        try:
            return await self._pool.acquire(timeout=end - loop.time())
        except BaseException:
            self._pass_on(None)
            raise

    def put(self, connection: asyncpg.Connection) -> bool:
        """Have one for whoever needs one next; False where it is not as good as before."""
        if self._is_closed or not _is_open(connection) or connection.is_in_transaction():
            return False
        self._pass_on(connection)
        return True

    async def give_back(self, connection: asyncpg.Connection) -> None:
        """Return one to the pool, which may then lend another."""
        try:
            await self._give_back(connection)
        finally:
            self._pass_on(None)

    async def clear(self) -> None:
        """Return all that lie here."""
        if self._look is not None:
            self._look.cancel()
            self._look = None
        while self._connections:
            await self.give_back(self._connections.pop())

    async def close(self) -> None:
        """Return all, and from now on whatever comes."""
        self._is_closed = True
        await self.clear()

    async def _turn(self, end: float) -> asyncpg.Connection | None:
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        self._turns.append(turn)
        giving_up = loop.call_at(end, _give_up, turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if not turn.cancelled() and turn.exception() is None:  # it came at the same time
                self._pass_on(turn.result())
            raise
        finally:
            giving_up.cancel()

    def _pass_on(self, connection: asyncpg.Connection | None) -> None:
        """To the first who still waits for one. Else it lies here, or with the pool if it is None."""
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        if connection is None:
            self._lent -= 1
            return
        self._connections.append(connection)
        if self._look is None:
            self._look_later()

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
            await self.give_back(connection)


def _give_up(turn: asyncio.Future[asyncpg.Connection | None]) -> None:
    if not turn.done():
        turn.set_exception(TimeoutError())


def _is_open(connection: asyncpg.Connection) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:  # the pool noticed that it died, and took it back
        return False
