"""What happens to bills: drafted, finalised one by one or by a run, paid, voided, proved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from fubble_gql.billing import drafts, issue, manual_lines, run, settle
from fubble_gql.billing.drafts import NewInvoice
from fubble_gql.billing.invoice_rows import InvoiceRow
from fubble_gql.billing.manual_lines import ManualLine
from fubble_gql.billing.preview import Asked, Preview
from fubble_gql.billing.run import Order, Run
from fubble_gql.db.refs import Ref
from fubble_gql.errors import Refused
from fubble_gql.pricing.period import Period
from tests.laws.selling import DAY, PICK, Selling
from tests.laws.world import SELLER

CENTS = st.integers(-6000, 6000).map(lambda cents: Decimal(cents).scaleb(-2))


class Invoicing(Selling):
    """The whole company."""

    @precondition(lambda self: self.world.accounts.subscriptions)
    @rule(n=PICK, named=st.none() | PICK)
    def draft(self, n: int, named: int | None) -> None:
        """Of the earliest period that is not on an invoice; it is what the preview says."""
        self.run(self._draft(self.subscription(n), named))

    async def _draft(self, id: UUID, named: int | None) -> None:
        world = self.world
        customer_id = world.customer_of(id)
        period = world.accounts.next_open(id)
        if period is None or period.end > world.now:
            return
        grants = [
            row.id for row in world.accounts.grants.values() if row.customer_id == customer_id
        ]
        chosen = () if named is None or not grants else (self.pick(sorted(grants), named),)
        new = NewInvoice(Ref(id=customer_id), id, period, credit_grant_ids=chosen)
        (bill,) = await world.bills([Asked(customer_id, world.now + world.ticks, id, period)])
        made = await world.attempt(lambda: drafts.create(self.db, new, world.clock))
        if made is not None and isinstance(bill, Preview):
            world.check_equals(bill, made.id)

    @rule(customer=PICK, days=st.none() | st.integers(10, 100))
    def draft_of_customer(self, customer: int, days: int | None) -> None:
        """Of all that is closed in some days, or an empty one for lines by hand."""
        world = self.world
        id = self.pick(world.customers.values(), customer)
        span = None if days is None else Period(world.now - days * DAY, world.now)
        new = NewInvoice(Ref(id=id), None, span)
        self.do(lambda: drafts.create(self.db, new, world.clock))

    @precondition(lambda self: self.invoices("DRAFT"))
    @rule(n=PICK)
    def refresh(self, n: int) -> None:
        """A draft is rated anew."""
        id = self.pick(self.invoices("DRAFT"), n).id
        self.do(lambda: drafts.refresh(self.db, id, self.world.clock))

    @precondition(lambda self: self.invoices("DRAFT"))
    @rule(n=PICK, amount=CENTS)
    def add_line(self, n: int, amount: Decimal) -> None:
        """By hand, also a discount."""
        id = self.pick(self.invoices("DRAFT"), n).id
        line = ManualLine("By hand", amount)
        self.do(lambda: manual_lines.add(self.db, id, line, self.world.now))

    @precondition(lambda self: self.invoices("DRAFT"))
    @rule(n=PICK, line=PICK)
    def remove_line(self, n: int, line: int) -> None:
        """By hand only: another is refused."""
        id = self.pick(self.invoices("DRAFT"), n).id
        lines = self.world.accounts.lines_of[id]
        if lines:
            gone = self.pick(lines, line).id
            self.do(lambda: manual_lines.remove(self.db, id, gone, self.world.now))

    @precondition(lambda self: self.invoices("DRAFT"))
    @rule(n=PICK)
    def finalise(self, n: int) -> None:
        """A draft is issued: it is its preview, and what stands is what it comes to."""
        self.run(self._finalise(self.pick(self.invoices("DRAFT"), n)))

    async def _finalise(self, row: InvoiceRow) -> None:
        world = self.world
        held = [one for one in world.accounts.periods.values() if one.invoice_id == row.id]
        bill = None
        if len(held) == 1:
            span = Period(held[0].start_at, held[0].end_at)
            asked = Asked(row.customer_id, world.now + world.ticks, held[0].subscription_id, span)
            (bill,) = await world.bills([asked])
        call = partial(issue.finalise, self.db, row.id, world.clock, SELLER)
        made = await world.attempt(call)
        if made is None:
            return
        if isinstance(bill, Preview):
            world.check_equals(bill, made.id)
        if held:
            own = {one.subscription_id for one in held}
            await world.check_sums([*own, *self.finished(row.customer_id, own)])
        again = await world.attempt(call, writes=False)
        assert again == made

    @rule(finalise=st.booleans(), days=st.sampled_from([0, 0, 0, 3, 31]))
    def run_billing(self, finalise: bool, days: int) -> None:
        """All that is due, as of now or of some days ago; at once again there is nothing to do."""
        self.run(self._run(self.world.now + self.world.ticks - days * DAY, finalise=finalise))

    @rule(hours=st.integers(600, 780), finalise=st.sampled_from([True, True, False]))
    def a_month_passes(self, hours: int, finalise: bool) -> None:
        """As it does in most months."""
        self.wait(hours)
        self.run(self._run(self.world.now + self.world.ticks, finalise=finalise))

    async def _run(self, as_of: datetime, *, finalise: bool) -> None:
        world = self.world
        expected = await self._first_bills(as_of, finalise=finalise)
        order = Order(as_of, finalise, world.clock, SELLER)
        call = partial(run.run, self.db, order, timedelta(hours=1))
        done = await world.attempt(call)
        assert done is not None
        assert (done.remaining, done.failures) == (0, [])
        self._check_first(expected)
        await self._check_done(done, as_of, finalise=finalise)
        again = await world.attempt(call)
        assert again is not None
        assert (again.created, again.finalized, again.invoice_ids) == (0, 0, [])

    async def _first_bills(
        self, as_of: datetime, *, finalise: bool
    ) -> list[tuple[Asked, Preview | Refused]]:
        """What the run will do first for each customer, where that is one period."""
        world = self.world
        chosen = []
        for id in world.customers.values():
            due = [
                (period.end, period.start, row.start_at, row.id)
                for row in world.accounts.subscriptions.values()
                if row.customer_id == id
                and (period := world.accounts.next_open(row.id)) is not None
                and period.end <= as_of
            ]
            if due and not (finalise and self.drafts_of(id)):
                end, start, _, subscription = min(due)
                now = world.now + world.ticks
                chosen.append(Asked(id, now, subscription, Period(start, end)))
        bills = await world.bills(chosen)
        return [(one, bill) for one, bill in zip(chosen, bills, strict=True)]

    def _check_first(self, expected: Sequence[tuple[Asked, Preview | Refused]]) -> None:
        world = self.world
        for asked, bill in expected:
            assert isinstance(bill, Preview)
            assert asked.subscription_id is not None
            assert asked.period is not None
            (made,) = (
                row.invoice_id
                for row in world.accounts.held(asked.subscription_id)
                if row.start_at == asked.period.start
            )
            world.check_equals(bill, made)

    async def _check_done(self, done: Run, as_of: datetime, *, finalise: bool) -> None:
        """Nothing that ended by then is left; what stands is what it comes to."""
        world = self.world
        for id in world.accounts.subscriptions:
            due = world.accounts.next_open(id)
            assert due is None or due.end > as_of
        if not finalise:
            return
        held = [
            one for one in world.accounts.periods.values() if one.invoice_id in done.invoice_ids
        ]
        own = {one.subscription_id for one in held}
        billed = {world.customer_of(id) for id in own}
        rest = {
            id
            for customer in world.customers.values()
            if customer in billed or self.is_over(customer)
            for id in self.finished(customer, own)
        }
        await world.check_sums([*own, *rest])

    @precondition(lambda self: self.invoices())
    @rule(n=PICK, rebill=st.booleans())
    def void_invoice(self, n: int, rebill: bool) -> None:
        """Also a draft; a paid one is refused unless it came to nothing."""
        id = self.pick(self.invoices(), n).id
        self.do(lambda: settle.void(self.db, id, None, rebill=rebill, now=self.world.now))

    @precondition(lambda self: self.invoices("PENDING", "FAILED"))
    @rule(n=PICK, succeeds=st.booleans())
    def collect(self, n: int, succeeds: bool) -> None:
        """It is paid, or that fails."""
        id = self.pick(self.invoices("PENDING", "FAILED"), n).id
        if succeeds:
            self.do(lambda: settle.pay(self.db, id, None, self.world.now))
        else:
            self.do(lambda: settle.fail(self.db, id, "No", self.world.now))

    @rule()
    def look(self) -> None:
        """Previews of every subscription and customer write nothing; alone they say the same."""
        self.run(self._look())

    async def _look(self) -> None:
        world = self.world
        asked = [Asked(id, world.now) for id in world.customers.values()]
        for id in world.accounts.subscriptions:
            asked.append(Asked(world.customer_of(id), world.now, id))
            due = world.accounts.next_open(id)
            if due is not None:
                asked.append(Asked(world.customer_of(id), world.now, id, due))
        together = await world.bills(asked)
        for one, bill in zip(asked, together, strict=True):
            (alone,) = await world.bills([one])
            assert alone == bill
        await world.check_proofs()

    def teardown(self) -> None:
        """At last, everything is invoiced and proved."""
        try:
            if hasattr(self, "world"):
                for _ in range(2):
                    self.run(self._run(self.world.now + self.world.ticks, finalise=True))
                    self.wait(900)
                self.run(self.world.check_proofs())
        finally:
            super().teardown()

    def invoices(self, *states: str) -> list[InvoiceRow]:
        """Those in these states; in any where none is said."""
        rows = self.world.accounts.invoices.values()
        return sorted(
            (row for row in rows if not states or row.status in states), key=lambda r: r.id
        )

    def drafts_of(self, customer_id: UUID) -> list[InvoiceRow]:
        """A customer's drafts."""
        return [row for row in self.invoices("DRAFT") if row.customer_id == customer_id]

    def finished(self, customer_id: UUID, besides: Sequence[UUID] | set[UUID]) -> list[UUID]:
        """A customer's subscriptions that get no invoice of their own any more."""
        return [
            row.id
            for row in self.world.accounts.subscriptions.values()
            if row.customer_id == customer_id
            and row.id not in besides
            and self.world.accounts.is_finished(row.id)
        ]

    def is_over(self, customer_id: UUID) -> bool:
        """Whether a customer gets no invoice any more but for what comes late."""
        own = [
            row.id
            for row in self.world.accounts.subscriptions.values()
            if row.customer_id == customer_id
        ]
        return all(self.world.accounts.next_open(id) is None for id in own) and all(
            self.world.accounts.invoices[row.invoice_id].status != "DRAFT"
            for id in own
            for row in self.world.accounts.held(id)
        )
