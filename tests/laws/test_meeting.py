"""Callers who meet on the same money: nobody overspends, overwrites or overtakes the other."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from fubble_gql.billing import issue, manual_lines
from fubble_gql.billing.invoice_rows import InvoiceRow, lines_of
from fubble_gql.billing.manual_lines import ManualLine
from fubble_gql.billing.run import Run
from fubble_gql.credits import ledger
from fubble_gql.db.connection import Connection
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
    check(await read(db), JULY)
    assert (await ledger.spendable(db, [issued.customer_id], JULY))[issued.customer_id] == []
    assert other


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
