"""The database at work in a thread of its own, while this one reads and waits for signals."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Any, TypeVar

from fubble_gql.cli import database
from fubble_gql.db.connection import Connection

T = TypeVar("T")

# What these log of a database that goes away, a command tells in its own words.
_TOLD = ("asyncpg", "fubble_gql.db")


@dataclass(frozen=True, slots=True)
class Background:
    """A database that is open in another thread."""

    connection: Connection
    loop: asyncio.AbstractEventLoop
    context: Context
    closing: asyncio.Event

    def begin(self, work: Callable[[Connection], Coroutine[Any, Any, T]]) -> Future[T]:
        """Begin the work; what it will have made of the database."""
        # In the context that the database was opened in, where Tortoise looks for it.
        return self.context.run(asyncio.run_coroutine_threadsafe, work(self.connection), self.loop)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.closing.set)


@contextmanager
def opened(url: str, pool_size: int) -> Iterator[Background]:
    """The database, brought up to date; what was begun and is not done by the end is given up."""
    for name in _TOLD:
        logging.getLogger(name).addHandler(logging.NullHandler())
    found: Future[Background] = Future()

    async def keep_open(connection: Connection) -> None:
        here = Background(connection, asyncio.get_running_loop(), copy_context(), asyncio.Event())
        if found.set_running_or_notify_cancel():
            found.set_result(here)
            await here.closing.wait()

    with ThreadPoolExecutor(1, "database") as thread:
        kept = thread.submit(database.run, url, keep_open, pool_size)
        try:
            either: list[Future[Any]] = [found, kept]
            wait(either, return_when=FIRST_COMPLETED)
            if kept.done():
                kept.result()
            yield found.result()
        finally:
            if not found.cancel():
                found.result().close()
