"""Which credit pays for a bill, and how much each grant gives."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Grant:
    """What remains of money that a customer may spend from `effective_at` until `expires_at`."""

    id: UUID
    remaining: Decimal
    priority: int
    effective_at: datetime
    expires_at: datetime | None
    created_at: datetime

    def is_spendable(self, at: datetime) -> bool:
        """Whether it pays at an instant: it is gone at the very instant that it expires."""
        begun = self.effective_at <= at
        return begun and self.remaining > 0 and (self.expires_at is None or at < self.expires_at)


@dataclass(frozen=True, slots=True)
class Draw:
    """What one grant gives: more than nothing."""

    grant_id: UUID
    amount: Decimal


def draw(
    grants: Iterable[Grant], due: Decimal, at: datetime, named: Sequence[UUID] = ()
) -> tuple[Draw, ...]:
    """What pays for an amount that is due, in the order of `in_order`.

    Never more than is due, nor more than remains of a grant; nothing for a due of zero or less.
    """
    draws = []
    for grant in in_order((grant for grant in grants if grant.is_spendable(at)), named):
        if due <= 0:
            break
        amount = min(due, grant.remaining)
        draws.append(Draw(grant.id, amount))
        due -= amount
    return tuple(draws)


def in_order(grants: Iterable[Grant], named: Sequence[UUID] = ()) -> list[Grant]:
    """The named ones as they were named, then the others.

    Those by priority, the lower first, then the soonest expiry, never last, then the oldest.
    """
    places = {id: place for place, id in reversed(list(enumerate(named)))}

    def rank(grant: Grant) -> tuple[int, int, datetime, datetime, UUID]:
        return (
            places.get(grant.id, len(named)),
            grant.priority,
            grant.expires_at or _NEVER,
            grant.created_at,
            grant.id,
        )

    return sorted(grants, key=rank)
