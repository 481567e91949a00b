"""Grants of credit, invoices that draw on them, and what the ledger says, with the least said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from uuid import UUID

from fubble_gql.credits import ledger
from fubble_gql.credits.ledger import InvoiceDraw
from fubble_gql.credits.new_grant import NewGrant
from fubble_gql.credits.rows import (
    CREDIT_GRANTS,
    CREDIT_TRANSACTIONS,
    CreditGrantRow,
    CreditTransactionRow,
)
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.sql import sql
from fubble_gql.pricing import credit

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


async def granted(
    db: Connection, amount: str = "100", customer: str = "acme", now: datetime = NOW, **more: object
) -> UUID:
    """A grant to acme, of 100 that never expire, unless said; its id."""
    new = NewGrant(Ref(key=customer), Decimal(amount), **more)  # type: ignore[arg-type]
    return (await ledger.grant(db, new, now)).id


async def drawn(
    db: Connection, invoice: UUID, *takes: tuple[UUID, str], now: datetime = NOW
) -> None:
    """Let an invoice take from grants: pairs of a grant and an amount."""
    entries = [InvoiceDraw(invoice, grant, Decimal(amount), "Invoice") for grant, amount in takes]
    await db.transaction(lambda tx: ledger.draw(tx, entries, now))


async def paid(
    db: Connection,
    customer_id: UUID,
    invoice: UUID,
    due: Decimal,
    now: datetime = NOW,
    named: Sequence[UUID] = (),
) -> Decimal:
    """Let an invoice draw what it can, as finalising does; what stays due."""

    async def work(tx: Connection) -> Decimal:
        grants = (await ledger.spendable(tx, [customer_id], now, lock=True))[customer_id]
        draws = credit.draw(grants, due, now, named)
        entries = [InvoiceDraw(invoice, one.grant_id, one.amount, "Invoice") for one in draws]
        await ledger.draw(tx, entries, now)
        return due - sum((one.amount for one in draws), Decimal(0))

    return await db.transaction(work)


async def returned(db: Connection, invoice: UUID, now: datetime = NOW) -> None:
    """Give back what an invoice drew, as voiding does."""
    await db.transaction(lambda tx: ledger.give_back(tx, invoice, "Voided", now))


async def grants(db: Connection) -> list[CreditGrantRow]:
    """All grants, in the order in which they were made."""
    return await CREDIT_GRANTS.select(db, sql("order by created_at, id"))


async def the_grant(db: Connection, id: UUID) -> CreditGrantRow:
    """A grant as it is now."""
    (row,) = await CREDIT_GRANTS.by(db, "id", [id])
    return row


async def entries(db: Connection, grant: UUID) -> list[tuple[str, str]]:
    """The amounts of a grant's entries, each with what remained."""
    rows = await entry_rows(db, grant)
    return [(str(row.amount), str(row.balance)) for row in rows]


async def entry_rows(db: Connection, grant: UUID) -> list[CreditTransactionRow]:
    """A grant's entries, in their order."""
    return await CREDIT_TRANSACTIONS.select(db, sql("where grant_id = ? order by position", grant))


async def balance(db: Connection, customer_id: UUID, now: datetime = NOW) -> Decimal:
    """What a customer can spend."""
    found = (await ledger.spendable(db, [customer_id], now))[customer_id]
    return sum((grant.remaining for grant in found), Decimal(0))


async def check(db: Connection) -> None:
    """Every grant's entries are numbered without a gap, and sum to what remains, never below 0."""
    rows = await CREDIT_TRANSACTIONS.select(db, sql("order by grant_id, position"))
    found = {id: list(entries) for id, entries in groupby(rows, key=lambda row: row.grant_id)}
    known = await grants(db)
    assert found.keys() == {grant.id for grant in known}
    for grant in known:
        total = Decimal(0)
        for position, entry in enumerate(found[grant.id], 1):
            total += entry.amount
            assert (entry.position, entry.balance) == (position, total)
            assert entry.amount != 0
            assert total >= 0
        assert grant.remaining == total
        assert found[grant.id][0].amount == grant.amount
