"""Grants of credit and the entries of their ledger as light rows."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from fubble_gql.db.pages import Order
from fubble_gql.db.rows import Table, of_seen, own
from fubble_gql.db.sql import Sql, sql
from fubble_gql.pricing.money import ZERO


class CreditType(StrEnum):
    """Where a grant comes from."""

    PREPAID = "PREPAID"
    REFUND = "REFUND"
    PROMOTIONAL = "PROMOTIONAL"
    ADJUSTMENT = "ADJUSTMENT"


class CreditStatus(StrEnum):
    """Whether a grant can be spent, at an instant, and else why not."""

    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"
    CONSUMED = "CONSUMED"
    CANCELLED = "CANCELLED"


class CreditGrantRow(NamedTuple):
    """A grant as it is stored; `invoice_id` is the invoice that left it."""

    id: UUID
    customer_id: UUID
    type: str
    amount: Decimal
    remaining: Decimal
    priority: int
    description: str | None
    effective_at: datetime
    expires_at: datetime | None
    created_at: datetime
    cancelled_at: datetime | None
    invoice_id: UUID | None

    def is_gone(self, at: datetime) -> bool:
        """Whether nothing can come back to it: it was cancelled, or has expired."""
        has_expired = self.expires_at is not None and self.expires_at <= at
        return has_expired or self.cancelled_at is not None


class CreditTransactionRow(NamedTuple):
    """One signed entry of a grant; its first one, at position 1, is what was granted."""

    id: UUID
    grant_id: UUID
    position: int
    amount: Decimal
    balance: Decimal
    description: str
    invoice_id: UUID | None
    created_at: datetime


CREDIT_GRANTS = Table("credit_grant", CreditGrantRow, own("customer_id"))
CREDIT_TRANSACTIONS = Table(
    "credit_transaction", CreditTransactionRow, of_seen("grant_id", CREDIT_GRANTS)
)
BY_CREATION = Order(("created_at", "id"))


def status_at(grant: CreditGrantRow, instant: datetime) -> CreditStatus:
    """Cancelled, else consumed, else expired, else active: also before it takes effect."""
    if grant.cancelled_at is not None:
        return CreditStatus.CANCELLED
    if grant.remaining == 0:
        return CreditStatus.CONSUMED
    return CreditStatus.EXPIRED if grant.is_gone(instant) else CreditStatus.ACTIVE


def has_status(status: CreditStatus, instant: datetime) -> Sql:
    """The same rule as `status_at`, for a WHERE on credit_grant."""
    left = sql("cancelled_at is null and remaining > ?", ZERO)
    match status:
        case CreditStatus.CANCELLED:
            return sql("cancelled_at is not null")
        case CreditStatus.CONSUMED:
            return sql("cancelled_at is null and remaining = ?", ZERO)
        case CreditStatus.EXPIRED:
            return left + sql("and expires_at <= ?", instant)
        case CreditStatus.ACTIVE:
            return left + sql("and (expires_at is null or expires_at > ?)", instant)


def is_spendable(instant: datetime, since: datetime | None = None) -> Sql:
    """Active and effective, for a WHERE on credit_grant; active `since` an earlier instant on."""
    active = has_status(CreditStatus.ACTIVE, since or instant)
    return active + sql("and effective_at <= ?", instant)
