"""Prices that fall due when the quantity reaches them."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from fubble_gql.pricing.charge import Charge, Usage, fee_step, priced_step
from fubble_gql.pricing.fault import Fault, check_not_negative, refuse
from fubble_gql.pricing.money import ZERO, is_in_range, plain
from fubble_gql.pricing.period import WHOLE, Share


class ThresholdMode(StrEnum):
    """Whether every threshold reached is paid for, or the highest alone (stairstep)."""

    CUMULATIVE = "CUMULATIVE"
    HIGHEST = "HIGHEST"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A quantity, and the price of reaching it."""

    threshold: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The sum of the prices of every threshold reached, or the price of the highest one."""

    model: ClassVar[str] = "threshold"

    thresholds: tuple[Threshold, ...]
    mode: ThresholdMode = ThresholdMode.CUMULATIVE

    def __post_init__(self) -> None:
        refuse(self._faults())

    def charge(self, usage: Usage, share: Share) -> Charge:
        quantity = usage.priced
        reached = [each for each in self.thresholds if each.threshold <= quantity]
        if not reached:
            return Charge(quantity, (priced_step("No threshold reached", quantity, ZERO),))
        if self.mode is ThresholdMode.HIGHEST:
            reached = reached[-1:]
        return Charge(
            quantity,
            tuple(
                fee_step(f"Threshold {plain(each.threshold)} reached", each.price, WHOLE)
                for each in reached
            ),
        )

    def _faults(self) -> Iterator[Fault]:
        if not self.thresholds:
            yield Fault(("thresholds",), "Give at least one threshold.")
        previous: Decimal | None = None
        for index, each in enumerate(self.thresholds):
            path = ("thresholds", index, "threshold")
            yield from check_not_negative(each.threshold, *path)
            yield from check_not_negative(each.price, "thresholds", index, "price")
            if not is_in_range(each.threshold):
                continue
            if previous is not None and each.threshold <= previous:
                yield Fault(path, f"Threshold {index + 1} must be above {plain(previous)}.")
            previous = each.threshold
