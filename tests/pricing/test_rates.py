"""What each pricing model charges, to the last digit and step."""

from decimal import Decimal

import pytest

from fubble_gql.pricing.charge import Charge, Combination, Usage
from fubble_gql.pricing.period import WHOLE, Share
from fubble_gql.pricing.rates import (
    MODELS,
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
    Rate,
    Subscription,
    Threshold,
    ThresholdMode,
    Thresholds,
    Time,
    TimeUnit,
    UsageSubscription,
    Volume,
    dimensions_of,
    needs_metric,
)
from tests.pricing.builders import charge, d, tiers

THIRD = Share(1, 3)
TABLE = tiers(("10", "2", "5"), ("20", "1", "3"), (None, "0.5", "0"))
STAIRS = (Threshold(d("10"), d("5")), Threshold(d("50"), d("15")), Threshold(d("100"), d("25")))
MATRIX = Matrix(
    ("region", "size"),
    (Cell(("eu", "big"), d("3")), Cell(("us", "big"), d("2")), Cell(("us", "small"), d("3"))),
    d("1"),
)


def rows(charged: Charge) -> list[tuple[str, Decimal | int, Decimal | int]]:
    return [(step.label, step.quantity, step.amount) for step in charged.steps]


def test_the_models_are_the_thirteen_of_the_contract() -> None:
    assert list(MODELS) == [
        "flat",
        "subscription",
        "per_unit",
        "graduated",
        "volume",
        "package",
        "threshold",
        "percentage",
        "usage_subscription",
        "time",
        "dimension",
        "matrix",
        "dynamic",
    ]


def test_only_the_two_fees_need_no_metric() -> None:
    assert not needs_metric(Flat(d("1")))
    assert not needs_metric(Subscription(d("1")))
    assert needs_metric(PerUnit(d("1")))


def test_a_flat_fee_is_never_prorated() -> None:
    assert charge(Flat(d("9.99")), "7", share=THIRD).amount == d("9.99")


def test_a_subscription_is_charged_for_its_share() -> None:
    charged = charge(
        Subscription(d("31")), "0", share=Share(11 * 86_400_000_000, 31 * 86_400_000_000)
    )
    assert rows(charged) == [("Fee x 11 of 31 days", 1, 11)]


def test_free_units_are_a_step_of_their_own() -> None:
    charged = charge(PerUnit(d("0.5"), free_units=d("10")), "14")
    assert rows(charged) == [("Free units", 10, 0), ("Usage", 4, 2)]
    assert charged.quantity == 14


def test_usage_within_the_free_units_costs_nothing() -> None:
    assert rows(charge(PerUnit(d("0.5"), free_units=d("10")), "4")) == [("Free units", 4, 0)]


def test_no_usage_still_has_a_step() -> None:
    assert rows(charge(PerUnit(d("0.5"), free_units=d("10")), "0")) == [("Usage", 0, 0)]


@pytest.mark.parametrize(
    ("quantity", "amount"),
    [("0", "5"), ("10", "25"), ("10.5", "28.5"), ("20", "38"), ("21", "38.5"), ("-3", "5")],
)
def test_graduated_tiers_price_each_unit_where_it_falls(quantity: str, amount: str) -> None:
    assert charge(Graduated(TABLE), quantity).amount == d(amount)


def test_a_graduated_charge_shows_the_bounds_of_its_tiers() -> None:
    steps = charge(Graduated(TABLE), "15").steps
    assert [(step.above, step.up_to) for step in steps] == [(d("0"), d("10")), (d("10"), d("20"))]
    assert [(step.quantity, step.unit_price) for step in steps] == [
        (d("10"), d("2")),
        (d("5"), d("1")),
    ]
    assert [step.flat_fee for step in steps] == [d("5"), d("3")]


def test_flat_fees_of_tiers_are_prorated_and_usage_is_not() -> None:
    charged = charge(Graduated(TABLE), "15", share=Share(1, 2))
    assert charged.amount == d("20") + d("5") + d("4")
    assert charged.steps[0].label == "Tier 1, flat fee x 1 of 2"


@pytest.mark.parametrize(
    ("quantity", "amount"),
    [("0", "5"), ("10", "25"), ("10.5", "13.5"), ("20", "23"), ("21", "10.5"), ("-1", "5")],
)
def test_volume_tiers_price_every_unit_alike(quantity: str, amount: str) -> None:
    assert charge(Volume(TABLE), quantity).amount == d(amount)


def test_the_flat_fee_of_a_volume_tier_is_prorated() -> None:
    assert charge(Volume(TABLE), "10", share=Share(1, 2)).amount == d("22.5")


@pytest.mark.parametrize(
    ("quantity", "amount"),
    [("0", "0"), ("5", "0"), ("5.001", "9"), ("105", "9"), ("105.5", "18"), ("-9", "0")],
)
def test_a_package_that_is_begun_is_paid_for(quantity: str, amount: str) -> None:
    assert charge(Package(d("100"), d("9"), free_units=d("5")), quantity).amount == d(amount)


def test_a_package_explains_how_many_were_begun() -> None:
    charged = charge(Package(d("3"), d("10"), free_units=d("2")), "7")
    assert rows(charged) == [("Free units", 2, 0), ("2 packages of 3 at 10", 5, 20)]
    assert charged.steps[1].unit_price == d("3." + "3" * 50)


@pytest.mark.parametrize(
    ("quantity", "cumulative", "highest"),
    [
        ("0", "0", "0"),
        ("9.99", "0", "0"),
        ("10", "5", "5"),
        ("99", "20", "15"),
        ("100", "45", "25"),
    ],
)
def test_thresholds_add_up_or_the_highest_counts(
    quantity: str, cumulative: str, highest: str
) -> None:
    assert charge(Thresholds(STAIRS), quantity).amount == d(cumulative)
    assert charge(Thresholds(STAIRS, ThresholdMode.HIGHEST), quantity).amount == d(highest)


