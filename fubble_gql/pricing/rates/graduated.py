"""Marginal tiers: each unit costs the price of the tier that it falls in."""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from fubble_gql.pricing.charge import Charge, Usage
from fubble_gql.pricing.fault import refuse
from fubble_gql.pricing.period import Share
from fubble_gql.pricing.rates.tier import Tier, check_tiers, lower_bounds, tier_label, tier_step


@dataclass(frozen=True, slots=True)
class Graduated:
    """The sum over the tiers reached of units x unit price + flat fee x share.

    The first tier is reached even at zero usage. Elsewhere called tiered.
    """

    model: ClassVar[str] = "graduated"

    tiers: tuple[Tier, ...]

    def __post_init__(self) -> None:
        refuse(check_tiers(self.tiers))

    def charge(self, usage: Usage, share: Share) -> Charge:
        quantity = usage.priced
        reached = [
            (tier, above)
            for tier, above in zip(self.tiers, lower_bounds(self.tiers), strict=True)
            if quantity > above or tier is self.tiers[0]
        ]
        fees = share.parts([tier.flat_fee for tier, _ in reached])
        steps = []
        for number, ((tier, above), fee) in enumerate(zip(reached, fees, strict=True), start=1):
            label = tier_label(number, tier, share)
            steps.append(tier_step(label, tier, above, _units_in(tier, above, quantity), fee))
        return Charge(quantity, tuple(steps))


def _units_in(tier: Tier, above: Decimal, quantity: Decimal) -> Decimal:
    end = quantity if tier.up_to is None else min(quantity, tier.up_to)
    return end - above
