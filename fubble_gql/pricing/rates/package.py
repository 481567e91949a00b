"""Whole packages: a package that is begun is paid for."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from fubble_gql.pricing.charge import Charge, Step, Usage, priced_step
from fubble_gql.pricing.fault import check_not_negative, check_positive, refuse
from fubble_gql.pricing.money import ZERO, divide, plain
from fubble_gql.pricing.period import Share


@dataclass(frozen=True, slots=True)
class Package:
    """max(0, quantity - free units) / size, rounded up, x price."""

    model: ClassVar[str] = "package"

    size: Decimal
    price: Decimal
    free_units: Decimal = ZERO

    def __post_init__(self) -> None:
        refuse(
            [
                *check_positive(self.size, "size"),
                *check_not_negative(self.price, "price"),
                *check_not_negative(self.free_units, "free_units"),
            ]
        )

    def charge(self, usage: Usage, share: Share) -> Charge:
        quantity = usage.priced
        steps = []
        if self.free_units and quantity:
            steps.append(priced_step("Free units", min(quantity, self.free_units), ZERO))
        if quantity > self.free_units or not steps:
            steps.append(self._packages(max(ZERO, quantity - self.free_units)))
        return Charge(quantity, tuple(steps))

    def _packages(self, units: Decimal) -> Step:
        """The units used, with the price that a unit of a full package has."""
        whole, rest = divmod(units, self.size)
        count = whole + 1 if rest else whole
        noun = "package" if count == 1 else "packages"
        return Step(
            label=f"{plain(count)} {noun} of {plain(self.size)} at {plain(self.price)}",
            quantity=units,
            unit_price=divide(self.price, 1, self.size),
            amount=count * self.price,
        )
