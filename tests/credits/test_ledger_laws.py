"""Whatever happens to credit, in whatever order: it adds up, and nothing is spent twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from uuid import UUID, uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from fubble_gql.credits import ledger
from fubble_gql.credits.rows import CREDIT_TRANSACTIONS
from fubble_gql.db.connection import Connection
from fubble_gql.db.sql import sql
from fubble_gql.pricing.money import ZERO
from tests.credits.builders import NOW, balance, check, granted, grants, paid, returned
from tests.pricing.strategies import decimals
from tests.usage.builders import make_customer

NUMBERS = count(1)
MONEY = decimals(high=60, places=2)


@dataclass(frozen=True, slots=True)
class Granting:
    """Money is granted, for so many days or for ever."""

    amount: Decimal
    priority: int
    days: int | None


@dataclass(frozen=True, slots=True)
class Paying:
    """One of a few invoices draws on it, naming one of the grants first or none."""

    invoice: int
    due: Decimal
    named: int | None


@dataclass(frozen=True, slots=True)
class Returning:
    """An invoice gives back what it drew."""

    invoice: int


@dataclass(frozen=True, slots=True)
class Cancelling:
    """One of the grants is cancelled."""

    grant: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """Days pass."""

    days: int


Step = Granting | Paying | Returning | Cancelling | Waiting
STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.builds(
            Granting,
            MONEY.filter(lambda amount: amount > 0),
            st.integers(0, 2),
            st.none() | st.integers(1, 4),
        ),
        st.builds(Paying, st.integers(0, 2), MONEY, st.none() | st.integers(0, 5)),
        st.builds(Returning, st.integers(0, 2)),
        st.builds(Cancelling, st.integers(0, 5)),
        st.builds(Waiting, st.integers(0, 3)),
    ),
    min_size=1,
    max_size=14,
)


@dataclass
class History:
    """A customer's credit, as it goes on."""

    db: Connection
    customer_id: UUID
    key: str
    now: datetime = NOW
    invoices: list[UUID] = field(default_factory=lambda: [uuid4() for _ in range(3)])

    async def go(self, step: Step) -> None:
        """What the step does, and what it must not do."""
        match step:
            case Granting(amount, priority, days):
                expires = None if days is None else self.now + timedelta(days=days)
                more = {"priority": priority, "expires_at": expires}
                await granted(self.db, str(amount), self.key, self.now, **more)
            case Paying(invoice, due, named):
                await self.pay(self.invoices[invoice], due, named)
            case Returning(invoice):
                await self.give_back(self.invoices[invoice])
            case Cancelling(grant):
                own = await self.grant_ids()
                if own:
                    await ledger.cancel(self.db, own[grant % len(own)], self.now)
            case Waiting(days):
                self.now += timedelta(days=days)

    async def pay(self, invoice: UUID, due: Decimal, named: int | None) -> None:
        """Exactly what is due is drawn, or all that there is."""
        own = await self.grant_ids()
        first = [own[named % len(own)]] if own and named is not None else []
        before = await balance(self.db, self.customer_id, self.now)
        unpaid = await paid(self.db, self.customer_id, invoice, due, self.now, first)
        assert unpaid == max(ZERO, due - before)
        assert await balance(self.db, self.customer_id, self.now) == before - (due - unpaid)

    async def give_back(self, invoice: UUID) -> None:
        """All that it drew can be spent again; a second time changes nothing."""
        before = await balance(self.db, self.customer_id, self.now)
        owed = -await self.entered(invoice)
        assert owed >= 0
        for _ in range(2):
            await returned(self.db, invoice, self.now)
            assert await balance(self.db, self.customer_id, self.now) == before + owed
        assert await self.entered(invoice) == 0

    async def grant_ids(self) -> list[UUID]:
        """The customer's own grants."""
        return [row.id for row in await grants(self.db) if row.customer_id == self.customer_id]

    async def entered(self, invoice: UUID) -> Decimal:
        """The sum of an invoice's entries: below zero by what it drew and did not return."""
        rows = await CREDIT_TRANSACTIONS.select(self.db, sql("where invoice_id = ?", invoice))
        return sum((row.amount for row in rows), ZERO)


@settings(max_examples=40)
@given(STEPS)
async def test_the_entries_of_every_grant_sum_to_what_remains(
    db: Connection, steps: list[Step]
) -> None:
    key = f"c{next(NUMBERS)}"
    history = History(db, await make_customer(db, key), key)

    for step in steps:
        await history.go(step)

    await check(db)
