"""Which billing periods a new invoice is for; a span that is none is refused, naming the nearest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import takewhile
from uuid import UUID

from fubble_gql.billing.facts import Facts
from fubble_gql.billing.held import HeldRow, held_periods, open_periods
from fubble_gql.billing.invoice_rows import INVOICES
from fubble_gql.billing.invoice_states import InvoiceStatus
from fubble_gql.billing.timeline import Timeline
from fubble_gql.billing.wanted import Spans
from fubble_gql.db import refs
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.errors import Code, Refused, refuse
from fubble_gql.pricing.period import Period
from fubble_gql.pricing.wallclock import rfc3339

_PATH = ("input", "period")


async def spans_for(
    tx: Connection,
    facts: Facts,
    customer_id: UUID,
    subscription_id: UUID | None,
    period: Period | None,
    now: datetime,
) -> Spans:
    """The periods of one subscription, or of all that the customer has; none for lines by hand.

    Raises Refused: NOT_FOUND, INVALID for a span that is no closed period, CONFLICT for one that
    an invoice holds.
    """
    if subscription_id is None and period is None:
        return ()
    lines = facts.timelines[customer_id]
    held = await held_periods(tx, [line.subscription.id for line in lines])
    if subscription_id is None:
        assert period is not None  # noqa: S101 - one of the two
        return _inside(lines, held, period, now)
    for line in lines:
        if line.subscription.id == subscription_id:
            span = _whole(line, held[subscription_id], period, now)
            await _check_free(tx, held[subscription_id], span)
            return ((subscription_id, span),)
    raise refs.not_found("subscription", "input", "subscriptionId")


def closed(line: Timeline, held: Sequence[HeldRow], now: datetime) -> Iterator[Period]:
    """The periods that have ended and that no invoice holds, in order."""
    return takewhile(lambda period: period.end <= now, open_periods(line, held))


def _inside(
    lines: Sequence[Timeline],
    held: dict[UUID, list[HeldRow]],
    period: Period,
    now: datetime,
) -> Spans:
    """Every closed, un-invoiced period that lies in the span."""
    waiting = [
        (line.subscription.id, one)
        for line in lines
        for one in closed(line, held[line.subscription.id], now)
    ]
    found = tuple(
        (id, one) for id, one in waiting if period.start <= one.start and one.end <= period.end
    )
    if found:
        return found
    nearest = _nearest([one for _, one in waiting], period)
    raise refuse(
        Code.INVALID,
        "No closed billing period that is not yet invoiced lies in this one"
        + (f"; the nearest is {_spoken(nearest)}." if nearest else ", and there is none at all."),
        *_PATH,
    )


def _whole(line: Timeline, held: Sequence[HeldRow], period: Period | None, now: datetime) -> Period:
    """The billing period that is exactly the span."""
    if period is None:
        waiting = next(closed(line, held, now), None)
        hint = f"; the earliest not yet invoiced is {_spoken(waiting)}" if waiting else ""
        raise refuse(Code.INVALID, f"Give the billing period{hint}.", *_PATH)
    around = line.period_at(period.start) or line.period_due(period.start)
    if around != period:
        raise _no_period(around)
    if period.end > now:
        raise refuse(
            Code.INVALID,
            f"The billing period {_spoken(period)} has not ended; invoice it after that.",
            *_PATH,
        )
    trial_end = line.subscription.trial_end_at
    if trial_end is not None and period.end <= trial_end:
        raise refuse(
            Code.INVALID, "The billing period is wholly in trial: there is nothing to bill.", *_PATH
        )
    return period


def _no_period(nearest: Period | None) -> Refused:
    hint = f"; the nearest is {_spoken(nearest)}" if nearest else ""
    return refuse(Code.INVALID, f"This is not a billing period of the subscription{hint}.", *_PATH)


async def _check_free(tx: Connection, held: Sequence[HeldRow], span: Period) -> None:
    for row in held:
        if row.start_at < span.end and span.start < row.end_at:
            found = await refs.find(tx, INVOICES, Ref(id=row.invoice_id))
            if row.status is InvoiceStatus.VOID:
                raise refuse(
                    Code.CONFLICT,
                    f"The billing period {_spoken(row.span)} was settled at zero when invoice "
                    f"{found.number if found else ''} was voided without billing it anew.",
                    *_PATH,
                )
            name = f"invoice {found.number}" if found and found.number else "a draft"
            raise refuse(
                Code.CONFLICT,
                f"The billing period {_spoken(row.span)} is on {name}; void that one first.",
                *_PATH,
            )


def _nearest(periods: Sequence[Period], wanted: Period) -> Period | None:
    return min(periods, key=lambda one: abs(one.start - wanted.start), default=None)


def _spoken(period: Period) -> str:
    return f"{rfc3339(period.start)} to {rfc3339(period.end)}"
