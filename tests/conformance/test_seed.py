"""What the seed's documentation promises of its prices and periods."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice

import pytest

from fubble_gql.pricing.charge import Combination, Usage
from fubble_gql.pricing.period import WHOLE, Frequency, Schedule
from fubble_gql.pricing.rates import (
    Dimension,
    Dynamic,
    Flat,
    Graduated,
    Multiplier,
    Package,
    Rate,
    Subscription,
    Threshold,
    Thresholds,
    Tier,
    Time,
    TimeUnit,
    UsageSubscription,
    Volume,
)
from tests.conformance.corpus import Case, Record, instant, to_answer

FAR = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "case", to_answer("seed", but_not={"usage", "invoice", "commitment", "credits"})
)
def test_the_seed_case_has_its_documented_answer(case: Case) -> None:
    given = case.record("input")
    expected = case.answer()
    match given.text("kind"):
        case "price":
            assert _charge(given) == expected.decimal("charge")
        case "periods":
            assert _periods(given) == [
                (instant(start), instant(end)) for start, end in expected.pairs("periods")
            ]
        case kind:
            raise AssertionError(f"No runner for {kind}.")


def _periods(given: Record) -> list[tuple[datetime, datetime]]:
    start = given.instant("start")
    schedule = Schedule(start, Frequency(given.text("frequency").upper()), "UTC")
    taken = islice(schedule.periods(start, FAR), int(given.text("take")))
    return [(period.start, period.end) for period in taken]


def _charge(given: Record) -> Decimal:
    details = given.record("details")
    rate = _rate(given.text("pricing_type"), details)
    quantity = given.decimal("quantity")
    combinations: tuple[Combination, ...] = ()
    if isinstance(rate, Dimension):
        dimensions = details.record("dimensions")
        values = tuple(dimensions.record(name).text(name) for name in rate.properties)
        combinations = (Combination(values, quantity, 1),)
    return rate.charge(Usage(quantity, 1, combinations), WHOLE).amount


def _rate(pricing_type: str, details: Record) -> Rate:
    match pricing_type:
        case "flat":
            return Flat(details.decimal("amount"))
        case "subscription":
            return Subscription(details.decimal("amount"))
        case "tiered" | "graduated":
            return Graduated(_tiers(details))
        case "volume":
            return Volume(_tiers(details))
        case "package":
            return Package(details.decimal("package_size"), details.decimal("package_price"))
        case _:
            return _other_rate(pricing_type, details)


def _other_rate(pricing_type: str, details: Record) -> Rate:
    match pricing_type:
        case "threshold":
            return Thresholds(
                tuple(
                    Threshold(each.decimal("threshold"), each.decimal("price"))
                    for each in details.records("thresholds")
                )
            )
        case "usage_based_subscription":
            return UsageSubscription(details.decimal("base_fee"), details.decimal("usage_price"))
        case "time_based":
            unit = TimeUnit(details.text("unit").upper())
            return Time(details.decimal("rate_per_unit"), rate_unit=unit, metric_unit=unit)
        case "dimension_based":
            dimensions = details.record("dimensions")
            return Dimension(
                details.decimal("base_rate"),
                tuple(
                    Multiplier(name, dimensions.record(name).decimal("multiplier"))
                    for name in dimensions.fields
                ),
            )
        case "dynamic":
            variables = details.record("variables")
            return Dynamic(
                details.decimal("base_rate"),
                details.text("formula"),
                {name: variables.decimal(name) for name in variables.fields},
            )
        case _:
            raise AssertionError(f"No rate for {pricing_type}.")


def _tiers(details: Record) -> tuple[Tier, ...]:
    """The seed gives where a tier starts; each ends where the next one starts."""
    tiers = sorted(details.records("tiers"), key=lambda tier: tier.decimal("start"))
    ends = [tier.decimal("start") for tier in tiers[1:]]
    return tuple(
        Tier(end, tier.decimal("price")) for tier, end in zip(tiers, [*ends, None], strict=True)
    )
