"""Wall clocks in a timezone, and the instants that they stand for."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


def is_known_zone(name: str) -> bool:
    """Whether it is a key of the timezone database; no path is ever opened to find out."""
    return name in _zone_names()


def zone(name: str) -> ZoneInfo:
    """The timezone of that key; ValueError for anything else."""
    if not is_known_zone(name):
        raise ValueError(f"{name!r} is not a timezone.")
    return ZoneInfo(name)


def rfc3339(instant: datetime) -> str:
    """The instant as clients read and write it: in UTC, with a Z."""
    return in_utc(instant).isoformat().replace("+00:00", "Z")


def in_utc(instant: datetime) -> datetime:
    """The same instant in UTC; ValueError for a naive one."""
    if instant.tzinfo is UTC:
        return instant
    if instant.utcoffset() is None:
        raise ValueError(f"{instant} has no timezone.")
    return instant.astimezone(UTC)


def wall_clock(instant: datetime, zone: ZoneInfo) -> datetime:
    """What a clock on the wall shows then: naive, and without memory of which of two equal hours."""
    return in_utc(instant).astimezone(zone).replace(tzinfo=None, fold=0)


def instant_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """When the wall clock shows that.

    A time that a shift leaves out is moved forward by the shift; of two equal ones the earlier is
    meant. Both are what fold 0 means in PEP 495.
    """
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def add_months(wall: datetime, months: int) -> datetime:
    """So many months on, on the last day of a month that is too short."""
    year, month = divmod(12 * wall.year + wall.month - 1 + months, 12)
    last_day = monthrange(year, month + 1)[1]
    return wall.replace(year=year, month=month + 1, day=min(wall.day, last_day))


def months_between(first: datetime, last: datetime) -> int:
    """Counted from month to month, whatever the days."""
    return 12 * (last.year - first.year) + last.month - first.month


def next_hour(instant: datetime, zone: ZoneInfo) -> datetime:
    wall = wall_clock(instant, zone)
    return instant + _HOUR - (wall - wall.replace(minute=0, second=0, microsecond=0))


def next_day(instant: datetime, zone: ZoneInfo) -> datetime:
    return _first_start_after(instant, _today(instant, zone), _DAY, zone)


def next_week(instant: datetime, zone: ZoneInfo) -> datetime:
    today = _today(instant, zone)
    return _first_start_after(instant, today - today.weekday() * _DAY, 7 * _DAY, zone)


def next_month(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant_of(_month_after(instant, zone), zone)


def month_start(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant_of(add_months(_month_after(instant, zone), -1), zone)


def _month_after(instant: datetime, zone: ZoneInfo) -> datetime:
    """The wall clock of the first month that starts later.

    Where a clock is set back over midnight, a month has started and the wall shows the last one.
    """
    first = datetime.combine(_today(instant, zone).replace(day=1), time())
    while instant_of(first, zone) <= instant:
        first = add_months(first, 1)
    return first


def _first_start_after(instant: datetime, day: date, step: timedelta, zone: ZoneInfo) -> datetime:
    """The start of the next such day; a day that the zone left out is passed over."""
    start = instant
    while start <= instant:
        day += step
        start = _day_start(day, zone)
    return start


def _day_start(day: date, zone: ZoneInfo) -> datetime:
    return instant_of(datetime.combine(day, time()), zone)


def _today(instant: datetime, zone: ZoneInfo) -> date:
    return wall_clock(instant, zone).date()


@cache
def _zone_names() -> frozenset[str]:
    """All but the two that are settings of a machine and not places."""
    return frozenset(available_timezones() - {"Factory", "localtime"})
