"""Invoices to be written: whose, for which billing periods, and what else is on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from fubble_gql.billing.books import Books, open_books
from fubble_gql.billing.facts import Facts
from fubble_gql.billing.invoice_rows import InvoiceLineRow, InvoiceRow
from fubble_gql.billing.pieces import Planned, plan
from fubble_gql.billing.sheet import Rated, Sheet, rate
from fubble_gql.db.connection import Connection
from fubble_gql.db.repeat import new_id
from fubble_gql.errors import Refused
from fubble_gql.pricing.period import Period, month_of

Spans = tuple[tuple[UUID, Period], ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A draft that exists (`id` is its own), or a new invoice of some billing periods of a customer's subscriptions.

    `manual` are a draft's own lines, which stay. Without spans it carries nothing but those,
    unless it `adjusts_alone`: then it is for the late usage of subscriptions that have ended.
    """

    customer_id: UUID
    id: UUID = field(default_factory=new_id)
    spans: Spans = ()
    draft: InvoiceRow | None = None
    manual: tuple[InvoiceLineRow, ...] = ()
    named: tuple[UUID, ...] = ()
    notes: str | None = None
    adjusts_alone: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """A wanted invoice with its bill."""

    wanted: Wanted
    rated: Rated
    covered: tuple[UUID, ...]

    @property
    def period(self) -> Period:
        """The span that it is for."""
        if self.wanted.draft is not None and not self.wanted.spans:
            return self.wanted.draft.span
        adjusted = [line.period for line in self.rated.bill.lines if line.period is not None]
        if self.wanted.adjusts_alone and adjusted:
            return _around(adjusted)
        return self.rated.sheet.period


async def ready(
    connection: Connection,
    facts: Facts,
    wanted: Sequence[Wanted],
    as_of: datetime,
    *,
    lock: bool = False,
) -> list[Ready | Refused]:
    """The bills of the invoices, by the same code that previews them.

    With `lock` their credit waits for them until the transaction ends.
    """
    books = await open_books(connection, facts, as_of, lock=lock)
    sheets = [_sheet(facts, books, one, as_of) for one in wanted]
    rated = await rate(connection, facts.prices, sheets)
    return [
        found if isinstance(found, Refused) else Ready(one, found, _covered(books, one, found))
        for one, found in zip(wanted, rated, strict=True)
    ]


def _covered(books: Books, wanted: Wanted, rated: Rated) -> tuple[UUID, ...]:
    """The subscriptions that are settled by the invoice."""
    if not (wanted.spans or wanted.adjusts_alone):
        return ()
    ids = (line.subscription.id for line in books.covered(rated.sheet))
    return tuple(id for id in ids if id not in rated.left)


def _sheet(facts: Facts, books: Books, wanted: Wanted, as_of: datetime) -> Sheet:
    customer = facts.customers[wanted.customer_id]
    pieces = tuple(_pieces(facts, wanted.spans))
    month = month_of(as_of, customer.timezone)
    sheet = Sheet(
        customer.id,
        customer.currency,
        as_of,
        _hull(pieces) or month,
        pieces,
        manual=tuple(row.line() for row in wanted.manual),
        named=wanted.named,
    )
    balanced = books.balanced(sheet)
    if wanted.adjusts_alone:
        return replace(balanced, period=_hull(balanced.again) or month)
    return balanced if wanted.spans else replace(balanced, again=(), zeroed=())


def _pieces(facts: Facts, spans: Spans) -> Iterator[Planned]:
    for subscription_id, span in spans:
        line = facts.timeline_of(subscription_id)
        for cut in line.cuts(span):
            yield plan(facts, line, cut)


def _hull(pieces: Sequence[Planned]) -> Period | None:
    return _around([one.span for one in pieces]) if pieces else None


def _around(spans: Sequence[Period]) -> Period:
    return Period(min(one.start for one in spans), max(one.end for one in spans))
