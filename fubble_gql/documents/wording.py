"""How the document writes money, numbers, dates and spans: the same on every machine."""

from datetime import datetime, time, timedelta
from decimal import ROUND_DOWN, Context, Decimal
from zoneinfo import ZoneInfo

from fubble_gql.pricing.charge import Step
from fubble_gql.pricing.money import PLACES_MAX, PRECISION, minor_unit_places, plain, tidy
from fubble_gql.pricing.period import Period
from fubble_gql.pricing.wallclock import instant_of, wall_clock

MINUS = "\N{MINUS SIGN}"
_DASH = "\N{EN DASH}"
_CUT = "\N{HORIZONTAL ELLIPSIS}"
_INSTANT = timedelta(microseconds=1)
# Not strftime's: those follow the locale of the process.
_MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August"]
_MONTHS += ["September", "October", "November", "December"]
_EXACT = Context(prec=2 * PRECISION)


def money(amount: Decimal, currency: str) -> str:
    """USD 1,234.50: all of the minor unit's decimals, and never fewer than the amount has."""
    amount = tidy(amount)
    places = max(minor_unit_places(currency), _places(amount))
    return f"{currency} {_signed(format(amount, f',.{places}f'))}"


def number(value: Decimal, places_max: int = PLACES_MAX) -> str:
    """1,234.5: exact, without exponent and trailing zeros.

    A quotient that goes on beyond that many decimals is cut there, and an ellipsis says so.
    """
    value = tidy(value)
    if _places(value) <= places_max:
        return _signed(format(value, ",f"))
    cut = value.quantize(Decimal(1).scaleb(-places_max), rounding=ROUND_DOWN, context=_EXACT)
    return _signed(format(cut, ",f")) + _CUT


def date(instant: datetime, zone: ZoneInfo) -> str:
    """1 May 2026, where the zone is."""
    return _day(wall_clock(instant, zone))


def span(period: Period, zone: ZoneInfo) -> str:
    """1 May 2026 – 31 May 2026 for [1 May, 1 June): both days are in it.

    Where an end is no midnight, both are shown with their time and the timezone, to the second.
    """
    start = wall_clock(period.start, zone)
    if not all(_is_day_start(instant, zone) for instant in (period.start, period.end)):
        end = wall_clock(period.end, zone)
        return f"{_moment(start)} {_DASH} {_moment(end)} {zone.key}"
    first, last = _day(start), _day(wall_clock(period.end - _INSTANT, zone))
    return first if first == last else f"{first} {_DASH} {last}"


def tier_bounds(step: Step) -> str:
    """Which quantities the step is about: the lower bound is not in it, the upper one is."""
    parts = []
    if step.above:
        parts.append(f"above {number(step.above)}")
    if step.up_to is not None:
        parts.append(f"up to {number(step.up_to)}")
    return " ".join(parts)


def _places(value: Decimal) -> int:
    return len(plain(value).partition(".")[2])


def _signed(digits: str) -> str:
    return digits.replace("-", MINUS)


def _day(wall: datetime) -> str:
    return f"{wall.day} {_MONTHS[wall.month - 1]} {wall.year}"


def _moment(wall: datetime) -> str:
    clock = wall.strftime("%H:%M:%S" if wall.second else "%H:%M")
    return f"{_day(wall)}, {clock}"


def _is_day_start(instant: datetime, zone: ZoneInfo) -> bool:
    """Midnight, or the first moment of a day whose midnight the zone left out."""
    day = wall_clock(instant, zone).date()
    return instant_of(datetime.combine(day, time()), zone) == instant
