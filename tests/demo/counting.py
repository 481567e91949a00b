"""How many rows there are, and what they say."""

from __future__ import annotations

from fubble_gql.db.connection import Connection
from fubble_gql.db.sql import sql


async def rows_in(connection: Connection, *tables: str) -> dict[str, int]:
    """The number of rows of each table."""
    counted = {}
    for table in tables:
        ((counted[table],),) = await connection.fetch(sql(f"select count(*) from {table}"))  # noqa: S608
    return counted


async def contents(connection: Connection, *tables: str) -> dict[str, list[object]]:
    """Every row of each table."""
    return {
        table: [tuple(row) for row in await connection.fetch(sql(f"select * from {table}"))]  # noqa: S608
        for table in tables
    }


async def told(connection: Connection) -> list[object]:
    """The books as people read them: invoices with their lines, and the ledger; without ids."""
    invoices = (
        "select number, key, status, subtotal, credits_applied, total, as_of, issued_at, due_at,"
        " paid_at, failed_at, failure_reason, voided_at, i.created_at, kind, position,"
        " l.description, l.period_start, l.period_end, quantity, amount, steps"
        " from invoice i join customer c on c.id = i.customer_id"
        " join invoice_line l on l.invoice_id = i.id order by i.created_at, number, key, position"
    )
    ledger = (
        "select key, g.type, g.priority, g.description, g.created_at, g.expires_at,"
        " g.cancelled_at, t.position, t.amount, t.balance, t.description, t.created_at, number"
        " from credit_transaction t join credit_grant g on g.id = t.grant_id"
        " join customer c on c.id = g.customer_id left join invoice i on i.id = t.invoice_id"
        " order by g.created_at, key, t.position"
    )
    return [tuple(row) for one in (invoices, ledger) for row in await connection.fetch(sql(one))]


def say_nothing(done: int, total: int) -> None:
    """A report of progress that no one reads."""
