"""Who issues the invoices: what stands on them, and when they are due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Seller:
    """The issuing company, from the settings; kept with each invoice as it was then."""

    name: str = ""
    address: str | None = None
    tax_id: str | None = None
    terms_days: int = 30

    @property
    def terms(self) -> timedelta:
        """How long after it was issued an invoice is due."""
        return timedelta(days=self.terms_days)

    def written(self) -> dict[str, object]:
        """As an invoice keeps it."""
        return {
            "name": self.name,
            "address": self.address,
            "taxId": self.tax_id,
            "termsDays": self.terms_days,
        }
