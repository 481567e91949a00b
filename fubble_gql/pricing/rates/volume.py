"""Cliff tiers: every unit costs the price of the tier that the total reaches."""

from dataclasses import dataclass
from typing import ClassVar

from fubble_gql.pricing.charge import Charge, Usage
from fubble_gql.pricing.fault import refuse
from fubble_gql.pricing.period import Share
from fubble_gql.pricing.rates.tier import Tier, check_tiers, lower_bounds, tier_label, tier_step


@dataclass(frozen=True, slots=True)
class Volume:
    """quantity x unit price + flat fee x share, both of the tier that the quantity falls in."""

    model: ClassVar[str] = "volume"

    tiers: tuple[Tier, ...]

    def __post_init__(self) -> None:
        refuse(check_tiers(self.tiers))

    def charge(self, usage: Usage, share: Share) -> Charge:
        quantity = usage.priced
        bounds = lower_bounds(self.tiers)
        index = max(sum(1 for above in bounds if quantity > above) - 1, 0)
        tier = self.tiers[index]
        label = tier_label(index + 1, tier, share)
        fee = share.of(tier.flat_fee)
        return Charge(quantity, (tier_step(label, tier, bounds[index], quantity, fee),))
