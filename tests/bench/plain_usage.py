"""What customers used, by one plain statement over the events: what answers are checked against."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

import asyncpg

from tests.bench.volume_data import PRICES

_CENT = Decimal("0.01")
_USED = """
select customer.key, metric.key, case metric.aggregation
  when 'SUM' then sum(quantity) when 'COUNT' then count(*) when 'MAX' then max(quantity)
  when 'LAST' then (array_agg(quantity order by event_time desc, usage_event.id desc))[1] end
from usage_event join customer on customer.id = customer_id join metric on metric.id = metric_id
where customer.key = any($1) and event_time >= $2 and event_time < $3 and voided_at is null
group by customer.key, metric.key, metric.aggregation
"""

Used = dict[tuple[str, str], Decimal]


async def used(url: str, customers: Sequence[str], start: datetime, end: datetime) -> Used:
    """The quantity of each customer and metric, by their keys; nothing where there is no event."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(_USED, list(customers), start, end)
    finally:
        await connection.close()
    return {(customer, metric): quantity for customer, metric, quantity in rows}


def total(quantities: Used, customer: str) -> Decimal:
    """What a customer owes for it."""
    found = [
        quantities.get((customer, f"metric-{n}"), Decimal(0)) for n in range(1, len(PRICES) + 1)
    ]
    owed = [quantity * price for quantity, price in zip(found, PRICES, strict=True)]
    return sum((one.quantize(_CENT, ROUND_HALF_UP) for one in owed), Decimal(0))
