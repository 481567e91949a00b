"""Spans of time and money in the graph."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, NamedTuple, cast

import strawberry

from fubble_gql.api.inputs import given_or_none
from fubble_gql.errors import Code, refuse
from fubble_gql.pricing import period as pricing_period
from fubble_gql.pricing.money import round_money


@strawberry.type
class Money:
    """An exact amount of one currency, rounded to the currency's minor unit."""

    amount: Decimal = strawberry.field(description='As in "12.50"; JPY has no decimals, KWD three.')
    currency: str = strawberry.field(description='The ISO 4217 code, as in "EUR".')


class _Amount(NamedTuple):
    """What Money shows: made in half the time of a Money, of which a page may have thousands."""

    amount: Decimal
    currency: str


@strawberry.type
class Period:
    """A half-open span of time: start is in it, end is not."""

    start: datetime = strawberry.field(description="The first instant.")
    end: datetime = strawberry.field(description="The first instant after it.")


@strawberry.input
class PeriodInput:
    """A half-open span of time: start is in it, end is not."""

    start: datetime = strawberry.field(description="The first instant.")
    end: datetime = strawberry.field(description="The first instant after it; later than start.")


def show_period(period: pricing_period.Period) -> Period:
    """A span as the graph shows it."""
    return Period(start=period.start, end=period.end)


def show_money(amount: Decimal, currency: str) -> Money:
    """An amount as the graph shows it: with the decimals of its currency."""
    return cast(Money, _Amount(round_money(amount, currency), currency))


def needed_period(period: PeriodInput, *path: str) -> pricing_period.Period:
    """The span. Refused with INVALID unless it ends after its start."""
    if period.end <= period.start:
        raise refuse(Code.INVALID, "end must come after start.", *path, "end")
    return pricing_period.Period(period.start, period.end)


def read_period(period: PeriodInput | None, *path: str) -> pricing_period.Period | None:
    """The same where it may be left out: None then."""
    found = given_or_none(period)
    return None if found is None else needed_period(found, *path)


AsOf = Annotated[
    datetime | None,
    strawberry.argument(
        description=(
            "Only what had been recorded by this instant counts; now unless said, and never later."
        )
    ),
]
BillPeriod = Annotated[
    PeriodInput | None,
    strawberry.argument(description="Any span instead of the billing period that runs."),
]
