"""Shares of a billing period as other billing systems compute them."""

from decimal import Decimal

import pytest

from fubble_gql.pricing.charge import Usage
from fubble_gql.pricing.money import limit_places, round_money
from fubble_gql.pricing.period import Period, Share
from fubble_gql.pricing.rates import Subscription
from tests.conformance.corpus import Case, Record, to_answer


@pytest.mark.parametrize("case", to_answer("proration"))
def test_a_share_is_what_the_standard_says(case: Case) -> None:
    expected = case.answer()
    answered = _answer(case)
    for name in expected.fields:
        assert answered[name] == abs(expected.decimal(name)), name


def _answer(case: Case) -> dict[str, Decimal]:
    """Amounts are compared without sign: systems disagree on the sign of a credit."""
    match case.model:
        case "factor" | "leading_stub" | "trailing_stub":
            return {"factor": limit_places(_rest(case).of(Decimal(1)), 9)}
        case "stub_period":
            days = case.record("billed_days")
            share = Share(int(days.text("count")), int(case.text("period_days")))
            return {"amount": _fee(case, case.decimal("amount"), share)}
        case "credit_grant":
            return {"amount": _fee(case, case.decimal("amount"), _rest(case))}
        case "plan_change":
            rest = _rest(case)
            credit = _fee(case, _amount(case.record("old")), rest)
            charge = _fee(case, _amount(case.record("new")), rest)
            return {"credit": credit, "charge": charge, "net": abs(charge - credit)}
        case model:
            raise AssertionError(f"No share for {model}.")


def _rest(case: Case) -> Share:
    """What is left of the period from the change on."""
    bounds = case.record("period")
    period = Period(bounds.instant("from"), bounds.instant("to"))
    change = case.instant("change_at")
    if change >= period.end:
        return Share(0, 1)
    return Share.between(Period(change, period.end), period)


def _fee(case: Case, amount: Decimal, share: Share) -> Decimal:
    currency = "JPY" if case.fields.get("unit") == "minor" else "USD"
    return round_money(Subscription(amount).charge(Usage(), share).amount, currency)


def _amount(plan: Record) -> Decimal:
    if "amount" in plan:
        return plan.decimal("amount")
    return plan.decimal("unit_price") * plan.decimal("quantity")
