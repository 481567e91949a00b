"""Load the demo's data through the same functions that the API calls.

Safe to repeat: what was created is returned by its key, what was recorded is a duplicate, what was
invoiced is due no more. Killed in the middle, the next start goes on from the last whole day.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from fubble_gql.billing.subscribe import subscribe
from fubble_gql.catalog import metrics, plans
from fubble_gql.customers import store
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.demo import books
from fubble_gql.demo.customers import new_customer
from fubble_gql.demo.deals import deals
from fubble_gql.demo.folder import Folder, Progress
from fubble_gql.demo.metrics import METRICS
from fubble_gql.demo.plans import CURRENCIES, dearer_starter, plans_in
from fubble_gql.demo.story import DEARER_AFTER, beginning, terms
from fubble_gql.demo.usage import Usage
from fubble_gql.errors import Refused
from fubble_gql.usage import ingest
from fubble_gql.usage.ingest import NewEvent, ReceiptStatus

Clock = Callable[[], datetime]
Report = Callable[[int, int], None]
_Make = Callable[[Connection], Awaitable[object]]
_ONE_DAY = timedelta(days=1)


class Loaded(NamedTuple):
    """What a load did: whether all was there already, what it recorded, and what it issued."""

    was_complete: bool
    events: int
    invoices: int


async def load(
    connection: Connection, folder: Folder, clock: Clock, report: Report, every_days: int = 1
) -> Loaded:
    """Make what the folder's database lacks, record usage up to now, and invoice what has closed.

    `report` hears how many steps of how many are done. Raises FolderUnusable, Refused.
    """
    now = clock()
    progress = folder.progress() or Progress(now, beginning(now), every_days)
    folder.save(progress)
    makes = [] if progress.is_complete else list(_makes(progress.begun_at))
    days = list(_days(progress.loaded_until, now))
    total = len(makes) + len(days)
    for done, make in enumerate(makes, start=1):
        await make(connection)
        report(done, total)
    usage, agreed = Usage(progress.begun_at, progress.every_days), deals(progress.begun_at)
    was_complete = progress.is_complete
    events = invoices = 0
    for done, (start, end) in enumerate(days, start=len(makes) + 1):
        recorded = usage.between(start, end)
        # History looks as if it had come about day by day, as long as no one could bill it.
        recorder = clock if was_complete else partial(_at, end)
        events += await _record(connection, recorded, recorder, may_reject=was_complete)
        if not was_complete:
            invoices += await books.keep(connection, agreed, start, end)
        progress = replace(progress, loaded_until=end)
        folder.save(progress)
        report(done, total)
    if was_complete:
        invoices = (await books.bill(connection, clock)).finalized
    folder.save(replace(progress, is_complete=True))
    return Loaded(was_complete, events, invoices)


def _makes(begun_at: datetime) -> Iterator[_Make]:
    """Everything but usage, in the order in which it came about."""
    start = beginning(begun_at)
    for metric in METRICS:
        yield partial(metrics.create, new=metric, now=start)
    for currency in CURRENCIES:
        for plan in plans_in(currency).values():
            yield partial(plans.create, new=plan, now=start)
    is_dearer = False
    known = set[str]()
    for term in terms(begun_at):
        when = min(term.start, begun_at)
        if when > start + DEARER_AFTER and not is_dearer:
            is_dearer = True
            yield from _dearer(start + DEARER_AFTER)
        if term.company.key not in known:
            known.add(term.company.key)
            yield partial(store.create, new=new_customer(term.company), now=when)
        yield partial(subscribe, new=term.subscription, now=when)


def _dearer(when: datetime) -> Iterator[_Make]:
    for currency in CURRENCIES:
        plan = dearer_starter(currency)
        yield partial(
            plans.update,
            ref=Ref(key=plan.key),
            change=plans.with_changes({"components": plan.components}),
            expected_version=None,
            now=when,
        )


def _days(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The span, cut at UTC midnights."""
    while start < end:
        midnight = start.replace(hour=0, minute=0, second=0, microsecond=0) + _ONE_DAY
        yield start, min(midnight, end)
        start = midnight


async def _record(
    connection: Connection, events: Sequence[NewEvent], clock: Clock, *, may_reject: bool
) -> int:
    """How many were new. What was archived since takes no more usage; else Refused."""
    accepted = 0
    for first in range(0, len(events), ingest.EVENTS_MAX):
        batch = events[first : first + ingest.EVENTS_MAX]
        for receipt in await ingest.record(connection, batch, clock):
            if receipt.error is not None and not may_reject:
                raise Refused([receipt.error])
            accepted += receipt.status is ReceiptStatus.ACCEPTED
    return accepted


def _at(instant: datetime) -> datetime:
    return instant
