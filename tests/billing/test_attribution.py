"""Every event counts once: for one subscription, or as unbilled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from fubble_gql.billing import attribution
from fubble_gql.billing.facts import Facts
from fubble_gql.billing.prices import Prices
from fubble_gql.billing.rows import CommitmentRow, PhaseRow, SubscriptionRow
from fubble_gql.billing.timeline import Timeline, timeline
from fubble_gql.catalog.rows import PlanRow
from fubble_gql.pricing.period import Period
from fubble_gql.usage.scope import Scope, Stretch

CUSTOMER, METRIC, PRICING, OTHER = (UUID(int=number) for number in range(1, 5))
YEAR = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
DAYS = st.integers(0, 364)


def day(number: int) -> datetime:
    return YEAR.start + timedelta(days=number)


@st.composite
def customers(draw: st.DrawFn) -> Facts:
    """Up to four subscriptions; each may be on a plan that prices the metric or on one that does not."""
    plans = {
        id: PlanRow(id, "p", 1, "P", None, "USD", "MONTHLY", 0, None, YEAR.start, None, None)
        for id in (PRICING, OTHER)
    }
    lines: list[Timeline] = []
    for number in range(draw(st.integers(0, 4))):
        start = day(draw(DAYS))
        end = draw(st.none() | st.integers(0, 100).map(lambda days: timedelta(days=days)))
        id = UUID(int=100 + number)
        row = SubscriptionRow(
            id, CUSTOMER, "UTC", start, None if end is None else start + end, None, start
        )
        plan_id = draw(st.sampled_from([PRICING, OTHER]))
        lines.append(timeline(row, [PhaseRow(id, id, plan_id, start, start)], plans))
    lines.sort(key=lambda line: (line.subscription.start_at, line.subscription.id))
    priced = {PRICING: frozenset({METRIC}), OTHER: frozenset[UUID]()}
    commitments: dict[UUID, list[CommitmentRow]] = {line.subscription.id: [] for line in lines}
    return Facts({}, {CUSTOMER: lines}, commitments, Prices({}, {}, {}, {}), priced)


def counts(stretches: tuple[Stretch, ...], moment: datetime, named: UUID | None) -> int:
    """How often an event is in the stretches."""
    return sum(
        stretch.span.contains(moment) and takes(stretch.scope, named) for stretch in stretches
    )


def takes(scope: Scope, named: UUID | None) -> bool:
    return scope.unnamed if named is None else scope.subscription_id == named


@given(customers(), DAYS, st.integers(0, 86_399), st.none() | st.integers(0, 3))
def test_every_event_counts_exactly_once(
    facts: Facts, number: int, seconds: int, which: int | None
) -> None:
    lines = facts.timelines[CUSTOMER]
    named = lines[which % len(lines)].subscription.id if lines and which is not None else None
    moment = day(number) + timedelta(seconds=seconds)
    for_subscriptions = [
        counts(attribution.counted(facts, line, METRIC, YEAR), moment, named) for line in lines
    ]
    unbilled = counts(attribution.uncounted(facts, CUSTOMER, METRIC, YEAR), moment, named)
    assert sum(for_subscriptions) + unbilled == 1


@given(customers(), DAYS)
def test_an_unnamed_event_counts_for_the_first_that_started(facts: Facts, number: int) -> None:
    moment = day(number)
    pricing = [
        line
        for line in facts.timelines[CUSTOMER]
        if line.phases[0].plan_id == PRICING and line.period_at(moment) is not None
    ]
    for line in facts.timelines[CUSTOMER]:
        expected = int(bool(pricing) and line is pricing[0])
        found = attribution.counted(facts, line, METRIC, YEAR)
        assert counts(found, moment, None) == expected


@given(customers(), DAYS, st.integers(1, 60))
def test_stretches_of_a_subscription_are_disjoint_and_ordered(
    facts: Facts, start: int, days: int
) -> None:
    span = Period(day(start), day(start + days))
    for line in facts.timelines[CUSTOMER]:
        stretches = attribution.counted(facts, line, METRIC, span)
        for one, other in pairwise(stretches):
            assert one.span.end <= other.span.start
