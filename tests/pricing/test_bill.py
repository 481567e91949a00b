"""From pieces to lines: what is charged where, and when it is prorated."""

from decimal import Decimal
from uuid import UUID

import pytest

from fubble_gql.pricing.bill import ChargeFailed, LineKind, Piece, rate_pieces
from fubble_gql.pricing.charge import Usage
from fubble_gql.pricing.line import Bill
from fubble_gql.pricing.rates import (
    Dynamic,
    Flat,
    Graduated,
    Package,
    PerUnit,
    Subscription,
    UsageSubscription,
)
from tests.pricing.builders import (
    JANUARY,
    METRIC,
    SUBSCRIPTION,
    component,
    d,
    piece,
    plan,
    span,
    tiers,
)

FIRST = span("2025-01-01", "2025-01-21")
REST = span("2025-01-21", "2025-02-01")
CALLS = component(PerUnit(d("0.011")), "calls")
FEE = component(Subscription(d("31")), "fee")
SETUP = component(Flat(d("5")), "setup")


def lines(bill: Bill) -> list[tuple[str, str, Decimal | int]]:
    return [(line.kind, line.description, line.amount) for line in bill.lines]


def amounts(bill: Bill) -> list[str]:
    return [str(line.amount) for line in bill.lines]


def test_every_component_has_a_line_even_at_zero() -> None:
    bill = rate_pieces("USD", [piece(plan(FEE, CALLS))])
    assert lines(bill) == [("FEE", "FEE", 31), ("USAGE", "CALLS", 0)]
    assert bill.total == 31


def test_a_line_is_rounded_once_and_keeps_its_exact_steps() -> None:
    (line,) = rate_pieces("USD", [piece(plan(CALLS), {"calls": "5"})]).lines
    assert (str(line.amount), line.exact) == ("0.06", d("0.055"))
    assert (line.quantity, line.unit_price) == (d("5"), d("0.011"))
    assert (line.metric_id, line.subscription_id, line.period) == (METRIC, SUBSCRIPTION, JANUARY)
    assert line.component_id == CALLS.id


def test_the_unit_price_is_the_average_at_eighteen_places() -> None:
    packages = component(Package(d("10"), d("1")), "p")
    (line,) = rate_pieces("USD", [piece(plan(packages), {"p": "3"})]).lines
    assert str(line.unit_price) == "0." + "3" * 18


def test_usage_of_zero_has_no_unit_price() -> None:
    (line,) = rate_pieces("USD", [piece(plan(CALLS))]).lines
    assert line.unit_price is None


def test_a_fee_is_one_of_its_own_amount() -> None:
    (line,) = rate_pieces("USD", [piece(plan(FEE), covered=REST)]).lines
    assert (line.quantity, line.unit_price, line.amount) == (d("1"), d("11"), d("11"))
    assert line.steps[0].label == "Fee x 11 of 31 days"


def test_amounts_are_rounded_to_the_currency() -> None:
    bill = rate_pieces("JPY", [piece(plan(CALLS, currency="JPY"), {"calls": "50"})])
    assert amounts(bill) == ["1"]
    assert str(rate_pieces("KWD", []).total) == "0.000"


def test_a_plan_of_another_currency_is_refused() -> None:
    with pytest.raises(ValueError, match="Pro is in USD, not EUR"):
        rate_pieces("EUR", [piece(plan(FEE))])


def test_a_piece_in_trial_makes_no_line() -> None:
    terms = plan(FEE, CALLS, SETUP, minimum="100")
    trial = piece(terms, {"calls": "999"}, FIRST, in_trial=True)
    assert rate_pieces("USD", [trial]).lines == ()
    assert amounts(rate_pieces("USD", [trial, piece(plan(FEE, SETUP), {}, REST)])) == [
        "11.00",
        "5.00",
    ]


def test_a_flat_fee_is_charged_once_by_the_last_piece_that_has_it() -> None:
    dearer = component(Flat(d("8")), "setup")
    pieces = [piece(plan(dearer), {}, REST), piece(plan(SETUP), {}, FIRST)]
    assert amounts(rate_pieces("USD", pieces)) == ["8.00"]
    assert amounts(rate_pieces("USD", [piece(plan(FEE), {}, REST), pieces[1]])) == ["11.00", "5.00"]


def test_a_trial_at_the_end_does_not_swallow_the_flat_fee() -> None:
    terms = plan(SETUP)
    pieces = [piece(terms, {}, FIRST), piece(terms, {}, REST, in_trial=True)]
    assert amounts(rate_pieces("USD", pieces)) == ["5.00"]


def test_a_flat_fee_is_charged_in_each_billing_period_and_subscription() -> None:
    terms = plan(SETUP)
    february = span("2025-02-01", "2025-03-01")
    other = Piece(UUID(int=9), terms, JANUARY, JANUARY, {})
    pieces = [piece(terms), piece(terms, covered=february, period=february), other]
    assert amounts(rate_pieces("USD", pieces)) == ["5.00", "5.00", "5.00"]


