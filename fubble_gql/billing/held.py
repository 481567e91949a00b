"""Which billing periods invoices hold already, and when the next one of a subscription is due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from fubble_gql.billing.rows import SUBSCRIPTIONS, phases_of
from fubble_gql.billing.timeline import Timeline, timeline
from fubble_gql.catalog.rows import PLANS
from fubble_gql.db.connection import Connection
from fubble_gql.db.rows import Table
from fubble_gql.db.sql import Listed, sql
from fubble_gql.pricing.period import Period


class HeldRow(NamedTuple):
    """A billing period that an invoice holds, until a void frees it."""

    subscription_id: UUID
    start_at: datetime
    end_at: datetime
    invoice_id: UUID

    @property
    def span(self) -> Period:
        return Period(self.start_at, self.end_at)


HELD = Table("invoice_period", HeldRow)


async def held_periods(
    connection: Connection, subscription_ids: Sequence[UUID]
) -> dict[UUID, list[HeldRow]]:
    """The periods of each subscription that invoices hold, the earliest first. One statement."""
    found: dict[UUID, list[HeldRow]] = {id: [] for id in subscription_ids}
    if not found:
        return found
    where = sql("where freed_at is null and") + connection.is_in("subscription_id", list(found))
    for row in sorted(await HELD.select(connection, where), key=lambda row: row.start_at):
        found[row.subscription_id].append(row)
    return found


async def held_until(connection: Connection, customer_id: UUID) -> datetime | None:
    """The latest end of a period of the customer's that an invoice holds; None without any.

    What is agreed from now on must not reach before it. One statement.
    """
    rows = await HELD.select(
        connection,
        sql(
            "join plan_subscription on plan_subscription.id = invoice_period.subscription_id "
            "where freed_at is null and plan_subscription.customer_id = ? "
            "order by invoice_period.end_at desc limit 1",
            customer_id,
        ),
    )
    return rows[0].end_at if rows else None


def open_periods(line: Timeline, held: Sequence[HeldRow]) -> Iterator[Period]:
    """The periods that no invoice holds and that have something to bill, in order.

    Without end while the subscription is open. One that is wholly in trial is left out.
    """
    taken = {row.start_at for row in held}
    trial_end = line.subscription.trial_end_at
    for period in line.periods():
        if period.start not in taken and (trial_end is None or trial_end < period.end):
            yield period


async def reschedule(tx: Connection, subscription_ids: Sequence[UUID]) -> None:
    """Keep when each subscription is next due: to be called when its life or its invoices change.

    Five statements, however many they are.
    """
    ids = list(dict.fromkeys(subscription_ids))
    rows = await SUBSCRIPTIONS.by(tx, "id", ids)
    phases = await phases_of(tx, ids)
    plan_ids = {phase.plan_id for found in phases.values() for phase in found}
    plans = {row.id: row for row in await PLANS.by(tx, "id", list(plan_ids))}
    held = await held_periods(tx, ids)
    due = {row.id: next_due(timeline(row, phases[row.id], plans), held[row.id]) for row in rows}
    await _keep(tx, due)


def next_due(line: Timeline, held: Sequence[HeldRow]) -> datetime | None:
    """When the earliest period that no invoice holds ends; None when every one is held."""
    period = next(open_periods(line, held), None)
    return None if period is None else period.end


async def _keep(tx: Connection, due: Mapping[UUID, datetime | None]) -> None:
    ids, instants = list(due), list(due.values())
    if tx.dialect == "postgres":
        given = sql("unnest(?::uuid[], ?::timestamptz[])", Listed(ids), Listed(instants))
        given += "as given(id, due_at)"
    else:
        pairs = Listed([Listed(pair) for pair in zip(ids, instants, strict=True)])
        given = sql("(select value ->> 0 as id, value ->> 1 as due_at from json_each(?))", pairs)
        given += "as given"
    await tx.fetch(
        sql("update plan_subscription set due_at = given.due_at from")
        + given
        + "where plan_subscription.id = given.id"
    )
