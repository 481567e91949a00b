"""A subscription's life, cut: into billing periods that tile it, and into pieces to rate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, takewhile
from uuid import UUID

from fubble_gql.billing.rows import PhaseRow, SubscriptionRow
from fubble_gql.catalog.rows import PlanRow
from fubble_gql.pricing.period import Frequency, Period, Schedule

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of a subscription's life on one plan version; an open one has no end."""

    plan_id: UUID
    start: datetime
    end: datetime | None
    schedule: Schedule

    def within(self, span: Period) -> Period | None:
        """The part of the span that the phase covers."""
        return clip(span, self.start, self.end)


@dataclass(frozen=True, slots=True)
class Cut:
    """A span on one plan version inside one whole billing period: what pricing calls a piece.

    `own_periods` as in `pricing.bill.Piece`: only where another plan is tried on it.
    """

    plan_id: UUID
    span: Period
    whole: Period
    in_trial: bool
    own_periods: tuple[Period, ...] = ()


@dataclass(frozen=True, slots=True)
class Timeline:
    """A subscription with its phases, ready to be cut."""

    subscription: SubscriptionRow
    phases: tuple[Phase, ...]

    def periods(self, start: datetime | None = None) -> Iterator[Period]:
        """The billing periods that end after `start` (default: all), in order.

        They tile the life of the subscription without gap or overlap; the first and the last may
        be stubs. Without end while the subscription is open.
        """
        for _, phases in groupby(self.phases, key=lambda phase: phase.schedule):
            run = list(phases)
            first, end = run[0].start, run[-1].end
            since = max(first, start or first)
            for whole in run[0].schedule.periods(since, end):
                clipped = clip(whole, first, end)
                # A change of frequency may have ended it before, inside its whole period.
                if clipped is not None and clipped.end > since:
                    yield clipped

    def period_at(self, instant: datetime) -> Period | None:
        """The billing period that the instant falls in; None outside the subscription's life."""
        found = next(self.periods(instant), None)
        return found if found is not None and found.contains(instant) else None

    def period_due(self, instant: datetime) -> Period | None:
        """The period whose invoice comes next: the one now, else the first, else the last.

        None when the subscription ended as it began.
        """
        return next(self.periods(instant), None) or self._last()

    def _last(self) -> Period | None:
        end = self.subscription.end_at
        return None if end is None else self.period_at(end - _INSTANT)

    def period_running(self, instant: datetime) -> Period | None:
        """The period at the instant, or the last one while its whole period still runs."""
        end = self.subscription.end_at
        if end is None or instant < end:
            return self.period_at(instant)
        last = self._last()
        if last is None:
            return None
        *_, whole = self.phases[-1].schedule.periods(last.start, last.end)
        return last if instant < whole.end else None

    def cuts(self, span: Period) -> Iterator[Cut]:
        """The span, cut at billing periods, plan changes, the start, the end and the trial's end."""
        for phase in self.phases:
            part = phase.within(span)
            if part is None:
                continue
            for whole in phase.schedule.periods(part.start, part.end):
                inside = whole.overlap(part)
                if inside is not None:
                    yield from self._around_trial(phase.plan_id, inside, whole)

    def _around_trial(self, plan_id: UUID, span: Period, whole: Period) -> Iterator[Cut]:
        trial_end = self.subscription.trial_end_at
        if trial_end is None or trial_end <= span.start:
            yield Cut(plan_id, span, whole, in_trial=False)
        elif trial_end >= span.end:
            yield Cut(plan_id, span, whole, in_trial=True)
        else:
            yield Cut(plan_id, Period(span.start, trial_end), whole, in_trial=True)
            yield Cut(plan_id, Period(trial_end, span.end), whole, in_trial=False)


def timeline(
    subscription: SubscriptionRow, phases: Sequence[PhaseRow], plans: Mapping[UUID, PlanRow]
) -> Timeline:
    """The subscription with its phases, each until the next one or the end."""
    ends = [*(phase.start_at for phase in phases[1:]), subscription.end_at]
    return Timeline(
        subscription,
        tuple(
            Phase(
                phase.plan_id,
                phase.start_at,
                end,
                Schedule(
                    phase.billing_anchor,
                    Frequency(plans[phase.plan_id].billing_frequency),
                    subscription.timezone,
                ),
            )
            for phase, end in zip(phases, ends, strict=True)
        ),
    )


def clip(span: Period, start: datetime, end: datetime | None) -> Period | None:
    """The part of the span from `start` until `end`; None when there is none."""
    first, last = max(span.start, start), span.end if end is None else min(span.end, end)
    return Period(first, last) if first < last else None


def until(periods: Iterator[Period], instant: datetime) -> Iterator[Period]:
    """The periods that have begun by the instant."""
    return takewhile(lambda period: period.start <= instant, periods)
