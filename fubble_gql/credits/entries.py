"""Writing the ledger: every entry has the next position of its grant, and what remains after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from fubble_gql.credits.rows import (
    CREDIT_GRANTS,
    CREDIT_TRANSACTIONS,
    CreditGrantRow,
    CreditTransactionRow,
)
from fubble_gql.db import write
from fubble_gql.db.connection import Connection
from fubble_gql.db.repeat import new_id
from fubble_gql.db.rows import R, Table
from fubble_gql.db.sql import Sql, sql


class Overdrawn(ValueError):
    """An entry takes more than remains of its grant: the caller did not look under the lock."""


class Change(NamedTuple):
    """An entry to be made in a grant: below zero takes from it."""

    grant_id: UUID
    amount: Decimal
    description: str
    invoice_id: UUID | None = None


async def open_grants(tx: Connection, grants: Sequence[tuple[CreditGrantRow, str]]) -> None:
    """Make grants, each with the description of its first entry. Two statements."""
    first = [
        CreditTransactionRow(
            new_id(), row.id, 1, row.amount, row.amount, description, row.invoice_id, row.created_at
        )
        for row, description in grants
    ]
    await _insert(tx, CREDIT_GRANTS, [row for row, _ in grants])
    await _insert(tx, CREDIT_TRANSACTIONS, first)


async def lock_grants(tx: Connection, where: Sql) -> list[CreditGrantRow]:
    """Grants as they are, unchanged by others until the transaction ends.

    Everybody locks them in the order of their ids, so that nobody deadlocks.
    """
    return await CREDIT_GRANTS.select(tx, sql("where") + where + "order by id" + tx.lock)


async def enter(tx: Connection, changes: Sequence[Change], now: datetime) -> None:
    """Make entries in grants, in the order given; those of zero are left out. Four statements.

    Raises Overdrawn.
    """
    changes = [change for change in changes if change.amount]
    if not changes:
        return
    ids = list(dict.fromkeys(change.grant_id for change in changes))
    grants = await lock_grants(tx, tx.is_in("id", ids))
    # Not in the statement that locks: it would show positions as they were before it waited.
    positions = await _positions(tx, ids)
    last = {row.id: (positions[row.id], row.remaining) for row in grants}
    entries = []
    for change in changes:
        position, balance = last[change.grant_id]
        last[change.grant_id] = position + 1, balance + change.amount
        entries.append(_entry(change, *last[change.grant_id], now))
    await _insert(tx, CREDIT_TRANSACTIONS, entries)
    kept = [{"id": id, "remaining": balance} for id, (_, balance) in last.items()]
    await write.update(tx, CREDIT_GRANTS.name, kept)


def _entry(change: Change, position: int, balance: Decimal, now: datetime) -> CreditTransactionRow:
    if balance < 0:
        raise Overdrawn(f"Grant {change.grant_id} has no {-change.amount} left.")
    return CreditTransactionRow(
        new_id(),
        change.grant_id,
        position,
        change.amount,
        balance,
        change.description,
        change.invoice_id,
        now,
    )


async def _positions(tx: Connection, grant_ids: Sequence[UUID]) -> dict[UUID, int]:
    """The position of each grant's last entry."""
    records = await tx.fetch(
        sql("select grant_id, max(position) from credit_transaction where")
        + tx.is_in("grant_id", grant_ids)
        + "group by grant_id"
    )
    return {UUID(str(record[0])): int(record[1]) for record in records}


async def _insert(tx: Connection, table: Table[R], rows: Sequence[R]) -> None:
    await write.insert(tx, table.name, [row._asdict() for row in rows])
