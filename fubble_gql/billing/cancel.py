"""Cancelling a subscription: at once, or with its current billing period."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from fubble_gql.billing import life as lives
from fubble_gql.billing.life import Effective, Life, Outcome
from fubble_gql.db import rehearsal
from fubble_gql.db.connection import Connection


async def cancel(
    connection: Connection,
    id: UUID,
    effective: Effective,
    now: datetime,
    *,
    dry_run: bool = False,
) -> Outcome:
    """End a subscription. What it used until then is billed.

    An end that comes sooner stays; one that has passed is never moved. Raises Refused: NOT_FOUND,
    INVALID_STATE when an invoice holds what lies after the end.
    """

    async def work(tx: Connection) -> Outcome:
        await lives.hold(tx, id)
        before = await lives.read(tx, id)
        after = cancelled(before, effective, now)
        if after != before:
            await lives.refuse_invoiced(tx, before, after, now)
            await lives.keep(tx, before, after)
        return await lives.outcome(tx, before, now, dry_run=dry_run)

    return await rehearsal.transaction(connection, work, dry_run=dry_run)


def cancelled(life: Life, effective: Effective, now: datetime) -> Life:
    """The life with its end; plan changes that were to come at the end or later are dropped."""
    end = _end(life, effective, now)
    row = life.subscription
    if row.end_at is not None and row.end_at <= end:
        return life
    first, *later = life.phases
    phases = (first, *(phase for phase in later if phase.start_at < end))
    return replace(life, subscription=row._replace(end_at=end), phases=phases)


def _end(life: Life, effective: Effective, now: datetime) -> datetime:
    """One that has not begun ends as it begins: it will never bill."""
    start = life.subscription.start_at
    if effective is Effective.NOW or now < start:
        return max(now, start)
    period = life.line.period_at(now)
    return period.end if period is not None else max(now, start)
