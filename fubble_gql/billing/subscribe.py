"""Subscriptions: begun, with what is committed to from the start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fubble_gql import checks
from fubble_gql.billing import commitments
from fubble_gql.billing import life as lives
from fubble_gql.billing.agreement import NewCommitment
from fubble_gql.billing.held import held_until, reschedule
from fubble_gql.billing.life import REACH, Life, Outcome
from fubble_gql.billing.models import PlanSubscription, SubscriptionPhase
from fubble_gql.billing.rows import PhaseRow, SubscriptionRow
from fubble_gql.catalog import plans
from fubble_gql.catalog.plan_checks import TRIAL_DAYS_MAX
from fubble_gql.catalog.rows import PlanRow
from fubble_gql.customers.store import CUSTOMERS, CustomerRow
from fubble_gql.db import refs
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.repeat import Call, made_before, new_id
from fubble_gql.errors import Code, Problems, refuse
from fubble_gql.pricing.period import add_days
from fubble_gql.pricing.wallclock import rfc3339
from fubble_gql.usage.store import store_of

COMMITMENTS_MAX = 100


@dataclass(frozen=True, slots=True)
class NewSubscription:
    """What a subscription is made from."""

    customer: Ref
    plan: Ref
    start_at: datetime | None = None
    end_at: datetime | None = None
    billing_anchor: datetime | None = None
    trial_days: int | None = None
    commitments: Sequence[NewCommitment] = ()
    idempotency_key: str | None = None


async def subscribe(connection: Connection, new: NewSubscription, now: datetime) -> Outcome:
    """Put a customer on a plan version.

    With an idempotency key, the same input again returns the subscription that it made. Raises
    Refused: INVALID with every reason, NOT_FOUND, INVALID_STATE for an archived customer, a
    deactivated plan and a span that is invoiced, CONFLICT for another currency and for two
    commitments to one metric, IDEMPOTENCY_MISMATCH.
    """

    async def work(tx: Connection) -> Outcome:
        customer = await _hold(tx, new.customer)
        plan = await plans.find(tx, new.plan, "input", "plan")
        id = new_id()
        if new.idempotency_key is not None:
            call = Call("subscribe", new.idempotency_key, _comparable(new, customer, plan), id)
            made = await made_before(tx, call, "input", now=now)
            if made is not None:
                return await lives.outcome(tx, await lives.read(tx, made), now)
        _check_parties(customer, plan)
        await _check_times(tx, new, customer, now)
        life = _planned(id, new, customer, plan, now)
        agreed = await commitments.agree_together(tx, life, new.commitments, now)
        await _begin(tx, life)
        await commitments.keep(tx, agreed, now)
        await reschedule(tx, [id])
        return await lives.outcome(tx, life, now)

    return await connection.transaction(work)


async def _hold(tx: Connection, ref: Ref) -> CustomerRow:
    """The customer, locked, while no invoice of theirs is being cut."""
    found = await refs.find(tx, CUSTOMERS, ref)
    if found is None:
        raise refs.not_found(CUSTOMERS.name, "input", "customer")
    await store_of(tx).hold(tx, [found.id])
    return await refs.get(tx, CUSTOMERS, Ref(id=found.id), "input", "customer")


def _planned(
    id: UUID, new: NewSubscription, customer: CustomerRow, plan: PlanRow, now: datetime
) -> Life:
    start = new.start_at or now
    trial_days = plan.trial_days if new.trial_days is None else new.trial_days
    trial_end = add_days(start, trial_days, customer.timezone) if trial_days else None
    row = SubscriptionRow(
        id=id,
        customer_id=customer.id,
        timezone=customer.timezone,
        start_at=start,
        end_at=new.end_at,
        trial_end_at=trial_end,
        created_at=now,
        agreed_end_at=new.end_at,
        due_at=None,
        settled_at=None,
    )
    anchor = new.billing_anchor or trial_end or start
    phase = PhaseRow(new_id(), id, plan.id, start, anchor)
    return Life(row, (phase,), {plan.id: plan})


async def _begin(tx: Connection, life: Life) -> None:
    await PlanSubscription.create(using_db=tx.client, **life.subscription._asdict())
    (phase,) = life.phases
    await SubscriptionPhase.create(using_db=tx.client, **phase._asdict())


def _comparable(new: NewSubscription, customer: CustomerRow, plan: PlanRow) -> dict[str, object]:
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
        "commitments": [one.comparable() for one in new.commitments] or None,
    }


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


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
            f"The plan is in {plan.currency}, the customer pays in {customer.currency}: "
            "choose a plan in that currency.",
            "input",
            "plan",
        )


async def _check_times(
    tx: Connection, new: NewSubscription, customer: CustomerRow, now: datetime
) -> None:
    problems, start = Problems(), new.start_at or now
    given = {"startAt": new.start_at, "endAt": new.end_at, "billingAnchor": new.billing_anchor}
    for name, instant in given.items():
        if instant is not None and abs(instant - now) > REACH:
            problems.add(f"{name} must be within 100 years from now.", name)
    invoiced = await held_until(tx, customer.id)
    if invoiced is not None and start < invoiced:
        message = (
            f"The customer is invoiced until {rfc3339(invoiced)}; subscribe from then on, "
            "or void the invoices after the start."
        )
        problems.add(message, "startAt", code=Code.INVALID_STATE)
    if new.end_at is not None and new.end_at <= start:
        problems.add("endAt must come after startAt.", "endAt")
    checks.whole(problems, new.trial_days, "trialDays", least=0, most=TRIAL_DAYS_MAX)
    if len(new.commitments) > COMMITMENTS_MAX:
        problems.add(f"At most {COMMITMENTS_MAX} commitments at once.", "commitments")
    problems.raise_if_any("input")