def test_a_threshold_at_zero_is_always_reached() -> None:
    assert charge(Thresholds((Threshold(d("0"), d("7")),)), "-1").amount == 7


def test_a_percentage_has_free_amounts_and_free_events() -> None:
    rate = Percentage(d("2.9"), fixed_fee=d("0.3"), free_events=2, free_amount=d("100"))
    charged = charge(rate, "1000", events=5)
    assert rows(charged) == [
        ("Free amount", 100, 0),
        ("2.9 %", 900, d("26.1")),
        ("Free events", 2, 0),
        ("Fee for each event", 3, d("0.9")),
    ]
    assert charged.amount == 27


def test_a_percentage_of_nothing_still_charges_events() -> None:
    assert charge(Percentage(d("2.9"), fixed_fee=d("0.3")), "-5", events=1).amount == d("0.3")


def test_a_usage_subscription_prorates_its_base_fee_alone() -> None:
    rate = UsageSubscription(d("20"), d("0.5"), included_units=d("10"))
    charged = charge(rate, "14", share=Share(1, 4))
    assert rows(charged) == [
        ("Base fee x 1 of 4", 1, 5),
        ("Included units", 10, 0),
        ("Usage", 4, 2),
    ]


def test_time_is_priced_in_another_unit_than_it_is_measured() -> None:
    rate = Time(d("6"), rate_unit=TimeUnit.HOUR, metric_unit=TimeUnit.MINUTE)
    charged = charge(rate, "90")
    assert rows(charged) == [("Minutes at 6 per hour", 90, 9)]
    assert charged.steps[0].unit_price == d("0.1")


def test_time_divides_once_so_whole_units_come_out_whole() -> None:
    rate = Time(d("1"), rate_unit=TimeUnit.DAY, metric_unit=TimeUnit.HOUR)
    assert charge(rate, "72").amount == 3


def test_dimensions_multiply_the_base_rate() -> None:
    rate = Dimension(d("0.1"), (Multiplier("cpu", d("0.5")), Multiplier("memory", d("0.25"))))
    usage = Usage(d("10"), 1, (Combination(("2", "4"), d("10"), 1),))
    assert rate.charge(usage, WHOLE).amount == 4
    assert dimensions_of(rate) == ("cpu", "memory")


def test_a_negative_multiplier_is_a_discount() -> None:
    rate = Dimension(d("2"), (Multiplier("age", d("-0.1")),))
    usage = Usage(d("3"), 1, (Combination(("4",), d("3"), 1),))
    assert rate.charge(usage, WHOLE).amount == d("3.6")


def test_matrix_combinations_of_equal_price_share_a_step() -> None:
    usage = Usage(
        d("10"),
        5,
        (
            Combination(("us", "small"), d("4"), 1),
            Combination(("eu", "big"), d("2"), 1),
            Combination(("us", "big"), d("1"), 1),
            Combination(("ap", "tiny"), d("3"), 2),
        ),
    )
    charged = MATRIX.charge(usage, WHOLE)
    assert rows(charged) == [
        ("ap / tiny", 3, 3),
        ("eu / big, us / small", 6, 18),
        ("us / big", 1, 2),
    ]
    assert dimensions_of(MATRIX) == ("region", "size")


def test_a_step_of_many_combinations_names_the_first_three() -> None:
    usage = Usage(d("5"), 5, tuple(Combination((str(n), "x"), d("1"), 1) for n in (4, 2, 1, 3, 0)))
    assert [step.label for step in MATRIX.charge(usage, WHOLE).steps] == [
        "0 / x, 1 / x, 2 / x and 2 more"
    ]


def test_usage_is_clamped_at_zero_inside_each_combination() -> None:
    usage = Usage(
        d("1"),
        2,
        (Combination(("eu", "big"), d("-4"), 1), Combination(("us", "big"), d("5"), 1)),
    )
    charged = MATRIX.charge(usage, WHOLE)
    assert (charged.quantity, charged.amount) == (d("5"), d("10"))


def test_usage_without_its_combinations_is_never_free() -> None:
    with pytest.raises(ValueError, match="by combination"):
        MATRIX.charge(Usage(d("5")), WHOLE)


def test_no_usage_of_a_matrix_costs_nothing() -> None:
    assert rows(MATRIX.charge(Usage(), WHOLE)) == [("No usage", 0, 0)]


def test_a_dynamic_price_is_its_formula() -> None:
    rate = Dynamic(
        d("0.15"), "base_rate * (1 + market) if quantity > 5 else 0", {"market": d("-0.5")}
    )
    assert charge(rate, "10").amount == d("0.75")
    assert charge(rate, "5").amount == 0


@pytest.mark.parametrize("quantity", ["0", "-3"])
def test_no_quantity_never_runs_the_formula(quantity: str) -> None:
    assert charge(Dynamic(d("1"), "base_rate / (quantity - quantity)"), quantity).amount == 0


@pytest.mark.parametrize(
    "rate", [PerUnit(d("3")), Package(d("2"), d("3")), Time(d("1"), TimeUnit.DAY, TimeUnit.DAY)]
)
def test_negative_usage_prices_as_zero(rate: Rate) -> None:
    charged = charge(rate, "-10")
    assert (charged.quantity, charged.amount) == (d("0"), d("0"))


def test_a_charge_without_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="step"):
        Charge(d("1"), ())


def test_a_scaled_charge_says_its_share_and_sums_to_it() -> None:
    charged = charge(Graduated(TABLE), "15").scaled(THIRD)
    assert charged.amount == THIRD.of(d("33"))
    assert charged.steps[0].label == "Tier 1 x 1 of 3"
