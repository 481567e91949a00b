"""The tiers that graduated and volume prices share: what they hold, and how they must join."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from fubble_gql.pricing.charge import Step
from fubble_gql.pricing.fault import Fault, check_not_negative, check_positive
from fubble_gql.pricing.money import ZERO, is_in_range, plain
from fubble_gql.pricing.period import Share


@dataclass(frozen=True, slots=True)
class Tier:
    """The quantities above the previous tier's bound, up to and including its own."""

    up_to: Decimal | None
    unit_price: Decimal
    flat_fee: Decimal = ZERO


def tier_step(label: str, tier: Tier, above: Decimal, quantity: Decimal, fee: Decimal) -> Step:
    """The units of one tier at its price, with its flat fee already prorated."""
    return Step(
        label=label,
        quantity=quantity,
        unit_price=tier.unit_price,
        amount=quantity * tier.unit_price + fee,
        flat_fee=fee,
        above=above,
        up_to=tier.up_to,
    )


def tier_label(number: int, tier: Tier, share: Share) -> str:
    """Which tier it is, and how much of its flat fee is charged where that is prorated."""
    is_prorated = tier.flat_fee and not share.is_whole
    return f"Tier {number}, flat fee x {share}" if is_prorated else f"Tier {number}"


def lower_bounds(tiers: Sequence[Tier]) -> list[Decimal]:
    """Where each tier begins: zero, then the bound of the tier before."""
    return [ZERO, *(tier.up_to for tier in tiers[:-1] if tier.up_to is not None)]


def check_tiers(tiers: Sequence[Tier]) -> Iterator[Fault]:
    """Every quantity falls into exactly one tier, and no price is negative."""
    if not tiers:
        yield Fault(("tiers",), "Give at least one tier.")
    for index, tier in enumerate(tiers):
        yield from check_not_negative(tier.unit_price, "tiers", index, "unit_price")
        yield from check_not_negative(tier.flat_fee, "tiers", index, "flat_fee")
        if tier.up_to is not None:
            yield from check_positive(tier.up_to, "tiers", index, "up_to")
    yield from _check_bounds(tiers)


def _check_bounds(tiers: Sequence[Tier]) -> Iterator[Fault]:
    end = ZERO
    for index, tier in enumerate(tiers):
        path = ("tiers", index, "up_to")
        is_last = index == len(tiers) - 1
        if tier.up_to is None:
            if not is_last:
                yield Fault(path, f"Tier {index + 1} needs upTo: only the last tier has none.")
            continue
        if is_last:
            yield Fault(path, f"Tier {index + 1} is the last and must have no upTo.")
        if not is_in_range(tier.up_to):
            continue
        if index and tier.up_to <= end:
            yield Fault(
                path,
                f"Tier {index + 1} must end above {plain(end)}, where tier {index} ends.",
            )
        end = max(end, tier.up_to)
