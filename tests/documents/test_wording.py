"""Money, numbers, dates and spans in words."""

from decimal import Decimal, localcontext
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from fubble_gql.documents.invoice import Step
from fubble_gql.documents.wording import date, money, number, span, tier_bounds
from fubble_gql.pricing.period import Period
from tests.documents.builders import at
from tests.pricing.builders import d
from tests.pricing.strategies import AMOUNTS, SIGNED

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        ("1234.5", "USD", "USD 1,234.50"),
        ("1234.50", "EUR", "EUR 1,234.50"),
        ("1235", "JPY", "JPY 1,235"),
        ("0.125", "KWD", "KWD 0.125"),
        ("1", "KWD", "KWD 1.000"),
        ("0", "USD", "USD 0.00"),
        ("-0.00", "USD", "USD 0.00"),
        ("-1234.5", "USD", "USD −1,234.50"),
        ("1E+3", "USD", "USD 1,000.00"),
        ("99999999999999999999.99", "USD", "USD 99,999,999,999,999,999,999.99"),
    ],
)
def test_money_has_the_decimals_of_its_currency(amount: str, currency: str, written: str) -> None:
    assert money(d(amount), currency) == written


def test_money_is_never_rounded_for_show() -> None:
    assert money(d("1.005"), "USD") == "USD 1.005"
    assert money(d("0.5"), "JPY") == "JPY 0.5"


@given(SIGNED)
def test_money_reads_back_as_the_same_amount(amount: Decimal) -> None:
    code, digits = money(amount, "EUR").split(" ")
    assert code == "EUR"
    assert d(digits.replace(",", "").replace("−", "-")) == amount


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("1250.50", "1,250.5"),
        ("1E+6", "1,000,000"),
        ("1E-18", "0.000000000000000001"),
        ("-62.5", "−62.5"),
        ("-0", "0"),
        (
            "12345678901234567890.123456789012345678",
            "12,345,678,901,234,567,890.123456789012345678",
        ),
    ],
)
def test_a_number_is_exact_and_plain(value: str, written: str) -> None:
    assert number(d(value)) == written


@given(AMOUNTS)
def test_a_number_reads_back_as_itself_whatever_the_context(value: Decimal) -> None:
    with localcontext(prec=5):
        written = number(value)
    assert d(written.replace(",", "")) == value


def test_a_number_that_goes_on_is_cut_and_says_so() -> None:
    assert number(d("9.677419354838709677"), 12) == "9.677419354838…"
    assert number(d("-0.99999"), 4) == "−0.9999…"
    assert number(d("0.9999"), 4) == "0.9999"


def test_a_date_is_that_of_the_timezone() -> None:
    late = at("2026-05-31T23:30:00+00:00")
    assert date(late, BERLIN) == "1 June 2026"
    assert date(late, ZoneInfo("America/New_York")) == "31 May 2026"


@pytest.mark.parametrize(
    ("start", "end", "zone", "written"),
    [
        (
            "2026-05-01T00:00+02:00",
            "2026-06-01T00:00+02:00",
            "Europe/Berlin",
            "1 May 2026 – 31 May 2026",
        ),
        ("2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00", "Europe/Berlin", "29 March 2026"),
        (
            "2026-05-01T00:00+00:00",
            "2026-06-01T00:00+00:00",
            "Europe/Berlin",
            "1 May 2026, 02:00 – 1 June 2026, 02:00 Europe/Berlin",
        ),
        (
            "2026-05-01T14:30:05.5+02:00",
            "2026-06-01T00:00+02:00",
            "Europe/Berlin",
            "1 May 2026, 14:30:05 – 1 June 2026, 00:00 Europe/Berlin",
        ),
        # Havana's clocks skip the midnight of 8 March 2026: that day begins at one o'clock.
        (
            "2026-03-08T01:00-04:00",
            "2026-03-09T00:00-04:00",
            "America/Havana",
            "8 March 2026",
        ),
        # Apia had no 30 December 2011.
        (
            "2011-12-29T00:00-10:00",
            "2011-12-31T00:00+14:00",
            "Pacific/Apia",
            "29 December 2011",
        ),
    ],
)
def test_a_span_names_its_first_and_last_day(start: str, end: str, zone: str, written: str) -> None:
    assert span(Period(at(start), at(end)), ZoneInfo(zone)) == written


@pytest.mark.parametrize(
    ("above", "up_to", "written"),
    [
        (None, None, ""),
        ("0", None, ""),
        ("0", "1000", "up to 1,000"),
        ("1000", "5000", "above 1,000 up to 5,000"),
        ("5000", None, "above 5,000"),
    ],
)
def test_a_tier_says_which_quantities_are_in_it(
    above: str | None, up_to: str | None, written: str
) -> None:
    bounds = [None if bound is None else d(bound) for bound in (above, up_to)]
    assert tier_bounds(Step("Tier", d("1"), d("1"), d("1"), None, *bounds)) == written
