"""Half-open spans of time, and the billing periods that repeat from an anchor."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import assert_never
from zoneinfo import ZoneInfo

from fubble_gql.pricing import wallclock
from fubble_gql.pricing.money import ONE, ZERO, divide, limit_places, plain

_MICROSECOND = timedelta(microseconds=1)
_UNITS = (
    ("days", timedelta(days=1)),
    ("hours", timedelta(hours=1)),
    ("minutes", timedelta(minutes=1)),
    ("seconds", timedelta(seconds=1)),
)
# A fraction is told as it is while its parts have so few digits that people read them.
_READABLE = 10_000
_TOLD_PLACES = 9


@dataclass(frozen=True, slots=True)
class Period:
    """A span of time: its start is in it, its end is not. Kept in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if not (self.start.tzinfo is UTC is self.end.tzinfo):
            object.__setattr__(self, "start", wallclock.in_utc(self.start))
            object.__setattr__(self, "end", wallclock.in_utc(self.end))
        if self.start >= self.end:
            raise ValueError(f"A period must end after it starts: {self.start} to {self.end}.")

    @property
    def microseconds(self) -> int:
        return (self.end - self.start) // _MICROSECOND

    def contains(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def lies_within(self, other: "Period") -> bool:
        return other.start <= self.start and self.end <= other.end

    def overlaps(self, other: "Period") -> bool:
        return self.start < other.end and other.start < self.end

    def overlap(self, other: "Period") -> "Period | None":
        """The time that both cover, if any."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Period(start, end) if start < end else None


@dataclass(frozen=True, slots=True)
class Share:
    """The covered part of a whole billing period, as a fraction that is never computed early.

    Above one only where a longer span is compared with a shorter period.
    """

    covered: int
    whole: int

    def __post_init__(self) -> None:
        if self.covered < 0 or self.whole <= 0:
            raise ValueError(f"{self.covered} of {self.whole} is not a share.")

    @classmethod
    def between(cls, covered: Period, whole: Period) -> "Share":
        """The share of the whole period that the covered one, inside it, makes up."""
        if not covered.lies_within(whole):
            raise ValueError(f"{covered} does not lie within {whole}.")
        return cls(covered.microseconds, whole.microseconds)

    @classmethod
    def over(cls, covered: Period, wholes: "Sequence[Period]") -> "Share":
        """How many of the periods, which tile it, the covered span makes up: 1, 1/2, 3 1/7."""
        if len(wholes) == 1:
            return cls.between(covered, wholes[0])
        parts = (
            Fraction(part.microseconds, whole.microseconds)
            for whole in wholes
            if (part := covered.overlap(whole)) is not None
        )
        return cls(*sum(parts, Fraction()).as_integer_ratio())

    @property
    def is_whole(self) -> bool:
        return self.covered == self.whole

    def of(self, amount: Decimal) -> Decimal:
        """Multiplied first, divided once."""
        return amount if self.is_whole else divide(amount, self.covered, self.whole)

    def parts(self, amounts: Sequence[Decimal]) -> list[Decimal]:
        """The share of each amount; the last one carries the rest, so they sum to the share of all.

        Otherwise a half cent made of thirds would be rounded as just below it.
        """
        shares = [self.of(amount) for amount in amounts]
        shares[-1] += self.of(sum(amounts, ZERO)) - sum(shares, ZERO)
        return shares

    def __str__(self) -> str:
        if self.covered > self.whole and self.covered % self.whole == 0:
            return f"{self.covered // self.whole} periods"
        for name, unit in _UNITS:
            size = unit // _MICROSECOND
            if self.covered % size == 0 == self.whole % size and self.whole < _READABLE * size:
                return f"{self.covered // size} of {self.whole // size} {name}"
        if self.whole < _READABLE:
            return f"{self.covered} of {self.whole}"
        told = plain(limit_places(self.of(ONE), _TOLD_PLACES))
        return f"{told} periods" if self.covered > self.whole else f"{told} of a period"


WHOLE = Share(1, 1)


class Frequency(StrEnum):
    """How often a plan bills."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    QUARTERLY = "QUARTERLY"
    SEMIANNUAL = "SEMIANNUAL"
    YEARLY = "YEARLY"


_DAYS = {Frequency.DAILY: 1, Frequency.WEEKLY: 7}
_MONTHS = {
    Frequency.MONTHLY: 1,
    Frequency.QUARTERLY: 3,
    Frequency.SEMIANNUAL: 6,
    Frequency.YEARLY: 12,
}


@dataclass(frozen=True, slots=True)
class Schedule:
    """Billing periods without gap or overlap, counted from the anchor in both directions.

    Every boundary is computed from the anchor itself, never from the boundary before it, so a
    month end that was clamped comes back (31 January, 28 February, 31 March), and the anchor's
    wall clock stays the same across daylight saving.
    """

    anchor: datetime
    frequency: Frequency
    timezone: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "anchor", wallclock.in_utc(self.anchor))
        wallclock.zone(self.timezone)

    def boundary(self, k: int) -> datetime:
        """The start of period k, which is the end of period k - 1."""
        return _boundary(self, k)

    def period_at(self, instant: datetime) -> Period:
        """The whole period that the instant falls in."""
        k = self._index_at(instant)
        return Period(self.boundary(k), self.boundary(k + 1))

    def periods(self, start: datetime, end: datetime | None) -> Iterator[Period]:
        """The whole periods that overlap [start, end), in order; without end where there is none."""
        if end is not None and start >= end:
            return
        k = self._index_at(start)
        opening = self.boundary(k)
        while end is None or opening < end:
            k += 1
            closing = self.boundary(k)
            # Where a zone left a whole day out, a daily period is empty: there is nothing to bill.
            if opening < closing:
                yield Period(opening, closing)
            opening = closing

    def _index_at(self, instant: datetime) -> int:
        """Estimated from UTC, then set right: clamping and the zone's offsets shift it by one."""
        if self.frequency in _DAYS:
            k = (instant - self.anchor).days // _DAYS[self.frequency]
        else:
            k = wallclock.months_between(self.anchor, instant) // _MONTHS[self.frequency]
        while self.boundary(k) > instant:
            k -= 1
        while self.boundary(k + 1) <= instant:
            k += 1
        return k


