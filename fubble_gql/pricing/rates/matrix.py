"""A unit price for each combination of property values, and one for all others."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from fubble_gql.pricing.charge import Charge, Usage
from fubble_gql.pricing.fault import Fault, check_distinct, check_not_negative, refuse
from fubble_gql.pricing.period import Share
from fubble_gql.pricing.rates.combined import charge_combinations


@dataclass(frozen=True, slots=True)
class Cell:
    """The unit price where the properties have these values."""

    values: tuple[str, ...]
    unit_price: Decimal


@dataclass(frozen=True, slots=True)
class Matrix:
    """The sum over distinct values of quantity x the cell's unit price, or the default one."""

    model: ClassVar[str] = "matrix"

    properties: tuple[str, ...]
    cells: tuple[Cell, ...]
    default_unit_price: Decimal

    def __post_init__(self) -> None:
        refuse(self._faults())

    def charge(self, usage: Usage, share: Share) -> Charge:
        unit_prices = {cell.values: cell.unit_price for cell in self.cells}

        def unit_price_of(values: tuple[str, ...]) -> Decimal:
            return unit_prices.get(values, self.default_unit_price)

        return charge_combinations(usage, unit_price_of, self.default_unit_price)

    def _faults(self) -> Iterator[Fault]:
        if not self.properties:
            yield Fault(("properties",), "Give at least one property.")
        yield from check_distinct(self.properties, "properties")
        yield from check_not_negative(self.default_unit_price, "default_unit_price")
        seen = set[tuple[str, ...]]()
        for index, cell in enumerate(self.cells):
            path = ("cells", index, "values")
            yield from check_not_negative(cell.unit_price, "cells", index, "unit_price")
            if len(cell.values) != len(self.properties):
                yield Fault(path, f"Cell {index + 1} needs one value for each property.")
            elif cell.values in seen:
                yield Fault(path, f"Cell {index + 1} repeats the values of another cell.")
            seen.add(cell.values)
