"""Usage priced combination by combination, as dimension and matrix prices have it."""

from collections.abc import Callable
from decimal import Decimal
from itertools import islice

from fubble_gql.pricing.charge import Charge, Combination, Usage, priced_step
from fubble_gql.pricing.money import ZERO

_NAMED_MAX = 3

UnitPriceOf = Callable[[tuple[str, ...]], Decimal]


def charge_combinations(usage: Usage, unit_price_of: UnitPriceOf, price_of_none: Decimal) -> Charge:
    """One step for each distinct unit price, whatever the order that the combinations came in.

    Usage is clamped at zero inside each combination, so the charge's quantity is their sum and
    not the metric's own.
    """
    if not usage.combinations:
        return _charge_nothing(usage, price_of_none)
    groups: dict[Decimal, list[Combination]] = {}
    for combination in sorted(usage.combinations, key=lambda each: each.values):
        groups.setdefault(unit_price_of(combination.values), []).append(combination)
    steps = tuple(
        priced_step(_label(group), _quantity_of(group), unit_price)
        for unit_price, group in groups.items()
    )
    return Charge(sum((step.quantity for step in steps), ZERO), steps)


def _charge_nothing(usage: Usage, unit_price: Decimal) -> Charge:
    if usage.priced:
        raise ValueError("Usage of a price by dimensions must be given by combination.")
    return Charge(ZERO, (priced_step("No usage", ZERO, unit_price),))


def _quantity_of(group: list[Combination]) -> Decimal:
    return sum((max(ZERO, each.quantity) for each in group), ZERO)


def _label(group: list[Combination]) -> str:
    names = [" / ".join(each.values) for each in islice(group, _NAMED_MAX)]
    rest = len(group) - len(names)
    return ", ".join(names) + (f" and {rest} more" if rest else "")
