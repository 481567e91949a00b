"""Who changed: told to whoever watches, wherever on this database the change was committed."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from uuid import UUID

from fubble_gql.db import faults
from fubble_gql.errors import Code, Unavailable, refuse

INVOICES_MAX = 1_000
_FIRST_DELAY_SECONDS = 0.1
_LONGEST_DELAY_SECONDS = 5.0

log = logging.getLogger("fubble_gql.db.changes")


class Watch:
    """What one watcher has not looked at yet: whether there is anything, and which invoices.

    Many changes are one as long as nobody looks, so a slow watcher costs no more than a quick one.
    `begun` is set once nothing that is committed goes unheard.
    """

    def __init__(self, customer_id: UUID | None, *, invoices: bool = False) -> None:
        self.customer_id = customer_id
        self.is_for_invoices = invoices
        self.begun = asyncio.Event()
        self._changed = asyncio.Event()
        self._invoices: dict[UUID, None] = {}
        self._has_too_many = False

    def tell(self, invoice_id: UUID | None = None) -> None:
        """Something of the customer's changed, perhaps an invoice."""
        if self.is_for_invoices:
            if invoice_id is None:
                return
            self._invoices.pop(invoice_id, None)
            self._invoices[invoice_id] = None
            if len(self._invoices) > INVOICES_MAX:
                self.tell_too_many()
        self._changed.set()

    def tell_too_many(self) -> None:
        """More invoices changed than are kept."""
        self._invoices.clear()
        self._has_too_many = True
        self._changed.set()

    async def change(self, within_seconds: float | None = None) -> bool:
        """Wait for a change, or for so long; whether there was one.

        What changes from now on is the next change.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within_seconds):
                await self._changed.wait()
        was_told = self._changed.is_set()
        self._changed.clear()
        return was_told

    def take_invoices(self) -> list[UUID]:
        """The invoices that changed, each once, the last change last.

        Raises Refused when there were more than are kept.
        """
        if self._has_too_many:
            raise refuse(
                Code.LIMIT_EXCEEDED,
                f"More than {INVOICES_MAX:,} invoices changed at once: read the list again, and "
                "then subscribe again.",
            )
        taken = list(self._invoices)
        self._invoices.clear()
        return taken


class Changes(ABC):
    """Listens while anybody watches, and tells the watchers.

    Each watcher is told once when the listening for it has begun, and once whenever changes may
    have been missed; so what was read after `watch` began is never older than what is told.
    """

    def __init__(self) -> None:
        self.watches: dict[UUID | None, set[Watch]] = {}
        self._asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._delay_seconds = _FIRST_DELAY_SECONDS

    @contextmanager
    def watch(self, customer_id: UUID | None, *, invoices: bool = False) -> Iterator[Watch]:
        """Be told of one customer's changes, or of all customers' invoices, within the block."""
        watch = Watch(customer_id, invoices=invoices)
        self.watches.setdefault(customer_id, set()).add(watch)
        self._listen()
        self._asked.set()
        try:
            yield watch
        finally:
            self.watches[customer_id].discard(watch)
            if not self.watches[customer_id]:
                del self.watches[customer_id]
            self._asked.set()

    async def stop(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def tell(self, customer_id: UUID, invoice_id: UUID | None = None) -> None:
        """Tell whoever watches this customer, or all invoices."""
        for watch in (*self.watches.get(customer_id, ()), *self.watches.get(None, ())):
            watch.tell(invoice_id)

    def all_watches(self) -> Iterator[Watch]:
        """Everybody who watches."""
        return chain.from_iterable(self.watches.values())

    @abstractmethod
    async def hear(self) -> None:
        """Tell what changes, until nobody watches. Raises what the database's driver raises."""

    @abstractmethod
    def forget(self) -> None:
        """Nobody watches: whoever begins to misses nothing of what was before."""

    async def asked(self, within_seconds: float | None = None) -> None:
        """Wait until somebody begins or ends to watch, or for so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_seconds):
                await self._asked.wait()
        self._asked.clear()

    def stir(self) -> None:
        """End what waits in `asked`."""
        self._asked.set()

    def is_hearing(self) -> None:
        """The listening has begun; when it ends for a failure, it is tried again at once."""
        self._delay_seconds = _FIRST_DELAY_SECONDS

    def _listen(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
            self._task.add_done_callback(_log_failure)

    async def _run(self) -> None:
        while True:
            while not self.watches:
                self.forget()
                await self.asked()
            try:
                await self.hear()
            except (*faults.FAILURES, Unavailable) as failure:
                log.warning("changes are not heard for now: %s", type(failure).__name__)
                await asyncio.sleep(self._delay_seconds)
                self._delay_seconds = min(self._delay_seconds * 2, _LONGEST_DELAY_SECONDS)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (failure := task.exception()) is not None:
        log.error("changes are not heard until somebody begins to watch", exc_info=failure)
