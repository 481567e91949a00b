"""What was invoiced and what was paid, in every bucket of a period, over all customers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from fubble_gql.billing.invoice_states import ISSUED, InvoiceStatus
from fubble_gql.db.connection import Connection
from fubble_gql.db.sql import Sql, sql
from fubble_gql.db.write import given
from fubble_gql.pricing.money import ZERO
from fubble_gql.pricing.period import Period

_BUCKET = {"n": "int", "start_at": "timestamptz", "end_at": "timestamptz"}


class Revenue(NamedTuple):
    """One bucket: what was issued in it, and what was paid in it, whenever it was issued."""

    period: Period
    invoiced: Decimal
    credits_applied: Decimal
    invoice_count: int
    paid: Decimal


class _Sums(NamedTuple):
    invoices: int
    total: Decimal
    credits: Decimal


_NOTHING = _Sums(0, ZERO, ZERO)


async def revenue(
    connection: Connection, buckets: Sequence[Period], currency: str
) -> list[Revenue]:
    """The invoices of one currency, in every bucket. One statement.

    A VOID invoice is in none: what it asked for is not owed.
    """
    statuses = sorted(status.value for status in ISSUED)
    issued = _side(connection, "issued_at", currency, statuses)
    paid = _side(connection, "paid_at", currency, [InvoiceStatus.PAID.value])
    rows = [(n, one.start, one.end) for n, one in enumerate(buckets)]
    source = sql("with bucket as (select * from") + given(connection, _BUCKET, rows) + ")"
    found = {
        (int(n), side): _Sums(int(count), Decimal(total), Decimal(by_credit))
        for n, side, count, total, by_credit in await connection.fetch(
            source + issued + "union all" + paid
        )
    }
    sums = defaultdict(lambda: _NOTHING, found)
    return [
        _revenue(bucket, sums[n, "issued_at"], sums[n, "paid_at"])
        for n, bucket in enumerate(buckets)
    ]


def _side(connection: Connection, at: str, currency: str, statuses: Sequence[str]) -> Sql:
    """The sums of the invoices to which it happened in each bucket that has any."""
    sums = ", ".join(connection.exact_sum(column) for column in ("total", "credits_applied"))
    happened = sql(
        f"invoice where currency = ? and {at} >= start_at and {at} < end_at and", currency
    ) + connection.is_in("status", statuses)
    return (
        sql(f"select n, '{at}', count(*), {sums} from bucket cross join")
        + _for_each(connection, happened, at)
        + "group by n"
    )


def _for_each(connection: Connection, happened: Sql, at: str) -> Sql:
    """Looked up in the index for each bucket.

    On PostgreSQL by `offset 0` and the index's order: a plan made while the table was nearly empty
    would compare every invoice with every bucket.
    """
    if connection.dialect == "sqlite":
        return happened
    return (
        sql("lateral (select total, credits_applied from")
        + happened
        + f"order by currency, {at} offset 0) as invoice"
    )


def _revenue(period: Period, issued: _Sums, paid: _Sums) -> Revenue:
    return Revenue(period, issued.total, issued.credits, issued.invoices, paid.total)