def test_a_flat_fee_with_a_minimum_is_not_prorated_either() -> None:
    terms = plan(component(Flat(d("5")), "setup", minimum="7"))
    bill = rate_pieces("USD", [piece(terms, {}, FIRST), piece(terms, {}, REST)])
    assert amounts(bill) == ["5.00", "2.00"]


def test_usage_is_rated_whole_in_each_piece() -> None:
    terms = plan(component(Graduated(tiers(("10", "1", "31"), (None, "0.5", "0"))), "g"))
    bill = rate_pieces("USD", [piece(terms, {"g": "20"}, FIRST), piece(terms, {"g": "4"}, REST)])
    assert amounts(bill) == ["35.00", "15.00"]


def test_a_level_is_charged_its_share_of_the_whole_amount() -> None:
    seats = component(UsageSubscription(d("31"), d("3.1")), "seats", is_level=True)
    bill = rate_pieces("USD", [piece(plan(seats), {"seats": "10"}, REST)])
    assert amounts(bill) == ["22.00"]
    assert bill.lines[0].steps[0].label == "Base fee x 11 of 31 days"


def test_a_minimum_is_a_line_for_the_difference() -> None:
    calls = component(PerUnit(d("1")), "calls", minimum="31")
    bill = rate_pieces("USD", [piece(plan(calls), {"calls": "2.5"}, REST)])
    assert lines(bill) == [("USAGE", "CALLS", d("2.50")), ("MINIMUM", "CALLS: minimum", d("8.50"))]
    minimum = bill.lines[1]
    assert [(step.label, step.amount) for step in minimum.steps] == [
        ("Minimum x 11 of 31 days", 11),
        ("Already charged", d("-2.50")),
    ]
    assert minimum.metric_id == METRIC


def test_a_maximum_is_a_negative_line() -> None:
    calls = component(PerUnit(d("1")), "calls", maximum="31")
    bill = rate_pieces("USD", [piece(plan(calls), {"calls": "20"}, REST)])
    assert lines(bill)[1] == ("MAXIMUM", "CALLS: maximum", d("-9.00"))
    assert bill.total == 11


def test_bounds_that_are_met_make_no_line() -> None:
    calls = component(PerUnit(d("1")), "calls", minimum="5", maximum="5")
    assert amounts(rate_pieces("USD", [piece(plan(calls), {"calls": "5.001"})])) == ["5.00"]


def test_the_minimum_of_the_plan_comes_last_over_its_components() -> None:
    terms = plan(component(PerUnit(d("1")), "calls", minimum="4"), FEE, minimum="62")
    bill = rate_pieces("USD", [piece(terms, {"calls": "1"}, REST)])
    assert lines(bill)[-1] == (LineKind.MINIMUM, "Pro: minimum", d("9.58"))
    assert bill.lines[-1].component_id is None
    assert bill.total == 22


def test_a_rounded_half_of_a_maximum_is_reached_exactly() -> None:
    """A share of 10.005 is 10.01, and 20 less 9.99, not less 10.00."""
    calls = component(PerUnit(d("1")), "calls", maximum="10.005")
    bill = rate_pieces("USD", [piece(plan(calls), {"calls": "20"})])
    assert amounts(bill) == ["20.00", "-9.99"]


def test_a_failing_formula_fails_the_bill_and_names_its_component() -> None:
    broken = component(Dynamic(d("1"), "base_rate / (quantity - 5)"), "calls")
    with pytest.raises(ChargeFailed) as caught:
        rate_pieces("USD", [piece(plan(broken), {"calls": "5"})])
    failed = caught.value
    assert (failed.component_key, failed.component_name) == ("calls", "CALLS")
    assert (failed.formula, failed.reason) == ("base_rate / (quantity - 5)", "division by zero")
    assert str(failed) == (
        '"CALLS" cannot be charged.'
        ' The formula "base_rate / (quantity - 5)" failed: division by zero.'
    )


def test_credit_is_taken_off_the_total() -> None:
    bill = rate_pieces("USD", [piece(plan(FEE))])
    assert Bill("USD", bill.lines, credits_applied=d("10")).total == 21


def test_a_bill_below_zero_has_a_total_of_zero() -> None:
    (line,) = rate_pieces(
        "USD", [piece(plan(component(Dynamic(d("-3"), "base_rate"), "c")), {"c": "2"})]
    ).lines
    bill = Bill("USD", (line,))
    assert (str(bill.subtotal), str(bill.total)) == ("-6.00", "0.00")


def test_a_piece_must_lie_within_its_billing_period() -> None:
    with pytest.raises(ValueError, match="within"):
        piece(plan(FEE), covered=span("2024-12-31", "2025-01-02"))


def test_usage_of_an_unknown_component_charges_nothing() -> None:
    stray = Piece(None, plan(FEE), JANUARY, JANUARY, {UUID(int=7): Usage(d("5"))})
    assert amounts(rate_pieces("USD", [stray])) == ["31.00"]
