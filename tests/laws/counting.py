"""A company that asks 1 for each unit: in the end it is paid as much as was used, counted by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from fubble_gql.billing import cancel
from fubble_gql.billing.life import Effective
from fubble_gql.catalog.components import NewComponent
from fubble_gql.catalog.new_plan import NewPlan
from fubble_gql.db.sql import sql
from fubble_gql.pricing.money import ZERO
from fubble_gql.pricing.period import Frequency
from fubble_gql.pricing.rates import PerUnit
from fubble_gql.pricing.rates.codec import encode
from fubble_gql.usage.events import USAGE_EVENTS
from tests.laws.accounts import ISSUED
from tests.laws.invoicing import Invoicing
from tests.laws.selling import PICK, Use, uses
from tests.laws.world import World
from tests.usage.builders import at

CALLS = NewComponent("calls", "Calls", encode(PerUnit(Decimal(1))), "calls")
OFFERS = [
    NewPlan("", "Plan", frequency, [CALLS])
    for frequency in (Frequency.MONTHLY, Frequency.WEEKLY, Frequency.QUARTERLY, Frequency.MONTHLY)
]


class Counting(Invoicing):
    """No trials, no commitments, nothing written off: every unit has to be paid."""

    commit = remove_commitment = add_line = remove_line = None  # type: ignore[assignment]
    grant = cancel_grant = look = None  # type: ignore[assignment]

    @initialize(ticks=st.sampled_from([timedelta(seconds=1), timedelta(0)]), first=PICK)
    def begin(self, ticks: timedelta, first: int) -> None:
        """Two customers, each on a plan."""
        begun = World.begun(self.db, at("2026-01-20 09:30"), ticks, OFFERS, ["UTC", "UTC"])
        self.world = self.run(begun)
        for customer in range(2):
            Invoicing.subscribe(self, customer, first + customer, -40, None, None, 0)

    @rule(
        customer=PICK,
        plan=PICK,
        days=st.sampled_from([0, 0, -1, -40, 10]),
        lasts=st.none() | st.integers(1, 90),
        anchor=st.none() | st.integers(-20, 40),
    )
    def subscribe(
        self, customer: int, plan: int, days: int, lasts: int | None, anchor: int | None
    ) -> None:
        """Without a trial, in which nothing would be paid."""
        Invoicing.subscribe(self, customer, plan, days, lasts, anchor, 0)

    @rule(n=PICK)
    def void_invoice(self, n: int) -> None:
        """It is billed again."""
        if self.invoices():
            Invoicing.void_invoice(self, n, rebill=True)

    @rule(customer=PICK, several=uses(st.integers(-20, 900)))
    def use(self, customer: int, several: list[Use]) -> None:
        """Never less than nothing."""
        Invoicing.use(self, customer, [_calls(one) for one in several])

    @rule(n=PICK, several=uses(st.integers(-100, 800)))
    def use_late(self, n: int, several: list[Use]) -> None:
        """Never less than nothing."""
        if self.world.issued_periods():
            Invoicing.use_late(self, n, [_calls(one) for one in several])

    def teardown(self) -> None:
        """Everything ends and is invoiced; then all that was used is paid."""
        if hasattr(self, "world"):
            self.run(self._end())
        super().teardown()

    async def _end(self) -> None:
        world = self.world
        world.clock.now += timedelta(days=1)
        for id in world.accounts.subscriptions:
            await world.attempt(partial(cancel.cancel, self.db, id, Effective.NOW, world.now))
        world.clock.now += timedelta(days=60)
        await self._run(world.now + world.ticks, finalise=True)
        for customer_id in world.customers.values():
            own = world.subscriptions_of(customer_id)
            lines = [
                line.amount
                for line in world.accounts.lines.values()
                if line.subscription_id in own
                and world.accounts.invoices[line.invoice_id].status in ISSUED
            ]
            assert sum(lines, ZERO) == await self._used(customer_id)

    async def _used(self, customer_id: object) -> Decimal:
        """What has to be paid, event by event, by nothing but the lives of the subscriptions."""
        lives = [
            row
            for row in self.world.accounts.subscriptions.values()
            if row.customer_id == customer_id
        ]
        events = await USAGE_EVENTS.select(
            self.db, sql("where customer_id = ? and voided_at is null", customer_id)
        )
        return sum(
            (
                event.quantity
                for event in events
                if event.metric_id == self.world.metric_ids["calls"]
                and any(
                    row.start_at <= event.event_time < (row.end_at or event.event_time)
                    and event.subscription_id in (None, row.id)
                    for row in lives
                )
            ),
            ZERO,
        )


def _calls(use: Use) -> Use:
    return replace(use, metric=0, quantity=abs(use.quantity))
