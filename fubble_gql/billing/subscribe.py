"""Subscriptions: begun, and cancelled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from fubble_gql import checks
from fubble_gql.billing.models import PlanSubscription, SubscriptionPhase
from fubble_gql.billing.rows import SUBSCRIPTIONS, SubscriptionRow, phases_of
from fubble_gql.billing.timeline import timeline
from fubble_gql.catalog import plans
from fubble_gql.catalog.plan_checks import TRIAL_DAYS_MAX
from fubble_gql.catalog.rows import PLANS, PlanRow
from fubble_gql.customers.store import CUSTOMERS, CustomerRow
from fubble_gql.db import refs
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.repeat import Call, claim, differing, new_id
from fubble_gql.errors import Code, Problems, refuse
from fubble_gql.pricing.period import add_days

# A life may reach this far from now in either direction: beyond it a date is a mistake.
REACH = timedelta(days=366 * 100)


class Effective(StrEnum):
    """When a change takes effect."""

    NOW = "NOW"
    PERIOD_END = "PERIOD_END"


@dataclass(frozen=True, slots=True)
class NewSubscription:
    """What a subscription is made from."""

    customer: Ref
    plan: Ref
    start_at: datetime | None = None
    end_at: datetime | None = None
    billing_anchor: datetime | None = None
    trial_days: int | None = None
    idempotency_key: str | None = None


async def subscribe(connection: Connection, new: NewSubscription, now: datetime) -> SubscriptionRow:
    """Put a customer on a plan version.

    With an idempotency key, the same input again returns the subscription that it made. Raises
    Refused: INVALID with every reason, NOT_FOUND, INVALID_STATE for an archived customer or a
    deactivated plan, CONFLICT for another currency, IDEMPOTENCY_MISMATCH.
    """
    if new.idempotency_key is not None:
        problems = Problems()
        checks.text(problems, new.idempotency_key, "idempotencyKey")
        problems.raise_if_any("input")

    async def work(tx: Connection) -> SubscriptionRow:
        customer = await refs.get(tx, CUSTOMERS, new.customer, "input", "customer")
        plan = await plans.find(tx, new.plan, "input", "plan")
        id = new_id()
        if new.idempotency_key is not None:
            call = Call("subscribe", new.idempotency_key, _comparable(new, customer, plan), id)
            earlier = await claim(tx, call, now=now)
            if earlier is not None:
                _refuse_other_input(earlier, call)
                return await _row(tx, earlier.made_id)
        _check_parties(customer, plan)
        _check_times(new, new.start_at or now, now)
        await _begin(tx, id, new, customer, plan, now)
        return await _row(tx, id)

    return await connection.transaction(work)


async def cancel(
    connection: Connection, id: UUID, effective: Effective, now: datetime
) -> SubscriptionRow:
    """End a subscription now or with its current billing period.

    An end that comes sooner stays; one that has passed is never moved. Raises Refused: NOT_FOUND.
    """

    async def work(tx: Connection) -> SubscriptionRow:
        row = await refs.get(tx, SUBSCRIPTIONS, Ref(id=id), "subscriptionId")
        end = await _end(tx, row, effective, now)
        if row.end_at is None or end < row.end_at:
            await PlanSubscription.filter(id=id).using_db(tx.client).update(end_at=end)
        return await _row(tx, id)

    return await connection.transaction(work)


async def _end(
    tx: Connection, row: SubscriptionRow, effective: Effective, now: datetime
) -> datetime:
    """One that has not begun ends as it begins: it will never bill."""
    if effective is Effective.NOW or now < row.start_at:
        return max(now, row.start_at)
    phases = (await phases_of(tx, [row.id]))[row.id]
    rows = await PLANS.by(tx, "id", [phase.plan_id for phase in phases])
    period = timeline(row, phases, {plan.id: plan for plan in rows}).period_at(now)
    return period.end if period is not None else max(now, row.start_at)


async def _begin(
    tx: Connection,
    id: UUID,
    new: NewSubscription,
    customer: CustomerRow,
    plan: PlanRow,
    now: datetime,
) -> None:
    start = new.start_at or now
    trial_days = plan.trial_days if new.trial_days is None else new.trial_days
    trial_end = add_days(start, trial_days, customer.timezone) if trial_days else None
    await PlanSubscription.create(
        using_db=tx.client,
        id=id,
        customer_id=customer.id,
        timezone=customer.timezone,
        start_at=start,
        end_at=new.end_at,
        trial_end_at=trial_end,
        created_at=now,
    )
    await SubscriptionPhase.create(
        using_db=tx.client,
        id=new_id(),
        subscription_id=id,
        plan_id=plan.id,
        start_at=start,
        billing_anchor=new.billing_anchor or trial_end or start,
    )


async def _row(connection: Connection, id: UUID) -> SubscriptionRow:
    (row,) = await SUBSCRIPTIONS.by(connection, "id", [id])
    return row


def _comparable(
    new: NewSubscription, customer: CustomerRow, plan: PlanRow
) -> dict[str, str | int | None]:
    """The input with its references resolved.

    A plan named by its key stays a key: a retry after a new version is the same call still.
    """
    return {
        "customer": str(customer.id),
        "plan": plan.key if new.plan.key is not None else str(plan.id),
        "startAt": _text(new.start_at),
        "endAt": _text(new.end_at),
        "billingAnchor": _text(new.billing_anchor),
        "trialDays": new.trial_days,
    }


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _refuse_other_input(earlier: Call, later: Call) -> None:
    if name := differing(earlier.input, later.input):
        raise refuse(
            Code.IDEMPOTENCY_MISMATCH,
            f"This idempotencyKey was used with another {name}; use a new key for a new call.",
            "input",
            name,
        )


def _check_parties(customer: CustomerRow, plan: PlanRow) -> None:
    if customer.archived_at is not None:
        raise refuse(Code.INVALID_STATE, "The customer is archived.", "input", "customer")
    if not plan.is_active:
        raise refuse(
            Code.INVALID_STATE,
            f"Plan {plan.key!r} is deactivated: no new subscription begins on it.",
            "input",
            "plan",
        )
    if plan.currency != customer.currency:
        raise refuse(
            Code.CONFLICT,
            f"The plan is in {plan.currency}, the customer pays in {customer.currency}.",
            "input",
            "plan",
        )


def _check_times(new: NewSubscription, start: datetime, now: datetime) -> None:
    problems = Problems()
    given = {"startAt": new.start_at, "endAt": new.end_at, "billingAnchor": new.billing_anchor}
    for name, instant in given.items():
        if instant is not None and abs(instant - now) > REACH:
            problems.add(f"{name} must be within 100 years from now.", name)
    if new.end_at is not None and new.end_at <= start:
        problems.add("endAt must come after startAt.", "endAt")
    checks.whole(problems, new.trial_days, "trialDays", least=0, most=TRIAL_DAYS_MAX)
    problems.raise_if_any("input")
