"""An import at work: while the events of some rows are recorded, the next rows are read."""

from __future__ import annotations

import signal
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from functools import partial
from types import FrameType, TracebackType
from typing import NamedTuple

from fubble_gql.cli.background import Background
from fubble_gql.cli.failures import Exit, Failure
from fubble_gql.cli.import_cells import Unfit
from fubble_gql.cli.import_events import EventsOf
from fubble_gql.cli.import_recorder import Recorder
from fubble_gql.cli.import_rejects import Rejected, Rejects
from fubble_gql.cli.lines import Screen
from fubble_gql.cli.rows import Row, Unreadable
from fubble_gql.errors import Code, Unavailable
from fubble_gql.usage.ingest import EVENTS_MAX, NewEvent, Receipt, ReceiptStatus

# Rows are kept until their events are recorded, since they may be rejected then.
CHARACTERS_MAX = 4_000_000
INTERRUPTED = 130
# Begun and not finished: while a customer has a turn in one, another has its in the next.
BATCHES_MAX = 2


@dataclass(slots=True)
class Batch:
    """Rows with all of their events, and rows that make none."""

    events: list[NewEvent] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)  # that of each event
    rejected: list[Rejected] = field(default_factory=list)
    line: int = 0
    size: int = 0

    def add(self, row: Row | Unreadable, events_of: EventsOf) -> None:
        """A row, with all of its events or with none."""
        self.line = row.line
        if isinstance(row, Unreadable):
            self._reject(row, row.why)
            return
        try:
            events = events_of.row(row)
        except Unfit as unfit:
            self._reject(row, str(unfit))
            return
        self.size += row.size
        self.events += events
        self.rows += [row] * len(events)

    def _reject(self, row: Row | Unreadable, why: str) -> None:
        original = row.original
        self.size += len(original) if isinstance(original, str) else sum(map(len, original))
        self.rejected.append(Rejected(row.line, Code.INVALID, why, row.original))

    def has_room(self, events: int) -> bool:
        """Whether a row with so many events may be added."""
        return (
            max(len(self.events) + events, len(self.rejected)) <= EVENTS_MAX
            and self.size <= CHARACTERS_MAX
        )

    def refused(self, receipts: Sequence[Receipt]) -> list[Rejected]:
        """All rows of it that were rejected, each once, in the order of their lines."""
        found: dict[int, Rejected] = {}
        for row, receipt in zip(self.rows, receipts, strict=True):
            if (error := receipt.error) is not None:
                first = found.get(row.line)
                why = error.message
                if first is not None:
                    why = first.why if why in first.why else f"{first.why} {why}"
                code = error.code if first is None else first.code
                found[row.line] = Rejected(row.line, code, why, row.original)
        return sorted([*self.rejected, *found.values()], key=lambda one: one.line)


def batches(
    rows: Iterator[Row | Unreadable], events_of: EventsOf, events_per_row: int
) -> Iterator[Batch]:
    """The rows in batches, read as they are asked for. Where reading fails, first those before."""
    batch = Batch()
    try:
        for row in rows:
            batch.add(row, events_of)
            if not batch.has_room(events_per_row):
                yield batch
                batch = Batch()
    except Failure:
        if batch.line:
            yield batch
        raise
    if batch.line:
        yield batch


class Stop(NamedTuple):
    """An end before the end: the exit code, and what to do."""

    code: int
    why: str


class _Running(NamedTuple):
    """A batch, and what becomes of its events."""

    batch: Batch
    receipts: Future[list[Receipt]]


class _Interrupts:
    """Ctrl-C while rows are read stops the reading; at any other time it is kept until then.

    Raised amid a wait for the other thread it could leave a lock taken that both need.
    """

    def __init__(self) -> None:
        self._has_come = self._is_reading = False

    def __enter__(self) -> _Interrupts:
        self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.signal(signal.SIGINT, self._before)

    def read(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """Each batch. Raises KeyboardInterrupt."""
        while (batch := self._next(batches)) is not None:
            yield batch

    def _next(self, batches: Iterator[Batch]) -> Batch | None:
        self._is_reading = True
        try:
            if self._has_come:
                raise KeyboardInterrupt
            return next(batches, None)
        finally:
            self._is_reading = False

    def _note(self, _: int, __: FrameType | None) -> None:
        self._has_come = True
        if self._is_reading:
            raise KeyboardInterrupt


@dataclass(slots=True)
class Import:
    """How far an import has come."""

    rejects: Rejects
    screen: Screen
    line: int = 0
    accepted: int = 0
    duplicates: int = 0
    begin: float = field(default_factory=time.monotonic)
    _running: deque[_Running] = field(default_factory=deque)

    def run(self, batches: Iterator[Batch], database: Background) -> Stop | None:
        """Why it stopped before the end, if it did. What was begun by then is finished.

        Only in the main thread, where signals come.
        """
        try:
            with _Interrupts() as interrupts:
                return self._run(interrupts.read(batches), database)
        except Unavailable:
            wait([running.receipts for running in self._running])
            return self._stopped(Exit.FAILED, "The database cannot answer.")

    def _run(self, batches: Iterator[Batch], database: Background) -> Stop | None:
        recorder = Recorder(self.screen.tell)
        try:
            for batch in batches:
                if len(self._running) == BATCHES_MAX:
                    self._finish()
                recorded = database.begin(partial(recorder.record, batch.events))
                self._running.append(_Running(batch, recorded))
            self._finish_all()
        except KeyboardInterrupt:
            self._finish_all()
            return self._stopped(INTERRUPTED, "Interrupted.")
        except Failure as failure:
            self._finish_all()
            return self._stopped(Exit.FAILED, str(failure))
        return None

    def _stopped(self, code: int, why: str) -> Stop:
        return Stop(
            code,
            f"{why} Everything up to line {self.line:,} is done; "
            "run the same command again for the rest.",
        )

    def _finish_all(self) -> None:
        while self._running:
            self._finish()

    def _finish(self) -> None:
        """Wait for the batch that was begun first, and note what became of it."""
        batch, recorded = self._running.popleft()
        receipts = recorded.result()
        statuses = [receipt.status for receipt in receipts]
        self.accepted += statuses.count(ReceiptStatus.ACCEPTED)
        self.duplicates += statuses.count(ReceiptStatus.DUPLICATE)
        for rejected in batch.refused(receipts):
            self.rejects.write(rejected)
        self.line = batch.line
        self.screen.show(f"Importing: {self.accepted + self.duplicates:,} events")

    def summary(self) -> str:
        """What became of the events, and how fast."""
        seconds = time.monotonic() - self.begin
        rate = (self.accepted + self.duplicates) / max(seconds, 0.001)
        return (
            f"{self.accepted:,} recorded, {self.duplicates:,} recorded before, "
            f"{self.rejects.count:,} rows rejected; {seconds:.1f} s, {rate:,.0f} events/s."
        )
