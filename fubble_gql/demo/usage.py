"""The demo's usage events, the same whenever and however often they are made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from random import Random
from zoneinfo import ZoneInfo

from fubble_gql.demo.customers import COMPANIES, Company
from fubble_gql.demo.habits import HABITS, Day
from fubble_gql.demo.metrics import AI_OPERANDS
from fubble_gql.demo.plans import plans_in
from fubble_gql.demo.story import Term, beginning, stints
from fubble_gql.pricing.wallclock import in_utc
from fubble_gql.usage.new_event import NewEvent

_SEED = "fubble"
_ONE_DAY = timedelta(days=1)
# Every seventh company uses something that its plans have no price for.
_UNPRICED = "compute_seconds"
_UNPRICED_EVERY = 7
# This company's usage of the last days of a month arrives only after the month was invoiced.
_DELAYED = "polderlicht"
_DELAYED_FROM_DAY = 26
_DELAY = timedelta(days=11)


@dataclass(frozen=True)
class Usage:
    """All events of a demo that was begun at this instant.

    `every_days` is 1; tests that want less say how many days lie between two with usage.
    """

    begun_at: datetime
    every_days: int = 1

    @cached_property
    def streams(self) -> dict[tuple[Company, str], tuple[datetime, datetime | None]]:
        """The metrics that each company uses, with the first instant and the one after the last."""
        found: dict[tuple[Company, str], tuple[datetime, datetime | None]] = {}
        for stint in stints(self.begun_at):
            for metric in _metrics_of(stint):
                first, _ = found.get((stint.company, metric), (stint.start, None))
                found[stint.company, metric] = (first, stint.end)
        return found

    @cached_property
    def first_day(self) -> date:
        """From which usage grows."""
        return beginning(self.begun_at).date()

    def between(self, start: datetime, end: datetime) -> list[NewEvent]:
        """The events that arrive in a half-open span, in the order in which they do."""
        days = {company: self._days(company, start, end) for company in COMPANIES}
        found = [
            (arrival, event)
            for (company, metric), (first, last) in self.streams.items()
            if first < end
            for day, delay in days[company]
            for happened, event in _of_day(company, metric, day, (day - self.first_day).days)
            if first <= happened < (last or end)
            and start <= (arrival := happened + delay if delay else happened) < end
        ]
        found.sort(key=lambda one: (one[0], one[1].idempotency_key))
        return [event for _, event in found]

    def _days(
        self, company: Company, start: datetime, end: datetime
    ) -> list[tuple[date, timedelta | None]]:
        """The company's local days that have usage, and how much later it arrives."""
        is_delayed = company.key == _DELAYED
        return [
            (day, _DELAY if is_delayed and day.day >= _DELAYED_FROM_DAY else None)
            for day in _local_days(company, start - _DELAY if is_delayed else start, end)
            if day.toordinal() % self.every_days == 0
        ]


# A local day lies in two UTC days, which are usually asked for one after the other.
@lru_cache(maxsize=1_024)
def _of_day(
    company: Company, metric: str, date_: date, age: int
) -> tuple[tuple[datetime, NewEvent], ...]:
    """Each with the instant at which it happened."""
    random = Random(f"{_SEED}/{company.key}/{metric}/{date_}")  # noqa: S311 - not a secret
    day = Day(date_, company.size, company.currency, age)
    zone = ZoneInfo(company.timezone)
    made = []
    for n, use in enumerate(HABITS[metric].uses(day, random)):
        happened = in_utc(datetime.combine(date_, use.at, zone))
        event = NewEvent(
            customer=company.key,
            metric=metric,
            idempotency_key=f"{metric}/{date_}/{n}",
            quantity=use.quantity,
            event_time=happened,
            properties=use.properties,
        )
        made.append((happened, event))
    return tuple(made)


def _metrics_of(term: Term) -> Iterator[str]:
    for component in plans_in(term.company.currency)[term.plan].components:
        if component.metric == "ai_units":
            yield from AI_OPERANDS
        elif component.metric is not None:
            yield component.metric
    if COMPANIES.index(term.company) % _UNPRICED_EVERY == 0:
        yield _UNPRICED


def _local_days(company: Company, start: datetime, end: datetime) -> Iterator[date]:
    zone = ZoneInfo(company.timezone)
    day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    while start < end and day <= last:
        yield day
        day += _ONE_DAY
