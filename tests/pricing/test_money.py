"""Exact arithmetic and the one rounding."""

import decimal
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fubble_gql.pricing.money import (
    UnknownCurrency,
    divide,
    is_in_range,
    limit_places,
    minor_unit_places,
    plain,
    round_money,
    tidy,
)
from tests.pricing.builders import d
from tests.pricing.strategies import AMOUNTS

HALF_OF_THE_LAST_PLACE = Fraction(1, 2 * 10**50)


@pytest.mark.parametrize(("currency", "places"), [("JPY", 0), ("USD", 2), ("KWD", 3), ("CLF", 4)])
def test_a_currency_has_the_places_of_iso_4217(currency: str, places: int) -> None:
    assert minor_unit_places(currency) == places


@pytest.mark.parametrize("code", ["XAU", "XXX", "ABC", "usd", "", "US", "USD ", "ＵＳＤ", "\0"])
def test_what_is_not_money_is_refused(code: str) -> None:
    with pytest.raises(UnknownCurrency):
        minor_unit_places(code)


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [
        ("0.005", "USD", "0.01"),
        ("-0.005", "USD", "-0.01"),
        ("0.0049999999999999999999", "USD", "0.00"),
        ("2.5", "JPY", "3"),
        ("1.0005", "KWD", "1.001"),
        ("-0.004", "USD", "0.00"),
    ],
)
def test_money_rounds_half_away_from_zero(amount: str, currency: str, rounded: str) -> None:
    assert str(round_money(d(amount), currency)) == rounded


def test_a_quotient_that_ends_is_exact() -> None:
    assert divide(d("29.99"), 1, 8) == d("3.74875")


def test_a_quotient_that_does_not_end_is_rounded_at_fifty_decimals() -> None:
    assert plain(divide(d("1"), 2, 3)) == "0." + "6" * 49 + "7"
    assert plain(divide(d("-1"), 2, 3)) == "-0." + "6" * 49 + "7"


def test_division_is_rounded_only_once() -> None:
    """0.4999... to the 60th digit, cut to 0.5 first, would be rounded up."""
    quotient = divide(d("1"), 10**70 // 2 - 1, 10**120)
    assert quotient == d("0")


@given(AMOUNTS, st.integers(0, 10**14), st.integers(1, 10**14))
def test_a_quotient_is_the_nearest_of_fifty_decimals(
    amount: Decimal, numerator: int, denominator: int
) -> None:
    exact = Fraction(amount) * numerator / denominator
    quotient = Fraction(divide(amount, numerator, denominator))
    assert abs(quotient - exact) <= HALF_OF_THE_LAST_PLACE


def test_division_does_not_trip_where_inexact_results_are_trapped() -> None:
    with decimal.localcontext() as context:
        context.traps[decimal.Inexact] = True
        assert divide(d("10"), 1, 3) < 4
        assert round_money(d("1.005"), "USD") == d("1.01")


@pytest.mark.parametrize(
    ("value", "text"),
    [("1E+3", "1000"), ("1.50", "1.5"), ("-0", "0"), ("-0.00", "0"), ("0E-9", "0"), ("100", "100")],
)
def test_numbers_are_written_plainly(value: str, text: str) -> None:
    assert plain(d(value)) == text
    assert str(tidy(d(value))) == text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("9" * 20 + "." + "9" * 18, True),
        ("1" + "0" * 20, False),
        ("0." + "0" * 18 + "1", False),
        ("0." + "1" * 18 + "000", True),
        ("1E+999999", False),
        ("1E-999999", False),
        ("NaN", False),
        ("-Infinity", False),
        ("0E-999", True),
    ],
)
def test_the_range_is_twenty_digits_and_eighteen_places(value: str, *, expected: bool) -> None:
    assert is_in_range(d(value)) is expected


def test_the_product_of_two_numbers_at_the_limit_is_exact() -> None:
    limit = d("9" * 20 + "." + "9" * 18)
    assert Fraction(limit * limit) == Fraction(limit) ** 2


@given(st.integers(-(10**60), 10**60), st.integers(-80, 20), st.integers(0, 30))
def test_decimals_are_cut_where_there_are_more_than_wanted(
    digits: int, exponent: int, places: int
) -> None:
    value = Decimal((int(digits < 0), tuple(map(int, str(abs(digits)))), exponent))
    limited = limit_places(value, places)
    if exponent >= -places:
        assert limited is value
    else:
        assert limited.as_tuple().exponent == -places
        assert abs(Fraction(limited) - Fraction(value)) <= Fraction(1, 2 * 10**places)


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_number_has_no_decimals_to_cut(value: str) -> None:
    with pytest.raises(decimal.InvalidOperation):
        limit_places(Decimal(value))
