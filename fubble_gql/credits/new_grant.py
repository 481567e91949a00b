"""A grant as it is asked for: what may be granted to whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from fubble_gql import checks
from fubble_gql.credits.rows import CreditGrantRow, CreditType
from fubble_gql.customers.store import CustomerRow
from fubble_gql.db.refs import Ref
from fubble_gql.errors import Code, Problems, refuse
from fubble_gql.pricing.money import is_in_range, minor_unit_places, round_money

PRIORITY_DEFAULT = 50
PRIORITY_MAX = 1_000


@dataclass(frozen=True, slots=True)
class NewGrant:
    """What a grant is made from. It takes effect at once unless said, and never expires."""

    customer: Ref
    amount: Decimal
    type: CreditType = CreditType.PREPAID
    priority: int = PRIORITY_DEFAULT
    description: str | None = None
    effective_at: datetime | None = None
    expires_at: datetime | None = None
    idempotency_key: str | None = None

    def row(self, id: UUID, customer: CustomerRow, now: datetime) -> CreditGrantRow:
        """What is stored.

        Raises Refused: INVALID with every reason, INVALID_STATE for an archived customer.
        """
        self._check(customer, now)
        return CreditGrantRow(
            id=id,
            customer_id=customer.id,
            type=self.type.value,
            amount=self.amount,
            remaining=self.amount,
            priority=self.priority,
            description=self.description,
            effective_at=self.effective_at or now,
            expires_at=self.expires_at,
            created_at=now,
            cancelled_at=None,
            invoice_id=None,
        )

    def comparable(self, customer: CustomerRow) -> dict[str, str | int | Decimal | None]:
        """The input with its references resolved, as a repeated call is compared with it."""
        return {
            "customer": str(customer.id),
            "amount": self.amount,
            "type": self.type.value,
            "priority": self.priority,
            "description": self.description,
            "effectiveAt": _text(self.effective_at),
            "expiresAt": _text(self.expires_at),
        }

    def _check(self, customer: CustomerRow, now: datetime) -> None:
        problems = Problems()
        _check_amount(problems, self.amount, customer.currency)
        checks.whole(problems, self.priority, "priority", least=0, most=PRIORITY_MAX)
        checks.optional_text(
            problems, self.description, "description", limit=checks.LONG_TEXT_LENGTH_MAX
        )
        if self.expires_at is not None and self.expires_at <= (self.effective_at or now):
            problems.add("expiresAt must come after effectiveAt.", "expiresAt")
        elif self.expires_at is not None and self.expires_at <= now:
            problems.add("expiresAt must lie in the future.", "expiresAt")
        problems.raise_if_any("input")
        if customer.archived_at is not None:
            raise refuse(Code.INVALID_STATE, "The customer is archived.", "input", "customer")


def _check_amount(problems: Problems, amount: Decimal, currency: str) -> None:
    if not is_in_range(amount) or amount <= 0:
        problems.add("amount must be above 0, with at most 20 digits before the point.", "amount")
    elif round_money(amount, currency) != amount:
        places = minor_unit_places(currency)
        problems.add(f"amount may have {places} decimals, as {currency} has.", "amount")


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
