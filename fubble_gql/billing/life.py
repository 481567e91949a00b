"""A subscription's life as a change finds it and as it leaves it, and the bill that shows the change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from fubble_gql.billing import preview
from fubble_gql.billing.held import held_periods, held_until, reschedule
from fubble_gql.billing.models import PlanSubscription, SubscriptionPhase
from fubble_gql.billing.points import Room
from fubble_gql.billing.preview import Asked, Preview
from fubble_gql.billing.rows import (
    SUBSCRIPTIONS,
    PhaseRow,
    SubscriptionRow,
    SubscriptionStatus,
    phase_at,
    phases_of,
    status_at,
)
from fubble_gql.billing.timeline import Timeline, timeline
from fubble_gql.catalog.rows import PLANS, PlanRow
from fubble_gql.db import refs
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.errors import Code, Refused, refuse
from fubble_gql.pricing.wallclock import rfc3339
from fubble_gql.usage.store import store_of

# A life may reach this far from now in either direction: beyond it a date is a mistake.
REACH = timedelta(days=366 * 100)


class Effective(StrEnum):
    """When a change takes effect."""

    NOW = "NOW"
    PERIOD_END = "PERIOD_END"


@dataclass(frozen=True, slots=True)
class Life:
    """A subscription with its phases, the earliest first, and the plan versions of these."""

    subscription: SubscriptionRow
    phases: tuple[PhaseRow, ...]
    plans: Mapping[UUID, PlanRow]

    @property
    def line(self) -> Timeline:
        return timeline(self.subscription, self.phases, self.plans)

    def plan_at(self, instant: datetime) -> PlanRow:
        """The plan version that it is on; before it begins, the first."""
        return self.plans[phase_at(self.phases, instant).plan_id]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A subscription after a write, and the bill that shows what the write means for money.

    The bill is worked out already only where it must be: after a dry run it could not be any more.
    """

    life: Life
    asked: Asked
    bill: Preview | Refused | None = None


async def hold(tx: Connection, subscription_id: UUID) -> SubscriptionRow:
    """The subscription, locked, while no invoice of its customer is being cut."""
    ref = Ref(id=subscription_id)
    found = await refs.find(tx, SUBSCRIPTIONS, ref)
    if found is None:
        raise refs.not_found(SUBSCRIPTIONS.name, "subscriptionId")
    await store_of(tx).hold(tx, [found.customer_id])
    return await refs.get(tx, SUBSCRIPTIONS, ref, "subscriptionId")


async def read(tx: Connection, subscription_id: UUID) -> Life:
    """The life as it is stored. Three statements."""
    (row,) = await SUBSCRIPTIONS.by(tx, "id", [subscription_id])
    phases = (await phases_of(tx, [row.id]))[row.id]
    plan_ids = list(dict.fromkeys(phase.plan_id for phase in phases))
    plans = await PLANS.by(tx, "id", plan_ids)
    return Life(row, tuple(phases), {plan.id: plan for plan in plans})


async def keep(tx: Connection, before: Life, after: Life) -> None:
    """Write what differs. Phases that never came into effect leave no trace."""
    id = after.subscription.id
    gone = [phase.id for phase in before.phases if phase not in after.phases]
    new = [phase for phase in after.phases if phase not in before.phases]
    end = after.subscription.end_at
    if gone:
        await SubscriptionPhase.filter(id__in=gone).using_db(tx.client).delete()
    if new:
        rows = [SubscriptionPhase(**phase._asdict()) for phase in new]
        await SubscriptionPhase.bulk_create(rows, using_db=tx.client)
    if end != before.subscription.end_at:
        await PlanSubscription.filter(id=id).using_db(tx.client).update(end_at=end)
    if after != before:
        await reschedule(tx, [id])


async def outcome(tx: Connection, before: Life, now: datetime, *, dry_run: bool = False) -> Outcome:
    """The life as it has become, and the bill to show; that of a dry run is worked out here."""
    life = await read(tx, before.subscription.id)
    asked = _bill_to_show(before, life, now)
    if not dry_run:
        return Outcome(life, asked)
    (bill,) = await preview.preview(tx, [asked], Room())
    return Outcome(life, asked, bill)


def _bill_to_show(before: Life, after: Life, now: datetime) -> Asked:
    """The bill of the period that was running, as long as it is now; else of the one that is due."""
    running = before.line.period_at(now)
    line = after.line
    period = line.period_at(running.start) if running else None
    row = after.subscription
    return Asked(row.customer_id, now, row.id, period or line.period_due(now))


def refuse_ended(subscription: SubscriptionRow, now: datetime) -> None:
    """Raise Refused with INVALID_STATE when its life is over."""
    if status_at(subscription, now) is SubscriptionStatus.ENDED:
        raise refuse(
            Code.INVALID_STATE,
            "The subscription has ended; subscribe the customer anew.",
            "subscriptionId",
        )


async def refuse_invoiced(tx: Connection, before: Life, after: Life, instant: datetime) -> None:
    """Raise Refused with INVALID_STATE when an invoice holds what a change touches.

    That is whatever the customer is invoiced for after the instant, also by other subscriptions,
    since usage may count for another one; and a period that would be one no more.
    """
    row = before.subscription
    latest = await held_until(tx, row.customer_id)
    if latest is not None and instant < latest:
        raise refuse(Code.INVALID_STATE, invoiced_message(latest), "subscriptionId")
    for held in (await held_periods(tx, [row.id]))[row.id]:
        if after.line.period_at(held.start_at) != held.span:
            raise refuse(Code.INVALID_STATE, invoiced_message(held.end_at), "subscriptionId")


def invoiced_message(until: datetime) -> str:
    """Why nothing is agreed, changed or ended before an instant."""
    return f"The customer is invoiced until {rfc3339(until)}; nothing before that can change."
