"""A subscription's life, cut into periods that tile it and pieces that tile these."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fubble_gql.billing.rows import PhaseRow, SubscriptionRow
from fubble_gql.billing.timeline import Timeline, timeline
from fubble_gql.catalog.rows import PlanRow
from fubble_gql.pricing.period import Frequency, Period

ID = UUID(int=1)
# Hypothesis takes naive bounds.
MOMENTS = st.datetimes(
    datetime(2023, 1, 1),  # noqa: DTZ001
    datetime(2027, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)
ZONES = st.sampled_from(["UTC", "America/New_York", "Europe/Berlin", "Asia/Kathmandu"])


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def a_life(
    start: datetime,
    *,
    end: datetime | None = None,
    anchor: datetime | None = None,
    trial_end: datetime | None = None,
    frequency: Frequency = Frequency.MONTHLY,
    timezone: str = "UTC",
) -> Timeline:
    plan = PlanRow(ID, "pro", 1, "Pro", None, "USD", frequency, 0, None, start, None, None)
    row = SubscriptionRow(ID, ID, timezone, start, end, trial_end, start)
    phase = PhaseRow(ID, ID, ID, start, anchor or trial_end or start)
    return timeline(row, [phase], {ID: plan})


def a_changing_life(
    anchor: datetime, changes: Sequence[tuple[datetime, Frequency]], end: datetime | None = None
) -> Timeline:
    """Each change is to another plan, and the anchor of what follows."""
    plans, phases = {}, []
    for n, (start, frequency) in enumerate(changes):
        id = UUID(int=n)
        plans[id] = PlanRow(id, "p", 1, "P", None, "USD", frequency, 0, None, start, None, None)
        phases.append(PhaseRow(id, ID, id, start, start if n else anchor))
    first = changes[0][0]
    return timeline(SubscriptionRow(ID, ID, "UTC", first, end, None, first), phases, plans)


@st.composite
def lives(draw: st.DrawFn) -> Timeline:
    start = draw(MOMENTS)
    end = draw(st.none() | MOMENTS.filter(lambda moment: moment > start))
    trial = draw(st.none() | st.integers(1, 60))
    return a_life(
        start,
        end=end,
        anchor=draw(st.none() | MOMENTS),
        trial_end=None if trial is None else start + timedelta(days=trial),
        frequency=draw(st.sampled_from(Frequency)),
        timezone=draw(ZONES),
    )


@given(lives())
def test_periods_tile_the_life(life: Timeline) -> None:
    periods = list(islice(life.periods(), 50))
    assert periods[0].start == life.subscription.start_at
    assert all(one.end == other.start for one, other in pairwise(periods))
    if len(periods) < 50:
        assert periods[-1].end == life.subscription.end_at


@given(lives(), MOMENTS, st.integers(1, 200))
def test_cuts_tile_the_span_within_the_life(life: Timeline, start: datetime, days: int) -> None:
    span = Period(start, start + timedelta(days=days))
    cuts = list(life.cuts(span))
    covered = life.phases[0].within(span)
    if covered is None:
        assert cuts == []
        return
    assert cuts[0].span.start == covered.start
    assert cuts[-1].span.end == covered.end
    assert all(one.span.end == other.span.start for one, other in pairwise(cuts))
    assert all(cut.span.overlap(cut.whole) == cut.span for cut in cuts)
    trial_end = life.subscription.trial_end_at
    for cut in cuts:
        assert cut.in_trial == (trial_end is not None and cut.span.end <= trial_end)


@given(lives(), MOMENTS)
def test_the_period_at_an_instant_is_one_of_the_periods(life: Timeline, instant: datetime) -> None:
    found = life.period_at(instant)
    if found is None:
        end = life.subscription.end_at
        assert instant < life.subscription.start_at or (end is not None and instant >= end)
    else:
        assert found.contains(instant)
        assert found in list(islice(life.periods(instant), 1))


@given(
    MOMENTS,
    st.lists(st.tuples(MOMENTS, st.sampled_from(Frequency)), min_size=1, max_size=4, unique=True),
    st.none() | MOMENTS,
    MOMENTS,
)
def test_periods_since_an_instant_are_those_that_end_after_it(
    anchor: datetime,
    changes: list[tuple[datetime, Frequency]],
    end: datetime | None,
    instant: datetime,
) -> None:
    in_order = sorted(dict(changes).items())
    last = in_order[-1][0]
    life = a_changing_life(anchor, in_order, None if end is None else max(end, last))
    periods = list(takewhile(lambda one: one.start <= max(instant, last), life.periods()))
    expected = [one for one in periods if one.end > instant]

    since = life.periods(instant)

    assert list(islice(since, len(expected))) == expected
    running = next((one for one in expected if one.contains(instant)), None)
    assert life.period_at(instant) == running


def test_a_life_that_ends_as_it_begins_has_no_period() -> None:
    life = a_life(at("2026-01-31"), end=at("2026-01-31"))
    assert list(life.periods()) == []
    assert life.period_due(at("2026-02-01")) is None
    assert life.period_running(at("2026-02-01")) is None


def test_an_explicit_anchor_makes_a_stub_before_it() -> None:
    life = a_life(at("2026-01-20"), anchor=at("2026-02-01"))
    first, second = islice(life.periods(), 2)
    assert first == Period(at("2026-01-20"), at("2026-02-01"))
    assert second == Period(at("2026-02-01"), at("2026-03-01"))
    (cut,) = life.cuts(first)
    assert cut.whole == Period(at("2026-01-01"), at("2026-02-01"))


def test_month_ends_are_clamped_from_the_anchor_and_restored() -> None:
    life = a_life(at("2026-01-31"))
    starts = [period.start for period in islice(life.periods(), 4)]
    assert starts == [at("2026-01-31"), at("2026-02-28"), at("2026-03-31"), at("2026-04-30")]


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        ("2025-12-01", ("2026-01-10", "2026-02-10")),  # before it begins: the first
        ("2026-02-15", ("2026-02-10", "2026-03-10")),  # the one that runs
        ("2026-09-01", ("2026-03-10", "2026-03-20")),  # after the end: the last, cut short
    ],
)
def test_the_next_invoice_is_of_the_period_that_is_due(
    instant: str, expected: tuple[str, str]
) -> None:
    life = a_life(at("2026-01-10"), end=at("2026-03-20"))
    assert life.period_due(at(instant)) == Period(at(expected[0]), at(expected[1]))


def test_an_ended_life_runs_on_while_its_last_whole_period_does() -> None:
    life = a_life(at("2026-01-10"), end=at("2026-03-20"))
    last = Period(at("2026-03-10"), at("2026-03-20"))
    assert life.period_running(at("2026-03-19")) == last
    assert life.period_running(at("2026-03-25")) == last
    assert life.period_running(at("2026-04-10")) is None
    assert life.period_running(at("2026-01-01")) is None
