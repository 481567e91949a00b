"""Who has something to be invoiced: found by index, in order, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from fubble_gql.billing.invoice_rows import INVOICES, InvoiceRow
from fubble_gql.db.connection import Connection
from fubble_gql.db.sql import Sql, sql

# Drafts that hold periods, all of which have ended.
_DRAFTS = (
    "invoice.status = 'DRAFT' and exists (select 1 from invoice_period p "
    "where p.invoice_id = invoice.id) and not exists (select 1 from invoice_period p "
    "where p.invoice_id = invoice.id and p.end_at > ?)"
)
# Subscriptions that are wholly invoiced, of customers who have no other, with usage that became
# known or void since.
_LATE = (
    "s.due_at is null and exists (select 1 from invoice_period p "
    "where p.subscription_id = s.id and p.freed_at is null) and (s.settled_at is null "
    "or exists (select 1 from usage_event e where e.customer_id = s.customer_id and e.is_late "
    "and e.recorded_at > s.settled_at) "
    "or exists (select 1 from usage_event e where e.customer_id = s.customer_id "
    "and e.voided_at is not null and e.voided_at > s.settled_at)) "
    "and not exists (select 1 from plan_subscription o where o.customer_id = s.customer_id "
    "and o.due_at is not null)"
)


async def customers(
    connection: Connection, as_of: datetime, last: UUID | None, count: int, *, finalise: bool
) -> list[UUID]:
    """The next customers, in order of their ids, who may have something to be invoiced.

    Periods that ended by `as_of`; to finalise also drafts, and late usage of subscriptions that no
    other invoice will carry. One to three statements.
    """
    wanted = [sql("select s.customer_id as id from plan_subscription s where s.due_at <= ?", as_of)]
    if finalise:
        wanted.append(sql(f"select customer_id as id from invoice where {_DRAFTS}", as_of))
        wanted.append(sql(f"select s.customer_id as id from plan_subscription s where {_LATE}"))
    found: set[UUID] = set()
    for one in wanted:
        rows = await connection.fetch(_after(one, last, count))
        found |= {UUID(str(row[0])) for row in rows}
    return sorted(found)[:count]


def _after(source: Sql, last: UUID | None, count: int) -> Sql:
    statement = sql("select distinct id from (") + source + ") as found"
    if last is not None:
        statement += sql("where id > ?", last)
    return statement + sql("order by id limit ?", count)


async def drafts(
    tx: Connection, customer_ids: Sequence[UUID], as_of: datetime
) -> dict[UUID, list[InvoiceRow]]:
    """Each customer's drafts whose periods have all ended by then, the oldest first; locked.

    Otherwise a line that somebody adds by hand meanwhile would be lost.
    """
    where = sql(f"where {_DRAFTS} and", as_of) + tx.is_in("customer_id", customer_ids)
    found: dict[UUID, list[InvoiceRow]] = {}
    for row in await INVOICES.select(tx, where + "order by created_at, id" + tx.lock):
        found.setdefault(row.customer_id, []).append(row)
    return found


async def remaining(connection: Connection, as_of: datetime, *, finalise: bool) -> int:
    """How many subscriptions are due, or to be adjusted, and how many drafts can be finalised."""
    statement = sql("select (select count(*) from plan_subscription where due_at <= ?)", as_of)
    if finalise:
        statement += sql(f"+ (select count(*) from invoice where {_DRAFTS})", as_of)
        statement += f"+ (select count(*) from plan_subscription s where {_LATE})"
    return int((await connection.fetch(statement))[0][0])
