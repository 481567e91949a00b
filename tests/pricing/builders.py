"""Short ways to say what a test is about."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from fubble_gql.pricing.bill import Component, Piece, Terms
from fubble_gql.pricing.charge import Charge, Usage
from fubble_gql.pricing.period import WHOLE, Period, Share
from fubble_gql.pricing.rates import Rate, Tier, needs_metric

METRIC = UUID(int=100)
PLAN = UUID(int=200)
SUBSCRIPTION = UUID(int=300)


def d(text: str) -> Decimal:
    return Decimal(text)


def utc(text: str) -> datetime:
    """2025-01-31 or 2025-01-31T12:00."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(start: str, end: str) -> Period:
    return Period(utc(start), utc(end))


JANUARY = span("2025-01-01", "2025-02-01")


def tiers(*rows: tuple[str | None, str, str]) -> tuple[Tier, ...]:
    """Rows of up_to, unit price, flat fee."""
    return tuple(
        Tier(None if end is None else d(end), d(price), d(fee)) for end, price, fee in rows
    )


def charge(rate: Rate, quantity: str, events: int = 0, share: Share = WHOLE) -> Charge:
    return rate.charge(Usage(d(quantity), events), share)


def component(
    rate: Rate,
    key: str = "c",
    *,
    is_level: bool = False,
    minimum: str | None = None,
    maximum: str | None = None,
) -> Component:
    return Component(
        id=UUID(int=1 + sum(map(ord, key))),
        key=key,
        name=key.upper(),
        rate=rate,
        metric_id=METRIC if needs_metric(rate) else None,
        is_level=is_level,
        minimum=None if minimum is None else d(minimum),
        maximum=None if maximum is None else d(maximum),
    )


def plan(*components: Component, minimum: str | None = None, currency: str = "USD") -> Terms:
    return Terms(PLAN, "Pro", currency, components, None if minimum is None else d(minimum))


def piece(
    terms: Terms,
    used: Mapping[str, str] | None = None,
    covered: Period = JANUARY,
    *,
    period: Period = JANUARY,
    in_trial: bool = False,
) -> Piece:
    """Usage is by the component's key."""
    quantities = used or {}
    usage = {
        each.id: Usage(d(quantities[each.key]), 1)
        for each in terms.components
        if each.key in quantities
    }
    return Piece(SUBSCRIPTION, terms, covered, period, usage, in_trial)
