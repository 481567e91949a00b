"""What was measured for the lines of invoices: which usage each amount comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from fubble_gql.billing import attribution, terms
from fubble_gql.billing.facts import Facts, gather
from fubble_gql.billing.pieces import Need, needs_behind
from fubble_gql.billing.verify import terms_kept
from fubble_gql.db.connection import Connection
from fubble_gql.pricing.line import Line


class OnInvoice(NamedTuple):
    """A line of an invoice."""

    invoice_id: UUID
    customer_id: UUID
    line: Line


async def needs_of(connection: Connection, lines: Sequence[OnInvoice]) -> list[list[Need]]:
    """What each line was rated from; nothing for a fee and for what was added by hand.

    By the terms that a finalised invoice keeps. A draft keeps none: its usage counts as it does
    now. The number of statements does not depend on the number of lines.
    """
    kept = await terms_kept(connection, list({one.invoice_id for one in lines}))
    pieces = {id: (*terms.pieces_in(found), *terms.again_in(found)) for id, found in kept.items()}
    drafted = [one.customer_id for one in lines if one.invoice_id not in kept]
    facts = await gather(connection, drafted)
    return [
        needs_behind(pieces[one.invoice_id], one.line)
        if one.invoice_id in pieces
        else _as_of_now(facts, one.line)
        for one in lines
    ]


def _as_of_now(facts: Facts, line: Line) -> list[Need]:
    if line.subscription_id is None or line.metric_id is None or line.period is None:
        return []
    timeline = facts.timeline_of(line.subscription_id)
    counted = attribution.counted(facts, timeline, line.metric_id, line.period)
    return [Need(line.metric_id, line.period, counted, line.component_id)]
