"""A unit price that grows with the numbers that each event carries."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from fubble_gql.pricing.charge import Charge, Usage
from fubble_gql.pricing.fault import (
    Fault,
    check_distinct,
    check_not_negative,
    check_number,
    refuse,
)
from fubble_gql.pricing.money import limit_places
from fubble_gql.pricing.period import Share
from fubble_gql.pricing.rates.combined import charge_combinations


@dataclass(frozen=True, slots=True)
class Multiplier:
    """How much one unit of a property adds to the unit price, as a part of it."""

    property: str
    multiplier: Decimal


@dataclass(frozen=True, slots=True)
class Dimension:
    """The sum over distinct values of quantity x base rate x product of (1 + value x multiplier)."""

    model: ClassVar[str] = "dimension"

    base_rate: Decimal
    dimensions: tuple[Multiplier, ...]

    def __post_init__(self) -> None:
        refuse(self._faults())

    @property
    def properties(self) -> tuple[str, ...]:
        return tuple(each.property for each in self.dimensions)

    def charge(self, usage: Usage, share: Share) -> Charge:
        return charge_combinations(usage, self._unit_price, self.base_rate)

    def _unit_price(self, values: tuple[str, ...]) -> Decimal:
        """At 50 decimals at most: several dimensions multiply to more than any price needs."""
        unit_price = self.base_rate
        for each, value in zip(self.dimensions, values, strict=True):
            unit_price *= 1 + Decimal(value) * each.multiplier
        return limit_places(unit_price)

    def _faults(self) -> Iterator[Fault]:
        yield from check_not_negative(self.base_rate, "base_rate")
        if not self.dimensions:
            yield Fault(("dimensions",), "Give at least one dimension.")
        yield from check_distinct(self.properties, "dimensions", "property")
        for index, each in enumerate(self.dimensions):
            yield from check_number(each.multiplier, "dimensions", index, "multiplier")
