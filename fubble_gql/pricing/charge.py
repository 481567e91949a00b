"""An amount that carries its explanation: a charge is its steps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from fubble_gql.pricing.money import ONE, ZERO
from fubble_gql.pricing.period import Share


@dataclass(frozen=True, slots=True)
class Combination:
    """The usage of one distinct combination of dimension values.

    The values stand in the order of the rate's properties; numbers as plain text.
    """

    values: tuple[str, ...]
    quantity: Decimal
    event_count: int


@dataclass(frozen=True, slots=True)
class Usage:
    """The facts of one metric in one piece of a billing period."""

    quantity: Decimal = ZERO
    event_count: int = 0
    combinations: tuple[Combination, ...] = ()

    @property
    def priced(self) -> Decimal:
        """The quantity that is priced: a negative one prices as zero."""
        return max(ZERO, self.quantity)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the reasoning: quantity x unit price + flat fee, within a tier's bounds."""

    label: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    flat_fee: Decimal | None = None
    above: Decimal | None = None
    up_to: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """What a rate charges for a quantity, before rounding."""

    quantity: Decimal
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError("A charge needs at least one step: an amount explains itself.")

    @property
    def amount(self) -> Decimal:
        return total(self.steps)

    def scaled(self, share: Share) -> "Charge":
        """The same charge for a share of the period; the steps sum to exactly that share."""
        if share.is_whole:
            return self
        amounts = share.parts([step.amount for step in self.steps])
        return Charge(
            self.quantity,
            tuple(
                replace(step, label=f"{step.label} x {share}", amount=amount)
                for step, amount in zip(self.steps, amounts, strict=True)
            ),
        )


def total(steps: Sequence[Step]) -> Decimal:
    """What the steps come to, exactly."""
    return sum((step.amount for step in steps), ZERO)


def priced_step(label: str, quantity: Decimal, unit_price: Decimal) -> Step:
    """So many units at so much each."""
    return Step(label, quantity, unit_price, quantity * unit_price)


def fee_step(label: str, fee: Decimal, share: Share) -> Step:
    """A fee for the covered share of the period."""
    if share.is_whole:
        return Step(label, ONE, fee, fee)
    return Step(f"{label} x {share}", ONE, fee, share.of(fee))


def usage_steps(
    quantity: Decimal, free: Decimal, unit_price: Decimal, free_label: str
) -> list[Step]:
    """The free units at nothing, then what is above them at the unit price."""
    steps = []
    if free and quantity:
        steps.append(priced_step(free_label, min(quantity, free), ZERO))
    if quantity > free or not steps:
        steps.append(priced_step("Usage", max(ZERO, quantity - free), unit_price))
    return steps
