"""Charges as other billing systems compute them."""

from decimal import Decimal
from uuid import UUID

import pytest

from fubble_gql.pricing.bill import Bill, Component, LineKind, Piece, Terms, rate_pieces
from fubble_gql.pricing.charge import Usage
from fubble_gql.pricing.line import sum_of
from fubble_gql.pricing.money import round_money
from fubble_gql.pricing.period import WHOLE, Period
from fubble_gql.pricing.rates import (
    Graduated,
    Package,
    Percentage,
    PerUnit,
    Rate,
    Tier,
    Volume,
)
from tests.conformance.corpus import Case, Record, instant, to_answer

ID = UUID(int=1)
MONTH = Period(instant("2025-01-01"), instant("2025-02-01"))
HUNDRED = Decimal(100)


@pytest.mark.parametrize("case", to_answer("charge_models"))
def test_a_charge_is_what_the_standard_says(case: Case) -> None:
    assert _answer(case, case.record("price"), case.record("usage")) == case.answer().decimal(
        "amount"
    )


def _answer(case: Case, price: Record, usage: Record) -> Decimal:
    match case.model:
        case "rounding" if "line_amounts" in usage:
            return sum(
                (round_money(each, "USD") for each in usage.decimals("line_amounts")), Decimal(0)
            )
        case "rounding":
            return round_money(usage.decimal("amount"), "USD")
        case "commitment":
            return _true_up(price, usage)
        case "bucketed":
            rate = _rate(price.text("mode"), price)
            return sum((_exact(rate, each) for each in usage.decimals("window_maxima")), Decimal(0))
        case model:
            return _progressive(_rate(model, price), price, usage)


def _true_up(price: Record, usage: Record) -> Decimal:
    """What the plan's minimum adds to a component that comes to the used amount."""
    used = Component(ID, "usage", "Usage", PerUnit(usage.decimal("used_amount")), metric_id=ID)
    bill = _bill(used, Decimal(1), price.decimal("minimum_spend"))
    return sum_of(line for line in bill.lines if line.kind is LineKind.MINIMUM)


def _progressive(rate: Rate, price: Record, usage: Record) -> Decimal:
    """What the whole usage costs, less what was billed before."""
    before = usage.decimal("previously_billed_quantity")
    now = before + usage.decimal("amount" if "amount" in usage else "quantity")
    billed = Decimal(0)
    if "previously_billed_amount" in usage:
        billed = usage.decimal("previously_billed_amount")
    elif before:
        billed = _total(rate, price, before)
    return _total(rate, price, now) - billed


def _total(rate: Rate, price: Record, quantity: Decimal) -> Decimal:
    if "minimum_spend" in price or "maximum_spend" in price:
        return _bounded(rate, price, quantity)
    exact = _exact(rate, quantity)
    if "rounding_places" in price:
        return round_money(exact, "USD")
    return round_money(exact, "JPY") if price.fields.get("unit") == "minor" else exact


def _exact(rate: Rate, quantity: Decimal) -> Decimal:
    return rate.charge(Usage(quantity), WHOLE).amount


def _bounded(rate: Rate, price: Record, quantity: Decimal) -> Decimal:
    component = Component(
        id=ID,
        key="usage",
        name="Usage",
        rate=rate,
        metric_id=ID,
        minimum=price.decimal("minimum_spend") if "minimum_spend" in price else None,
        maximum=price.decimal("maximum_spend") if "maximum_spend" in price else None,
    )
    return sum_of(_bill(component, quantity).lines)


def _bill(component: Component, quantity: Decimal, minimum: Decimal | None = None) -> Bill:
    """The bill of a month with that much usage, on a plan of one component."""
    terms = Terms(ID, "Plan", "USD", (component,), minimum)
    return rate_pieces("USD", [Piece(ID, terms, MONTH, MONTH, {ID: Usage(quantity)})])


def _rate(model: str, price: Record) -> Rate:
    match model:
        case "graduated" | "graduated_percentage":
            return Graduated(_tiers(price))
        case "volume":
            return Volume(_tiers(price))
        case "per_unit":
            return PerUnit(price.decimal("unit_price"))
        case "package":
            return Package(
                price.decimal("package_size"),
                price.decimal("package_price"),
                price.decimal("free_units"),
            )
        case "unit_conversion" if price.text("rounding") == "ceiling":
            return Package(price.decimal("divide_by"), price.decimal("unit_price"))
        case "percentage" | "dynamic":
            # Dynamic: the events carry amounts, passed on, marked up by a multiplier if any.
            markup = HUNDRED * price.decimal("multiplier", "1")
            return Percentage(price.decimal("rate_percent") if model == "percentage" else markup)
        case _:
            raise AssertionError(f"No rate for {model}.")


def _tiers(price: Record) -> tuple[Tier, ...]:
    """A rate in percent is a unit price of so many hundredths; `from` without `up_to` is open."""
    return tuple(
        Tier(
            tier.decimal("up_to") if "up_to" in tier else None,
            tier.decimal("unit_price")
            if "unit_price" in tier
            else tier.decimal("rate_percent") / HUNDRED,
            tier.decimal("flat_fee"),
        )
        for tier in price.records("tiers")
    )
