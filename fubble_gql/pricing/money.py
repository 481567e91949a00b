"""Exact decimal arithmetic, and the one rounding to a currency's minor unit."""

import decimal
from decimal import ROUND_05UP, ROUND_HALF_UP, Context, Decimal
from functools import cache

from iso4217 import Currency

PLACES_MAX = 18
DIGITS_MAX = 20
QUOTIENT_PLACES = 50
PRECISION = 100

ZERO = Decimal(0)
ONE = Decimal(1)

_TRAPS = [decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow]
_SMALLEST = Decimal(1).scaleb(-PLACES_MAX)

# Wide enough for any product that is divided here. ROUND_05UP keeps a cut quotient off the halves,
# so that the rounding which follows is the only one that shows.
_WIDE = Context(prec=2 * PRECISION, rounding=ROUND_05UP, traps=_TRAPS)


class UnknownCurrency(ValueError):
    """A code that ISO 4217 does not list as money with a minor unit."""


def exact_context() -> Context:
    """The arithmetic of this package: products of two 18-place numbers lose no digit."""
    return Context(prec=PRECISION, rounding=ROUND_HALF_UP, traps=_TRAPS)


def use_exact_context() -> None:
    """Compute so in this thread from now on, and in every thread that starts later."""
    for context in (decimal.DefaultContext, decimal.getcontext()):
        context.prec = PRECISION
        context.rounding = ROUND_HALF_UP
        for signal in context.traps:
            context.traps[signal] = signal in _TRAPS


@cache
def minor_unit_places(currency: str) -> int:
    """How many decimals the currency's smallest coin has: JPY 0, USD 2, KWD 3."""
    places: object = None
    if currency.isascii() and currency.isupper():
        try:
            places = Currency(currency).exponent
        except ValueError:
            places = None
    if not isinstance(places, int):
        raise UnknownCurrency(f"{currency!r} is not an ISO 4217 currency with a minor unit.")
    return places


def round_money(amount: Decimal, currency: str) -> Decimal:
    """Round half away from zero to the minor unit; a negative zero becomes zero."""
    return _rounded(amount, _minor_unit(currency))


@cache
def _minor_unit(currency: str) -> Decimal:
    return Decimal(1).scaleb(-minor_unit_places(currency))


def divide(amount: Decimal, numerator: int | Decimal, denominator: int | Decimal) -> Decimal:
    """amount x numerator / denominator: multiplied first, divided once.

    Exact where the quotient fits in 50 decimals, else rounded half away from zero at the 50th: a
    product of two 18-place numbers has 36 decimals, so what is cut is far below anything that a
    price can express, and a sum of such quotients still fits the precision of 100 digits.
    """
    wide = _WIDE.copy()
    return limit_places(
        wide.divide(wide.multiply(amount, Decimal(numerator)), Decimal(denominator)),
    )


def limit_places(value: Decimal, places: int = QUOTIENT_PLACES) -> Decimal:
    """The value itself where it has no more decimals than that, else rounded half away."""
    if _exponent(value) >= -places:
        return value
    return _rounded(value, Decimal(1).scaleb(-places))


def plain(value: Decimal) -> str:
    """Write it without exponent, trailing zeros or negative zero."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"", "-", "-0"} else text


def tidy(value: Decimal) -> Decimal:
    """The same number, without exponent, trailing zeros or negative zero."""
    normal = value.normalize(_WIDE)
    # An exponent is written where there are zeros before the point, or many after it.
    return normal if normal and "E" not in str(normal) else Decimal(plain(value))


def is_in_range(value: Decimal) -> bool:
    """Whether it is a number of at most 20 digits before the point and 18 after it."""
    if not value.is_finite():
        return False
    text = str(value)
    if value.is_zero() or (len(text) <= DIGITS_MAX and "E" not in text):
        return True
    if value.adjusted() >= DIGITS_MAX:
        return False
    return value.quantize(_SMALLEST, context=_WIDE.copy()) == value


def _rounded(value: Decimal, unit: Decimal) -> Decimal:
    rounded = value.quantize(unit, ROUND_HALF_UP, _WIDE)
    return rounded or rounded.copy_abs()


def _exponent(value: Decimal) -> int:
    """Told by its text: a tuple of all digits would take longer than a division."""
    if not value.is_finite():
        raise decimal.InvalidOperation(f"{value} is not a number.")
    digits, _, exponent = str(value).partition("E")
    return int(exponent or 0) - len(digits.partition(".")[2])
