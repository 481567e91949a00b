"""What a subscription costs day by day, by the code that rates its bill."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, chain
from uuid import UUID

from fubble_gql.billing.facts import Facts, gather
from fubble_gql.billing.pieces import Found, Need, Planned, plan, refuse_charge
from fubble_gql.billing.points import Room
from fubble_gql.billing.prices import Prices
from fubble_gql.db.connection import Connection
from fubble_gql.errors import Code, Refused, refuse
from fubble_gql.pricing import accrual
from fubble_gql.pricing.accrual import Day, accrue
from fubble_gql.pricing.bill import ChargeFailed
from fubble_gql.pricing.money import is_in_range
from fubble_gql.pricing.period import Granularity, Period, buckets, month_of
from fubble_gql.usage.aggregate import Course, follow

DAYS_MAX = 400
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """The subscription whose days are wanted; without a period: the one that its preview is of."""

    customer_id: UUID
    subscription_id: UUID
    as_of: datetime
    period: Period | None = None


@dataclass(frozen=True, slots=True)
class CostSeries:
    """The days of a period; what they add up to is the period's bill."""

    currency: str
    days: tuple[Day, ...]


async def cost_series(
    connection: Connection, asked: Sequence[Asked], room: Room
) -> list[CostSeries | Refused]:
    """The series asked for, or the reason why there is none; as many as there is room for.

    The days are the subscription's local ones, cut at the period's start and end. Each line's
    amounts sum to what a preview of the same period has for it now; what is adjusted in invoiced
    periods, and lines by hand, belong to no day. The number of statements depends on neither
    subscriptions, days, prices nor events.
    """
    facts = await gather(connection, [one.customer_id for one in asked])
    charts = [_chart(facts, one, room) for one in asked]
    courses = [list(chart.courses(facts.prices)) for chart in charts if isinstance(chart, _Chart)]
    flat = [course for some in courses for course in some]
    followed = iter(await follow(connection, flat, facts.prices.operands))
    found = iter([[next(followed) for _ in some] for some in courses])
    return [
        chart if isinstance(chart, Refused) else _rated(facts.prices, chart, next(found))
        for chart in charts
    ]


@dataclass(frozen=True, slots=True)
class _Stay:
    """A piece, and the days that it reaches into, each with how far: the last to its end."""

    planned: Planned
    first_day: int
    ends: tuple[datetime, ...]

    def instants(self, need: Need) -> tuple[datetime, ...]:
        """When usage of the need must be known."""
        begun = (end for end in self.ends if end > need.span.start)
        return tuple(dict.fromkeys(min(end, need.span.end) for end in begun))

    def course(self, prices: Prices, followed: Sequence[Sequence[Found]]) -> accrual.Course:
        """The piece as it stands at the end of each of its days. Raises ChargeFailed."""
        needs = self.planned.needs
        known = [
            dict(zip(self.instants(need), found, strict=True))
            for need, found in zip(needs, followed, strict=True)
        ]
        states = []
        for end in self.ends:
            used = [
                by_instant.get(min(end, need.span.end), [])
                for need, by_instant in zip(needs, known, strict=True)
            ]
            states.append(self.planned.piece(prices, used, end))
        return accrual.Course(self.first_day, tuple(states))


@dataclass(frozen=True, slots=True)
class _Chart:
    """What a series is made of, besides usage and prices."""

    customer_id: UUID
    currency: str
    as_of: datetime
    days: Sequence[Period]
    stays: Sequence[_Stay]

    def courses(self, prices: Prices) -> Iterator[Course]:
        """The usage to follow: that of each need, in their order."""
        for stay in self.stays:
            requests = stay.planned.requests(prices, self.customer_id, self.as_of)
            for need, request in zip(stay.planned.needs, requests, strict=True):
                yield Course(request, stay.instants(need))


def _chart(facts: Facts, asked: Asked, room: Room) -> _Chart | Refused:
    customer = facts.customers[asked.customer_id]
    line = facts.timeline_of(asked.subscription_id)
    span = asked.period or line.period_due(asked.as_of)
    # One that ended as it began has no period; its bill is shown for the month, and is empty.
    period = span or month_of(asked.as_of, customer.timezone)
    if period.end - period.start > DAYS_MAX * _DAY:
        return refuse(
            Code.LIMIT_EXCEEDED,
            f"The period is longer than {DAYS_MAX} days; ask for a shorter one.",
            "period",
        )
    days = buckets(period, Granularity.DAY, line.subscription.timezone)
    pieces = [plan(facts, line, cut) for cut in line.cuts(period)]
    stays = [_stay(days, piece) for piece in pieces]
    lines = sum(len(stay.ends) * len(stay.planned.needs) for stay in stays)
    if (refused := room.take(len(days) + lines)) is not None:
        return refused
    return _Chart(customer.id, customer.currency, asked.as_of, days, stays)


def _stay(days: Sequence[Period], planned: Planned) -> _Stay:
    span = planned.span
    first = bisect_right(days, span.start, key=lambda day: day.end)
    last = bisect_left(days, span.end, key=lambda day: day.end)
    ends = (min(day.end, span.end) for day in days[first : last + 1])
    return _Stay(planned, first, tuple(ends))


def _rated(
    prices: Prices, chart: _Chart, followed: Sequence[Sequence[Found]]
) -> CostSeries | Refused:
    rest = iter(followed)
    try:
        courses = [
            stay.course(prices, [next(rest) for _ in stay.planned.needs]) for stay in chart.stays
        ]
        days = accrue(chart.days, courses)
    except ChargeFailed as failure:
        return refuse_charge(failure)
    return _too_large(days) or CostSeries(chart.currency, tuple(days))


def _too_large(days: Sequence[Day]) -> Refused | None:
    """A day beyond what can be kept, which is a mistake in a price or in a quantity."""
    lines = (line for day in days for line in day.lines)
    figures = chain(
        (figure for line in lines for figure in (line.quantity, line.amount)),
        accumulate(day.amount for day in days),
    )
    if all(is_in_range(figure) for figure in figures):
        return None
    return refuse(
        Code.LIMIT_EXCEEDED,
        "A day comes to more than an invoice can hold: look at the prices and the quantities.",
    )
