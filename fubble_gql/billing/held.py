"""Which billing periods invoices hold already, and when the next one of a subscription is due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from fubble_gql.billing.invoice_states import ISSUED, InvoiceStatus, StoredStatus
from fubble_gql.billing.rows import SUBSCRIPTIONS, phases_of
from fubble_gql.billing.timeline import Timeline, timeline
from fubble_gql.catalog.rows import PLANS
from fubble_gql.db.connection import Connection
from fubble_gql.db.rows import Table
from fubble_gql.db.sql import sql
from fubble_gql.db.write import given
from fubble_gql.pricing.period import Period


class HeldRow(NamedTuple):
    """A billing period that an invoice holds, until a void frees it.

    Held by a VOID invoice it is settled at zero.
    """

    subscription_id: UUID
    start_at: datetime
    end_at: datetime
    invoice_id: UUID
    status: StoredStatus

    @property
    def span(self) -> Period:
        return Period(self.start_at, self.end_at)

    @property
    def is_issued(self) -> bool:
        """Whether what stands on invoices must be what the period comes to."""
        return self.status in ISSUED

    @property
    def is_drafted(self) -> bool:
        """Whether it is to be invoiced by a draft."""
        return self.status is InvoiceStatus.DRAFT


_HELD = Table("invoice_period", HeldRow)
_FROM = (
    "select p.subscription_id, p.start_at, p.end_at, p.invoice_id, i.status from invoice_period p "
    "join invoice i on i.id = p.invoice_id where p.freed_at is null and"
)


async def held_periods(
    connection: Connection, subscription_ids: Sequence[UUID]
) -> dict[UUID, list[HeldRow]]:
    """The periods of each subscription that invoices hold, the earliest first. One statement."""
    found: dict[UUID, list[HeldRow]] = {id: [] for id in subscription_ids}
    if not found:
        return found
    statement = sql(_FROM) + connection.is_in("p.subscription_id", list(found))
    rows = _HELD.decode(connection, await connection.fetch(statement))
    for row in sorted(rows, key=lambda row: row.start_at):
        found[row.subscription_id].append(row)
    return found


async def held_by(connection: Connection, invoice_ids: Sequence[UUID]) -> dict[UUID, list[HeldRow]]:
    """The periods that each invoice holds. One statement."""
    found: dict[UUID, list[HeldRow]] = {id: [] for id in invoice_ids}
    statement = sql(_FROM) + connection.is_in("p.invoice_id", invoice_ids)
    rows = _HELD.decode(connection, await connection.fetch(statement))
    for row in sorted(rows, key=lambda row: (row.start_at, row.subscription_id)):
        found[row.invoice_id].append(row)
    return found


async def held_until(connection: Connection, customer_id: UUID) -> datetime | None:
    """The latest end of a period of the customer's that an invoice holds; None without any.

    What is agreed from now on must not reach before it. One statement.
    """
    rows = _HELD.decode(
        connection,
        await connection.fetch(
            sql(
                f"{_FROM} i.customer_id = ? order by p.end_at desc limit 1",
                customer_id,
            )
        ),
    )
    return rows[0].end_at if rows else None


def open_periods(line: Timeline, held: Sequence[HeldRow]) -> Iterator[Period]:
    """The periods that no invoice holds and that have something to bill, in order.

    `held` is in order too. Without end while the subscription is open. One that is wholly in trial
    is left out.
    """
    taken = {row.start_at for row in held}
    for period in line.periods(_held_without_gap(line, held)):
        if period.start not in taken:
            yield period


def _held_without_gap(line: Timeline, held: Sequence[HeldRow]) -> datetime:
    """Until when everything is in trial or held, so that years of invoices need not be walked."""
    subscription = line.subscription
    until = subscription.trial_end_at or subscription.start_at
    for row in held:
        if row.start_at > until:
            break
        until = max(until, row.end_at)
    return until


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
    rows = list(due.items())
    await tx.fetch(
        sql("update plan_subscription set due_at = given.due_at from")
        + given(tx, {"id": "uuid", "due_at": "timestamptz"}, rows)
        + "where plan_subscription.id = given.id"
    )
