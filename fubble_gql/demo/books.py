"""The books: what was agreed, invoiced and paid on a day, in the order in which it happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from fubble_gql.billing import run, settle
from fubble_gql.billing.invoice_rows import INVOICES, InvoiceRow
from fubble_gql.billing.run import Order
from fubble_gql.billing.seller import Seller
from fubble_gql.customers.store import CUSTOMERS
from fubble_gql.db.connection import Connection
from fubble_gql.db.sql import sql
from fubble_gql.demo.customers import COMPANIES
from fubble_gql.demo.deals import Deal
from fubble_gql.errors import Refused

Clock = Callable[[], datetime]

SELLER = Seller("Fubble Demo Ltd", "1 Meter Lane\nDublin 2\nIreland", "IE 0000000XX")
_WITHOUT_HURRY = timedelta(hours=1)

# Most pay within two weeks, each company always as many days after the invoice was issued.
_PLACES = {company.key: place for place, company in enumerate(COMPANIES)}
_PAY_AFTER_DAYS = range(5, 15)
# These two do so long after it was due.
_SLOW, _SLOW_AFTER = ("thornbury-law", "juniper-lane"), timedelta(days=75)
# The money of these two cannot be collected at first.
_DECLINED = {
    "kestrel-aviation": "The card was declined: insufficient funds.",
    "lumetra": "The direct debit was returned: no mandate.",
}
_DECLINED_AFTER = timedelta(days=3)


async def keep(
    connection: Connection, deals: Sequence[Deal], since: datetime, until: datetime
) -> int:
    """Of a day of the history that follows `since` and ends with `until`; how many were issued.

    As if it were then. Again changes nothing. Raises Refused.
    """
    for deal in deals:
        if since < deal.at <= until:
            await deal.do(connection, deal.at)
    done = await bill(connection, lambda: until)
    if done.failures:
        raise Refused([failure.problem for failure in done.failures])
    return done.finalized


async def bill(connection: Connection, clock: Clock) -> run.Run:
    """Invoice what has closed, and let the customers pay. Again changes nothing."""
    order = Order(clock(), finalise=True, clock=clock, seller=SELLER)
    done = await run.run(connection, order, _WITHOUT_HURRY)
    await _collect(connection, clock())
    return done


async def _collect(connection: Connection, now: datetime) -> None:
    """What a payment service would tell of the companies' invoices that are due."""
    unpaid = await INVOICES.select(connection, sql("where status in ('PENDING', 'FAILED')"))
    ids = list({row.customer_id for row in unpaid})
    keys = {row.id: row.key for row in await CUSTOMERS.by(connection, "id", ids)}
    for row in unpaid:
        if keys[row.customer_id] in _PLACES:
            await _try(connection, row, keys[row.customer_id], now)


async def _try(connection: Connection, row: InvoiceRow, company: str, now: datetime) -> None:
    assert row.issued_at is not None  # noqa: S101 - it is PENDING or FAILED
    paid_at = row.issued_at + _pays_after(company)
    if paid_at <= now:
        await settle.pay(connection, row.id, paid_at, now)
    elif company in _DECLINED and row.issued_at + _DECLINED_AFTER <= now:
        await settle.fail(connection, row.id, _DECLINED[company], now)


def _pays_after(company: str) -> timedelta:
    if company in _SLOW:
        return _SLOW_AFTER
    return timedelta(days=_PAY_AFTER_DAYS[_PLACES[company] % len(_PAY_AFTER_DAYS)])
