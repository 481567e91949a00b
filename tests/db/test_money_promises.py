"""What the database refuses of money whatever the code does: on both kinds, each row as it was."""

# ruff: noqa: S608 - every word of these statements stands here

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from tortoise.exceptions import IntegrityError, OperationalError

from fubble_gql.billing import manual_lines, settle
from fubble_gql.billing.invoice_models import InvoiceDocument
from fubble_gql.billing.manual_lines import ManualLine
from fubble_gql.db.connection import Connection
from fubble_gql.db.repeat import new_id
from fubble_gql.db.sql import sql
from fubble_gql.pricing.money import ONE
from fubble_gql.pricing.period import Period
from tests.laws.builders import (
    JULY,
    JUNE,
    MAY,
    Clock,
    a_customer,
    a_draft,
    a_plan,
    a_subscription,
    committed,
    fee,
    finalised,
    granted,
    rows,
    usage,
    used,
)
from tests.usage.builders import make_metric
from tests.usage.test_cut import on_postgresql, waiting

REFUSED = (IntegrityError, OperationalError, sqlite3.Error, asyncpg.PostgresError)
DAY = timedelta(days=1)
TABLES = (
    "invoice",
    "invoice_line",
    "invoice_period",
    "invoice_document",
    "credit_grant",
    "credit_transaction",
    "commitment",
)


@dataclass(frozen=True, slots=True)
class Books:
    """An issued invoice of May that drew on a grant, and a draft of June."""

    db: Connection
    subscription: UUID
    issued: UUID
    draft: UUID
    grant: UUID

    async def refuses(
        self, *statements: str, invoice: UUID | None = None, because: str = "never rewritten"
    ) -> None:
        """That the database takes none of them; `:id` is the issued invoice unless said."""
        before = [await rows(self.db, table) for table in TABLES]
        for statement in statements:
            count = statement.count(":id")
            values = [invoice or self.issued] * count
            with pytest.raises(REFUSED, match=because):
                await self.db.fetch(sql(statement.replace(":id", "?"), *values))
            assert [await rows(self.db, table) for table in TABLES] == before, statement

    async def hold(self, tx: Connection, start: datetime, end: datetime) -> None:
        """Let the draft hold a span, whatever holds it already."""
        await tx.fetch(
            sql(
                "insert into invoice_period (id, subscription_id, start_at, end_at, invoice_id) "
                "values (?, ?, ?, ?, ?)",
                new_id(),
                self.subscription,
                start,
                end,
                self.draft,
            )
        )


@pytest.fixture
async def books(db: Connection) -> Books:
    await make_metric(db)
    await a_customer(db)
    await a_plan(db, fee("30"), usage("1"))
    subscription = await a_subscription(db, commitments=[committed("10", "1")])
    grant = await granted(db, "100", MAY)
    await used(db, "15", MAY + DAY, MAY + DAY)
    clock = Clock(JULY)
    may = await a_draft(db, subscription, Period(MAY, JUNE), clock=clock)
    june = await a_draft(db, subscription, Period(JUNE, JULY), clock=clock)
    await finalised(db, may.id, clock)
    await InvoiceDocument.create(
        using_db=db.client, id=uuid4(), invoice_id=may.id, pdf=b"%PDF", made_at=JULY
    )
    return Books(db, subscription, may.id, june.id, grant)


async def test_an_issued_invoice_is_never_rewritten(books: Books) -> None:
    texts = ("number", "currency", "notes", "bill_to", "seller", "terms")
    amounts = ("subtotal", "credits_applied", "total", "sequence")
    instants = ("period_start", "period_end", "as_of", "issued_at", "due_at", "created_at")
    await books.refuses(
        *(f"update invoice set {name} = null where id = :id" for name in texts),
        *(f"update invoice set {name} = '0' where id = :id" for name in amounts),
        *(
            f"update invoice set {name} = '2026-01-01 00:00:00+00:00' where id = :id"
            for name in instants
        ),
        "update invoice set customer_id = id where id = :id",
        "update invoice set credit_grant_ids = '[1]' where id = :id",
        "delete from invoice where id = :id",
    )


async def test_a_number_comes_with_being_issued(books: Books) -> None:
    await books.refuses(
        "update invoice set status = 'PENDING' where id = :id",
        "update invoice set sequence = 2 where id = :id",
        "update invoice set number = 'INV-000002' where id = :id",
        "update invoice set number = 'INV-000002', sequence = 2 where id = :id",
        "update invoice set status = 'PENDING', number = 'INV-000001', sequence = 2 where id = :id",
        "update invoice set status = 'PENDING', number = 'INV-000002', sequence = 1 where id = :id",
        "update invoice set total = '-1' where id = :id",
        "update invoice set credits_applied = '-1' where id = :id",
        invoice=books.draft,
        because="invoice_numbered|invoice_amounts|unique|UNIQUE",
    )
    await books.refuses("delete from invoice where id = :id", invoice=books.draft)


async def test_an_issued_invoice_is_never_a_draft_again(books: Books) -> None:
    await books.refuses(
        "update invoice set status = 'DRAFT' where id = :id",
        "update invoice set status = 'DRAFT', number = null, sequence = null where id = :id",
        because="never rewritten|invoice_numbered",
    )


async def test_a_void_is_for_ever(books: Books) -> None:
    await settle.void(books.db, books.issued, None, rebill=True, now=JULY)
    await settle.void(books.db, books.draft, None, rebill=True, now=JULY)

    states = ("DRAFT", "PENDING", "PAID", "FAILED")
    undo = [f"update invoice set status = '{state}' where id = :id" for state in states]
    await books.refuses(*undo)
    await books.refuses(*undo, invoice=books.draft)
    await books.refuses("update invoice set total = '0', subtotal = '0' where id = :id")


