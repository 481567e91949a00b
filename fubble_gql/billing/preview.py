"""The bill of a period as it stands: gathered, rated, never written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from uuid import UUID

from fubble_gql.billing import attribution
from fubble_gql.billing.facts import Facts, gather
from fubble_gql.billing.timeline import Cut, Timeline
from fubble_gql.customers.store import CustomerRow
from fubble_gql.db.connection import Connection
from fubble_gql.errors import Code, Refused, refuse
from fubble_gql.pricing.bill import Bill, ChargeFailed, Component, Piece, rate_pieces
from fubble_gql.pricing.charge import Combination, Usage
from fubble_gql.pricing.formula import FormulaFailed
from fubble_gql.pricing.money import ZERO
from fubble_gql.pricing.period import Period, month_of
from fubble_gql.pricing.rates import dimensions_of
from fubble_gql.usage.aggregate import Measured, Request, measure

PIECES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A preview that is wanted: of one subscription, or of all that a customer has.

    Without a period: the one that `as_of` falls in. Events recorded by `as_of` count.
    """

    customer_id: UUID
    as_of: datetime
    subscription_id: UUID | None = None
    period: Period | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """The bill of a period, as of an instant."""

    customer: CustomerRow
    period: Period
    as_of: datetime
    bill: Bill


@dataclass(frozen=True, slots=True)
class _Part:
    """One cut of one subscription, and where its measured usage is among the requests."""

    line: Timeline
    cut: Cut
    places: Mapping[UUID, int]


async def preview(connection: Connection, asked: Sequence[Asked]) -> list[Preview | Refused]:
    """The bills asked for, each a Preview or the reason why it has none.

    The number of statements depends on neither customers, subscriptions, components nor events.
    """
    facts = await gather(connection, [one.customer_id for one in asked])
    requests: list[Request] = []
    planned = [_plan(facts, one, requests) for one in asked]
    measured = await measure(connection, requests, facts.operands)
    return [
        plan if isinstance(plan, Refused) else _rate(facts, one, plan, measured)
        for one, plan in zip(asked, planned, strict=True)
    ]


def _plan(facts: Facts, asked: Asked, requests: list[Request]) -> list[_Part] | Refused:
    """The pieces of a bill; what must be measured for them is added to the requests."""
    cuts = [
        (line, cut)
        for line, span in _spans(facts, asked)
        for cut in islice(line.cuts(span), PIECES_MAX + 1)
    ]
    if len(cuts) > PIECES_MAX:
        return refuse(
            Code.LIMIT_EXCEEDED,
            f"The period holds more than {PIECES_MAX:,} billing periods; ask for a shorter one.",
            "period",
        )
    parts = []
    for line, cut in cuts:
        places = {}
        for component in () if cut.in_trial else facts.terms[cut.plan_id].components:
            if component.metric_id is not None:
                places[component.id] = len(requests)
                requests.append(_request(facts, line, cut, component, asked.as_of))
        parts.append(_Part(line, cut, places))
    return parts


def _spans(facts: Facts, asked: Asked) -> Iterator[tuple[Timeline, Period]]:
    """The subscriptions that the bill is over, each with the span that is billed."""
    for line in facts.timelines[asked.customer_id]:
        if asked.subscription_id not in (None, line.subscription.id):
            continue
        if asked.period is not None:
            yield line, asked.period
        elif asked.subscription_id is not None:
            due = line.period_due(asked.as_of)
            if due is not None:
                yield line, due
        elif (running := line.period_running(asked.as_of)) is not None:
            yield line, running


def _request(
    facts: Facts, line: Timeline, cut: Cut, component: Component, as_of: datetime
) -> Request:
    assert component.metric_id is not None  # noqa: S101 - the caller asks for usage only
    return Request(
        customer_id=line.subscription.customer_id,
        metric=facts.metrics[component.metric_id],
        stretches=attribution.counted(facts, line, component.metric_id, cut.span),
        as_of=as_of,
        whole=cut.whole,
        group_by=dimensions_of(component.rate),
    )


def _rate(
    facts: Facts,
    asked: Asked,
    parts: Sequence[_Part],
    measured: Sequence[list[Measured] | FormulaFailed],
) -> Preview | Refused:
    customer = facts.customers[asked.customer_id]
    try:
        pieces = [_piece(facts, part, measured) for part in parts]
        bill = rate_pieces(customer.currency, pieces)
    except ChargeFailed as failed:
        return refuse_charge(failed)
    return Preview(customer, _period(asked, customer, parts), asked.as_of, bill)


def refuse_charge(failed: ChargeFailed) -> Refused:
    """A bill that has no amount, because a formula has no result."""
    return refuse(
        Code.FORMULA_FAILED,
        f"{failed}",
        component=failed.component_key,
        formula=failed.formula,
    )


def _piece(facts: Facts, part: _Part, measured: Sequence[list[Measured] | FormulaFailed]) -> Piece:
    terms = facts.terms[part.cut.plan_id]
    usage = {
        component.id: _usage(component, measured[part.places[component.id]])
        for component in terms.components
        if component.id in part.places
    }
    return Piece(
        subscription_id=part.line.subscription.id,
        terms=terms,
        span=part.cut.span,
        period=part.cut.whole,
        usage=usage,
        in_trial=part.cut.in_trial,
    )


def _usage(component: Component, found: list[Measured] | FormulaFailed) -> Usage:
    if isinstance(found, FormulaFailed):
        raise ChargeFailed(component, found) from found
    grouped = bool(dimensions_of(component.rate))
    return Usage(
        quantity=sum((one.quantity for one in found), ZERO),
        event_count=sum(one.event_count for one in found),
        combinations=tuple(
            Combination(tuple(value or "" for value in one.values), one.quantity, one.event_count)
            for one in found
        )
        if grouped
        else (),
    )


def _period(asked: Asked, customer: CustomerRow, parts: Sequence[_Part]) -> Period:
    """The period asked for, else the one that the pieces fill, else the customer's month."""
    if asked.period is not None:
        return asked.period
    if not parts:
        return month_of(asked.as_of, customer.timezone)
    return Period(
        min(part.cut.span.start for part in parts), max(part.cut.span.end for part in parts)
    )
