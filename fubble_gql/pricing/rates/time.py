"""Time used, measured in one unit and priced in another."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from fubble_gql.pricing.charge import Charge, Step, Usage
from fubble_gql.pricing.fault import check_not_negative, refuse
from fubble_gql.pricing.money import divide, plain
from fubble_gql.pricing.period import Share


class TimeUnit(StrEnum):
    """A fixed length of time."""

    SECOND = "SECOND"
    MINUTE = "MINUTE"
    HOUR = "HOUR"
    DAY = "DAY"

    @property
    def seconds(self) -> int:
        return _SECONDS[self]


_SECONDS = {
    TimeUnit.SECOND: 1,
    TimeUnit.MINUTE: 60,
    TimeUnit.HOUR: 3_600,
    TimeUnit.DAY: 86_400,
}


@dataclass(frozen=True, slots=True)
class Time:
    """quantity x (metric unit / rate unit) x rate."""

    model: ClassVar[str] = "time"

    rate: Decimal
    rate_unit: TimeUnit
    metric_unit: TimeUnit

    def __post_init__(self) -> None:
        refuse(check_not_negative(self.rate, "rate"))

    def charge(self, usage: Usage, share: Share) -> Charge:
        quantity = usage.priced
        ratio = self.metric_unit.seconds, self.rate_unit.seconds
        step = Step(
            label=f"{self.metric_unit.title()}s at {plain(self.rate)} per {self.rate_unit.lower()}",
            quantity=quantity,
            unit_price=divide(self.rate, *ratio),
            amount=divide(quantity * self.rate, *ratio),
        )
        return Charge(quantity, (step,))
