"""The least and the most that a component or a plan charges: a line for the difference."""

from dataclasses import dataclass
from decimal import Decimal

from fubble_gql.pricing.charge import Step, total
from fubble_gql.pricing.money import ONE, round_money
from fubble_gql.pricing.period import Share


@dataclass(frozen=True, slots=True)
class Difference:
    """What has to be added, and how it came about; the steps sum to it."""

    steps: tuple[Step, ...]

    @property
    def amount(self) -> Decimal:
        return total(self.steps)


def minimum_line(
    charged: Decimal, minimum: Decimal, share: Share, currency: str
) -> Difference | None:
    """What lacks to the minimum's share, if anything; `charged` is already rounded."""
    difference = _difference("Minimum", charged, round_money(share.of(minimum), currency), share)
    return difference if difference.amount > 0 else None


def maximum_line(
    charged: Decimal, maximum: Decimal, share: Share, currency: str
) -> Difference | None:
    """What was charged beyond the maximum's share, if anything, as a negative amount."""
    difference = _difference("Maximum", charged, round_money(share.of(maximum), currency), share)
    return difference if difference.amount < 0 else None


def _difference(label: str, charged: Decimal, limit: Decimal, share: Share) -> Difference:
    """Both sides are rounded, so the difference is exact to the minor unit."""
    label = label if share.is_whole else f"{label} x {share}"
    return Difference(
        (
            Step(label, ONE, limit, limit),
            Step("Already charged", ONE, -charged, -charged),
        )
    )
