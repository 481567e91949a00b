"""Formulas: exact, bounded, and reaching nothing but their names."""

import decimal
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fubble_gql.pricing.formula import Formula, FormulaFailed, InvalidFormula
from tests.pricing.builders import d
from tests.pricing.strategies import SIGNED

NAMES = ("x", "y", "max_seats")


def value(text: str, x: str = "7", y: str = "2") -> Decimal:
    return Formula.parse(text, NAMES).evaluate({"x": d(x), "y": d(y), "max_seats": d("5")})


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("0.1 + 0.2", "0.3"),
        ("x * y - 1", "13"),
        ("-x + +y", "-5"),
        ("x / y", "3.5"),
        ("x % y", "1"),
        ("(0 - x) % y", "-1"),
        ("y ** 10", "1024"),
        ("y ** -2", "0.25"),
        ("0 ** 0", "1"),
        ("x if x > y else y", "7"),
        ("1 if x > 5 and not y > 5 else 2", "1"),
        ("1 if x < y or x == 7 else 2", "1"),
        ("1 if 0 < y <= 2 != x else 2", "1"),
        ("min(x, y, 3) + max(x, y)", "9"),
        ("abs(0 - x)", "7"),
        ("round(2.5)", "3"),
        ("round(0 - 2.5)", "-3"),
        ("round(1.005, 2)", "1.01"),
        ("round(1234, 0 - 2)", "1200"),
        ("floor(0 - 1.5) + ceil(1.2)", "0"),
        ("x\n  + y", "9"),
        ("  .5 + 5.  ", "5.5"),
        ("x and y", "2"),
        ("max_seats", "5"),
        ("0 if y == 2 else 1 / 0", "0"),
        ("1 if x else 2", "1"),
        ("10 ** 38", "1" + "0" * 38),
        ("1 / 10 ** 999", "0"),
    ],
)
def test_a_formula_has_its_exact_result(text: str, result: str) -> None:
    assert str(value(text)) == result


@pytest.mark.parametrize("text", ["1" + "0" * 20, "0." + "0" * 18 + "1"])
def test_a_number_beyond_the_range_is_refused(text: str) -> None:
    with pytest.raises(InvalidFormula, match="20 digits before the point and 18 after"):
        Formula.parse(text, NAMES)


def test_a_result_that_does_not_end_is_rounded_at_fifty_decimals() -> None:
    assert str(value("2 / 3")) == "0." + "6" * 49 + "7"
    assert str(value("y ** 0.5")) == "1.4142135623730950488016887242096980785696718753769" + "5"


def test_only_the_names_that_are_used_are_asked_for() -> None:
    formula = Formula.parse("max(x, 1)", ("x", "y", "max"))
    assert formula.names == {"x"}
    assert formula.evaluate({"x": d("3")}) == 3


def test_a_name_may_look_like_a_function() -> None:
    assert Formula.parse("max(max, 1)", ("max",)).evaluate({"max": d("9")}) == 9


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "().__class__.__mro__[1].__subclasses__()",
        "x.__class__",
        "x.real",
        "x .real",
        "x.__add__(1)",
        "(1).conjugate()",
        "eval(x)",
        "exec(x)",
        "open(x)",
        "print(x)",
        "float(x)",
        "int(x)",
        "str(x)",
        "rand()",
        "randint(x)",
        "globals()",
        "__builtins__",
        "True",
        "None",
        "lambda: 1",
        "(lambda: 1)()",
        "[1]",
        "[x for x in y]",
        "{1}",
        "{1: 2}",
        "(1, 2)",
        "x, y",
        "x[0]",
        "'a' * 9",
        '"a"',
        "f'{x}'",
        "b'1'",
        "x := 1",
        "(x := 1)",
        "x = 1",
        "x += 1",
        "x; y",
        "x is y",
        "x is not y",
        "x in y",
        "x not in y",
        "x // y",
        "x << y",
        "x >> y",
        "x | y",
        "x & y",
        "x ^ y",
        "~x",
        "x @ y",
        "x(1)",
        "x(1)(2)",
        "min",
        "min + 1",
        "min()",
        "min(*x)",
        "min(key=x)",
        "abs(x, y)",
        "round(x, 1, 2)",
        "abs(abs)",
        "await x",
        "yield x",
        "(yield)",
        "...",
        "1j",
        "1e9",
        "1_000",
        "0x10",
        "0b1",
        "010",
        "1.5.5",
        "x y",
        "1if x else y",
        "x if y",
        "import os",
        "x # y",
        "x \\\n + y",
        "x\0",
        "ｘ + 1",
        "x + é",
        "١ + 1",
        "z",
        "X",
        "",
        "   ",
        "1) + (2",
    ],
)
def test_a_formula_cannot_reach_anything_but_its_names(text: str) -> None:
    with pytest.raises(InvalidFormula):
        Formula.parse(text, NAMES)


