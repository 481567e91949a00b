"""The cut between what invoices know and what comes late."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from fubble_gql.db.rows import Table
from fubble_gql.usage.store.rows import BEGINNING, EventRow

_MICROSECOND = timedelta(microseconds=1)


class Standing(NamedTuple):
    """How far a customer has been invoiced, as of when at the latest and for which time."""

    id: UUID
    cut_at: datetime | None
    invoiced_until: datetime | None
    archived_at: datetime | None


STANDINGS = Table("customer", Standing)


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the customers of a call stand for as long as the call holds them.

    `found` is how many of them there are, archived ones included.
    """

    earliest_stamp: datetime
    invoiced_until: Mapping[UUID, datetime]
    archived: Mapping[UUID, datetime]
    found: int

    @classmethod
    def of(cls, standings: Iterable[Standing], last_stamp: datetime | None = None) -> Cut:
        """`last_stamp`: before it nothing may be stamped, for another reason."""
        known = list(standings)
        return cls(
            max([*(after(row.cut_at) for row in known), last_stamp or BEGINNING]),
            {row.id: row.invoiced_until for row in known if row.invoiced_until is not None},
            {row.id: row.archived_at for row in known if row.archived_at is not None},
            len(known),
        )

    def stamp(self, now: datetime) -> datetime:
        """When what happens now becomes known: later than every invoice of these customers.

        `now` is read under the locks. It decides, unless the clock stood still or another
        machine's runs ahead.
        """
        return max(now, self.earliest_stamp)

    def is_late(self, row: EventRow) -> bool:
        """Whether a period that may hold the event has been invoiced."""
        until = self.invoiced_until.get(row.customer_id)
        return until is not None and row.event_time < until


def after(cut_at: datetime | None) -> datetime:
    """The earliest stamp of what an invoice did not know that was cut then; None: there is none."""
    return BEGINNING if cut_at is None else cut_at + _MICROSECOND
