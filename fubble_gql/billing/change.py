"""Plan changes: made, scheduled, and undone before they take effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from fubble_gql.billing import life as lives
from fubble_gql.billing.life import Effective, Life, Outcome
from fubble_gql.billing.rows import PhaseRow, SubscriptionRow, phase_at, status_at
from fubble_gql.billing.rows import SubscriptionStatus as Status
from fubble_gql.catalog import plans
from fubble_gql.catalog.rows import PlanRow
from fubble_gql.db import rehearsal
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.repeat import Call, made_before, new_id
from fubble_gql.errors import Code, refuse
from fubble_gql.pricing.wallclock import rfc3339


@dataclass(frozen=True, slots=True)
class PlanChange:
    """Which subscription goes on to which plan, and when."""

    subscription_id: UUID
    plan: Ref
    effective: Effective = Effective.PERIOD_END
    dry_run: bool = False
    idempotency_key: str | None = None


class Scheduled(NamedTuple):
    """What is to come: another plan, or without one the end."""

    plan_id: UUID | None
    effective_at: datetime


async def change_plan(connection: Connection, change: PlanChange, now: datetime) -> Outcome:
    """Put a subscription on another plan version, in place of whatever was scheduled.

    Raises Refused: NOT_FOUND, CONFLICT for another currency, INVALID_STATE for a subscription that
    has ended or ends before the change, and for a deactivated plan; IDEMPOTENCY_MISMATCH.
    """

    async def work(tx: Connection) -> Outcome:
        row = await lives.hold(tx, change.subscription_id)
        before = await lives.read(tx, row.id)
        plan = await plans.find(tx, change.plan, "plan")
        if not await _was_made(tx, change, plan, now):
            lives.refuse_ended(row, now)
            _check_plan(before, plan, now)
            after = changed(before, plan, change.effective, now)
            await lives.refuse_invoiced(tx, before, after, now)
            await lives.keep(tx, before, after)
        return await lives.outcome(tx, before, now, dry_run=change.dry_run)

    return await rehearsal.transaction(connection, work, dry_run=change.dry_run)


async def cancel_scheduled(connection: Connection, subscription_id: UUID, now: datetime) -> Outcome:
    """Drop a plan change or a cancellation that has not taken effect; with none, do nothing.

    Raises Refused: NOT_FOUND, INVALID_STATE for a subscription that has ended.
    """

    async def work(tx: Connection) -> Outcome:
        row = await lives.hold(tx, subscription_id)
        lives.refuse_ended(row, now)
        before = await lives.read(tx, row.id)
        await lives.keep(tx, before, as_agreed(before, now))
        return await lives.outcome(tx, before, now)

    return await connection.transaction(work)


def scheduled(
    subscription: SubscriptionRow, phases: Sequence[PhaseRow], now: datetime
) -> Scheduled | None:
    """The next plan change, else the cancellation that is to come."""
    for phase in phases[1:]:
        if phase.start_at > now:
            return Scheduled(phase.plan_id, phase.start_at)
    end = subscription.end_at
    if end is None or end == subscription.agreed_end_at:
        return None
    return None if status_at(subscription, now) is Status.ENDED else Scheduled(None, end)


def as_agreed(life: Life, now: datetime) -> Life:
    """Without what was scheduled: the plan goes on, to the end that was agreed when it began."""
    first, *later = life.phases
    phases = (first, *(phase for phase in later if phase.start_at <= now))
    row = life.subscription._replace(end_at=life.subscription.agreed_end_at)
    return replace(life, subscription=row, phases=phases)


def changed(life: Life, plan: PlanRow, effective: Effective, now: datetime) -> Life:
    """The life as it goes on to another plan version; as agreed, when it is on that one already.

    Raises Refused with INVALID_STATE when it ends before the change.
    """
    going_on = as_agreed(life, now)
    if plan.id == going_on.plan_at(now).id:
        return going_on
    going_on = replace(going_on, plans={**life.plans, plan.id: plan})
    first = going_on.phases[0]
    if now <= first.start_at:
        # Nothing has happened yet, so the anchor is as it was agreed.
        return replace(going_on, phases=(first._replace(plan_id=plan.id),))
    if effective is Effective.NOW:
        return _followed(going_on, plan, now)
    period = going_on.line.period_at(now)
    assert period is not None  # noqa: S101 - it has begun and has not ended
    if period.end == going_on.subscription.end_at:
        raise refuse(
            Code.INVALID_STATE,
            f"The subscription ends with this period, at {rfc3339(period.end)}; "
            "change the plan now, or subscribe the customer anew from then on.",
            "effective",
        )
    return _followed(going_on, plan, period.end)


def _followed(life: Life, plan: PlanRow, instant: datetime) -> Life:
    """A phase on the plan from the instant on, in place of one that begins at that very instant.

    Periods repeat as before when the plan bills as often; else they repeat from the change.
    """
    earlier = tuple(phase for phase in life.phases if phase.start_at < instant)
    last = phase_at(earlier, instant)
    if last.plan_id == plan.id:
        return replace(life, phases=earlier)
    is_alike = life.plans[last.plan_id].billing_frequency == plan.billing_frequency
    anchor = last.billing_anchor if is_alike else instant
    phase = PhaseRow(new_id(), life.subscription.id, plan.id, instant, anchor)
    return replace(life, phases=(*earlier, phase))


async def _was_made(tx: Connection, change: PlanChange, plan: PlanRow, now: datetime) -> bool:
    """Whether the same call was made before. A plan named by its key stays a key."""
    if change.idempotency_key is None:
        return False
    given = {
        "subscriptionId": str(change.subscription_id),
        "plan": plan.key if change.plan.key is not None else str(plan.id),
        "effective": change.effective.value,
    }
    call = Call("changePlan", change.idempotency_key, given, change.subscription_id)
    return await made_before(tx, call, now=now) is not None


def _check_plan(life: Life, plan: PlanRow, now: datetime) -> None:
    current = life.plan_at(now)
    if plan.currency != current.currency:
        raise refuse(
            Code.CONFLICT,
            f"The plan is in {plan.currency}, the subscription in {current.currency}: "
            "choose a plan in that currency.",
            "plan",
        )
    if plan.id != current.id and not plan.is_active:
        raise refuse(
            Code.INVALID_STATE,
            f"Plan {plan.key!r} is deactivated: no subscription goes on to it.",
            "plan",
        )
