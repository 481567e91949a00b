"""Subscriptions, their phases and their commitments as light rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Protocol, TypeVar
from uuid import UUID

from fubble_gql.db.connection import Connection
from fubble_gql.db.pages import Order
from fubble_gql.db.rows import Table, of_seen, own
from fubble_gql.db.sql import Sql, sql


class SubscriptionStatus(StrEnum):
    """Where a subscription is in its life, at an instant."""

    SCHEDULED = "SCHEDULED"
    TRIALING = "TRIALING"
    ACTIVE = "ACTIVE"
    ENDED = "ENDED"


class SubscriptionRow(NamedTuple):
    """A subscription as it is stored."""

    id: UUID
    customer_id: UUID
    timezone: str
    start_at: datetime
    end_at: datetime | None
    trial_end_at: datetime | None
    created_at: datetime
    agreed_end_at: datetime | None = None
    due_at: datetime | None = None
    settled_at: datetime | None = None


class PhaseRow(NamedTuple):
    """The plan version that a subscription is on from `start_at` until its next phase."""

    id: UUID
    subscription_id: UUID
    plan_id: UUID
    start_at: datetime
    billing_anchor: datetime


class CommitmentRow(NamedTuple):
    """A quantity of a metric that is paid for in each period, used or not.

    More than that costs `overage_rate`; the rate itself where there is none.
    """

    id: UUID
    subscription_id: UUID
    metric_id: UUID
    committed_quantity: Decimal
    rate: Decimal
    overage_rate: Decimal | None
    start_at: datetime
    end_at: datetime | None


SUBSCRIPTIONS = Table("plan_subscription", SubscriptionRow, own("customer_id"))
PHASES = Table("subscription_phase", PhaseRow, of_seen("subscription_id", SUBSCRIPTIONS))
COMMITMENTS = Table("commitment", CommitmentRow, of_seen("subscription_id", SUBSCRIPTIONS))
FIRST_STARTED_FIRST = Order(("start_at", "id"))


async def phases_of(
    connection: Connection, subscription_ids: Sequence[UUID]
) -> dict[UUID, list[PhaseRow]]:
    """Every subscription's phases, the earliest first. One statement."""
    found: dict[UUID, list[PhaseRow]] = {id: [] for id in subscription_ids}
    rows = await PHASES.by(connection, "subscription_id", list(found))
    for phase in sorted(rows, key=lambda phase: phase.start_at):
        found[phase.subscription_id].append(phase)
    return found


async def commitments_of(
    connection: Connection, subscription_ids: Sequence[UUID]
) -> dict[UUID, list[CommitmentRow]]:
    """Every subscription's commitments that ever held, the earliest first. One statement."""
    found: dict[UUID, list[CommitmentRow]] = {id: [] for id in subscription_ids}
    rows = await COMMITMENTS.by(connection, "subscription_id", list(found))
    for row in sorted(rows, key=lambda row: (row.start_at, row.id)):
        if row.end_at is None or row.start_at < row.end_at:
            found[row.subscription_id].append(row)
    return found


class Phase(Protocol):
    """What begins at an instant, and holds until the next begins."""

    @property
    def start_at(self) -> datetime:
        """When it begins."""


P = TypeVar("P", bound=Phase)


def phase_at(phases: Sequence[P], instant: datetime) -> P:
    """The phase at an instant; before the first, the first."""
    begun = [phase for phase in phases if phase.start_at <= instant]
    return begun[-1] if begun else phases[0]


def status_at(subscription: SubscriptionRow, instant: datetime) -> SubscriptionStatus:
    """Ended, else scheduled, else in trial, else active."""
    end = subscription.end_at
    if end is not None and (end <= instant or end <= subscription.start_at):
        return SubscriptionStatus.ENDED
    if instant < subscription.start_at:
        return SubscriptionStatus.SCHEDULED
    if subscription.trial_end_at is not None and instant < subscription.trial_end_at:
        return SubscriptionStatus.TRIALING
    return SubscriptionStatus.ACTIVE


def status_in(table: str, instant: str) -> str:
    """The same rule in SQL: a table and an instant by their names there."""
    return (
        f"case when {table}.end_at <= greatest({instant}, {table}.start_at) then 'ENDED'"
        f" when {table}.start_at > {instant} then 'SCHEDULED'"
        f" when {table}.trial_end_at > {instant} then 'TRIALING' else 'ACTIVE' end"
    )


def has_not_ended(table: str, instant: datetime) -> Sql:
    """For a WHERE: not over yet, and not cancelled before it began; `table` may be an alias."""
    return sql(
        f"({table}.end_at is null or ({table}.end_at > ? and {table}.end_at > {table}.start_at))",
        instant,
    )


def has_status(status: SubscriptionStatus, instant: datetime) -> Sql:
    """The same rule as `status_at`, for a WHERE."""
    runs = has_not_ended("plan_subscription", instant)
    match status:
        case SubscriptionStatus.ENDED:
            return sql("not") + runs
        case SubscriptionStatus.SCHEDULED:
            return runs + sql("and start_at > ?", instant)
        case SubscriptionStatus.TRIALING:
            return runs + sql("and start_at <= ? and trial_end_at > ?", instant, instant)
        case SubscriptionStatus.ACTIVE:
            return runs + sql(
                "and start_at <= ? and (trial_end_at is null or trial_end_at <= ?)",
                instant,
                instant,
            )