# A bill asks for the few boundaries around it again and again.
@lru_cache(maxsize=4_096)
def _boundary(schedule: Schedule, k: int) -> datetime:
    if k == 0:
        # An anchor in the second of two equal hours would come back as the first.
        return schedule.anchor
    zone = wallclock.zone(schedule.timezone)
    wall = wallclock.wall_clock(schedule.anchor, zone)
    if schedule.frequency in _DAYS:
        wall += timedelta(days=k * _DAYS[schedule.frequency])
    else:
        wall = wallclock.add_months(wall, k * _MONTHS[schedule.frequency])
    return wallclock.instant_of(wall, zone)


class Granularity(StrEnum):
    """How finely a period is cut for a series."""

    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    TOTAL = "TOTAL"


def buckets(period: Period, granularity: Granularity, timezone: str) -> list[Period]:
    """The calendar's hours, days, weeks (from Monday) or months, clipped to the period.

    An hour lasts until the local clock shows the next full one: where a zone shifts by half an
    hour, one bucket is half as long and all others are hours again.
    """
    zone = wallclock.zone(timezone)
    cuts = [period.start]
    while cuts[-1] < period.end:
        cuts.append(min(period.end, _next_cut(cuts[-1], granularity, zone, period)))
    return [Period(start, end) for start, end in pairwise(cuts)]


def _next_cut(
    instant: datetime, granularity: Granularity, zone: ZoneInfo, period: Period
) -> datetime:
    match granularity:
        case Granularity.HOUR:
            return wallclock.next_hour(instant, zone)
        case Granularity.DAY:
            return wallclock.next_day(instant, zone)
        case Granularity.WEEK:
            return wallclock.next_week(instant, zone)
        case Granularity.MONTH:
            return wallclock.next_month(instant, zone)
        case Granularity.TOTAL:
            return period.end
        case _:
            assert_never(granularity)


def month_of(instant: datetime, timezone: str) -> Period:
    """The local calendar month that the instant falls in."""
    zone = wallclock.zone(timezone)
    return Period(wallclock.month_start(instant, zone), wallclock.next_month(instant, zone))


def add_days(instant: datetime, days: int, timezone: str) -> datetime:
    """The same wall clock so many local calendar days later."""
    if days == 0:
        return wallclock.in_utc(instant)
    zone = wallclock.zone(timezone)
    return wallclock.instant_of(wallclock.wall_clock(instant, zone) + timedelta(days=days), zone)


known_timezone = wallclock.is_known_zone
