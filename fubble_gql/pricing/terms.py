"""What a plan version charges: its components, each with a rate and its bounds."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from fubble_gql.pricing.fault import Fault, check_distinct, check_not_negative, refuse
from fubble_gql.pricing.money import UnknownCurrency, is_in_range, minor_unit_places, plain
from fubble_gql.pricing.rates import Rate, needs_metric


@dataclass(frozen=True, slots=True)
class Component:
    """One price of a plan.

    `is_level` says that its metric's quantity does not add up over time (MAX, MIN, AVG, LAST,
    UNIQUE_COUNT, PERCENTILE), so that a piece is charged its share of the whole amount.
    TIME_WEIGHTED is not one: its quantity is already divided by the whole period.
    """

    id: UUID
    key: str
    name: str
    rate: Rate
    metric_id: UUID | None = None
    is_level: bool = False
    minimum: Decimal | None = None
    maximum: Decimal | None = None

    def __post_init__(self) -> None:
        refuse(self._faults())

    def _faults(self) -> Iterator[Fault]:
        if needs_metric(self.rate) and self.metric_id is None:
            yield Fault(("metric",), f"{self.rate.model} pricing needs a metric.")
        for name, bound in (("minimum", self.minimum), ("maximum", self.maximum)):
            if bound is not None:
                yield from check_not_negative(bound, name)
        if self.minimum is None or self.maximum is None:
            return
        if is_in_range(self.minimum) and is_in_range(self.maximum) and self.minimum > self.maximum:
            limit = plain(self.minimum)
            yield Fault(("maximum",), f"maximum must be at least {limit}, the minimum.")


@dataclass(frozen=True, slots=True)
class Terms:
    """A plan version, as far as it decides amounts."""

    plan_id: UUID
    name: str
    currency: str
    components: tuple[Component, ...]
    minimum: Decimal | None = None

    def __post_init__(self) -> None:
        refuse(self._faults())

    def _faults(self) -> Iterator[Fault]:
        try:
            minor_unit_places(self.currency)
        except UnknownCurrency as unknown:
            yield Fault(("currency",), str(unknown))
        yield from check_distinct([each.key for each in self.components], "components", "key")
        if self.minimum is not None:
            yield from check_not_negative(self.minimum, "minimum")
