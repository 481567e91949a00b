"""Spans, shares, and periods that tile time."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fubble_gql.pricing.period import (
    Frequency,
    Granularity,
    Period,
    Schedule,
    Share,
    add_days,
    buckets,
    known_timezone,
    month_of,
)
from tests.pricing.builders import JANUARY, d, span, utc
from tests.pricing.strategies import INSTANTS, PRICES, SHARES, ZONE_NAMES

SPANS = st.tuples(INSTANTS, st.integers(1, 60 * 86_400)).map(
    lambda pair: Period(pair[0], pair[0] + timedelta(seconds=pair[1]))
)


def test_the_start_is_in_a_period_and_its_end_is_not() -> None:
    assert JANUARY.contains(utc("2025-01-01"))
    assert not JANUARY.contains(utc("2025-02-01"))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (utc("2025-01-01"), utc("2025-01-01")),
        (utc("2025-01-02"), utc("2025-01-01")),
        (datetime(2025, 1, 1), datetime(2025, 1, 2)),  # noqa: DTZ001
    ],
)
def test_empty_inverted_and_naive_periods_are_refused(start: datetime, end: datetime) -> None:
    with pytest.raises(ValueError, match=r"period|timezone"):
        Period(start, end)


def test_periods_that_only_touch_do_not_overlap() -> None:
    assert JANUARY.overlap(span("2025-02-01", "2025-03-01")) is None
    assert JANUARY.overlap(span("2025-01-20", "2025-03-01")) == span("2025-01-20", "2025-02-01")


@given(SPANS, SPANS)
def test_spans_overlap_where_they_have_time_in_common(one: Period, other: Period) -> None:
    common = one.overlap(other)
    assert one.overlaps(other) == other.overlaps(one) == (common is not None)
    assert one.lies_within(other) == (common == one)
    assert common is None or common.lies_within(one)


def test_a_share_multiplies_first_and_divides_once() -> None:
    share = Share.between(span("2025-01-21", "2025-02-01"), JANUARY)
    assert str(share) == "11 of 31 days"
    assert share.of(d("31")) == 11


def test_a_share_of_a_month_with_a_lost_hour_is_told_in_hours() -> None:
    march = Schedule(utc("2025-03-01T05:00"), Frequency.MONTHLY, "America/New_York")
    whole = march.period_at(utc("2025-03-15"))
    assert str(Share.between(Period(whole.start, utc("2025-03-02T05:00")), whole)) == (
        "24 of 743 hours"
    )


def test_a_share_that_no_unit_divides_is_told_as_people_read_it() -> None:
    changed = utc("2025-01-15T09:01:38.183670")
    assert str(Share.between(Period(JANUARY.start, changed), JANUARY)) == "0.463746335 of a period"
    by_the_second = Period(JANUARY.start, utc("2025-01-15T09:01:38"))
    assert str(Share.between(by_the_second, JANUARY)) == "0.463746266 of a period"
    assert str(Share(1, 3)) == "1 of 3"


def test_a_share_cannot_reach_beyond_its_period() -> None:
    with pytest.raises(ValueError, match="within"):
        Share.between(span("2024-12-31", "2025-01-02"), JANUARY)
    with pytest.raises(ValueError, match="share"):
        Share(-1, 2)


def test_a_share_of_other_periods_counts_each_by_its_own_length() -> None:
    months = Schedule(utc("2025-01-01"), Frequency.MONTHLY, "UTC")
    year = span("2025-01-01", "2026-01-01")
    wholes = list(months.periods(year.start, year.end))

    assert Share.over(year, wholes) == Share(12, 1)
    assert str(Share.over(year, wholes)) == "12 periods"
    assert Share.over(span("2025-01-01", "2025-02-15"), wholes).of(d("28")) == 42


@given(st.lists(PRICES, min_size=1, max_size=5), SHARES)
def test_the_parts_of_a_share_sum_to_the_share_of_the_sum(
    amounts: list[Decimal], share: Share
) -> None:
    assert sum(share.parts(amounts)) == share.of(sum(amounts, Decimal(0)))


@pytest.mark.parametrize(
    ("k", "day"),
    [
        (0, "2025-01-31"),
        (1, "2025-02-28"),
        (2, "2025-03-31"),
        (-1, "2024-12-31"),
        (37, "2028-02-29"),
    ],
)
def test_a_month_end_is_clamped_and_comes_back(k: int, day: str) -> None:
    assert Schedule(utc("2025-01-31"), Frequency.MONTHLY, "UTC").boundary(k) == utc(day)


def test_the_wall_clock_stays_the_same_across_daylight_saving() -> None:
    schedule = Schedule(utc("2025-01-15T17:00"), Frequency.QUARTERLY, "America/New_York")
    assert schedule.boundary(1) == utc("2025-04-15T16:00")


def test_a_wall_time_that_a_shift_leaves_out_moves_forward_by_the_shift() -> None:
    schedule = Schedule(utc("2025-03-08T07:30"), Frequency.DAILY, "America/New_York")
    assert schedule.boundary(1) == utc("2025-03-09T07:30")
    assert schedule.boundary(2) == utc("2025-03-10T06:30")


def test_of_two_equal_wall_times_the_earlier_is_meant() -> None:
    schedule = Schedule(utc("2025-11-01T05:30"), Frequency.DAILY, "America/New_York")
    assert schedule.boundary(1) == utc("2025-11-02T05:30")


def test_an_anchor_in_the_second_of_two_equal_hours_stays_there() -> None:
    schedule = Schedule(utc("2025-11-02T06:30"), Frequency.DAILY, "America/New_York")
    assert schedule.boundary(0) == utc("2025-11-02T06:30")
    assert schedule.period_at(utc("2025-11-02T06:00")).end == utc("2025-11-02T06:30")


def test_a_day_that_a_zone_left_out_makes_no_period() -> None:
    schedule = Schedule(utc("2011-12-28T10:00"), Frequency.DAILY, "Pacific/Apia")
    periods = list(schedule.periods(utc("2011-12-28T10:00"), utc("2012-01-01T10:00")))
    assert [period.start.day for period in periods] == [28, 29, 30, 31]


@given(INSTANTS, st.sampled_from(Frequency), ZONE_NAMES, INSTANTS)
def test_every_instant_lies_in_exactly_one_period(
    anchor: datetime, frequency: Frequency, zone: str, at: datetime
) -> None:
    schedule = Schedule(anchor, frequency, zone)
    period = schedule.period_at(at)
    assert period.contains(at)
    assert schedule.period_at(period.start) == period
    assert schedule.period_at(period.end).start == period.end


@given(INSTANTS, st.sampled_from(Frequency), ZONE_NAMES, SPANS)
def test_periods_tile_whatever_they_cover(
    anchor: datetime, frequency: Frequency, zone: str, covered: Period
) -> None:
    periods = list(Schedule(anchor, frequency, zone).periods(covered.start, covered.end))
    assert periods[0].contains(covered.start)
    assert periods[-1].start < covered.end <= periods[-1].end
    assert all(first.end == second.start for first, second in pairwise(periods))


@given(INSTANTS, st.sampled_from(Frequency), ZONE_NAMES, INSTANTS)
def test_periods_without_an_end_follow_each_other(
    anchor: datetime, frequency: Frequency, zone: str, start: datetime
) -> None:
    schedule = Schedule(anchor, frequency, zone)
    first, second, third = islice(schedule.periods(start, None), 3)
    assert first == schedule.period_at(start)
    assert second == schedule.period_at(first.end)
    assert third == schedule.period_at(second.end)


def test_a_clock_set_back_over_midnight_begins_the_day_once() -> None:
    """St. John's: at 00:01 on Sunday, 1 November 2009, it was 23:01 on Saturday again."""
    midnight, later = utc("2009-11-01T02:30"), utc("2009-11-01T03:10")
    zone = "America/St_Johns"
    schedule = Schedule(utc("2009-10-01T02:30"), Frequency.DAILY, zone)
    assert schedule.period_at(later).start == midnight
    assert month_of(later, zone).start == midnight
    assert month_of(midnight - timedelta(seconds=1), zone).end == midnight
    for granularity in (Granularity.DAY, Granularity.WEEK, Granularity.MONTH):
        cut = buckets(Period(later, utc("2009-12-01T03:30")), granularity, zone)
        assert cut[0].end > utc("2009-11-02T00:00")


