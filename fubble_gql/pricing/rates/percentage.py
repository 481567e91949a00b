"""A percentage of the quantity, which is an amount, and a fee for each event."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from fubble_gql.pricing.charge import Charge, Step, Usage, priced_step
from fubble_gql.pricing.fault import check_not_negative, refuse
from fubble_gql.pricing.money import ZERO, plain
from fubble_gql.pricing.period import Share

_PERCENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Percentage:
    """rate % x max(0, quantity - free amount) + fixed fee x max(0, events - free events)."""

    model: ClassVar[str] = "percentage"

    rate: Decimal
    fixed_fee: Decimal = ZERO
    free_events: int = 0
    free_amount: Decimal = ZERO

    def __post_init__(self) -> None:
        refuse(
            [
                *check_not_negative(self.rate, "rate"),
                *check_not_negative(self.fixed_fee, "fixed_fee"),
                *check_not_negative(Decimal(self.free_events), "free_events"),
                *check_not_negative(self.free_amount, "free_amount"),
            ]
        )

    def charge(self, usage: Usage, share: Share) -> Charge:
        quantity = usage.priced
        return Charge(
            quantity,
            (*self._amount_steps(quantity), *self._event_steps(usage.event_count)),
        )

    def _amount_steps(self, quantity: Decimal) -> Iterator[Step]:
        free = min(quantity, self.free_amount)
        if free:
            yield priced_step("Free amount", free, ZERO)
        if quantity > free or not free:
            yield priced_step(f"{plain(self.rate)} %", quantity - free, self.rate * _PERCENT)

    def _event_steps(self, event_count: int) -> Iterator[Step]:
        if not self.fixed_fee:
            return
        free = min(event_count, self.free_events)
        if free:
            yield priced_step("Free events", Decimal(free), ZERO)
        if event_count > free:
            yield priced_step("Fee for each event", Decimal(event_count - free), self.fixed_fee)