@pytest.mark.parametrize(
    "text", ["x" * 1_001, "-" * 900 + "x", "(" * 400 + "x" + ")" * 400, "x+" * 400 + "x"]
)
def test_long_and_deep_formulas_are_refused(text: str) -> None:
    with pytest.raises(InvalidFormula):
        Formula.parse(text, NAMES)


def test_an_unknown_name_is_named_with_the_known_ones() -> None:
    with pytest.raises(InvalidFormula, match=r'"z" is not known here\. Known names: x, y\.'):
        Formula.parse("z + 1", ("y", "x"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1 / 0", "division by zero"),
        ("1 % (x - x)", "division by zero"),
        ("0 ** (0 - 1)", "division by zero"),
        ("9 ** 9 ** 9", "power is too large"),
        ("9 ** 999", "beyond"),
        ("10 ** 38 + 1", "beyond"),
        ("(0 - 8) ** 0.5", "negative"),
        ("99999999999999999999 ** 1000 ** 1", "beyond"),
        ("(10 ** 1000) ** 1000", "too large"),
        ("round(x, 60)", "places"),
        ("round(x, 0.5)", "places"),
        ("round(10 ** 90, 50)", "too large"),
        ("x > y", "comparison"),
        ("not x", "comparison"),
        ("x and y > 1", "comparison"),
        ("(x > y) + 1", "comparison"),
        ("(x > y) / (x > y)", "comparison"),
        ("max(x, x > y)", "comparison"),
        ("-(x > y)", "comparison"),
        ("(x > y) == (y < x)", "comparison"),
    ],
)
def test_a_formula_without_a_result_fails_and_says_why(text: str, reason: str) -> None:
    with pytest.raises(FormulaFailed, match=reason) as caught:
        value(text)
    assert caught.value.formula == text


def test_a_name_without_a_value_fails() -> None:
    with pytest.raises(FormulaFailed, match="y has no value"):
        Formula.parse("x + y", NAMES).evaluate({"x": d("1")})


def test_the_context_of_the_caller_changes_nothing() -> None:
    formula = Formula.parse("x / 3", NAMES)
    with decimal.localcontext(prec=3) as context:
        context.traps[decimal.Inexact] = True
        narrow = formula.evaluate({"x": d("1")})
    assert narrow == formula.evaluate({"x": d("1")})


@given(SIGNED, SIGNED)
def test_sums_and_products_are_exact(x: Decimal, y: Decimal) -> None:
    formula = Formula.parse("x * y + x - y", NAMES)
    with decimal.localcontext() as context:
        context.traps[decimal.Inexact] = True
        assert formula.evaluate({"x": x, "y": y}) == x * y + x - y


@given(st.text(alphabet="xy0123456789.+-*/%<>=!(), ifelsandormx_\n'[]{}:", max_size=60))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    try:
        result = Formula.parse(text, NAMES).evaluate({name: d("3") for name in NAMES})
    except (InvalidFormula, FormulaFailed):
        return
    assert isinstance(result, Decimal)
    assert result.is_finite()
