"""Callers who meet on the same money: nobody overspends, overwrites or overtakes the other."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from random import Random

import pytest

from fubble_gql.billing import issue, manual_lines, settle
from fubble_gql.billing.invoice_rows import InvoiceRow, lines_of
from fubble_gql.billing.manual_lines import ManualLine
from fubble_gql.billing.run import Run
from fubble_gql.credits import ledger
from fubble_gql.db.connection import Connection
from fubble_gql.errors import Refused
from fubble_gql.pricing.period import Period
from tests.laws.accounts import check, read
from tests.laws.builders import (
    JULY,
    JUNE,
    MAY,
    SELLER,
    Clock,
    a_customer,
    a_draft,
    a_plan,
    a_subscription,
    finalised,
    granted,
    run_billing,
)
from tests.usage.test_cut import on_postgresql, waiting

CLOCK = Clock(JULY)


async def a_draft_of_may(db: Connection) -> InvoiceRow:
    """Of 30."""
    await a_customer(db)
    await a_plan(db)
    subscription = await a_subscription(db, end_at=JUNE)
    return await a_draft(db, subscription, Period(MAY, JUNE), clock=CLOCK)


@on_postgresql
async def test_credit_that_is_cancelled_meanwhile_pays_nothing(db: Connection) -> None:
    draft = await a_draft_of_may(db)
    grant, other = await granted(db, "20", MAY), await granted(db, "5", MAY)

    async def cancel(tx: Connection) -> asyncio.Future[InvoiceRow]:
        await ledger.cancel(tx, grant, JULY)
        return await waiting(db, issue.finalise(db, draft.id, CLOCK, SELLER))

    issued = await (await db.transaction(cancel))

    assert (issued.credits_applied, issued.total) == (Decimal(5), Decimal(25))
    accounts = await read(db)
    check(accounts, JULY)
    assert accounts.grants[grant].remaining == accounts.grants[other].remaining == 0


@on_postgresql
async def test_a_line_that_is_added_meanwhile_is_on_the_invoice(db: Connection) -> None:
    draft = await a_draft_of_may(db)

    async def add(tx: Connection) -> asyncio.Future[Run]:
        await manual_lines.add(tx, draft.id, ManualLine("Setup", Decimal(7)), JULY)
        return await waiting(db, run_billing(db, CLOCK))

    done = await (await db.transaction(add))

    assert (done.finalized, done.failures) == (1, [])
    lines = (await lines_of(db, [draft.id]))[draft.id]
    assert [line.amount for line in lines] == [Decimal(30), Decimal(7)]
    check(await read(db), JULY)


@on_postgresql
async def test_twenty_invoices_of_one_customer_share_credit_that_pays_for_a_few(
    db: Connection,
) -> None:
    await a_customer(db)
    drafts = [await a_draft(db, clock=CLOCK) for _ in range(20)]
    for draft in drafts:
        await manual_lines.add(db, draft.id, ManualLine("Setup", Decimal(30)), JULY)
    grants = [await granted(db, amount, MAY) for amount in ("45", "20.01")]

    issued = await asyncio.gather(*(finalised(db, draft.id, CLOCK) for draft in drafts))

    in_order = sorted(issued, key=lambda row: row.number or "")
    drawn = [row.credits_applied for row in in_order]
    assert drawn == [Decimal(30), Decimal(30), Decimal("5.01"), *[Decimal(0)] * 17]
    accounts = await read(db)
    check(accounts, JULY)
    assert [accounts.grants[id].remaining for id in grants] == [0, 0]


@on_postgresql
@pytest.mark.parametrize("seed", range(5))
async def test_an_invoice_is_finalised_and_voided_at_once_by_many(
    db: Connection, seed: int
) -> None:
    draft = await a_draft_of_may(db)
    await granted(db, "10", MAY)
    calls = [finalised(db, draft.id, CLOCK) for _ in range(10)]
    calls += [settle.void(db, draft.id, None, rebill=True, now=JULY) for _ in range(10)]
    Random(seed).shuffle(calls)  # noqa: S311

    answers = await asyncio.gather(*calls, return_exceptions=True)

    assert all(isinstance(one, InvoiceRow | Refused) for one in answers)
    accounts = await read(db)
    check(accounts, JULY)
    assert accounts.invoices[draft.id].status == "VOID"
    assert [row.remaining for row in accounts.grants.values()] == [10]
    assert (await run_billing(db, CLOCK)).finalized == 1
