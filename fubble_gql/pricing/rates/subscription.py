"""A recurring fee, for the covered share of the period."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from fubble_gql.pricing.charge import Charge, Usage, fee_step
from fubble_gql.pricing.fault import check_not_negative, refuse
from fubble_gql.pricing.money import ONE
from fubble_gql.pricing.period import Share


@dataclass(frozen=True, slots=True)
class Subscription:
    """The amount x share, whatever the usage."""

    model: ClassVar[str] = "subscription"

    amount: Decimal

    def __post_init__(self) -> None:
        refuse(check_not_negative(self.amount, "amount"))

    def charge(self, usage: Usage, share: Share) -> Charge:
        return Charge(ONE, (fee_step("Fee", self.amount, share),))
