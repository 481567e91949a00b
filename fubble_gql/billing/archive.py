"""Archiving customers and metrics: refused while a subscription needs them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fubble_gql.billing.rows import has_not_ended
from fubble_gql.catalog import metrics
from fubble_gql.catalog.rows import METRICS, MetricRow
from fubble_gql.customers import store
from fubble_gql.customers.store import CUSTOMERS, CustomerRow
from fubble_gql.db import refs
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.sql import sql
from fubble_gql.errors import Code, refuse


async def archive_customer(connection: Connection, ref: Ref, now: datetime) -> CustomerRow:
    """Take a customer out of use. Raises Refused: NOT_FOUND, INVALID_STATE with a live subscription."""

    async def work(tx: Connection) -> CustomerRow:
        row = await refs.get(tx, CUSTOMERS, ref, "customer")
        running = await tx.fetch(
            sql("select 1 from plan_subscription as s where s.customer_id = ? and", row.id)
            + has_not_ended("s", now)
            + "limit 1"
        )
        if running and row.archived_at is None:
            raise refuse(
                Code.INVALID_STATE,
                "The customer has a subscription that has not ended; cancel it first.",
                "customer",
            )
        return await store.archive(tx, row, now)

    return await connection.transaction(work)


async def archive_metric(connection: Connection, ref: Ref, now: datetime) -> MetricRow:
    """Take a metric out of use. Raises Refused: NOT_FOUND, INVALID_STATE while it is priced."""

    async def work(tx: Connection) -> MetricRow:
        row = await refs.get(tx, METRICS, ref, "metric")
        plan = await _priced_by(tx, row.id, now)
        if plan is not None and row.archived_at is None:
            raise refuse(
                Code.INVALID_STATE,
                f"Plan {plan!r} prices it; deactivate the plan or publish a version without it, "
                "and let the subscriptions on it end.",
                "metric",
            )
        return await metrics.archive(tx, row, now)

    return await connection.transaction(work)


async def _priced_by(tx: Connection, metric_id: UUID, now: datetime) -> str | None:
    """A plan that prices the metric and can be subscribed to, or is by a subscription not ended."""
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
    return str(rows[0][0]) if rows else None
