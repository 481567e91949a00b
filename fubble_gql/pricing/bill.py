"""From the pieces of billing periods to the lines of a bill: the one place that decides them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from fubble_gql.pricing.charge import Charge, Usage
from fubble_gql.pricing.formula import FormulaFailed
from fubble_gql.pricing.line import Bill, Line, LineKind, sum_of
from fubble_gql.pricing.minimum import Difference, maximum_line, minimum_line
from fubble_gql.pricing.money import ONE, PLACES_MAX, divide, limit_places, round_money, tidy
from fubble_gql.pricing.period import WHOLE, Period, Share
from fubble_gql.pricing.rates import Flat, needs_metric
from fubble_gql.pricing.terms import Component, Terms

__all__ = [
    "Bill",
    "ChargeFailed",
    "Component",
    "Line",
    "LineKind",
    "Piece",
    "Terms",
    "rate_pieces",
]

_NO_USAGE = Usage()

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


@dataclass(frozen=True, slots=True)
class Piece:
    """A span of a billing period under the same terms, with what was used in it.

    Usage is by component id; a component that is absent had none.
    """

    subscription_id: UUID | None
    terms: Terms
    span: Period
    period: Period
    usage: Mapping[UUID, Usage]
    in_trial: bool = False

    def __post_init__(self) -> None:
        if self.span.overlap(self.period) != self.span:
            raise ValueError(f"{self.span} does not lie within {self.period}.")

    @property
    def share(self) -> Share:
        return Share.between(self.span, self.period)


def rate_pieces(currency: str, pieces: Sequence[Piece]) -> Bill:
    """What the pieces cost, line by line, in their order. A piece in trial makes no line."""
    billed = [piece for piece in pieces if not piece.in_trial]
    for piece in billed:
        if piece.terms.currency != currency:
            raise ValueError(f"{piece.terms.name} is in {piece.terms.currency}, not {currency}.")
    flat_pieces = _flat_pieces(billed)
    return Bill(currency, tuple(line for each in billed for line in _lines(each, flat_pieces)))


def _flat_pieces(pieces: Sequence[Piece]) -> dict[_FlatFee, Piece]:
    """Which piece charges each flat fee of a billing period: the last one that has it."""
    return {
        _flat_fee(piece, component): piece
        for piece in sorted(pieces, key=lambda each: each.span.start)
        for component in piece.terms.components
        if isinstance(component.rate, Flat)
    }


def _flat_fee(piece: Piece, component: Component) -> _FlatFee:
    return piece.subscription_id, piece.period, component.key


def _lines(piece: Piece, flat_pieces: Mapping[_FlatFee, Piece]) -> list[Line]:
    """The components' lines in the plan's order, then the plan's own minimum."""
    lines: list[Line] = []
    for component in piece.terms.components:
        if flat_pieces.get(_flat_fee(piece, component), piece) is piece:
            lines += _component_lines(piece, component)
    if piece.terms.minimum is not None:
        difference = minimum_line(
            sum_of(lines), piece.terms.minimum, piece.share, piece.terms.currency
        )
        if difference is not None:
            lines.append(_difference_line(LineKind.MINIMUM, piece, None, difference))
    return lines


def _component_lines(piece: Piece, component: Component) -> Iterator[Line]:
    """Its charge, then what lacks to its minimum or exceeds its maximum; never both."""
    # A flat fee is never prorated, and neither are its bounds.
    share = WHOLE if isinstance(component.rate, Flat) else piece.share
    line = _charge_line(piece, component, _charge(piece, component))
    charged, currency = line.amount, piece.terms.currency
    yield line
    if component.minimum is not None:
        difference = minimum_line(charged, component.minimum, share, currency)
        if difference is not None:
            yield _difference_line(LineKind.MINIMUM, piece, component, difference)
    if component.maximum is not None:
        difference = maximum_line(charged, component.maximum, share, currency)
        if difference is not None:
            yield _difference_line(LineKind.MAXIMUM, piece, component, difference)


def _charge(piece: Piece, component: Component) -> Charge:
    usage = piece.usage.get(component.id, _NO_USAGE)
    try:
        if component.is_level:
            return component.rate.charge(usage, WHOLE).scaled(piece.share)
        return component.rate.charge(usage, piece.share)
    except FormulaFailed as failure:
        raise ChargeFailed(component, failure) from failure


def _charge_line(piece: Piece, component: Component, charge: Charge) -> Line:
    """Rounded here, once. A fee is one of itself; usage shows what a unit came to on average."""
    exact = charge.amount
    amount = round_money(exact, piece.terms.currency)
    is_usage = needs_metric(component.rate)
    unit_price: Decimal | None = amount
    if is_usage:
        unit_price = _average(exact, charge.quantity) if charge.quantity else None
    return Line(
        kind=LineKind.USAGE if is_usage else LineKind.FEE,
        description=component.name,
        component=component,
        metric_id=component.metric_id,
        subscription_id=piece.subscription_id,
        period=piece.span,
        quantity=charge.quantity,
        unit_price=unit_price,
        amount=amount,
        steps=charge.steps,
    )


def _average(exact: Decimal, quantity: Decimal) -> Decimal:
    return tidy(limit_places(divide(exact, 1, quantity), PLACES_MAX))


def _difference_line(
    kind: LineKind, piece: Piece, component: Component | None, difference: Difference
) -> Line:
    name = piece.terms.name if component is None else component.name
    return Line(
        kind=kind,
        description=f"{name}: {kind.lower()}",
        component=component,
        metric_id=None if component is None else component.metric_id,
        subscription_id=piece.subscription_id,
        period=piece.span,
        quantity=ONE,
        unit_price=None,
        amount=difference.amount,
        steps=difference.steps,
    )
