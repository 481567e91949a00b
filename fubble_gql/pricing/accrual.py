"""A bill day by day: what it came to by a day's end, less what it came to by the day's start."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from fubble_gql.pricing.bill import FlatFees, lines_of
from fubble_gql.pricing.line import Line, LineKind
from fubble_gql.pricing.money import ZERO
from fubble_gql.pricing.period import Period
from fubble_gql.pricing.piece import Piece

# What lines of a day are told apart by: the kind, the component, the metric.
_Price = tuple[LineKind, UUID | None, UUID | None]
_Sums = dict[_Price, tuple[Decimal, Decimal]]


@dataclass(frozen=True, slots=True)
class Course:
    """A piece as it stands at the end of each day that it reaches into; the last one is whole."""

    first_day: int
    states: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class DayLine:
    """What one price added in a day: quantity and amount may be negative."""

    kind: LineKind
    component_id: UUID | None
    metric_id: UUID | None
    quantity: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Day:
    """What a day added to the bill."""

    period: Period
    lines: tuple[DayLine, ...]

    @property
    def amount(self) -> Decimal:
        return sum((line.amount for line in self.lines), ZERO)


def accrue(days: Sequence[Period], courses: Sequence[Course]) -> list[Day]:
    """What each day added.

    A line is rounded as a bill rounds it before it is compared with itself the day before, so the
    days of a price sum to exactly what the bill of the whole pieces has for it. A flat fee falls
    on the first day of the piece that charges it.
    """
    billed = [course for course in courses if not course.states[-1].in_trial]
    flat_fees = FlatFees.of(course.states[-1] for course in billed)
    added: list[_Sums] = [{} for _ in days]
    for course in billed:
        before: _Sums = {}
        for day, piece in enumerate(course.states, course.first_day):
            now = _sums(lines_of(piece, flat_fees))
            _add(added[day], now, 1)
            _add(added[day], before, -1)
            before = now
    return [Day(day, _lines(sums)) for day, sums in zip(days, added, strict=True)]


def _sums(lines: Iterable[Line]) -> _Sums:
    sums: _Sums = {}
    for line in lines:
        price = line.kind, line.component_id, line.metric_id
        _add(sums, {price: (line.quantity, line.amount)}, 1)
    return sums


def _add(sums: _Sums, more: _Sums, sign: int) -> None:
    for price, (quantity, amount) in more.items():
        known = sums.get(price, (ZERO, ZERO))
        sums[price] = (known[0] + sign * quantity, known[1] + sign * amount)


def _lines(sums: _Sums) -> tuple[DayLine, ...]:
    """Without those that nothing was added to."""
    return tuple(DayLine(*price, *added) for price, added in sums.items() if any(added))
