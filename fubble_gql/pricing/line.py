"""The lines of a bill, each with the steps that it was computed from."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from fubble_gql.pricing.charge import Step, total
from fubble_gql.pricing.money import ZERO, round_money
from fubble_gql.pricing.period import Period


class LineKind(StrEnum):
    """Why a line is on the bill."""

    FEE = "FEE"
    USAGE = "USAGE"
    COMMITMENT = "COMMITMENT"
    MINIMUM = "MINIMUM"
    MAXIMUM = "MAXIMUM"
    ADJUSTMENT = "ADJUSTMENT"
    MANUAL = "MANUAL"


@dataclass(frozen=True, slots=True)
class Line:
    """An amount rounded once to the minor unit, and the exact steps before that rounding."""

    kind: LineKind
    description: str
    component_id: UUID | None
    metric_id: UUID | None
    subscription_id: UUID | None
    period: Period | None
    quantity: Decimal
    unit_price: Decimal | None
    amount: Decimal
    steps: tuple[Step, ...]

    @property
    def exact(self) -> Decimal:
        """The amount before rounding."""
        return total(self.steps)


@dataclass(frozen=True, slots=True)
class Bill:
    """Lines of one currency, and what they come to."""

    currency: str
    lines: tuple[Line, ...]
    credits_applied: Decimal = ZERO

    @property
    def subtotal(self) -> Decimal:
        return round_money(sum_of(self.lines), self.currency)

    @property
    def total(self) -> Decimal:
        """Never below zero: what a bill owes its customer becomes a credit, not a payment."""
        return max(round_money(ZERO, self.currency), self.subtotal - self.credits_applied)


def sum_of(lines: Iterable[Line]) -> Decimal:
    """What the rounded lines come to."""
    return sum((line.amount for line in lines), ZERO)
