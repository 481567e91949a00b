"""The same real usage, rated as if a subscription were on another plan. Never written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from uuid import UUID

from fubble_gql.billing.facts import Facts, gather
from fubble_gql.billing.pieces import plan
from fubble_gql.billing.points import PIECES_MAX, Room
from fubble_gql.billing.preview import Preview, shown
from fubble_gql.billing.prices import Prices, prices_of
from fubble_gql.billing.sheet import Sheet, rate
from fubble_gql.billing.timeline import Cut, Timeline
from fubble_gql.catalog.rows import PlanRow
from fubble_gql.db.connection import Connection
from fubble_gql.errors import Code, Refused, refuse
from fubble_gql.pricing.period import Frequency, Period, Schedule


@dataclass(frozen=True, slots=True)
class Supposed:
    """A subscription that is supposed to be on a plan; without a period: the one that is due."""

    customer_id: UUID
    subscription_id: UUID
    plan: PlanRow
    as_of: datetime
    period: Period | None = None


async def what_if(
    connection: Connection, asked: Sequence[Supposed], room: Room
) -> list[Preview | Refused]:
    """The bills as they would be, cut into the same pieces, without credits and adjustments.

    As many as there is room for.

    A plan that bills at another rhythm has its fees, minimum and maximum in proportion to its own
    period. The number of statements does not depend on how many are asked for.
    """
    facts = await gather(connection, [one.customer_id for one in asked])
    plans = list({one.plan.id: one.plan for one in asked}.values())
    tried = await prices_of(connection, plans)
    facts = _with(facts, tried)
    sheets = [_sheet(facts, one, room) for one in asked]
    rated = await rate(connection, facts.prices, sheets)
    return [one if isinstance(one, Refused) else shown(facts, one) for one in rated]


def _with(facts: Facts, tried: Prices) -> Facts:
    """The facts, with what other plans charge."""
    known = facts.prices
    prices = Prices(
        {**known.terms, **tried.terms},
        known.commitments,
        {**known.metrics, **tried.metrics},
        {**known.operands, **tried.operands},
    )
    priced = {**facts.priced, **{id: prices.priced_by(id) for id in tried.terms}}
    return replace(facts, prices=prices, priced=priced)


def _sheet(facts: Facts, asked: Supposed, room: Room) -> Sheet | Refused:
    customer = facts.customers[asked.customer_id]
    if asked.plan.currency != customer.currency:
        return refuse(
            Code.INVALID,
            f"The plan is in {asked.plan.currency}, the customer pays in {customer.currency}: "
            "compare with a plan in that currency.",
            "plan",
        )
    line = facts.timeline_of(asked.subscription_id)
    span = asked.period or line.period_due(asked.as_of)
    if span is None:
        return refuse(Code.INVALID, "The subscription ended as it began.", "period")
    cuts = list(islice(line.cuts(span), PIECES_MAX + 1))
    if (refused := room.take_periods(len(cuts))) is not None:
        return refused
    other = _on_plan(line, asked.plan)
    supposed = _replaced(facts, line, other)
    pieces = tuple(plan(supposed, other, _cut(line, cut, asked.plan)) for cut in cuts)
    return Sheet(customer.id, customer.currency, asked.as_of, span, pieces)


def _on_plan(line: Timeline, other: PlanRow) -> Timeline:
    """The same life, cut alike, all of it on the other plan."""
    return replace(line, phases=tuple(replace(one, plan_id=other.id) for one in line.phases))


def _replaced(facts: Facts, line: Timeline, other: Timeline) -> Facts:
    customer_id = line.subscription.customer_id
    lines = [other if one is line else one for one in facts.timelines[customer_id]]
    return replace(facts, timelines={**facts.timelines, customer_id: lines})


def _cut(line: Timeline, cut: Cut, other: PlanRow) -> Cut:
    """The cut on the other plan, with that plan's own periods where they are not the same."""
    phase = next(one for one in line.phases if one.within(cut.span) is not None)
    frequency = Frequency(other.billing_frequency)
    own: tuple[Period, ...] = ()
    if frequency is not phase.schedule.frequency:
        # Counted from the subscription's anchor, so that twelve months make the year they fill.
        schedule = Schedule(phase.schedule.anchor, frequency, phase.schedule.timezone)
        own = tuple(schedule.periods(cut.span.start, cut.span.end))
    return replace(cut, plan_id=other.id, own_periods=own)
