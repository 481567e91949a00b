"""Rates survive being stored."""

import json

import pytest
from hypothesis import given

from fubble_gql.pricing.rates import MODELS, Graduated, Package, Rate
from fubble_gql.pricing.rates.codec import decode, encode
from tests.pricing.builders import d, tiers
from tests.pricing.strategies import COMBINED_RATES, FEES, RATE, USAGE_RATES


def test_every_model_has_a_strategy() -> None:
    assert len([*USAGE_RATES, *COMBINED_RATES, *FEES]) == len(MODELS)


@given(RATE)
def test_a_rate_comes_back_as_it_was(rate: Rate) -> None:
    assert decode(json.loads(json.dumps(encode(rate)))) == rate


def test_decimals_are_stored_as_plain_strings() -> None:
    assert encode(Graduated(tiers(("1E+2", "0.50", "0"), (None, "1", "2")))) == {
        "model": "graduated",
        "tiers": [
            {"up_to": "100", "unit_price": "0.5", "flat_fee": "0"},
            {"up_to": None, "unit_price": "1", "flat_fee": "2"},
        ],
    }


def test_a_field_with_a_default_may_be_absent() -> None:
    assert decode({"model": "package", "size": "10", "price": "1"}) == Package(d("10"), d("1"))


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"model": "free"},
        {"model": 1},
        {"model": "flat"},
        {"model": "flat", "amount": 1},
        {"model": "flat", "amount": "much"},
        {"model": "flat", "amount": "1", "color": "red"},
        {"model": "graduated", "tiers": "none"},
        {"model": "graduated", "tiers": ["none"]},
        {"model": "time", "rate": "1", "rate_unit": "YEAR", "metric_unit": "DAY"},
        {"model": "percentage", "rate": "1", "free_events": True},
        {"model": "dynamic", "base_rate": "1", "formula": "1", "variables": []},
        {"model": "flat", "amount": "-1"},
    ],
)
def test_what_no_model_knows_is_never_a_price(stored: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"model|read|has no|number|Unit|zero"):
        decode(stored)
