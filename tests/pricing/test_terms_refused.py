"""Terms that cannot be charged by are refused, with every fault and its cure."""

from collections.abc import Callable

import pytest

from fubble_gql.pricing.bill import Component, Terms
from fubble_gql.pricing.fault import InvalidTerms
from fubble_gql.pricing.rates import (
    Cell,
    Dimension,
    Dynamic,
    Flat,
    Graduated,
    Matrix,
    Multiplier,
    Package,
    Percentage,
    PerUnit,
    Subscription,
    Threshold,
    Thresholds,
    Time,
    TimeUnit,
    UsageSubscription,
    Volume,
)
from tests.pricing.builders import PLAN, component, d, plan, tiers

Path = tuple[str | int, ...]


def faults_of(build: Callable[[], object]) -> dict[Path, str]:
    with pytest.raises(InvalidTerms) as caught:
        build()
    return {fault.path: fault.message for fault in caught.value.faults}


@pytest.mark.parametrize("model", [Graduated, Volume])
def test_tiers_must_rise(model: type[Graduated | Volume]) -> None:
    table = tiers(("100", "1", "0"), ("100", "1", "0"), (None, "1", "0"))
    assert faults_of(lambda: model(table)) == {
        ("tiers", 1, "up_to"): "Tier 2 must end above 100, where tier 1 ends."
    }


def test_the_last_tier_must_be_open() -> None:
    assert faults_of(lambda: Graduated(tiers(("10", "1", "0")))) == {
        ("tiers", 0, "up_to"): "Tier 1 is the last and must have no upTo."
    }


def test_only_the_last_tier_may_be_open() -> None:
    assert faults_of(lambda: Volume(tiers((None, "1", "0"), (None, "1", "0")))) == {
        ("tiers", 0, "up_to"): "Tier 1 needs upTo: only the last tier has none."
    }


def test_a_table_without_tiers_is_refused() -> None:
    assert faults_of(lambda: Graduated(())) == {("tiers",): "Give at least one tier."}


def test_all_faults_of_a_table_are_told_at_once() -> None:
    table = tiers(("0", "-1", "0"), (None, "1", "-2"))
    assert faults_of(lambda: Graduated(table)) == {
        ("tiers", 0, "up_to"): "upTo of tiers 1 must be above zero.",
        ("tiers", 0, "unit_price"): "unitPrice of tiers 1 must be zero or more.",
        ("tiers", 1, "flat_fee"): "flatFee of tiers 2 must be zero or more.",
    }


