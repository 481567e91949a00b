"""What the database holds: customers, metrics, plans, subscriptions, in a few statements."""

# ruff: noqa: S608 - statements are put together from this package's own words only

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import asyncpg
import orjson

from fubble_gql.access import keys
from fubble_gql.db.setup import open_database
from fubble_gql.pricing.rates import Flat, Graduated, Package, PerUnit, Rate, Tier, Volume
from fubble_gql.pricing.rates.codec import encode

METRICS = 5
DIMENSION = "region"

_TIERS = (Tier(Decimal(1000), Decimal("0.10")), Tier(None, Decimal("0.05")))
_RATES: tuple[Rate, ...] = (
    Flat(Decimal(20)),
    PerUnit(Decimal("0.25"), Decimal(100)),
    Graduated(_TIERS),
    Volume(_TIERS),
    Package(Decimal(500), Decimal(3)),
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many rows there are; every plan has five components, each of another pricing model."""

    customers: int
    plans: int
    subscriptions: int
    invoices: int = 0


def id_of(kind: int, number: str) -> str:
    """A UUID that rises with the number, as version 7 rises with time; `kind` is its table's.

    Its last digits differ too, as those of a real one do: locks are chosen by them.
    """
    digits = f"to_hex({number})"
    return f"(lpad({digits}, 8, '0') || '-0000-7000-800{kind}-' || lpad({digits}, 12, '0'))::uuid"


CUSTOMERS = f"""
insert into customer (id, key, name, currency, timezone, metadata, created_at, updated_at)
select {id_of(1, "i")}, 'customer-' || i, 'Customer ' || i || ' é', 'USD', 'UTC', '{{}}', born, born
from (select i, timestamptz '2025-01-01Z' + i * interval '1 minute' as born
      from generate_series(1, $1::int) as i) as numbered
"""

_METRICS = f"""
insert into metric (id, key, display_name, type, aggregation, dimensions, created_at)
select {id_of(2, "i")}, 'metric-' || i, 'Metric ' || i, 'COUNTER', 'SUM', $2::jsonb,
  timestamptz '2025-01-01Z'
from generate_series(1, $1::int) as i
"""

_PLANS = f"""
insert into plan (id, key, version, name, currency, billing_frequency, trial_days, created_at)
select {id_of(3, "i")}, 'plan-' || i, 1, 'Plan ' || i, 'USD', 'MONTHLY', 0, timestamptz '2025-01-01Z'
from generate_series(1, $1::int) as i
"""

# A component's metric is the one of its place; the first, a fee, has none.
_COMPONENTS = f"""
insert into price_component (id, plan_id, position, key, display_name, metric_id, pricing)
select {id_of(4, "p * 16 + n::int")}, {id_of(3, "p")}, n - 1, 'component-' || n,
  'Component ' || p || '-' || n, case when n > 1 then {id_of(2, "n")} end, pricing
from generate_series(1, $1::int) as p, unnest($2::jsonb[]) with ordinality as rate(pricing, n)
"""

# Of ten, one has ended, one begins later and one is in trial.
_SUBSCRIPTIONS = f"""
insert into plan_subscription
  (id, customer_id, timezone, start_at, end_at, trial_end_at, created_at)
select {id_of(5, "i")}, {id_of(1, "1 + (i - 1) % $2::int")}, 'UTC',
  case when i % 10 = 4 then timestamptz '2190-01-01Z' else born end,
  case when i % 10 = 3 then born + interval '30 days' end,
  case when i % 10 = 5 then timestamptz '2190-01-01Z' end, born
from (select i, timestamptz '2025-01-01Z' + (i % 300) * interval '1 hour' as born
      from generate_series(1, $1::int) as i) as numbered
"""

# Every tenth changed to another plan after ten days.
_PHASES = f"""
insert into subscription_phase (id, subscription_id, plan_id, start_at, billing_anchor)
select {id_of(6, "i * 2 + change")}, s.id, {id_of(3, "1 + (i * 7 + i / 1000 + change) % $1::int")},
  s.start_at + change * interval '10 days', s.start_at
from (select *, row_number() over (order by id) as i from plan_subscription) as s,
  generate_series(0, 1) as change
where change = 0 or i % 10 = 0
"""

_INVOICES = f"""
insert into invoice
  (id, customer_id, number, sequence, status, currency, period_start, period_end, subtotal,
   credits_applied, total, as_of, issued_at, due_at, terms, bill_to, seller, credit_grant_ids,
   created_at)
select {id_of(7, "i")}, {id_of(1, "1 + (i - 1) % $2::int")}, 'INV-' || lpad(i::text, 6, '0'), i,
  'PENDING', 'USD', month, month + interval '1 month', amount, 0, amount, issued, issued,
  issued + interval '30 days', '{{}}', '{{}}', '{{}}', '[]', issued
from (select i, round(i % 100000 / 7.0, 2) as amount,
        timestamptz '2025-01-01Z' + (i - 1) / $2::int * interval '1 month' as month,
        timestamptz '2025-02-01Z' + (i - 1) / $2::int * interval '1 month'
          + i * interval '1 second' as issued
      from generate_series(1, $1::int) as i) as numbered
"""

_LINES = f"""
insert into invoice_line
  (id, invoice_id, position, kind, description, metric_id, period_start, period_end, quantity,
   unit_price, amount, steps)
select {id_of(8, "i * 4 + place")}, {id_of(7, "i")}, place, 'USAGE', 'Metric ' || place + 1,
  {id_of(2, "place + 1")}, timestamptz '2025-01-01Z', timestamptz '2025-02-01Z', units, 0.25,
  units * 0.25, jsonb_build_array(jsonb_build_object('label', 'per unit', 'quantity', units::text,
    'unitPrice', '0.25', 'amount', (units * 0.25)::text, 'flatFee', null, 'above', null,
    'upTo', null))
from (select i, place, i % 1000 + place as units
      from generate_series(1, $1::int) as i, generate_series(0, 3) as place) as numbered
"""


async def fill(url: str, sizes: Sizes) -> str:
    """Fill the empty database; returns an API key for it.

    Invoices need a superuser: triggers are off while they are written as issued.
    """
    connection = await asyncpg.connect(url)
    try:
        dimensions = orjson.dumps([{"property": DIMENSION, "kind": "STRING"}]).decode()
        rates = [orjson.dumps(encode(rate)).decode() for rate in _RATES]
        await connection.execute(CUSTOMERS, sizes.customers)
        await connection.execute(_METRICS, METRICS, dimensions)
        await connection.execute(_PLANS, sizes.plans)
        await connection.execute(_COMPONENTS, sizes.plans, rates)
        await connection.execute(_SUBSCRIPTIONS, sizes.subscriptions, sizes.customers)
        await connection.execute(_PHASES, sizes.plans)
        if sizes.invoices:
            await connection.execute("set session_replication_role = replica")
            await connection.execute(_INVOICES, sizes.invoices, sizes.customers)
            await connection.execute(_LINES, sizes.invoices)
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()
    async with open_database(url) as opened:
        return await keys.create(opened, "benchmark", datetime.now(UTC))
