"""Credit as other billing systems draw it, through the ledger on both databases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from fubble_gql.credits import ledger
from fubble_gql.credits.entries import open_grants
from fubble_gql.credits.new_grant import PRIORITY_MAX
from fubble_gql.credits.rows import CreditGrantRow
from fubble_gql.db.connection import Connection
from fubble_gql.pricing.credit import in_order
from tests.conformance.corpus import Case, Record, to_answer
from tests.credits.builders import check, paid, the_grant
from tests.usage.builders import make_customer

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
AT = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Told:
    """A case's customer, whose grants go by the case's own names."""

    db: Connection
    customer_id: UUID
    ids: dict[str, UUID]
    uncovered: Decimal = Decimal(0)
    applied: dict[str, Decimal] = field(default_factory=dict)

    async def use(self, amount: Decimal, at: datetime) -> None:
        """Pay what credit covers, and note what it does not."""
        before = await self.remaining()
        self.uncovered += await paid(self.db, self.customer_id, uuid4(), amount, at)
        after = await self.remaining()
        for name, left in after.items():
            if left != before[name]:
                self.applied[name] = self.applied.get(name, Decimal(0)) + before[name] - left

    async def remaining(self) -> dict[str, Decimal]:
        """What remains of each grant, expired or not."""
        return {name: (await the_grant(self.db, id)).remaining for name, id in self.ids.items()}

    async def spendable(self, at: datetime) -> dict[str, Decimal]:
        """What can be spent of each grant."""
        found = (await ledger.spendable(self.db, [self.customer_id], at))[self.customer_id]
        left = {grant.id: grant.remaining for grant in found}
        return {name: left.get(id, Decimal(0)) for name, id in self.ids.items()}


async def told(db: Connection, grants: Iterable[Record]) -> Told:
    """The grants of a case: a missing priority comes last; ids sort as their names do."""
    customer_id, records = await make_customer(db), list(grants)
    names = sorted(record.text("id") for record in records)
    ids = {name: UUID(int=place) for place, name in enumerate(names, 1)}
    rows = [grant_row(record, ids[record.text("id")], customer_id) for record in records]
    await db.transaction(lambda tx: open_grants(tx, [(row, "Granted") for row in rows]))
    return Told(db, customer_id, ids)


def grant_row(grant: Record, id: UUID, customer_id: UUID) -> CreditGrantRow:
    return CreditGrantRow(
        id=id,
        customer_id=customer_id,
        type="PREPAID",
        amount=grant.decimal("amount"),
        remaining=grant.decimal("amount"),
        priority=int(grant.text("priority")) if "priority" in grant else PRIORITY_MAX,
        description=None,
        effective_at=grant.instant("effective_at") if "effective_at" in grant else LONG_AGO,
        expires_at=grant.instant("expires_at") if "expires_at" in grant else None,
        created_at=grant.instant("created_at"),
        cancelled_at=None,
        invoice_id=None,
    )


@pytest.mark.parametrize("case", to_answer("credits"))
async def test_credit_is_drawn_as_the_standard_says(db: Connection, case: Case) -> None:
    match case.model:
        case "draw_down":
            await draws_down(db, case)
        case "timeline":
            await goes_on(db, case)
        case "order":
            await is_ordered(db, case)
        case model:
            raise AssertionError(f"No credit for {model}.")
    await check(db)


async def draws_down(db: Connection, case: Case) -> None:
    """One debit, at the case's instant if it has one."""
    story = await told(db, case.records("grants"))

    await story.use(case.decimal("debit"), case.instant("at") if "at" in case else AT)

    expected = case.answer()
    assert await story.remaining() == numbers(expected.record("balances"))
    assert story.uncovered == expected.decimal("uncovered")
    if "applied" in expected:
        assert story.applied == numbers(expected.record("applied"))


async def goes_on(db: Connection, case: Case) -> None:
    """Usage is paid for as it comes, and grants are cancelled in between."""
    story = await told(db, case.records("grants"))
    cancelled = {
        story.ids[grant.text("id")]: grant.instant(word)
        for grant in case.records("grants")
        for word in ("voided_at", "deleted_at")
        if word in grant
    }

    usages = [(usage.instant("t"), usage.decimal("value")) for usage in case.records("usage")]
    for at, amount in [*sorted(usages), (case.instant("until"), Decimal(0))]:
        for id in [id for id, instant in cancelled.items() if instant <= at]:
            await ledger.cancel(db, id, cancelled.pop(id))
        await story.use(amount, at)

    expected = case.answer()
    assert await story.spendable(case.instant("until")) == numbers(expected.record("balances"))
    assert story.uncovered == expected.decimal("overage")


async def is_ordered(db: Connection, case: Case) -> None:
    """The order alone, before anything expires."""
    story = await told(db, case.records("grants"))
    found = (await ledger.spendable(db, [story.customer_id], AT))[story.customer_id]
    names = {id: name for name, id in story.ids.items()}

    assert [names[grant.id] for grant in in_order(found)] == case.answer().texts("order")


def numbers(record: Record) -> dict[str, Decimal]:
    """Its fields as numbers."""
    return {name: record.decimal(name) for name in record.fields}