@pytest.mark.parametrize(
    ("build", "path"),
    [
        (lambda: Flat(d("-1")), ("amount",)),
        (lambda: Subscription(d("-0.01")), ("amount",)),
        (lambda: PerUnit(d("-1")), ("unit_price",)),
        (lambda: PerUnit(d("1"), free_units=d("-1")), ("free_units",)),
        (lambda: PerUnit(d("NaN")), ("unit_price",)),
        (lambda: PerUnit(d("0.0000000000000000001")), ("unit_price",)),
        (lambda: PerUnit(d("1E20")), ("unit_price",)),
        (lambda: Graduated(tiers(("NaN", "1", "0"), (None, "1", "0"))), ("tiers", 0, "up_to")),
        (lambda: Package(d("0"), d("1")), ("size",)),
        (lambda: Package(d("NaN"), d("1")), ("size",)),
        (lambda: Package(d("1"), d("-1")), ("price",)),
        (lambda: Package(d("1"), d("1"), free_units=d("-1")), ("free_units",)),
        (lambda: Thresholds(()), ("thresholds",)),
        (lambda: Thresholds((Threshold(d("-1"), d("1")),)), ("thresholds", 0, "threshold")),
        (lambda: Thresholds((Threshold(d("NaN"), d("1")),)), ("thresholds", 0, "threshold")),
        (lambda: Thresholds((Threshold(d("1"), d("-1")),)), ("thresholds", 0, "price")),
        (lambda: Thresholds((Threshold(d("1"), d("1")),) * 2), ("thresholds", 1, "threshold")),
        (lambda: Percentage(d("-1")), ("rate",)),
        (lambda: Percentage(d("1"), fixed_fee=d("-1")), ("fixed_fee",)),
        (lambda: Percentage(d("1"), free_events=-1), ("free_events",)),
        (lambda: Percentage(d("1"), free_amount=d("-1")), ("free_amount",)),
        (lambda: UsageSubscription(d("-1"), d("1")), ("base_fee",)),
        (lambda: UsageSubscription(d("1"), d("-1")), ("unit_price",)),
        (lambda: UsageSubscription(d("1"), d("1"), d("-1")), ("included_units",)),
        (lambda: Time(d("-1"), TimeUnit.DAY, TimeUnit.DAY), ("rate",)),
        (lambda: Dimension(d("-1"), (Multiplier("a", d("1")),)), ("base_rate",)),
        (lambda: Dimension(d("1"), ()), ("dimensions",)),
        (lambda: Dimension(d("1"), (Multiplier("a", d("1")),) * 2), ("dimensions", 1, "property")),
        (lambda: Dimension(d("1"), (Multiplier("", d("1")),)), ("dimensions", 0, "property")),
        (lambda: Dimension(d("1"), (Multiplier("a", d("NaN")),)), ("dimensions", 0, "multiplier")),
        (lambda: Matrix((), (), d("1")), ("properties",)),
        (lambda: Matrix(("a", "a"), (), d("1")), ("properties", 1)),
        (lambda: Matrix(("",), (), d("1")), ("properties", 0)),
        (lambda: Matrix(("a",), (), d("-1")), ("default_unit_price",)),
        (lambda: Matrix(("a",), (Cell(("x", "y"), d("1")),), d("1")), ("cells", 0, "values")),
        (lambda: Matrix(("a",), (Cell(("x",), d("1")),) * 2, d("1")), ("cells", 1, "values")),
        (lambda: Matrix(("a",), (Cell(("x",), d("-1")),), d("1")), ("cells", 0, "unit_price")),
        (lambda: Dynamic(d("NaN"), "1"), ("base_rate",)),
        (lambda: Dynamic(d("1"), "baseRate"), ("formula",)),
        (lambda: Dynamic(d("1"), "1", {"v": d("NaN")}), ("variables", "v")),
        (lambda: Dynamic(d("1"), "1", {"quantity": d("1")}), ("variables", "quantity")),
        (lambda: Dynamic(d("1"), "1", {"a b": d("1")}), ("variables", "a b")),
        (lambda: Dynamic(d("1"), "1", {"if": d("1")}), ("variables", "if")),
        (lambda: component(PerUnit(d("1")), minimum="-1"), ("minimum",)),
        (lambda: component(PerUnit(d("1")), maximum="-1"), ("maximum",)),
        (lambda: component(PerUnit(d("1")), minimum="2", maximum="1"), ("maximum",)),
        (lambda: plan(minimum="-1"), ("minimum",)),
        (lambda: plan(currency="XAU"), ("currency",)),
        (lambda: plan(component(Flat(d("1"))), component(Flat(d("1")))), ("components", 1, "key")),
    ],
)
def test_a_fault_is_told_at_its_place(build: Callable[[], object], path: Path) -> None:
    assert list(faults_of(build)) == [path]


def test_a_price_of_usage_needs_a_metric() -> None:
    faults = faults_of(lambda: Component(PLAN, "c", "C", PerUnit(d("1"))))
    assert faults == {("metric",): "per_unit pricing needs a metric."}


def test_a_fault_of_the_formula_names_what_is_unknown() -> None:
    faults = faults_of(lambda: Dynamic(d("1"), "base_rate * tax", {"vat": d("1")}))
    assert faults[("formula",)] == (
        '"tax" is not known here. Known names: base_rate, quantity, vat.'
    )


def test_the_error_tells_all_faults_in_its_text() -> None:
    with pytest.raises(
        InvalidTerms, match=r"size must be above zero\. price must be zero or more\."
    ):
        Package(d("0"), d("-1"))


def test_negative_numbers_are_welcome_where_they_make_sense() -> None:
    Dynamic(d("-1"), "base_rate + v", {"v": d("-2")})
    Dimension(d("1"), (Multiplier("cpu", d("-0.5")),))


def test_terms_without_components_are_terms() -> None:
    assert Terms(PLAN, "Free", "JPY", ()).components == ()
