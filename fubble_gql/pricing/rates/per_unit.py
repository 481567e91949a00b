"""The same price for every unit beyond the free ones."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from fubble_gql.pricing.charge import Charge, Usage, usage_steps
from fubble_gql.pricing.fault import check_not_negative, refuse
from fubble_gql.pricing.money import ZERO
from fubble_gql.pricing.period import Share


@dataclass(frozen=True, slots=True)
class PerUnit:
    """max(0, quantity - free units) x unit price."""

    model: ClassVar[str] = "per_unit"

    unit_price: Decimal
    free_units: Decimal = ZERO

    def __post_init__(self) -> None:
        refuse(
            [
                *check_not_negative(self.unit_price, "unit_price"),
                *check_not_negative(self.free_units, "free_units"),
            ]
        )

    def charge(self, usage: Usage, share: Share) -> Charge:
        quantity = usage.priced
        steps = usage_steps(quantity, self.free_units, self.unit_price, "Free units")
        return Charge(quantity, tuple(steps))
