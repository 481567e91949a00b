"""Billing periods as other billing systems cut them."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from fubble_gql.pricing.period import Frequency, Granularity, Period, Schedule, add_days, buckets
from tests.conformance.corpus import Case, to_answer

DAY = timedelta(days=1)


@pytest.mark.parametrize("case", to_answer("periods"))
def test_a_period_is_what_the_standard_says(case: Case) -> None:
    expected = case.record("half_open") if "half_open" in case else case.answer()
    if "starts" in expected:
        assert _starts(case) == [f"{each}T00:00:00+00:00" for each in expected.texts("starts")]
        return
    period = _answer(case)
    for name in expected.fields:
        end = period.end if name == "to" else period.start
        assert end == expected.instant(name)


def _answer(case: Case) -> Period:
    if "billing_run_at" in case:
        return _billed_at_run(case)
    if "billing_day" in case:
        return _on_billing_day(case)
    if case.model == "advance_days":
        start = case.instant("from")
        return Period(start, add_days(start, int(case.text("days")), case.text("timezone")))
    if case.model in {"day_start", "week_start"}:
        return _bucket(case)
    return _schedule(case, case.instant("anchor")).period_at(
        case.instant("at" if "at" in case else "from")
    )


def _billed_at_run(case: Case) -> Period:
    """In advance: the period that begins that day; in arrears: the one before it."""
    zone = ZoneInfo(case.text("timezone"))
    if case.text("billing_time") == "calendar":
        # A Monday that begins a year: the calendar's periods of every frequency start there.
        anchor = datetime(2018, 1, 1, tzinfo=zone)
    else:
        anchor = _midnight(case.instant("subscription_start"), zone)
    schedule = _schedule(case, anchor)
    current = schedule.period_at(_midnight(case.instant("billing_run_at"), zone))
    if case.flag("pay_in_advance"):
        return current
    return schedule.period_at(current.start - timedelta(microseconds=1))


def _on_billing_day(case: Case) -> Period:
    """From whole dates and a day of the month."""
    start = case.instant("start" if "start" in case else "from")
    schedule = _schedule(case, start.replace(day=int(case.text("billing_day"))))
    if case.model != "first_cycle_date":
        return schedule.period_at(case.instant("at") if "at" in case else start)
    period = schedule.period_at(start)
    return period if period.start == start else schedule.period_at(period.end)


def _bucket(case: Case) -> Period:
    at = case.instant("at")
    granularity = Granularity.DAY if case.model == "day_start" else Granularity.WEEK
    around = Period(at - 8 * DAY, at + 8 * DAY)
    cut = buckets(around, granularity, case.text("timezone"))
    return next(each for each in cut if each.contains(at))


def _starts(case: Case) -> list[str]:
    schedule = _schedule(case, case.instant("anchor"))
    return [schedule.boundary(k).isoformat() for k in range(int(case.text("count")))]


def _schedule(case: Case, anchor: datetime) -> Schedule:
    timezone = case.text("timezone") if "timezone" in case else "UTC"
    return Schedule(anchor, Frequency(case.text("interval").upper()), timezone)


def _midnight(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
