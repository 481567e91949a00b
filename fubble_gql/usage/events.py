"""Recorded events as light rows: listed newest first, filtered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from fubble_gql.checks import is_storable
from fubble_gql.db.connection import Connection
from fubble_gql.db.pages import Order
from fubble_gql.db.rows import JsonObject, Table, own
from fubble_gql.db.sql import ALWAYS, Sql, all_of, sql
from fubble_gql.pricing.period import Period
from fubble_gql.usage.scope import Scope, Stretch


class UsageEventRow(NamedTuple):
    """An event as it is stored; `properties` is None when none were sent."""

    id: int
    customer_id: UUID
    metric_id: UUID
    subscription_id: UUID | None
    idempotency_key: str
    quantity: Decimal
    event_time: datetime
    recorded_at: datetime
    voided_at: datetime | None
    void_reason: str | None
    properties: JsonObject | None


USAGE_EVENTS = Table("usage_event", UsageEventRow, own("customer_id"))
NEWEST_FIRST = Order(("event_time", "id"), descending=True)


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are wanted: those that meet every condition that is given.

    An empty list wants none of them. `period` is by event time, half-open.
    """

    idempotency_keys: Sequence[str] | None = None
    metric_ids: Sequence[UUID] | None = None
    period: Period | None = None
    subscription_id: UUID | None = None
    include_voided: bool = False

    def conditions(self, connection: Connection) -> Sql:
        """The filter in SQL."""
        return all_of(self._conditions(connection))

    def _conditions(self, connection: Connection) -> Iterator[Sql]:
        if self.idempotency_keys is not None:
            keys = [key for key in self.idempotency_keys if is_storable(key)]
            yield connection.is_in("idempotency_key", keys)
        if self.metric_ids is not None:
            yield connection.is_in("metric_id", self.metric_ids)
        if self.period is not None:
            yield sql("event_time >= ? and event_time < ?", self.period.start, self.period.end)
        if self.subscription_id is not None:
            yield sql("subscription_id = ?", self.subscription_id)
        if not self.include_voided:
            yield sql("voided_at is null")


def behind(
    connection: Connection,
    metric_ids: Sequence[UUID],
    stretches: Sequence[Stretch],
    as_of: datetime,
) -> Sql:
    """The events that these metrics were measured from as of then: known and not voided by then.

    For one customer's events; whose they are is for the caller to say. A level that was carried
    into a stretch comes from events before it, which are not among these.
    """
    known = sql("recorded_at <= ? and (voided_at is null or voided_at > ?)", as_of, as_of)
    inside = sql("(false")
    for stretch in stretches:
        inside = inside + "or" + _inside(stretch)
    return all_of([connection.is_in("metric_id", metric_ids), known, inside + ")"])


def _inside(stretch: Stretch) -> Sql:
    span = stretch.span
    in_time = sql("(event_time >= ? and event_time < ? and (", span.start, span.end)
    return in_time + _in_scope(stretch.scope) + "))"


def _in_scope(scope: Scope) -> Sql:
    if scope.everything:
        return ALWAYS
    unnamed = sql("subscription_id is null" if scope.unnamed else "false")
    if scope.subscription_id is None:
        return unnamed
    return unnamed + sql("or subscription_id = ?", scope.subscription_id)


async def metrics_used(
    connection: Connection, customer_ids: Sequence[UUID]
) -> dict[UUID, set[UUID]]:
    """The ids of the metrics that each customer ever used. One statement, a probe for each pair."""
    found: dict[UUID, set[UUID]] = {id: set() for id in customer_ids}
    # Without the offset PostgreSQL makes a join of it, for which it reads all events of everybody.
    statement = (
        sql("select customer.id, metric.id from customer cross join metric where exists (")
        + "select 1 from usage_event where usage_event.customer_id = customer.id "
        + "and usage_event.metric_id = metric.id limit 1 offset 0) and"
        + connection.is_in("customer.id", customer_ids)
    )
    for customer_id, metric_id in await connection.fetch(statement):
        found[UUID(str(customer_id))].add(UUID(str(metric_id)))
    return found
