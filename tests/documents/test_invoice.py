"""A document that does not add up is never made."""

from dataclasses import replace
from datetime import datetime

import pytest

from fubble_gql.documents.invoice import Credit
from fubble_gql.pricing.money import UnknownCurrency
from tests.documents.builders import invoice, line
from tests.pricing.builders import d


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"subtotal": d("9")}, "subtotal is 9, but its parts come to 10.00."),
        ({"credits_applied": d("1")}, "credits_applied is 1, but its parts come to 0."),
        ({"total": d("11")}, "The total 11 is not subtotal - credits_applied."),
        ({"total": d("9")}, "The total 9 is less than subtotal - credits_applied."),
        ({"timezone": "Berlin"}, "'Berlin' is not a timezone."),
        ({"issued_at": datetime(2026, 6, 1)}, "2026-06-01 00:00:00 has no timezone."),  # noqa: DTZ001
    ],
)
def test_amounts_that_do_not_add_up_are_refused(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        replace(invoice(), **changes)  # type: ignore[arg-type] # the names are checked by replace


def test_a_currency_that_is_none_is_refused() -> None:
    with pytest.raises(UnknownCurrency):
        invoice(currency="EURO")


def test_what_goes_below_zero_is_carried_over() -> None:
    assert invoice(line(amount="-50.00")).carried_over == d("50.00")
    assert invoice(line(), credit=(Credit("Prepaid", d("4.00")),)).carried_over == 0
