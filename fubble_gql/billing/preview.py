"""The bill of a period as it stands: gathered, rated, never written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from uuid import UUID

from fubble_gql.billing.books import Books, open_books
from fubble_gql.billing.facts import Facts, gather
from fubble_gql.billing.pieces import Planned, plan
from fubble_gql.billing.points import PIECES_MAX, Room
from fubble_gql.billing.sheet import Rated, Sheet, rate
from fubble_gql.billing.timeline import Timeline
from fubble_gql.customers.store import CustomerRow
from fubble_gql.db.connection import Connection
from fubble_gql.errors import Refused
from fubble_gql.pricing.bill import Bill
from fubble_gql.pricing.period import Period, month_of


@dataclass(frozen=True, slots=True)
class Asked:
    """A preview that is wanted: of one subscription, or of all that a customer has.

    Without a period: the one that `as_of` falls in. Events recorded by `as_of` count.
    """

    customer_id: UUID
    as_of: datetime
    subscription_id: UUID | None = None
    period: Period | None = None

    @property
    def is_of_what_runs(self) -> bool:
        """Whether it is of all that runs and was not invoiced before it ended."""
        return self.subscription_id is None and self.period is None


@dataclass(frozen=True, slots=True)
class Preview:
    """The bill of a period, as of an instant, and the pieces that it was rated from."""

    customer: CustomerRow
    period: Period
    as_of: datetime
    bill: Bill
    pieces: tuple[Planned, ...]


async def preview(
    connection: Connection, asked: Sequence[Asked], room: Room
) -> list[Preview | Refused]:
    """The bills asked for, each a Preview or the reason why it has none; as many as there is room for.

    Whole billing periods that are not invoiced yet come with what late usage changes in earlier
    ones, and with the credit that would pay for them. The number of statements depends on neither
    customers, subscriptions, components nor events.
    """
    facts = await gather(connection, [one.customer_id for one in asked])
    instants = [one.as_of for one in asked]
    books = await open_books(connection, facts, max(instants), since=min(instants))
    sheets = [_sheet(facts, books, one, room) for one in asked]
    rated = await rate(connection, facts.prices, sheets)
    return [one if isinstance(one, Refused) else shown(facts, one) for one in rated]


def shown(facts: Facts, rated: Rated) -> Preview:
    """The bill of a sheet, with whom it is for."""
    sheet = rated.sheet
    return Preview(
        facts.customers[sheet.customer_id],
        sheet.period,
        sheet.as_of,
        rated.bill,
        (*sheet.pieces, *sheet.again),
    )


def _sheet(facts: Facts, books: Books, asked: Asked, room: Room) -> Sheet | Refused:
    spans = list(_spans(facts, books, asked))
    cuts = [(line, cut) for line, span in spans for cut in islice(line.cuts(span), PIECES_MAX + 1)]
    if (refused := room.take_periods(len(cuts))) is not None:
        return refused
    pieces = tuple(plan(facts, line, cut) for line, cut in cuts)
    customer = facts.customers[asked.customer_id]
    sheet = Sheet(
        customer.id, customer.currency, asked.as_of, _period(asked, customer, pieces), pieces
    )
    are_open = asked.is_of_what_runs or all(books.are_open(line, span) for line, span in spans)
    return books.balanced(sheet) if are_open and not books.is_outdated(sheet) else sheet


def _spans(facts: Facts, books: Books, asked: Asked) -> Iterator[tuple[Timeline, Period]]:
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
        else:
            running = line.period_running(asked.as_of)
            if running is not None and books.are_open(line, running):
                yield line, running


def _period(asked: Asked, customer: CustomerRow, pieces: Sequence[Planned]) -> Period:
    """The period asked for, else the one that the pieces fill, else the customer's month."""
    if asked.period is not None:
        return asked.period
    if not pieces:
        return month_of(asked.as_of, customer.timezone)
    return Period(min(one.span.start for one in pieces), max(one.span.end for one in pieces))