def test_no_period_overlaps_an_empty_span() -> None:
    schedule = Schedule(utc("2025-01-01"), Frequency.MONTHLY, "UTC")
    assert list(schedule.periods(utc("2025-01-05"), utc("2025-01-05"))) == []


@given(SPANS, st.sampled_from(Granularity), ZONE_NAMES)
def test_buckets_tile_the_period_exactly(
    period: Period, granularity: Granularity, zone: str
) -> None:
    cut = buckets(period, granularity, zone)
    assert cut[0].start == period.start
    assert cut[-1].end == period.end
    assert all(first.end == second.start for first, second in pairwise(cut))


def test_hours_follow_the_local_clock_of_a_zone_with_odd_minutes() -> None:
    cut = buckets(span("2025-01-01T00:00", "2025-01-01T02:00"), Granularity.HOUR, "Asia/Kathmandu")
    assert [each.start.minute for each in cut] == [0, 15, 15]


def test_a_shift_by_half_an_hour_makes_one_half_bucket() -> None:
    night = span("2025-04-05T13:00", "2025-04-05T17:00")
    lengths = [
        each.microseconds // 60_000_000
        for each in buckets(night, Granularity.HOUR, "Australia/Lord_Howe")
    ]
    assert lengths == [60, 60, 30, 60, 30]


