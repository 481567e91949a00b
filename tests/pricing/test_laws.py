"""What holds for every price, every quantity and every way to cut a period."""

import decimal
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from fubble_gql.pricing.bill import Bill, Piece, Terms, rate_pieces
from fubble_gql.pricing.charge import Usage
from fubble_gql.pricing.money import round_money
from fubble_gql.pricing.period import WHOLE, Period, Share
from fubble_gql.pricing.rates import (
    Flat,
    Graduated,
    PerUnit,
    Rate,
    Subscription,
    Tier,
    Volume,
)
from tests.pricing.builders import JANUARY, SUBSCRIPTION, component, plan
from tests.pricing.strategies import (
    FEES,
    PRICES,
    QUANTITIES,
    SHARES,
    USAGE_RATE,
    USAGE_RATES,
    decimals,
    tier_tables,
)

CENT = Decimal("0.01")
CUTS = st.integers(1, JANUARY.microseconds - 1).map(
    lambda after: JANUARY.start + timedelta(microseconds=after)
)
BOUNDS = st.one_of(st.none(), PRICES)


def charged(rate: Rate, quantity: Decimal, share: Share = WHOLE) -> Decimal:
    return rate.charge(Usage(quantity, 3), share).amount


@given(st.lists(st.tuples(st.one_of(*USAGE_RATES, *FEES), QUANTITIES), max_size=4), CUTS, BOUNDS)
def test_lines_sum_to_the_total_and_steps_to_the_lines(
    prices: list[tuple[Rate, Decimal]], cut: datetime, minimum: Decimal | None
) -> None:
    components = tuple(
        component(rate, f"c{index}", is_level=index == 1) for index, (rate, _) in enumerate(prices)
    )
    terms = plan(*components, minimum=None if minimum is None else str(minimum))
    usage = {
        each.id: Usage(quantity, 2) for each, (_, quantity) in zip(components, prices, strict=True)
    }
    bill = rate_pieces("USD", cut_in_two(terms, usage, cut))
    assert bill.subtotal == sum(line.amount for line in bill.lines)
    for line in bill.lines:
        assert line.exact == sum(step.amount for step in line.steps)
        assert line.amount == round_money(line.exact, "USD")


@given(USAGE_RATE, QUANTITIES, SHARES)
def test_every_charge_explains_itself(rate: Rate, quantity: Decimal, share: Share) -> None:
    charge = rate.charge(Usage(quantity, 3), share)
    assert charge.steps
    assert charge.quantity == max(quantity, Decimal(0))
    assert charge.scaled(share).amount == share.of(charge.amount)


@given(tier_tables(), decimals(high=2_000), decimals(high=2_000))
def test_a_graduated_price_never_falls_with_usage(
    tiers: tuple[Tier, ...], quantity: Decimal, more: Decimal
) -> None:
    rate = Graduated(tiers)
    assert charged(rate, quantity + more) >= charged(rate, quantity)


@given(tier_tables(), st.integers(0, 300))
def test_a_graduated_price_is_the_sum_of_its_units(tiers: tuple[Tier, ...], count: int) -> None:
    whole = tuple(
        Tier(None if tier.up_to is None else tier.up_to.to_integral_value(), tier.unit_price)
        for tier in tiers
    )
    ends = [tier.up_to for tier in whole]
    if len(set(ends)) < len(ends):
        return
    by_unit = sum(
        (
            next(tier.unit_price for tier in whole if tier.up_to is None or unit <= tier.up_to)
            for unit in range(1, count + 1)
        ),
        Decimal(0),
    )
    assert charged(Graduated(whole), Decimal(count)) == by_unit


@given(tier_tables(), decimals(high=2_000))
def test_one_tier_charges_alike_whether_graduated_or_volume(
    tiers: tuple[Tier, ...], quantity: Decimal
) -> None:
    last = (tiers[-1],)
    assert charged(Graduated(last), quantity) == charged(Volume(last), quantity)


@given(PRICES, st.lists(decimals(), max_size=6))
def test_splitting_usage_changes_nothing_without_free_units(
    price: Decimal, parts: list[Decimal]
) -> None:
    rate = PerUnit(price)
    whole = charged(rate, sum(parts, Decimal(0)))
    assert whole == sum((charged(rate, part) for part in parts), Decimal(0))


@given(
    st.one_of([each for each in USAGE_RATES if each not in (USAGE_RATES[3], USAGE_RATES[7])]),
    QUANTITIES,
)
def test_nothing_is_rounded_where_nothing_divides(rate: Rate, quantity: Decimal) -> None:
    with decimal.localcontext() as context:
        context.traps[decimal.Inexact] = True
        charged(rate, quantity)


@given(
    st.one_of(st.builds(Subscription, PRICES), st.builds(Flat, PRICES)),
    st.one_of(st.builds(PerUnit, PRICES), st.builds(Graduated, tier_tables())),
    decimals(high=1_000),
    CUTS,
)
def test_changing_to_an_identical_plan_changes_nothing(
    fee: Rate, level_rate: Rate, level: Decimal, cut: datetime
) -> None:
    """Fees and constant levels stay the same, within one minor unit a piece."""
    seats = component(level_rate, "seats", is_level=True)
    terms = plan(component(fee, "fee"), seats)
    usage = {seats.id: Usage(level, 1)}
    whole = rate_pieces("USD", [Piece(SUBSCRIPTION, terms, JANUARY, JANUARY, usage)])
    pieces = rate_pieces("USD", cut_in_two(terms, usage, cut))
    assert abs(pieces.total - whole.total) <= 2 * 2 * CENT
    for key in ("fee", "seats"):
        assert abs(sum_for(pieces, key) - sum_for(whole, key)) <= 2 * CENT


@given(PRICES, CUTS)
def test_a_minimum_cut_in_two_is_the_same_minimum(minimum: Decimal, cut: datetime) -> None:
    usage_free = component(PerUnit(Decimal(1)), "calls", minimum=str(minimum))
    pieces = rate_pieces("USD", cut_in_two(plan(usage_free), {}, cut))
    assert abs(pieces.total - minimum) <= 2 * CENT


def cut_in_two(terms: Terms, usage: Mapping[UUID, Usage], cut: datetime) -> list[Piece]:
    return [
        Piece(SUBSCRIPTION, terms, covered, JANUARY, usage)
        for covered in (Period(JANUARY.start, cut), Period(cut, JANUARY.end))
    ]


def sum_for(bill: Bill, key: str) -> Decimal:
    id = component(PerUnit(Decimal(1)), key).id
    return sum(
        (line.amount for line in bill.lines if line.component_id == id),
        Decimal(0),
    )
