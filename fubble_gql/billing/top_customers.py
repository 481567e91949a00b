"""Who uses most of a metric: all customers, ranked by what they used in a period."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from fubble_gql.catalog.kinds import Aggregation
from fubble_gql.catalog.metrics import with_operands
from fubble_gql.catalog.rows import METRICS, MetricRow
from fubble_gql.db.connection import Connection
from fubble_gql.db.sql import sql
from fubble_gql.errors import Code, refuse
from fubble_gql.pricing.formula import FormulaFailed
from fubble_gql.pricing.period import Period
from fubble_gql.usage.aggregate import EVERYTHING, Request, Stretch, measure


class Ranked(NamedTuple):
    """A customer, and how much it used."""

    customer_id: UUID
    quantity: Decimal


async def top_customers(
    connection: Connection, metric_key: str, period: Period, first: int, as_of: datetime
) -> list[Ranked]:
    """Those who used most, the largest quantity first; of equal ones the customer created first.

    The quantity is what the customer's usage shows for the period. Who has neither events nor a
    level that was carried in is left out, and so is whose COMPOSITE has no result. The number of
    statements depends on neither customers nor events. Raises Refused: NOT_FOUND.
    """
    metric = next(iter(await METRICS.by(connection, "key", [metric_key])), None)
    if metric is None:
        raise refuse(Code.NOT_FOUND, f"There is no metric with the key {metric_key!r}.", "metric")
    operands = await with_operands(connection, [metric])
    users = await _users(connection, metric, operands, period)
    stretches = (Stretch(period, EVERYTHING),)
    requests = [Request(id, metric, stretches, as_of, whole=period) for id in users]
    ranked = []
    for id, found in zip(users, await measure(connection, requests, operands), strict=True):
        if isinstance(found, FormulaFailed):
            continue
        [used] = found
        if used.event_count or used.quantity:
            ranked.append(Ranked(id, used.quantity))
    # Sorting keeps the order of equal ones.
    return sorted(ranked, key=lambda one: one.quantity, reverse=True)[:first]


async def _users(
    connection: Connection, metric: MetricRow, operands: Mapping[str, MetricRow], period: Period
) -> list[UUID]:
    """Customers who may have used it, in the order of their creation: a probe for each.

    A level may have been carried in from any time before the period.
    """
    measured = list(operands.values()) if metric.formula is not None else [metric]
    is_level = any(one.aggregation == Aggregation.TIME_WEIGHTED for one in measured)
    since = sql("") if is_level else sql("and event_time >= ?", period.start)
    statement = (
        sql(
            "select id from customer where exists (select 1 from usage_event"
            " where customer_id = customer.id and event_time < ?",
            period.end,
        )
        + since
        + "and"
        + connection.is_in("metric_id", [one.id for one in measured])
        + ") order by created_at, id"
    )
    return [UUID(str(id)) for (id,) in await connection.fetch(statement)]