async def test_lines_of_an_issued_invoice_are_never_rewritten(books: Books) -> None:
    columns = "id, invoice_id, position, kind, description, quantity, amount, steps"
    extra = f"insert into invoice_line ({columns}) select "
    await books.refuses(
        "update invoice_line set amount = '0' where invoice_id = :id",
        "update invoice_line set description = 'x' where invoice_id = :id",
        "update invoice_line set position = position + 100 where invoice_id = :id",
        "delete from invoice_line where invoice_id = :id",
        f"{extra} id, id, 100, 'MANUAL', 'x', '1', '1', '[]' from invoice where id = :id",
    )


async def test_no_line_leaves_an_issued_invoice(books: Books) -> None:
    await books.refuses(
        f"update invoice_line set invoice_id = '{books.draft}', position = position + 100 "
        "where invoice_id = :id"
    )


@on_postgresql
async def test_no_line_moves_to_an_issued_invoice(books: Books) -> None:
    await manual_lines.add(books.db, books.draft, ManualLine("Setup", ONE), JULY)
    await books.refuses(
        f"update invoice_line set invoice_id = '{books.issued}', position = position + 100 "
        "where invoice_id = :id",
        invoice=books.draft,
    )


async def test_a_document_is_never_rewritten(books: Books) -> None:
    await books.refuses("update invoice_document set pdf = null", "delete from invoice_document")


async def test_the_ledger_is_never_rewritten(books: Books) -> None:
    await books.refuses(
        "update credit_transaction set amount = '1'",
        "update credit_transaction set balance = '1'",
        "update credit_transaction set position = position + 5",
        "update credit_transaction set description = 'x'",
        "update credit_transaction set created_at = '2026-01-01 00:00:00+00:00'",
        "update credit_transaction set invoice_id = :id",
        "update credit_transaction set grant_id = :id",
        "delete from credit_transaction",
    )


async def test_a_grant_is_never_rewritten(books: Books) -> None:
    await books.refuses(
        "update credit_grant set amount = '1000'",
        "update credit_grant set type = 'REFUND'",
        "update credit_grant set priority = 1",
        "update credit_grant set description = 'x'",
        "update credit_grant set effective_at = '2026-01-01 00:00:00+00:00'",
        "update credit_grant set expires_at = '2026-01-01 00:00:00+00:00'",
        "update credit_grant set created_at = '2026-01-01 00:00:00+00:00'",
        "update credit_grant set invoice_id = :id",
        "update credit_grant set customer_id = :id",
        "delete from credit_grant",
    )


async def test_nothing_remains_of_a_grant_below_zero_or_above_it(books: Books) -> None:
    entry = "id, grant_id, position, amount, balance, description, created_at"
    insert = f"insert into credit_transaction ({entry}) select"
    await books.refuses(
        "update credit_grant set remaining = '-0.01'",
        "update credit_grant set remaining = '100.01'",
        f"{insert} :id, id, 3, '-200', '-100', 'x', created_at from credit_grant",
        f"{insert} :id, id, 3, '0', '10', 'x', created_at from credit_grant",
        f"{insert} :id, id, 1, '1', '10', 'x', created_at from credit_grant",
        because="negative|unique|UNIQUE",
    )


async def test_a_commitment_is_never_rewritten(books: Books) -> None:
    await books.refuses(
        "update commitment set committed_quantity = '1'",
        "update commitment set rate = '0'",
        "update commitment set overage_rate = '0'",
        "update commitment set start_at = '2026-01-01 00:00:00+00:00'",
        "update commitment set created_at = '2026-01-01 00:00:00+00:00'",
        "update commitment set subscription_id = :id",
        "update commitment set metric_id = :id",
        "delete from commitment",
    )
    await books.refuses(
        "update commitment set end_at = '2026-01-01 00:00:00+00:00'", because="commitment_span"
    )


async def test_a_held_period_is_never_rewritten(books: Books) -> None:
    await books.refuses(
        "update invoice_period set start_at = '2026-01-01 00:00:00+00:00'",
        "update invoice_period set end_at = '2027-01-01 00:00:00+00:00'",
        "update invoice_period set invoice_id = :id",
        "update invoice_period set subscription_id = :id",
        "delete from invoice_period",
    )


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (MAY, JUNE),
        (MAY + DAY, JUNE - DAY),
        (MAY - DAY, MAY + DAY),
        (JUNE - DAY, JUNE + DAY),
        (MAY - DAY, JULY + DAY),
        (JULY - timedelta(microseconds=1), JULY + DAY),
        (JULY, JULY),
    ],
)
async def test_no_two_invoices_hold_the_same_time(
    books: Books, start: datetime, end: datetime
) -> None:
    before = await rows(books.db, "invoice_period")
    with pytest.raises(REFUSED, match=r"on an invoice|invoice_period_span"):
        await books.hold(books.db, start, end)
    assert await rows(books.db, "invoice_period") == before


@on_postgresql
async def test_of_two_who_race_for_overlapping_periods_one_is_refused(books: Books) -> None:
    db = books.db

    async def second() -> None:
        await db.transaction(lambda tx: books.hold(tx, JULY + DAY, JULY + 3 * DAY))

    async def first(tx: Connection) -> asyncio.Future[None]:
        await books.hold(tx, JULY, JULY + 2 * DAY)
        return await waiting(db, second())

    racing = await db.transaction(first)

    with pytest.raises(REFUSED, match="on an invoice"):
        await racing
    assert len(await rows(db, "invoice_period")) == 3
