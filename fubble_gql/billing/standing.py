"""What stands on issued invoices for spans of time, and which spans late usage has changed since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from fubble_gql.billing.held import HeldRow
from fubble_gql.billing.rows import SubscriptionRow
from fubble_gql.db.connection import Connection
from fubble_gql.db.rows import Table
from fubble_gql.db.sql import sql
from fubble_gql.db.write import given
from fubble_gql.pricing.charge import Step
from fubble_gql.pricing.line import Line, LineKind
from fubble_gql.pricing.money import ONE, ZERO
from fubble_gql.pricing.period import Period
from fubble_gql.usage.store import store_of
from fubble_gql.usage.store.rows import Since


class Billed(NamedTuple):
    """What a line bills: a component, a commitment's metric or a plan's minimum, over a span.

    For each of these what stands on invoices sums to what it comes to.
    """

    subscription_id: UUID
    component_id: UUID | None
    metric_id: UUID | None
    start: datetime
    end: datetime

    @classmethod
    def by(cls, line: Line) -> Billed | None:
        """What the line bills; None for one of a manual line."""
        if line.subscription_id is None or line.period is None:
            return None
        return cls(
            line.subscription_id,
            line.component_id,
            line.metric_id,
            line.period.start,
            line.period.end,
        )


Standing = Mapping[Billed, Decimal]


class _Sum(NamedTuple):
    subscription_id: UUID
    component_id: UUID | None
    metric_id: UUID | None
    start: datetime
    end: datetime
    amount: Decimal


_SUMS = Table("invoice_line", _Sum)


async def standing_on(
    connection: Connection, spans: Iterable[tuple[UUID, Period]]
) -> dict[Billed, Decimal]:
    """What stands on issued invoices for everything billed in spans of subscriptions.

    One statement, whatever their number.
    """
    # Bills that are worked out together may ask for the same span, which must not count twice.
    rows = list(dict.fromkeys((id, span.start, span.end) for id, span in spans))
    if not rows:
        return {}
    types = {"subscription_id": "uuid", "start_at": "timestamptz", "end_at": "timestamptz"}
    total = connection.exact_sum("l.amount")
    statement = (
        sql(
            "select l.subscription_id, l.component_id, l.metric_id, l.period_start, l.period_end, "
            f"{total} from"
        )
        + given(connection, types, rows)
        + "join invoice_line l on l.subscription_id = given.subscription_id "
        "and l.period_start >= given.start_at and l.period_end <= given.end_at "
        "join invoice i on i.id = l.invoice_id "
        "where i.status in ('PENDING', 'PAID', 'FAILED') and l.kind <> 'MANUAL' "
        "group by l.subscription_id, l.component_id, l.metric_id, l.period_start, l.period_end"
    )
    sums = _SUMS.decode(connection, await connection.fetch(statement))
    return {Billed(*one[:5]): one.amount for one in sums}


async def changed_spans(
    connection: Connection,
    subscriptions: Sequence[SubscriptionRow],
    held: Mapping[UUID, Sequence[HeldRow]],
    as_of: datetime,
) -> dict[UUID, list[Period]]:
    """The invoiced periods that may come to something else by now, by subscription.

    Those that end after the earliest event which came late or was voided since they were settled:
    a level lasts into what follows. All of a subscription that has to be settled anew. One
    statement.
    """
    wanted = [Since(row.id, row.customer_id, row.settled_at) for row in subscriptions]
    late = await store_of(connection).late_since(connection, wanted, as_of)
    found: dict[UUID, list[Period]] = {}
    for row in subscriptions:
        issued = [one.span for one in held[row.id] if one.is_issued]
        since = late.get(row.id)
        if row.settled_at is None:
            found[row.id] = issued
        elif since is not None:
            found[row.id] = [span for span in issued if span.end > since]
    return found


def adjustments(rated: Sequence[Line], billed: Sequence[Line], standing: Standing) -> list[Line]:
    """The lines that make what stands equal to what is rated now.

    `rated` are the lines of invoiced spans rated again, `billed` those that the bill itself has;
    `standing` is what stands for both. What comes to zero makes no line.
    """
    now: dict[Billed, Decimal] = {}
    shown: dict[Billed, Line] = {}
    for line in rated:
        key = Billed.by(line)
        if key is not None:
            now[key] = now.get(key, ZERO) + line.amount
            shown.setdefault(key, line)
    for line in billed:
        key = Billed.by(line)
        if key is not None and standing.get(key):
            # Billed in full on this bill: what stands elsewhere for it is too much.
            now.setdefault(key, ZERO)
            shown.setdefault(key, line)
    known = set(now)
    now |= {key: ZERO for key in standing if key not in known}
    return [
        _adjustment(key, amount, standing.get(key, ZERO), shown.get(key))
        for key, amount in now.items()
        if amount != standing.get(key, ZERO)
    ]


def _adjustment(key: Billed, now: Decimal, before: Decimal, like: Line | None) -> Line:
    if like is not None:
        name = like.description
    else:
        name = "Plan minimum" if key.metric_id is None else "Usage"
    return Line(
        kind=LineKind.ADJUSTMENT,
        description=f"{name}: adjustment",
        component_id=key.component_id,
        metric_id=key.metric_id,
        subscription_id=key.subscription_id,
        period=Period(key.start, key.end),
        quantity=ONE,
        unit_price=None,
        amount=now - before,
        steps=(
            Step("As it comes to now", ONE, now, now),
            Step("As it stands on invoices", ONE, -before, -before),
        ),
    )
