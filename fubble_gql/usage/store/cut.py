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

    `standing` has all that there are, with when they were archived.
    """

    earliest_stamp: datetime
    invoiced_until: Mapping[UUID, datetime]
    standing: Mapping[UUID, datetime | None]

    @classmethod
    def of(cls, standings: Iterable[Standing], last_stamp: datetime | None = None) -> Cut:
        """`last_stamp`: before it nothing may be stamped, for another reason."""
        known = list(standings)
        behind = [row.cut_at + _MICROSECOND for row in known if row.cut_at is not None]
        return cls(
            max([*behind, last_stamp or BEGINNING]),
            {row.id: row.invoiced_until for row in known if row.invoiced_until is not None},
            {row.id: row.archived_at for row in known},
        )

    def stamp(self, now: datetime) -> datetime:
        """When what happens now becomes known: later than every invoice of these customers.

        `now` is read under the locks. It decides, unless the clock stood still or another
        machine's runs ahead.
        """
        return max(now, self.earliest_stamp)

    def is_late(self, row: EventRow) -> bool:
        """Whether a period that may hold the event has been invoiced."""
        return row.event_time < self.invoiced_until.get(row.customer_id, BEGINNING)
