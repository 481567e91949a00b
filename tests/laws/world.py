"""A company that bills: everything that can be done, tried, and looked at afterwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from fubble_gql.billing.points import Room
from fubble_gql.billing.preview import Asked, Preview, preview
from fubble_gql.billing.seller import Seller
from fubble_gql.billing.verify import verify
from fubble_gql.catalog import metrics, plans
from fubble_gql.catalog.new_plan import NewPlan
from fubble_gql.db.connection import Connection
from fubble_gql.errors import Refused
from fubble_gql.pricing.line import Line, LineKind
from fubble_gql.pricing.money import ZERO
from tests.laws.accounts import ISSUED, Accounts, Billed, PeriodRow, check, read
from tests.laws.builders import Clock, a_customer
from tests.laws.plans import METRICS

T = TypeVar("T")
SELLER = Seller("Fubble Ltd")


@dataclass
class World:
    """The books after the last call, and what is known of them from before."""

    db: Connection
    clock: Clock
    accounts: Accounts
    ticks: timedelta
    customers: dict[str, UUID] = field(default_factory=dict)
    plans: dict[str, NewPlan] = field(default_factory=dict)
    metric_ids: dict[str, UUID] = field(default_factory=dict)
    plan_keys: dict[UUID, str] = field(default_factory=dict)
    events: list[tuple[str, str]] = field(default_factory=list)
    issued: dict[UUID, object] = field(default_factory=dict)

    @classmethod
    async def begun(
        cls,
        db: Connection,
        now: datetime,
        ticks: timedelta,
        offers: Sequence[NewPlan],
        timezones: Sequence[str],
    ) -> World:
        """Metrics, customers and plans, and nothing sold yet."""
        world = cls(db, Clock(now), await read(db), ticks)
        for metric in METRICS:
            world.metric_ids[metric.key] = (await metrics.create(db, metric, now)).id
        for n, offer in enumerate(offers):
            row = await plans.create(db, replace(offer, key=f"p{n}"), now)
            world.plan_keys[row.id] = row.key
            world.plans[f"p{n}"] = offer
        for n, timezone in enumerate(timezones):
            world.customers[f"c{n}"] = await a_customer(db, f"c{n}", timezone)
        world.accounts = await read(db)
        return world

    @property
    def now(self) -> datetime:
        return self.clock.now

    def customer_of(self, subscription: UUID) -> UUID:
        """Whose it is."""
        return self.accounts.subscriptions[subscription].customer_id

    def subscriptions_of(self, customer_id: UUID) -> list[UUID]:
        """Whatever a customer ever subscribed to."""
        rows = self.accounts.subscriptions.values()
        return [row.id for row in rows if row.customer_id == customer_id]

    def priced_for(self, customer: str) -> list[str]:
        """The metrics that the plans of a customer price, and what they can be committed to."""
        own = self.subscriptions_of(self.customers[customer])
        chosen = {
            one.plan_id for one in self.accounts.phases.values() if one.subscription_id in own
        }
        keys = {key for id, key in self.plan_keys.items() if id in chosen}
        priced = {one.metric for key in keys for one in self.plans[key].components if one.metric}
        return sorted(priced - {"both"} | {"calls", "hits"})

    def issued_periods(self) -> list[PeriodRow]:
        """The periods that issued invoices hold."""
        invoices, periods = self.accounts.invoices, self.accounts.periods.values()
        held = [row for row in periods if row.freed_at is None]
        return sorted((row for row in held if invoices[row.invoice_id].status in ISSUED), key=_id)

    async def attempt(self, call: Callable[[], Awaitable[T]], *, writes: bool = True) -> T | None:
        """What the call answers; None when it was refused, and then nothing has changed."""
        self.clock.now += self.ticks if writes else timedelta(0)
        before, answer = self.accounts, None
        try:
            answer = await call()
        except Refused:
            writes = False
        self.accounts = await read(self.db)
        assert writes or self.accounts == before
        check(self.accounts, self.now)
        found = self.accounts.as_issued()
        assert {id: found[id] for id in self.issued} == self.issued
        self.issued = found
        return answer

    async def bills(self, asked: Sequence[Asked]) -> list[Preview | Refused]:
        """Previews, which write nothing."""
        if not asked:
            return []
        return await self.attempt(lambda: preview(self.db, asked, Room()), writes=False) or []

    async def check_sums(self, subscriptions: Sequence[UUID]) -> None:
        """What stands for each invoiced period is what it comes to now, span by span.

        Nothing stands for one that was settled at zero.
        """
        for id in subscriptions:
            for span in self.accounts.zeroed_spans(id):
                assert self.accounts.standing(id, span) == {}
        as_of = self.now + timedelta(seconds=1)
        asked = [
            Asked(self.customer_of(id), as_of, id, span)
            for id in subscriptions
            for span in self.accounts.issued_spans(id)
        ]
        for one, found in zip(asked, await self.bills(asked), strict=True):
            assert one.subscription_id is not None
            assert one.period is not None
            assert isinstance(found, Preview)
            standing = self.accounts.standing(one.subscription_id, one.period)
            assert standing == comes_to(found.bill.lines), (one, found.bill.lines)

    async def check_proofs(self) -> None:
        """Every invoice that has a number can be proved, whatever happened since."""
        found = await verify(self.db, list(self.accounts.invoices.values()))
        for id, row in self.accounts.invoices.items():
            proof = found[id]
            assert (proof is None) == (row.number is None)
            assert proof is None or proof.matches, proof.differences

    def check_equals(self, bill: Preview, invoice_id: UUID) -> None:
        """The invoice is its preview, line by line and step by step.

        Unless the clock stood still, so that stamps ran ahead of it.
        """
        row = self.accounts.invoices[invoice_id]
        if row.as_of != bill.as_of:
            assert not self.ticks
            return
        lines = [one.line() for one in self.accounts.lines_of[invoice_id]]
        rated = [line for line in lines if line.kind is not LineKind.MANUAL]
        assert rated == list(bill.bill.lines)
        if rated == lines and not row.named_grants:
            assert row.subtotal == bill.bill.subtotal
            assert row.credits_applied == bill.bill.credits_applied
            assert row.total == bill.bill.total
        assert row.span == bill.period


def comes_to(lines: Sequence[Line]) -> dict[Billed, Decimal]:
    """The sums of lines for everything that is billed."""
    found: dict[Billed, Decimal] = {}
    for line in lines:
        assert line.kind is not LineKind.ADJUSTMENT
        assert line.period is not None
        key = (line.component_id, line.metric_id, line.period.start, line.period.end)
        found[key] = found.get(key, ZERO) + line.amount
    return {key: amount for key, amount in found.items() if amount}


def _id(row: PeriodRow) -> UUID:
    return row.id
