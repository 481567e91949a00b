"""Archiving customers and metrics: refused while a subscription or a bill to come needs them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fubble_gql.billing.held import reschedule
from fubble_gql.billing.rows import SUBSCRIPTIONS, has_not_ended
from fubble_gql.catalog import metrics
from fubble_gql.catalog.rows import METRICS, MetricRow
from fubble_gql.customers import store
from fubble_gql.customers.store import CUSTOMERS, CustomerRow
from fubble_gql.db import refs
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.sql import sql
from fubble_gql.errors import Code, refuse
from fubble_gql.pricing.wallclock import rfc3339
from fubble_gql.usage.store import store_of


async def archive_customer(connection: Connection, ref: Ref, now: datetime) -> CustomerRow:
    """Take a customer out of use; again changes nothing.

    Raises Refused: NOT_FOUND, INVALID_STATE with a live subscription or an un-invoiced period.
    """

    async def work(tx: Connection) -> CustomerRow:
        found = await refs.find(tx, CUSTOMERS, ref)
        if found is None:
            raise refs.not_found(CUSTOMERS.name, "customer")
        await store_of(tx).hold(tx, [found.id])
        row = await refs.get(tx, CUSTOMERS, Ref(id=found.id), "customer")
        if row.archived_at is None:
            await _refuse_running(tx, row.id, now)
            await _refuse_due(tx, row.id)
            await _refuse_drafted(tx, row.id)
        return await store.archive(tx, row, now)

    return await connection.transaction(work)


async def archive_metric(connection: Connection, ref: Ref, now: datetime) -> MetricRow:
    """Take a metric out of use.

    Raises Refused: NOT_FOUND, INVALID_STATE while it is priced or committed to.
    """

    async def work(tx: Connection) -> MetricRow:
        row = await refs.get(tx, METRICS, ref, "metric")
        if row.archived_at is None:
            await _refuse_priced(tx, row.id, now)
            await _refuse_committed(tx, row.id, now)
        return await metrics.archive(tx, row, now)

    return await connection.transaction(work)


async def _refuse_running(tx: Connection, customer_id: UUID, now: datetime) -> None:
    running = await tx.fetch(
        sql("select 1 from plan_subscription as s where s.customer_id = ? and", customer_id)
        + has_not_ended("s", now)
        + "limit 1"
    )
    if running:
        raise refuse(
            Code.INVALID_STATE,
            "The customer has a subscription that has not ended; cancel it first.",
            "customer",
        )


async def _refuse_due(tx: Connection, customer_id: UUID) -> None:
    where = sql("where customer_id = ? and due_at is not null", customer_id)
    # What is stored may be a lower bound; what is due really is found out here.
    await reschedule(tx, [row.id for row in await SUBSCRIPTIONS.select(tx, where)])
    due = [row.due_at for row in await SUBSCRIPTIONS.select(tx, where) if row.due_at is not None]
    if due:
        raise refuse(
            Code.INVALID_STATE,
            f"The customer has a billing period that ended at {rfc3339(min(due))} and is not "
            "invoiced; invoice it first, or wait for the next bill run.",
            "customer",
        )


async def _refuse_drafted(tx: Connection, customer_id: UUID) -> None:
    """A period that a draft holds is not invoiced yet either."""
    drafted = await tx.fetch(
        sql("select 1 from invoice where customer_id = ? and status = 'DRAFT' limit 1", customer_id)
    )
    if drafted:
        raise refuse(
            Code.INVALID_STATE,
            "The customer has a draft invoice; finalise or void it first.",
            "customer",
        )


async def _refuse_priced(tx: Connection, metric_id: UUID, now: datetime) -> None:
    """While a plan prices it that can be subscribed to, or that a subscription is on."""
    rows = await tx.fetch(
        sql(
            "select v.key from price_component c join plan v on v.id = c.plan_id "
            "where c.metric_id = ? and ((v.superseded_at is null and v.deactivated_at is null) "
            "or exists (select 1 from subscription_phase p "
            "join plan_subscription s on s.id = p.subscription_id "
            "where p.plan_id = v.id and",
            metric_id,
        )
        + has_not_ended("s", now)
        + ")) limit 1"
    )
    if rows:
        raise refuse(
            Code.INVALID_STATE,
            f"Plan {rows[0][0]!r} prices it; deactivate the plan or publish a version without it, "
            "and let the subscriptions on it end.",
            "metric",
        )


async def _refuse_committed(tx: Connection, metric_id: UUID, now: datetime) -> None:
    committed = await tx.fetch(
        sql(
            "select 1 from commitment c join plan_subscription s on s.id = c.subscription_id "
            "where c.metric_id = ? and "
            "(c.end_at is null or (c.end_at > ? and c.end_at > c.start_at)) and",
            metric_id,
            now,
        )
        + has_not_ended("s", now)
        + "limit 1"
    )
    if committed:
        raise refuse(
            Code.INVALID_STATE,
            "A subscription is committed to it; remove the commitment first.",
            "metric",
        )
