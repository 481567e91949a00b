"""What happens before a bill: customers subscribe, commit, use, get credit, change their minds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from fubble_gql.billing import cancel, change, commitments, subscribe
from fubble_gql.billing.agreement import NewCommitment
from fubble_gql.billing.life import Effective
from fubble_gql.billing.points import Room
from fubble_gql.billing.preview import Preview, preview
from fubble_gql.billing.subscribe import NewSubscription
from fubble_gql.catalog.new_plan import NewPlan
from fubble_gql.credits import ledger
from fubble_gql.credits.new_grant import NewGrant
from fubble_gql.credits.rows import CreditType
from fubble_gql.db.refs import Ref
from fubble_gql.pricing.period import Frequency
from fubble_gql.usage import void
from fubble_gql.usage.ingest import NewEvent, ReceiptStatus, record
from tests.laws import plans
from tests.laws.databases import Databases, opened
from tests.laws.world import World
from tests.pricing.strategies import decimals
from tests.usage.builders import at

T = TypeVar("T")
PICK = st.integers(0, 11)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FREQUENCIES = st.sampled_from(
    [Frequency.MONTHLY, Frequency.MONTHLY, Frequency.WEEKLY, Frequency.QUARTERLY, Frequency.YEARLY]
)

TRIALS = st.sampled_from([0, 0, 0, 14, 45])


@dataclass(frozen=True, slots=True)
class Use:
    """An event: which of the metrics that are priced, how much, when, which subscription it names."""

    metric: int
    quantity: Decimal
    hours_ago: int
    named: int | None
    user: str
    region: str


def uses(hours_ago: st.SearchStrategy[int]) -> st.SearchStrategy[list[Use]]:
    """A few."""
    one = st.builds(
        Use,
        PICK,
        decimals(low=-10, high=20, places=1),
        hours_ago,
        st.none() | PICK,
        st.sampled_from("abc"),
        st.sampled_from(["eu", "us"]),
    )
    return st.lists(one, min_size=1, max_size=4)


class Selling(RuleBasedStateMachine):
    """The rules, on a database of its own for each example."""

    def __init__(self, databases: Databases) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.open = AsyncExitStack()
        self.db = self.run(self.open.enter_async_context(opened(databases)))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """In the loop that the connection belongs to."""
        return self.loop.run(work)

    def do(self, call: Callable[[], Awaitable[object]]) -> None:
        """Try a call, which may be refused."""
        self.run(self.world.attempt(call))

    def teardown(self) -> None:
        """Drop the database."""
        self.run(self.open.aclose())
        self.loop.close()

    @initialize(
        offers=st.lists(plans.plans(FREQUENCIES, TRIALS), min_size=2, max_size=3),
        ticks=st.sampled_from([timedelta(seconds=1), timedelta(0)]),
        zone=st.sampled_from(["UTC", "America/New_York"]),
        first=PICK,
    )
    def begin(self, offers: list[NewPlan], ticks: timedelta, zone: str, first: int) -> None:
        """Two customers, both on a plan."""
        begun = World.begun(self.db, at("2026-01-20 09:30"), ticks, offers, ["UTC", zone])
        self.world = self.run(begun)
        self.subscribe(0, first, 0, None, None, None)
        self.subscribe(1, first + 1, -40, None, None, None)

    def pick(self, among: Any, n: int) -> Any:  # noqa: ANN401 - one of them
        """One of them, the same whenever they are."""
        listed = list(among)
        return listed[n % len(listed)]

    def subscription(self, n: int) -> UUID:
        """One of the subscriptions."""
        rows = sorted(self.world.accounts.subscriptions.values(), key=lambda row: row.id)
        found: UUID = self.pick([row.id for row in rows], n)
        return found

    @rule(
        customer=PICK,
        plan=PICK,
        days=st.sampled_from([0, 0, -1, -40, 10]),
        lasts=st.none() | st.integers(1, 90),
        anchor=st.none() | st.integers(-20, 40),
        trial=st.none() | st.sampled_from([0, 10, 40]),
    )
    def subscribe(
        self,
        customer: int,
        plan: int,
        days: int,
        lasts: int | None,
        anchor: int | None,
        trial: int | None,
    ) -> None:
        """Since weeks ago, now, or from a later day on; for ever or for some days."""
        now = self.world.now
        start = now + days * DAY
        new = NewSubscription(
            Ref(key=self.pick(self.world.customers, customer)),
            Ref(key=self.pick(self.world.plans, plan)),
            start_at=start,
            end_at=None if lasts is None else start + lasts * DAY,
            billing_anchor=None if anchor is None else start + anchor * DAY,
            trial_days=trial,
        )
        self.do(lambda: subscribe.subscribe(self.db, new, self.world.now))

    @precondition(lambda self: self.world.accounts.subscriptions)
    @rule(
        n=PICK,
        metric=st.sampled_from(plans.COMMITTABLE),
        quantity=st.integers(1, 30),
        rates=st.tuples(plans.SMALL | st.none(), st.none() | plans.SMALL),
        days=st.sampled_from([None, None, None, -5, 5, 15]),
        lasts=st.none() | st.integers(1, 60),
    )
    def commit(
        self,
        n: int,
        metric: str,
        quantity: int,
        rates: tuple[Decimal | None, Decimal | None],
        days: int | None,
        lasts: int | None,
    ) -> None:
        """From now on, from another day on, for ever or for some days."""
        start = None if days is None else self.world.now + days * DAY
        end = None if lasts is None else (start or self.world.now) + lasts * DAY
        new = NewCommitment(metric, Decimal(quantity), *rates, start, end)
        id = self.subscription(n)
        self.do(lambda: commitments.add(self.db, id, new, self.world.now))

    @precondition(lambda self: self.world.accounts.commitments)
    @rule(n=PICK)
    def remove_commitment(self, n: int) -> None:
        """It ends now."""
        id = self.pick(sorted(self.world.accounts.commitments), n)
        self.do(lambda: commitments.remove(self.db, id, self.world.now))

    @rule(customer=PICK, several=uses(st.integers(-20, 900)))
    def use(self, customer: int, several: list[Use]) -> None:
        """Events of these weeks, some of them in the future."""
        key = self.pick(self.world.customers, customer)
        self.run(self._use(key, several, self.world.now))

    @precondition(lambda self: self.world.issued_periods())
    @rule(n=PICK, several=uses(st.integers(-100, 800)))
    def use_late(self, n: int, several: list[Use]) -> None:
        """Events of a period that is invoiced, and of those around it."""
        row = self.pick(self.world.issued_periods(), n)
        customer_id = self.world.customer_of(row.subscription_id)
        (key,) = (key for key, id in self.world.customers.items() if id == customer_id)
        self.run(self._use(key, several, row.end_at))

    async def _use(self, key: str, several: list[Use], since: datetime) -> None:
        world = self.world
        own = sorted(world.subscriptions_of(world.customers[key]))
        priced = world.priced_for(key)
        events = [
            NewEvent(
                key,
                metric := self.pick(priced, use.metric),
                f"e{len(world.events) + n}",
                abs(use.quantity) if metric in plans.COUNTING else use.quantity,
                min(since - use.hours_ago * HOUR, world.now + 20 * HOUR),
                self.pick(own, use.named) if own and use.named is not None else None,
                {"user": use.user, "region": use.region},
            )
            for n, use in enumerate(several)
        ]
        receipts = await world.attempt(lambda: record(self.db, events, world.clock)) or []
        for event, receipt in zip(events, receipts, strict=True):
            assert receipt.status is ReceiptStatus.ACCEPTED, receipt
            world.events.append((key, event.idempotency_key))

    @precondition(lambda self: self.world.events)
    @rule(first=st.integers(0, 40), several=st.integers(1, 3))
    def void_usage(self, first: int, several: int) -> None:
        """Some events in a row count no more."""
        key, event = self.pick(self.world.events, first)
        start = self.world.events.index((key, event))
        keys = [name for who, name in self.world.events[start : start + several] if who == key]
        self.do(lambda: void.void(self.db, Ref(key=key), keys, None, self.world.clock))

    @rule(
        customer=PICK,
        amount=st.integers(1, 6000),
        priority=st.sampled_from([10, 50]),
        begins=st.sampled_from([0, 0, 0, 20]),
        lasts=st.none() | st.integers(21, 90),
    )
    def grant(
        self, customer: int, amount: int, priority: int, begins: int, lasts: int | None
    ) -> None:
        """Money that may begin later and may expire."""
        world = self.world
        new = NewGrant(
            Ref(key=self.pick(world.customers, customer)),
            Decimal(amount).scaleb(-2),
            CreditType.PREPAID,
            priority,
            effective_at=world.now + begins * DAY,
            expires_at=None if lasts is None else world.now + lasts * DAY,
        )
        self.do(lambda: ledger.grant(self.db, new, world.now))

    @precondition(lambda self: self.world.accounts.grants)
    @rule(n=PICK)
    def cancel_grant(self, n: int) -> None:
        """What remains of it is taken back."""
        id = self.pick(sorted(self.world.accounts.grants), n)
        self.do(lambda: ledger.cancel(self.db, id, self.world.now))

    @precondition(lambda self: self.world.accounts.subscriptions)
    @rule(n=PICK, plan=PICK, effective=st.sampled_from(Effective))
    def change_plan(self, n: int, plan: int, effective: Effective) -> None:
        """A dry run writes nothing and shows what is then done."""
        named = Ref(key=self.pick(self.world.plans, plan))
        self.run(self._change(self.subscription(n), named, effective))

    async def _change(self, id: UUID, plan: Ref, effective: Effective) -> None:
        world = self.world
        dry = change.PlanChange(id, plan, effective, dry_run=True)
        shown = await world.attempt(
            lambda: change.change_plan(self.db, dry, world.now), writes=False
        )
        now = world.now
        made = await world.attempt(
            lambda: change.change_plan(self.db, change.PlanChange(id, plan, effective), now)
        )
        assert (shown is None) == (made is None)
        if shown is not None and made is not None:
            (bill,) = await preview(self.db, [made.asked], Room())
            assert isinstance(bill, Preview)
            assert isinstance(shown.bill, Preview)
            assert (bill.bill, bill.period) == (shown.bill.bill, shown.bill.period)

    @precondition(lambda self: self.world.accounts.subscriptions)
    @rule(n=PICK, effective=st.sampled_from(Effective))
    def cancel(self, n: int, effective: Effective) -> None:
        """At once or with the period."""
        id = self.subscription(n)
        self.do(lambda: cancel.cancel(self.db, id, effective, self.world.now))

    @precondition(lambda self: self.world.accounts.subscriptions)
    @rule(n=PICK)
    def undo(self, n: int) -> None:
        """What is scheduled is dropped."""
        id = self.subscription(n)
        self.do(lambda: change.cancel_scheduled(self.db, id, self.world.now))

    @rule(hours=st.one_of(st.integers(1, 48), st.integers(24, 24 * 40), st.integers(700, 2200)))
    def wait(self, hours: int) -> None:
        """Hours to three months pass."""
        self.world.clock.now += hours * HOUR
