"""A customer who is invoiced already: what comes late, is voided and billed again, and again."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from fubble_gql.catalog.new_plan import NewPlan
from fubble_gql.pricing.period import Frequency
from tests.laws import plans
from tests.laws.invoicing import Invoicing
from tests.laws.selling import PICK, Use, uses
from tests.laws.world import World
from tests.usage.builders import at

MONTHLY = st.just(Frequency.MONTHLY)
OFFERS = st.lists(plans.plans(MONTHLY, st.just(0), plans.SETTLED), min_size=2, max_size=2)
LATE = uses(st.integers(0, 800))


class Settling(Invoicing):
    """The same rules without those that only prepare a bill."""

    subscribe = commit = remove_commitment = change_plan = cancel = undo = None  # type: ignore[assignment]
    use = grant = cancel_grant = look = remove_line = None  # type: ignore[assignment]

    @initialize(
        offers=OFFERS,
        ticks=st.sampled_from([timedelta(seconds=1), timedelta(0)]),
        lasts=st.tuples(st.sampled_from([25, 45]), st.sampled_from([None, None, 31, 45])),
        several=uses(st.integers(0, 1400)),
    )
    def begin(
        self,
        offers: list[NewPlan],
        ticks: timedelta,
        lasts: tuple[int, int | None],
        several: list[Use],
    ) -> None:
        """One subscription that has ended, and one that may have; both are invoiced."""
        begun = World.begun(self.db, at("2026-01-20 09:30"), ticks, offers, ["UTC"])
        self.world = self.run(begun)
        for n, days in enumerate(lasts):
            Invoicing.subscribe(self, 0, n, 0, days, None, None)
        self.wait(1500)
        self.run(self._use("c0", several, self.world.now))
        self.run(self._run(self.world.now + self.world.ticks, finalise=True))

    @rule(n=PICK, several=LATE, first=st.booleans(), rebill=st.booleans())
    def come_late_and_void(self, n: int, several: list[Use], first: bool, rebill: bool) -> None:
        """What came late is invoiced; then that invoice is taken back, or the one before it."""
        if not self.world.issued_periods():
            return
        row = self.pick(self.world.issued_periods(), n)
        Invoicing.use_late(self, n, several)
        self.a_month_passes(700, finalise=True)
        places = [invoice.id for invoice in self.invoices()]
        Invoicing.void_invoice(self, places.index(row.invoice_id) if first else -1, rebill)

    @rule(amount=st.integers(1, 9000), n=PICK)
    def owe(self, amount: int, n: int) -> None:
        """An invoice below zero, and what becomes of one of those that there are."""
        Invoicing.draft_of_customer(self, 0, None)
        Invoicing.add_line(self, -1, Decimal(-amount).scaleb(-2))
        Invoicing.finalise(self, -1)
        owed = [row.id for row in self.invoices() if row.subtotal < 0]
        places = [invoice.id for invoice in self.invoices()]
        Invoicing.void_invoice(self, places.index(self.pick(owed, n)), rebill=True)
