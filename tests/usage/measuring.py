"""Asking what usage adds up to, with the least said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from fubble_gql.catalog.rows import METRICS, MetricRow
from fubble_gql.db.connection import Connection
from fubble_gql.pricing.formula import FormulaFailed
from fubble_gql.pricing.period import Period
from fubble_gql.usage.aggregate import EVERYTHING, Request, Scope, Stretch, measure
from tests.usage.builders import (
    accepted,
    at,
    new_event,
)

JUNE = Period(at("2026-06-01"), at("2026-07-01"))
LATER = at("2026-08-01")


def request(
    customer: UUID,
    metric: MetricRow,
    span: Period = JUNE,
    scope: Scope = EVERYTHING,
    as_of: datetime = LATER,
    group_by: Sequence[str] = (),
) -> Request:
    return Request(customer, metric, (Stretch(span, scope),), as_of, span, tuple(group_by))


async def total(db: Connection, *asked: Request, **operands: MetricRow) -> list[Decimal]:
    """The quantity of each request that does not group."""
    quantities = []
    for answer in await measure(db, asked, operands):
        assert not isinstance(answer, FormulaFailed)
        [one] = answer
        assert one.values == ()
        quantities.append(one.quantity)
    return quantities


async def metrics_named(db: Connection, *keys: str) -> dict[str, MetricRow]:
    return {row.key: row for row in await METRICS.by(db, "key", keys)}


async def tell(db: Connection, **events: str) -> None:
    """k1="2026-06-01 08:00 | 5": events of acme's calls, known a month later."""
    for key, text in events.items():
        time, quantity = text.split(" | ")
        await accepted(db, new_event(key, quantity, event_time=at(time)), now=at("2026-07-15"))
