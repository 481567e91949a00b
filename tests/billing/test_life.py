"""Whatever is changed, cancelled and undone, a life stays whole and its past stays as it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, islice, pairwise, takewhile
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from fubble_gql.billing.cancel import cancelled
from fubble_gql.billing.change import as_agreed, changed, scheduled
from fubble_gql.billing.life import Effective, Life
from fubble_gql.billing.rows import (
    PhaseRow,
    SubscriptionRow,
    SubscriptionStatus,
    status_at,
)
from fubble_gql.catalog.rows import PlanRow
from fubble_gql.errors import Refused
from fubble_gql.pricing.period import Frequency, Period

ID = UUID(int=0)
BEGIN = datetime(2026, 1, 31, 10, tzinfo=UTC)
HORIZON = BEGIN + timedelta(days=900)
NUMBERS = count(1)
PLANS = {
    UUID(int=n): PlanRow(
        UUID(int=n), f"p{n}", 1, "P", None, "USD", frequency, 0, None, BEGIN, None, None
    )
    for n, frequency in enumerate(
        [Frequency.MONTHLY, Frequency.MONTHLY, Frequency.YEARLY, Frequency.WEEKLY], 1
    )
}
Step = tuple[str, timedelta, UUID, Effective]

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["change", "change", "change", "cancel", "undo"]),
        # Often none at all: what happens at one instant is where lives break.
        st.sampled_from([0, 0, 1, 7, 28, 31, 100]).map(lambda days: timedelta(days=days))
        | st.timedeltas(timedelta(0), timedelta(days=60)),
        st.sampled_from(list(PLANS)),
        st.sampled_from(Effective),
    ),
    max_size=8,
)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """A subscription on some plan as it was agreed."""
    end = draw(st.none() | st.integers(1, 500).map(lambda days: BEGIN + timedelta(days=days)))
    trial = draw(st.none() | st.integers(1, 40).map(lambda days: BEGIN + timedelta(days=days)))
    anchor = draw(st.none() | st.just(BEGIN - timedelta(days=9)))
    plan_id = draw(st.sampled_from(list(PLANS)))
    zone = draw(st.sampled_from(["UTC", "America/New_York"]))
    row = SubscriptionRow(ID, ID, zone, BEGIN, end, trial, BEGIN, agreed_end_at=end)
    phase = PhaseRow(UUID(int=next(NUMBERS)), ID, plan_id, BEGIN, anchor or trial or BEGIN)
    return Life(row, (phase,), PLANS)


def acted(life: Life, step: Step, now: datetime) -> Life:
    """What a step makes of a life; what is refused leaves it as it is."""
    what, _, plan_id, effective = step
    acts: dict[str, Callable[[], Life]] = {
        "change": lambda: changed(life, PLANS[plan_id], effective, now),
        "cancel": lambda: cancelled(life, effective, now),
        "undo": lambda: as_agreed(life, now),
    }
    if what != "cancel" and status_at(life.subscription, now) is SubscriptionStatus.ENDED:
        return life
    with suppress(Refused):
        return acts[what]()
    return life


def moments(first: timedelta, steps: Sequence[Step]) -> list[tuple[Step, datetime]]:
    """The steps, each with its instant, none before the one before it."""
    now, found = BEGIN + first, []
    for step in steps:
        now += step[1]
        found.append((step, now))
    return found


def periods(life: Life) -> list[Period]:
    """Its periods that begin within the horizon."""
    return list(takewhile(lambda one: one.start < HORIZON, life.line.periods()))


FIRST = st.sampled_from([-20, 0, 3, 28]).map(lambda days: timedelta(days=days))


@given(lives(), FIRST, STEPS)
def test_periods_tile_a_life_after_any_changes(
    life: Life, first: timedelta, steps: list[Step]
) -> None:
    for step, now in moments(first, steps):
        life = acted(life, step, now)
        found = periods(life)
        row = life.subscription
        if row.end_at is not None and row.end_at <= row.start_at:
            assert found == []
            continue
        assert found[0].start == row.start_at
        assert all(one.end == other.start for one, other in pairwise(found))
        if row.end_at is not None and row.end_at < HORIZON:
            assert found[-1].end == row.end_at


@given(lives(), FIRST, STEPS)
def test_what_has_passed_is_never_changed(life: Life, first: timedelta, steps: list[Step]) -> None:
    for step, now in moments(first, steps):
        after = acted(life, step, now)
        assert [one for one in periods(after) if one.end < now] == [
            one for one in periods(life) if one.end < now
        ]
        past = Period(BEGIN, max(now, BEGIN + timedelta(microseconds=1)))
        if now > BEGIN:
            before = [(one.plan_id, one.span) for one in life.line.cuts(past)]
            assert [(one.plan_id, one.span) for one in after.line.cuts(past)] == before
        life = after


@given(lives(), FIRST, STEPS)
def test_phases_begin_one_after_another_and_at_most_one_is_to_come(
    life: Life, first: timedelta, steps: list[Step]
) -> None:
    for step, now in moments(first, steps):
        life = acted(life, step, now)
        starts = [phase.start_at for phase in life.phases]
        assert starts[0] == BEGIN
        assert all(one < other for one, other in pairwise(starts))
        assert all(one.plan_id != other.plan_id for one, other in pairwise(life.phases))
        end = life.subscription.end_at
        assert end is None or all(start < end for start in starts[1:])
        assert len([start for start in starts[1:] if start > now]) <= 1


@given(lives(), FIRST, STEPS)
def test_the_period_at_an_instant_is_one_of_those_that_tile(
    life: Life, first: timedelta, steps: list[Step]
) -> None:
    for step, now in moments(first, steps):
        life = acted(life, step, now)
    listed = islice(life.line.periods(), 40)
    for period in listed:
        assert life.line.period_at(period.start) == period
        assert life.line.period_at(period.end - timedelta(microseconds=1)) == period
        rest = life.line.periods(period.start)
        assert next(rest) == period


@given(lives(), FIRST, STEPS)
def test_undoing_leaves_nothing_scheduled_and_nothing_to_undo(
    life: Life, first: timedelta, steps: list[Step]
) -> None:
    now = BEGIN + first
    for step, now in moments(first, steps):
        life = acted(life, step, now)
    if status_at(life.subscription, now) is SubscriptionStatus.ENDED:
        return
    undone = as_agreed(life, now)
    assert scheduled(undone.subscription, undone.phases, now) is None
    assert as_agreed(undone, now) == undone
    assert undone.subscription.end_at == life.subscription.agreed_end_at


@given(lives(), st.integers(1, 400), st.sampled_from(list(PLANS)))
def test_there_and_back_at_one_instant_is_nowhere(life: Life, day: int, plan_id: UUID) -> None:
    now = BEGIN + timedelta(days=day)
    if status_at(life.subscription, now) is SubscriptionStatus.ENDED:
        return
    there = changed(life, PLANS[plan_id], Effective.NOW, now)
    back = changed(there, life.plan_at(now), Effective.NOW, now)
    assert replace(back, plans=PLANS) == replace(life, plans=PLANS)
