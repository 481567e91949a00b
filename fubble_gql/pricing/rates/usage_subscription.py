"""A base fee that includes some units, and a price for each one above them."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from fubble_gql.pricing.charge import Charge, Usage, fee_step, usage_steps
from fubble_gql.pricing.fault import check_not_negative, refuse
from fubble_gql.pricing.money import ZERO
from fubble_gql.pricing.period import Share


@dataclass(frozen=True, slots=True)
class UsageSubscription:
    """base fee x share + max(0, quantity - included units) x unit price."""

    model: ClassVar[str] = "usage_subscription"

    base_fee: Decimal
    unit_price: Decimal
    included_units: Decimal = ZERO

    def __post_init__(self) -> None:
        refuse(
            [
                *check_not_negative(self.base_fee, "base_fee"),
                *check_not_negative(self.unit_price, "unit_price"),
                *check_not_negative(self.included_units, "included_units"),
            ]
        )

    def charge(self, usage: Usage, share: Share) -> Charge:
        quantity = usage.priced
        steps = usage_steps(quantity, self.included_units, self.unit_price, "Included units")
        return Charge(quantity, (fee_step("Base fee", self.base_fee, share), *steps))
