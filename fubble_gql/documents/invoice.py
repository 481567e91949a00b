"""Everything that the document of an invoice shows, as plain values that agree with each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from fubble_gql.pricing.charge import Step
from fubble_gql.pricing.line import LineKind
from fubble_gql.pricing.money import ZERO, minor_unit_places
from fubble_gql.pricing.period import Period, known_timezone
from fubble_gql.pricing.wallclock import in_utc

__all__ = ["Credit", "Document", "Group", "Line", "LineKind", "Recipient", "Seller", "Step"]


@dataclass(frozen=True, slots=True)
class Seller:
    """Who issues the invoice, as they were then."""

    name: str
    address: str | None = None
    tax_id: str | None = None
    payment_terms: str | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom it is issued to, as they were then."""

    name: str
    company_name: str | None = None
    email: str | None = None
    billing_address: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """What several lines belong to: a plan, for a period. Equal neighbours share one title."""

    title: str
    period: Period | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line: the amount rounded to the minor unit, the steps exact."""

    kind: LineKind
    description: str
    quantity: Decimal
    amount: Decimal
    unit_price: Decimal | None = None
    period: Period | None = None
    steps: tuple[Step, ...] = ()
    group: Group | None = None


@dataclass(frozen=True, slots=True)
class Credit:
    """Credit that was drawn, as a positive amount."""

    description: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Document:
    """An issued invoice, without what may still happen to it: neither paid nor failed nor void.

    Dates are shown in `timezone`. Nothing is computed from what is not in here, so equal
    documents are equal to the byte. ValueError where the amounts do not add up.
    """

    seller: Seller
    bill_to: Recipient
    number: str
    issued_at: datetime
    due_at: datetime | None
    timezone: str
    currency: str
    lines: tuple[Line, ...]
    subtotal: Decimal
    total: Decimal
    period: Period | None = None
    credits: tuple[Credit, ...] = ()
    credits_applied: Decimal = ZERO
    notes: str | None = None

    def __post_init__(self) -> None:
        minor_unit_places(self.currency)
        if not known_timezone(self.timezone):
            raise ValueError(f"{self.timezone!r} is not a timezone.")
        for instant in (self.issued_at, self.due_at):
            if instant is not None:
                in_utc(instant)
        _check_sum("subtotal", self.subtotal, (line.amount for line in self.lines))
        _check_sum("credits_applied", self.credits_applied, (each.amount for each in self.credits))
        if self.carried_over < 0:
            raise ValueError(f"The total {self.total} is less than subtotal - credits_applied.")
        if self.carried_over and self.total:
            raise ValueError(f"The total {self.total} is not subtotal - credits_applied.")

    @property
    def carried_over(self) -> Decimal:
        """What the invoice owes its customer: its total is zero then, and the rest a credit."""
        return self.total - (self.subtotal - self.credits_applied)


def _check_sum(name: str, stated: Decimal, amounts: Iterable[Decimal]) -> None:
    computed = sum(amounts, ZERO)
    if stated != computed:
        raise ValueError(f"{name} is {stated}, but its parts come to {computed}.")
