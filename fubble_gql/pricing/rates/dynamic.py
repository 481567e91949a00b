"""A unit price that a formula decides."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from keyword import iskeyword
from typing import ClassVar

from fubble_gql.pricing.charge import Charge, Usage, priced_step
from fubble_gql.pricing.fault import Fault, check_number, refuse
from fubble_gql.pricing.formula import Formula, InvalidFormula
from fubble_gql.pricing.money import ZERO
from fubble_gql.pricing.period import Share

_GIVEN = ("base_rate", "quantity")


@dataclass(frozen=True, slots=True)
class Dynamic:
    """quantity x formula(base_rate, quantity, variables); nothing is computed for no quantity."""

    model: ClassVar[str] = "dynamic"

    base_rate: Decimal
    formula: str
    variables: Mapping[str, Decimal] = field(default_factory=dict, hash=False)
    parsed: Formula = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "variables", dict(self.variables))
        refuse(self._faults())

    def charge(self, usage: Usage, share: Share) -> Charge:
        quantity = usage.priced
        if not quantity:
            return Charge(ZERO, (priced_step("No usage", ZERO, ZERO),))
        unit_price = self.parsed.evaluate(
            {**self.variables, "base_rate": self.base_rate, "quantity": quantity}
        )
        return Charge(quantity, (priced_step(self.formula, quantity, unit_price),))

    def _faults(self) -> Iterator[Fault]:
        yield from check_number(self.base_rate, "base_rate")
        for name, value in self.variables.items():
            yield from check_number(value, "variables", name)
            if not (name.isascii() and name.isidentifier()) or iskeyword(name):
                yield Fault(("variables", name), f'"{name}" must be letters, digits and _ only.')
            elif name in _GIVEN:
                yield Fault(("variables", name), f'"{name}" is given: choose another name.')
        try:
            parsed = Formula.parse(self.formula, (*_GIVEN, *self.variables))
        except InvalidFormula as invalid:
            yield Fault(("formula",), str(invalid))
        else:
            object.__setattr__(self, "parsed", parsed)
