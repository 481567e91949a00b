"""From the pieces of billing periods to the lines of a bill: the one place that decides them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
from fubble_gql.pricing.rates import Flat, needs_metric
from fubble_gql.pricing.terms import Component, Terms

__all__ = [
    "Bill",
    "ChargeFailed",
    "Commitment",
    "Committed",
    "Component",
    "Line",
    "LineKind",
    "Part",
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
class Part:
    """A part of a piece in which a component's own price holds, with what was used in it."""

    span: Period
    usage: Usage


@dataclass(frozen=True, slots=True)
class Piece:
    """A span of a billing period under the same terms, with what was used in it.

    Usage is by component id; a component that is absent had none. `parts` replaces it for
    components that rest for some of the time, while a commitment of their metric holds.
    `own_periods` are the plan's own periods around the span where these are not the
    subscription's: then everything that is prorated, FLAT too, is a share of them.
    """

    subscription_id: UUID | None
    terms: Terms
    span: Period
    period: Period
    usage: Mapping[UUID, Usage]
    in_trial: bool = False
    parts: Mapping[UUID, tuple[Part, ...]] = field(default_factory=dict)
    committed: tuple[Committed, ...] = ()
    own_periods: tuple[Period, ...] = ()

    def __post_init__(self) -> None:
        if self.span.overlap(self.period) != self.span:
            raise ValueError(f"{self.span} does not lie within {self.period}.")

    @property
    def share(self) -> Share:
        return self.share_of(self.span)

    def share_of(self, span: Period) -> Share:
        """The share of a whole period that a span of the piece makes up."""
        return Share.over(span, self.own_periods or (self.period,))

    def parts_of(self, component: Component) -> tuple[Part, ...]:
        """Where the component's own price holds."""
        whole = Part(self.span, self.usage.get(component.id, _NO_USAGE))
        return self.parts.get(component.id, (whole,))


def rate_pieces(currency: str, pieces: Sequence[Piece]) -> Bill:
    """What the pieces cost, line by line, in their order. A piece in trial makes no line."""
    billed = [piece for piece in pieces if not piece.in_trial]
    for piece in billed:
        if piece.terms.currency != currency:
            raise ValueError(f"{piece.terms.name} is in {piece.terms.currency}, not {currency}.")
    flat_fees = _FlatFees.of(billed)
    return Bill(currency, tuple(line for each in billed for line in _lines(each, flat_fees)))


@dataclass(frozen=True, slots=True)
class _FlatFees:
    """The flat fees of the billing periods, each with the pieces that have it, the last one last."""

    pieces: Mapping[_FlatFee, list[Piece]]

    @classmethod
    def of(cls, pieces: Sequence[Piece]) -> "_FlatFees":
        found: dict[_FlatFee, list[Piece]] = {}
        for piece in sorted(pieces, key=lambda each: each.span.start):
            for component in piece.terms.components:
                if isinstance(component.rate, Flat):
                    found.setdefault(_flat_fee(piece, component), []).append(piece)
        return cls(found)

    def are_charged_by(self, piece: Piece, component: Component) -> bool:
        """Once for each billing period: by the last piece that has the fee."""
        return bool(piece.own_periods) or self.pieces[_flat_fee(piece, component)][-1] is piece

    def counted_in(self, piece: Piece, component: Component) -> Decimal:
        """What of the fee counts towards the plan's minimum in a piece: its part of the time.

        Otherwise a change to an equal plan would leave the fee out of the first piece's minimum.
        """
        sharing = self.pieces[_flat_fee(piece, component)]
        last = sharing[-1]
        same_key = (one for one in last.terms.components if one.key == component.key)
        amount = sum_of(line for one in same_key for line in _component_lines(last, one))
        time = sum(each.span.microseconds for each in sharing)
        return round_money(divide(amount, piece.span.microseconds, time), piece.terms.currency)


def _flat_fee(piece: Piece, component: Component) -> _FlatFee:
    return piece.subscription_id, piece.period, component.key


def _lines(piece: Piece, flat_fees: _FlatFees) -> list[Line]:
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
    for committed in piece.committed:
        own = list(_committed_lines(piece, committed))
        lines += own
        counted += sum_of(own)
    if piece.terms.minimum is not None:
        difference = minimum_line(counted, piece.terms.minimum, piece.share, piece.terms.currency)
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
        difference = maximum_line(charged, component.maximum, share, currency)
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
    commitment, share = committed.commitment, piece.share_of(committed.span)
    charges = (
        (LineKind.COMMITMENT, f"{commitment.name}: commitment", commitment.fee(share)),
        (LineKind.USAGE, commitment.name, commitment.usage(committed.usage, share)),
    )
    for kind, description, charge in charges:
        yield Line(
            kind=kind,
            description=description,
            component_id=None,
            metric_id=commitment.metric_id,
            subscription_id=piece.subscription_id,
            period=committed.span,
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