def test_a_day_with_a_lost_hour_is_one_bucket() -> None:
    cut = buckets(span("2025-03-09T05:00", "2025-03-11T04:00"), Granularity.DAY, "America/New_York")
    assert [each.end for each in cut] == [utc("2025-03-10T04:00"), utc("2025-03-11T04:00")]


def test_weeks_start_on_monday_and_are_clipped() -> None:
    cut = buckets(JANUARY, Granularity.WEEK, "UTC")
    assert [each.start.day for each in cut] == [1, 6, 13, 20, 27]


def test_months_are_cut_at_local_midnight() -> None:
    cut = buckets(span("2025-01-15", "2025-03-15"), Granularity.MONTH, "Europe/Berlin")
    assert [each.start for each in cut] == [
        utc("2025-01-15"),
        utc("2025-01-31T23:00"),
        utc("2025-02-28T23:00"),
    ]


def test_the_total_is_one_bucket() -> None:
    assert buckets(JANUARY, Granularity.TOTAL, "UTC") == [JANUARY]


def test_a_month_is_the_local_calendar_month() -> None:
    month = month_of(utc("2025-01-31T23:00"), "Europe/Berlin")
    assert month == span("2025-01-31T23:00", "2025-02-28T23:00")


def test_days_are_local_calendar_days() -> None:
    assert add_days(utc("2025-03-08T17:00"), 1, "America/New_York") == utc("2025-03-09T16:00")
    assert add_days(utc("2025-11-02T06:30"), 0, "America/New_York") == utc("2025-11-02T06:30")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Mars/Olympus",
        "../../etc/passwd",
        "/etc/localtime",
        "UTC\0",
        "utc ",
        "Factory",
        "x" * 9999,
    ],
)
def test_what_is_no_timezone_is_refused(name: str) -> None:
    assert not known_timezone(name)
    with pytest.raises(ValueError, match="timezone"):
        Schedule(utc("2025-01-01"), Frequency.DAILY, name)


def test_instants_are_kept_in_utc() -> None:
    local = datetime.fromisoformat("2025-01-01T01:00:00+01:00")
    assert Period(local, utc("2025-02-01")).start.tzinfo is UTC
