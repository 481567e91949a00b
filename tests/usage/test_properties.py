"""Properties are read in one quick look, which comes to what a careful one would."""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType

from hypothesis import example, given
from hypothesis import strategies as st

from fubble_gql.errors import Problem, Refused
from fubble_gql.usage.properties import read

ODD: list[object] = [
    *("\0", "\ud800", "\\u0000", "\\\\u0000", "\u2028", 0.5, b"", (), object(), Decimal("NaN")),
    *(2**63 - 1, 2**63, 2**64, -(2**63), -(2**63) - 1, 10**100, -(10**100), 10**99, -(10**99)),
    *map(Decimal, ("-0.0", "0E+999999", "0E-999", "1.50", "1E+99", "1E+100", "1E-100", "1E-101")),
    *map(Decimal, ("sNaN", "-Infinity", "9" * 100, "9" * 101, "0." + "0" * 99 + "1", "1E+999999")),
]
TEXTS = st.text("aZ0é\\u\0\ud800", max_size=6)
NAMES = TEXTS | st.integers(0, 1)
PLAIN = st.sampled_from([None, True, 1, *ODD]) | TEXTS
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=6
)


def nested(levels: int, *innermost: object) -> object:
    """A list, in lists and objects in turn."""
    value: object = [*innermost]
    for level in range(levels - 1):
        value = {"a": value} if level % 2 else [value]
    return value


def outcome(properties: object) -> str | Problem:
    """How they are spelled, or why they are refused."""
    try:
        return read(properties).text
    except Refused as refused:
        return refused.problems[0]


@given(st.dictionaries(TEXTS, VALUES))
@example({str(n): value for n, value in enumerate(ODD[3:5])})
@example({"a": nested(31)})
@example({"a": nested(32)})
@example({"a": nested(30, 1)})
@example({"a": nested(31, 1)})
@example({"a": [nested(31)]})
@example({"a": [[{"b": {"c": nested(28)}}, 1], {"d": 1}]})
def test_a_quick_look_comes_to_the_same_as_a_careful_one(sent: dict[object, object]) -> None:
    # Only a plain dict is read quickly.
    assert outcome(sent) == outcome(MappingProxyType(sent))


def test_each_odd_value_is_read_alike_wherever_it_is() -> None:
    for value in ODD:
        places: list[object] = [value, [value], {"b": value}, [{"b": [1, value]}]]
        for sent in ({"a": place} for place in places):
            assert outcome(sent) == outcome(MappingProxyType(sent)), value


def test_properties_that_were_read_are_not_read_again() -> None:
    properties = read({"b": 1, "a": Decimal("1.0")})

    assert read(properties) is properties
    assert properties.text == '{"a":1,"b":1}'
