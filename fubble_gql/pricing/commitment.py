"""Commitments: a quantity that is paid for in each period, used or not, and what more than it costs."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from fubble_gql.pricing.charge import Charge, Usage, priced_step
from fubble_gql.pricing.money import ZERO
from fubble_gql.pricing.period import Period, Share


@dataclass(frozen=True, slots=True)
class Commitment:
    """So much of a metric at so much each; more than that costs the overage rate (default: rate)."""

    id: UUID
    metric_id: UUID
    name: str
    quantity: Decimal
    rate: Decimal
    overage_rate: Decimal | None = None

    def fee(self, share: Share) -> Charge:
        """What is paid for the share of a period, whatever was used."""
        return Charge(self.quantity, (priced_step("Committed", self.quantity, self.rate),)).scaled(
            share
        )

    def usage(self, usage: Usage, share: Share) -> Charge:
        """What was used: up to the commitment's share it is paid for, above it costs extra."""
        included = min(usage.priced, share.of(self.quantity))
        above = usage.priced - included
        overage_rate = self.rate if self.overage_rate is None else self.overage_rate
        steps = [priced_step("Within the commitment", included, ZERO)]
        if above:
            steps.append(priced_step("Above the commitment", above, overage_rate))
        return Charge(usage.quantity, tuple(steps))


@dataclass(frozen=True, slots=True)
class Committed:
    """A commitment over a span of a piece, with what was used in it."""

    commitment: Commitment
    span: Period
    usage: Usage
