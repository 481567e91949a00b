"""A bill before it is rated, and its rating: the one code path of previews, invoices and proofs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from fubble_gql.billing.pieces import Found, Planned, refuse_charge
from fubble_gql.billing.prices import Prices
from fubble_gql.billing.standing import Standing, adjustments, standing_on
from fubble_gql.db.connection import Connection
from fubble_gql.errors import Code, Refused, refuse
from fubble_gql.pricing.bill import Bill, ChargeFailed, Line, rate_pieces
from fubble_gql.pricing.credit import Draw, Grant, draw
from fubble_gql.pricing.money import is_in_range
from fubble_gql.pricing.period import Period
from fubble_gql.usage.aggregate import Request, measure


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a bill is rated from, besides events and prices.

    `pieces` are billed; `again` are pieces of invoiced periods that late usage may have changed;
    `zeroed` are periods that were settled at zero; `standing` is what stands on invoices for all of
    these, None until it is looked up. `grants` may pay
    for it, those `named` first.
    """

    customer_id: UUID
    currency: str
    as_of: datetime
    period: Period
    pieces: tuple[Planned, ...]
    again: tuple[Planned, ...] = ()
    zeroed: tuple[tuple[UUID, Period], ...] = ()
    standing: Standing | None = field(default_factory=dict)
    manual: tuple[Line, ...] = ()
    grants: tuple[Grant, ...] = ()
    named: tuple[UUID, ...] = ()

    def requests(self, prices: Prices, *, from_events: bool) -> Iterator[Request]:
        """What to measure for its pieces, then for those that are rated again."""
        for planned in (*self.pieces, *self.again):
            requests = planned.requests(prices, self.customer_id, self.as_of)
            yield from (replace(one, from_events=True) if from_events else one for one in requests)


@dataclass(frozen=True, slots=True)
class Rated:
    """A sheet with its bill, and the credit that pays of it.

    `left` are subscriptions whose invoiced periods could not be rated again.
    """

    sheet: Sheet
    bill: Bill
    draws: tuple[Draw, ...]
    left: frozenset[UUID] = frozenset()


_Measured = tuple[Planned, list[Found]]


async def rate(
    connection: Connection,
    prices: Prices,
    sheets: Sequence[Sheet | Refused],
    *,
    from_events: bool = False,
) -> list[Rated | Refused]:
    """The bills of the sheets; a refusal passes through, and stands for a bill without an amount.

    `from_events`: from the events themselves, not from what is kept beside them.

    The number of statements depends on neither sheets, pieces, prices nor events.
    """
    sheets = await _with_standing(connection, sheets)
    requests: list[Request] = []
    ends: list[int] = []
    for sheet in sheets:
        if isinstance(sheet, Sheet):
            requests += sheet.requests(prices, from_events=from_events)
        ends.append(len(requests))
    measured = await measure(connection, requests, prices.operands)
    return [
        sheet if isinstance(sheet, Refused) else _rate(prices, sheet, measured[start:end])
        for sheet, start, end in zip(sheets, [0, *ends], ends, strict=False)
    ]


async def _with_standing(
    connection: Connection, sheets: Sequence[Sheet | Refused]
) -> list[Sheet | Refused]:
    """One statement for all that have to look it up."""
    spans = [
        span
        for one in sheets
        if isinstance(one, Sheet) and one.standing is None
        for span in _spans(one)
    ]
    found = await standing_on(connection, spans)
    return [
        replace(one, standing=_own(found, one))
        if isinstance(one, Sheet) and one.standing is None
        else one
        for one in sheets
    ]


def _own(standing: Standing, sheet: Sheet) -> Standing:
    """What stands for the spans of one sheet."""
    spans = _spans(sheet)
    return {
        billed: amount
        for billed, amount in standing.items()
        if any(
            id == billed.subscription_id and span.start <= billed.start and billed.end <= span.end
            for id, span in spans
        )
    }


def _spans(sheet: Sheet) -> list[tuple[UUID, Period]]:
    return [*spans_of((*sheet.pieces, *sheet.again)), *sheet.zeroed]


def spans_of(pieces: Sequence[Planned]) -> list[tuple[UUID, Period]]:
    """The billing periods' spans that the pieces fill, by subscription."""
    found: dict[tuple[UUID, Period], Period] = {}
    for one in pieces:
        key = (one.subscription_id, one.whole)
        known = found.get(key, one.span)
        found[key] = Period(min(known.start, one.span.start), max(known.end, one.span.end))
    return [(id, span) for (id, _), span in found.items()]


def _rate(prices: Prices, sheet: Sheet, found: Sequence[Found]) -> Rated | Refused:
    rest = iter(found)
    measured = [(one, [next(rest) for _ in one.needs]) for one in (*sheet.pieces, *sheet.again)]
    count = len(sheet.pieces)
    try:
        billed = _bill(prices, sheet.currency, measured[:count])
        again, failed = _again(prices, sheet, measured[count:])
    except ChargeFailed as failure:
        return refuse_charge(failure)
    left = frozenset(failed)
    sheet = _without(sheet, left)
    late = adjustments(again, billed.lines, sheet.standing or {})
    if failed and not sheet.pieces and not late:
        return refuse_charge(next(iter(failed.values())))
    bill = replace(billed, lines=(*billed.lines, *late, *sheet.manual))
    refused = _too_large(bill)
    if refused is not None:
        return refused
    draws = draw(sheet.grants, bill.subtotal, sheet.as_of, sheet.named)
    paid = sum((one.amount for one in draws), Decimal(0))
    return Rated(sheet, replace(bill, credits_applied=paid), draws, left)


def _bill(prices: Prices, currency: str, measured: Sequence[_Measured]) -> Bill:
    return rate_pieces(currency, [planned.piece(prices, found) for planned, found in measured])


def _again(
    prices: Prices, sheet: Sheet, measured: Sequence[_Measured]
) -> tuple[list[Line], dict[UUID, ChargeFailed]]:
    """What invoiced periods come to now, and the subscriptions for which that cannot be said.

    A bill of others goes on without these; it waits for its own.
    """
    own = {piece.subscription_id for piece in sheet.pieces}
    lines: list[Line] = []
    failed: dict[UUID, ChargeFailed] = {}
    for id in dict.fromkeys(planned.subscription_id for planned, _ in measured):
        mine = [one for one in measured if one[0].subscription_id == id]
        try:
            lines += _bill(prices, sheet.currency, mine).lines
        except ChargeFailed as failure:
            if id in own:
                raise
            failed[id] = failure
    return lines, failed


def _without(sheet: Sheet, left: frozenset[UUID]) -> Sheet:
    """The sheet without what some subscriptions were billed before."""
    if not left:
        return sheet
    standing = (sheet.standing or {}).items()
    return replace(
        sheet,
        again=tuple(one for one in sheet.again if one.subscription_id not in left),
        standing={
            billed: amount for billed, amount in standing if billed.subscription_id not in left
        },
    )


def _too_large(bill: Bill) -> Refused | None:
    """A line beyond what can be kept, which is a mistake in a price or in a quantity."""
    for line in bill.lines:
        if not (is_in_range(line.amount) and is_in_range(line.quantity)):
            return refuse(
                Code.LIMIT_EXCEEDED,
                f'"{line.description}" comes to more than an invoice can hold: '
                "look at its price and its quantity.",
            )
    if not is_in_range(bill.subtotal):
        return refuse(Code.LIMIT_EXCEEDED, "The bill comes to more than an invoice can hold.")
    return None
