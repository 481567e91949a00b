"""A company that looks at costs day by day: they are its previews, cut into days."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from fubble_gql.billing.cost_series import Asked, CostSeries, cost_series
from fubble_gql.billing.points import Room
from fubble_gql.billing.preview import Asked as AskedPreview
from fubble_gql.billing.preview import Preview, preview
from fubble_gql.catalog.rows import COMPONENTS
from fubble_gql.db.sql import sql
from fubble_gql.pricing.accrual import DayLine
from fubble_gql.pricing.bill import Line, LineKind
from fubble_gql.pricing.money import ZERO
from fubble_gql.pricing.period import Period
from fubble_gql.pricing.rates import Flat
from tests.laws.selling import DAY, HOUR, PICK, Selling

_Price = tuple[LineKind, UUID | None, UUID | None]
Sums = dict[_Price, tuple[Decimal, Decimal]]


class Costing(Selling):
    """The rules that decide what a bill comes to; after any of them somebody looks."""

    use_late = grant = cancel_grant = undo = None  # type: ignore[assignment]

    @precondition(lambda self: self.world.accounts.subscriptions)
    @rule(
        n=PICK,
        begins=st.integers(-24 * 60, 24 * 20),
        lasts=st.integers(1, 24 * 60),
        day=st.integers(0, 400),
    )
    def look(self, n: int, begins: int, lasts: int, day: int) -> None:
        """At the running period, and at any other."""
        start = self.world.now + begins * HOUR
        id = self.subscription(n)
        for period in (None, Period(start, start + lasts * HOUR)):
            self.run(self._look(id, period, day))

    async def _look(self, id: UUID, period: Period | None, day: int) -> None:
        world, customer_id = self.world, self.world.customer_of(id)
        [found] = await cost_series(self.db, [Asked(customer_id, id, world.now, period)], Room())
        bill = await self._bill(id, period)
        assert isinstance(found, CostSeries)
        days = [one.period for one in found.days]
        assert (days[0].start, days[-1].end) == (bill.period.start, bill.period.end)
        assert all(one.end == other.start for one, other in pairwise(days))
        assert all(one.end - one.start <= DAY + HOUR for one in days)
        lines = [line for one in found.days for line in one.lines]
        assert sums_of(lines) == sums_of(
            line for line in bill.bill.lines if line.kind is not LineKind.ADJUSTMENT
        )
        # By any day: what the bill of so much time has of it, but for what covers all of the time.
        last = day % len(days)
        part = await self._bill(id, Period(days[0].start, days[last].end))
        lines = [line for one in found.days[: last + 1] for line in one.lines]
        flat = await self._flat_components()
        assert sums_of(_prorated(lines, flat)) == sums_of(_prorated(part.bill.lines, flat))

    async def _bill(self, id: UUID, period: Period | None) -> Preview:
        asked = AskedPreview(self.world.customer_of(id), self.world.now, id, period)
        [found] = await preview(self.db, [asked], Room())
        assert isinstance(found, Preview)
        return found

    async def _flat_components(self) -> set[UUID]:
        rows = await COMPONENTS.select(self.db, sql(""))
        return {row.id for row in rows if isinstance(row.pricing, Flat)}


def _prorated(lines: Iterable[Line | DayLine], flat: set[UUID]) -> Iterator[Line | DayLine]:
    """What components charge before their maximum, unless they are flat fees."""
    kinds = (LineKind.FEE, LineKind.USAGE, LineKind.MINIMUM)
    for line in lines:
        if line.component_id is not None and line.component_id not in flat and line.kind in kinds:
            yield line


def sums_of(lines: Iterable[Line | DayLine]) -> Sums:
    """Quantity and amount of what is not zero, by kind, component and metric."""
    sums: Sums = {}
    for line in lines:
        price = line.kind, line.component_id, line.metric_id
        quantity, amount = sums.get(price, (ZERO, ZERO))
        sums[price] = (quantity + line.quantity, amount + line.amount)
    return {price: both for price, both in sums.items() if any(both)}
