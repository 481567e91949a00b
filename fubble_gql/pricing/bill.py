"""From the pieces of billing periods to the lines of a bill: the one place that decides them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from fubble_gql.pricing.charge import Charge, Usage
from fubble_gql.pricing.commitment import Commitment, Committed
from fubble_gql.pricing.formula import FormulaFailed
from fubble_gql.pricing.line import Bill, Line, LineKind, sum_of
from fubble_gql.pricing.minimum import Difference, maximum_line, minimum_line
from fubble_gql.pricing.money import (
    ONE,
    PLACES_MAX,
    ZERO,
    divide,
    is_in_range,
    limit_places,
    round_money,
    tidy,
)
from fubble_gql.pricing.period import WHOLE, Period, Share
from fubble_gql.pricing.piece import Part, Piece
from fubble_gql.pricing.rates import Flat, needs_metric
from fubble_gql.pricing.terms import Component, Terms

__all__ = [
    "Bill",
    "ChargeFailed",
    "Commitment",
    "Committed",
    "Component",
    "FlatFees",
    "Line",
    "LineKind",
    "Part",
    "Piece",
    "Terms",
    "lines_of",
    "rate_pieces",
]

# A flat fee of one billing period: the subscription, the period, the component's key.
_FlatFee = tuple[UUID | None, Period, str]


class ChargeFailed(ArithmeticError):
    """A component whose formula has no result: its bill fails, and is never a zero."""

    def __init__(self, component: Component, failure: FormulaFailed) -> None:
        self.component_key = component.key
        self.component_name = component.name
        self.formula = failure.formula
        self.reason = failure.reason
        super().__init__(f'"{component.name}" cannot be charged. {failure}')


def rate_pieces(currency: str, pieces: Sequence[Piece]) -> Bill:
    """What the pieces cost, line by line, in their order. A piece in trial makes no line."""
    billed = [piece for piece in pieces if not piece.in_trial]
    for piece in billed:
        if piece.terms.currency != currency:
            raise ValueError(f"{piece.terms.name} is in {piece.terms.currency}, not {currency}.")
    flat_fees = FlatFees.of(billed)
    return Bill(currency, tuple(line for each in billed for line in lines_of(each, flat_fees)))


@dataclass(frozen=True, slots=True)
class FlatFees:
    """The flat fees of the billing periods, each with the pieces that have it, the last one last."""

    pieces: Mapping[_FlatFee, list[Piece]]

    @classmethod
    def of(cls, pieces: Iterable[Piece]) -> "FlatFees":
        found: dict[_FlatFee, list[Piece]] = {}
        for piece in sorted(pieces, key=lambda each: each.span.start):
            for component in piece.terms.components:
                if isinstance(component.rate, Flat):
                    found.setdefault(_flat_fee(piece, component), []).append(piece)
        return cls(found)

    def are_charged_by(self, piece: Piece, component: Component) -> bool:
        """Once for each billing period: by the last piece that has the fee."""
        last = self.pieces[_flat_fee(piece, component)][-1]
        return bool(piece.own_periods) or last.span == piece.span

    def counted_in(self, piece: Piece, component: Component) -> Decimal:
        """What of the fee counts towards the plan's minimum in a piece: its part of the time.

        Otherwise a change to an equal plan would leave the fee out of the first piece's minimum.
        """
        sharing = self.pieces[_flat_fee(piece, component)]
        last = sharing[-1]
        same_key = (one for one in last.terms.components if one.key == component.key)
        amount = sum_of(line for one in same_key for line in _component_lines(last, one))
        time = sum(each.span.microseconds for each in sharing)
        gone_by = piece.gone_by(piece.span).microseconds
        return round_money(divide(amount, gone_by, time), piece.terms.currency)


def _flat_fee(piece: Piece, component: Component) -> _FlatFee:
    return piece.subscription_id, piece.period, component.key


def lines_of(piece: Piece, flat_fees: FlatFees) -> list[Line]:
    """The components' lines in the plan's order, the commitments', then the plan's minimum."""
    lines: list[Line] = []
    counted = ZERO
    for component in piece.terms.components:
        is_flat = isinstance(component.rate, Flat)
        own = list(_component_lines(piece, component))
        if not is_flat or flat_fees.are_charged_by(piece, component):
            lines += own
        shared = is_flat and not piece.own_periods
        counted += flat_fees.counted_in(piece, component) if shared else sum_of(own)
    for committed in piece.commitments():
        own = list(_committed_lines(piece, committed))
        lines += own
        counted += sum_of(own)
    if piece.terms.minimum is not None:
        share, currency = piece.share_of(piece.span), piece.terms.currency
        difference = minimum_line(counted, piece.terms.minimum, share, currency)
        if difference is not None:
            lines.append(_difference_line(LineKind.MINIMUM, piece, None, piece.span, difference))
    return lines


def _component_lines(piece: Piece, component: Component) -> Iterator[Line]:
    for part in piece.parts_of(component):
        yield from _part_lines(piece, component, part)


def _part_lines(piece: Piece, component: Component, part: Part) -> Iterator[Line]:
    """Its charge, then what lacks to its minimum or exceeds its maximum; never both."""
    # A flat fee is never prorated, and neither are its bounds.
    is_whole = isinstance(component.rate, Flat) and not piece.own_periods
    share = WHOLE if is_whole else piece.share_of(part.span)
    line = _charge_line(piece, component, part.span, _charge(component, part.usage, share))
    charged, currency = line.amount, piece.terms.currency
    yield line
    if component.minimum is not None:
        difference = minimum_line(charged, component.minimum, share, currency)
        if difference is not None:
            yield _difference_line(LineKind.MINIMUM, piece, component, part.span, difference)
    if component.maximum is not None:
        most = WHOLE if is_whole else piece.whole_share_of(part.span)
        difference = maximum_line(charged, component.maximum, most, currency)
        if difference is not None:
            yield _difference_line(LineKind.MAXIMUM, piece, component, part.span, difference)


def _charge(component: Component, usage: Usage, share: Share) -> Charge:
    try:
        if component.is_level or isinstance(component.rate, Flat):
            return component.rate.charge(usage, WHOLE).scaled(share)
        return component.rate.charge(usage, share)
    except FormulaFailed as failure:
        raise ChargeFailed(component, failure) from failure


def _charge_line(piece: Piece, component: Component, span: Period, charge: Charge) -> Line:
    """Rounded here, once. A fee is one of itself; usage shows what a unit came to on average."""
    exact = charge.amount
    amount = round_money(exact, piece.terms.currency)
    is_usage = needs_metric(component.rate)
    return Line(
        kind=LineKind.USAGE if is_usage else LineKind.FEE,
        description=component.name,
        component_id=component.id,
        metric_id=component.metric_id,
        subscription_id=piece.subscription_id,
        period=span,
        quantity=charge.quantity,
        unit_price=_average(exact, charge.quantity) if is_usage else amount,
        amount=amount,
        steps=charge.steps,
    )


def _committed_lines(piece: Piece, committed: Committed) -> Iterator[Line]:
    """The fee for the commitment, then the usage that it covers and what is above it."""
    commitment, span = committed.commitment, committed.span
    fee = commitment.fee(piece.share_of(span))
    usage = commitment.usage(committed.usage, piece.whole_share_of(span))
    charges = (
        (LineKind.COMMITMENT, f"{commitment.name}: commitment", fee),
        (LineKind.USAGE, commitment.name, usage),
    )
    for kind, description, charge in charges:
        yield Line(
            kind=kind,
            description=description,
            component_id=None,
            metric_id=commitment.metric_id,
            subscription_id=piece.subscription_id,
            period=span,
            quantity=charge.quantity,
            unit_price=_average(charge.amount, charge.quantity),
            amount=round_money(charge.amount, piece.terms.currency),
            steps=charge.steps,
        )


def _average(exact: Decimal, quantity: Decimal) -> Decimal | None:
    """What a unit came to, where that means something and can be written down."""
    if not quantity:
        return None
    average = tidy(limit_places(divide(exact, 1, quantity), PLACES_MAX))
    return average if is_in_range(average) else None


def _difference_line(
    kind: LineKind,
    piece: Piece,
    component: Component | None,
    span: Period,
    difference: Difference,
) -> Line:
    name = piece.terms.name if component is None else component.name
    return Line(
        kind=kind,
        description=f"{name}: {kind.lower()}",
        component_id=None if component is None else component.id,
        metric_id=None if component is None else component.metric_id,
        subscription_id=piece.subscription_id,
        period=span,
        quantity=ONE,
        unit_price=None,
        amount=difference.amount,
        steps=difference.steps,
    )
