"""What a formula can do: operators and functions on Decimals, each within bounds."""

import ast
import operator
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

_EXPONENT_MAX = 1_000
_ROUND_PLACES_MAX = 50

Operation = Callable[..., Decimal | bool]


class FormulaFailed(ArithmeticError):
    """A formula that has no result for these values."""

    def __init__(self, reason: str, formula: str = "") -> None:
        self.reason = reason
        self.formula = formula
        super().__init__(f'The formula "{formula}" failed: {reason}.')


def _number(value: object) -> Decimal:
    if not isinstance(value, Decimal):
        raise FormulaFailed("a comparison stands where a number is needed")
    return value


def _on_numbers(operation: Operation) -> Operation:
    def apply(*values: object) -> Decimal | bool:
        return operation(*(_number(value) for value in values))

    return apply


def _divide(left: Decimal, right: Decimal) -> Decimal:
    if not right:
        raise FormulaFailed("division by zero")
    return left / right


def _remainder(left: Decimal, right: Decimal) -> Decimal:
    """With the sign of the left side, as SQL has it."""
    if not right:
        raise FormulaFailed("division by zero")
    return left % right


def _power(base: Decimal, exponent: Decimal) -> Decimal:
    """A fraction as exponent is rounded at the precision; zero to a negative power is a division."""
    if abs(exponent) > _EXPONENT_MAX:
        raise FormulaFailed(f"the power is too large: at most {_EXPONENT_MAX}")
    if not base and exponent < 0:
        raise FormulaFailed("division by zero")
    if base < 0 and exponent != exponent.to_integral_value():
        raise FormulaFailed("a negative number has no power with a fraction")
    return Decimal(1) if not exponent else base**exponent


def _round(value: Decimal, places: Decimal = Decimal(0)) -> Decimal:
    """Half away from zero, as money is rounded."""
    if places != places.to_integral_value() or abs(places) > _ROUND_PLACES_MAX:
        raise FormulaFailed(f"round takes whole places up to {_ROUND_PLACES_MAX}")
    return value.quantize(Decimal(1).scaleb(-int(places)), rounding=ROUND_HALF_UP)


def _floor(value: Decimal) -> Decimal:
    return value.to_integral_value(rounding=ROUND_FLOOR)


def _ceil(value: Decimal) -> Decimal:
    return value.to_integral_value(rounding=ROUND_CEILING)


def _least(*values: Decimal) -> Decimal:
    return min(values)


def _greatest(*values: Decimal) -> Decimal:
    return max(values)


OPERATORS: dict[type[ast.AST], Operation] = {
    ast.Add: _on_numbers(operator.add),
    ast.Sub: _on_numbers(operator.sub),
    ast.Mult: _on_numbers(operator.mul),
    ast.Div: _on_numbers(_divide),
    ast.Mod: _on_numbers(_remainder),
    ast.Pow: _on_numbers(_power),
    ast.USub: _on_numbers(operator.neg),
    ast.UAdd: _on_numbers(operator.pos),
    ast.Lt: _on_numbers(operator.lt),
    ast.LtE: _on_numbers(operator.le),
    ast.Gt: _on_numbers(operator.gt),
    ast.GtE: _on_numbers(operator.ge),
    ast.Eq: _on_numbers(operator.eq),
    ast.NotEq: _on_numbers(operator.ne),
    ast.Not: operator.not_,
}

FUNCTIONS: dict[str, Operation] = {
    "min": _on_numbers(_least),
    "max": _on_numbers(_greatest),
    "abs": _on_numbers(operator.abs),
    "round": _on_numbers(_round),
    "floor": _on_numbers(_floor),
    "ceil": _on_numbers(_ceil),
}

# How many arguments each takes, at least and at most.
ARGUMENTS: dict[str, tuple[int, int]] = {
    "min": (1, 100),
    "max": (1, 100),
    "abs": (1, 1),
    "round": (1, 2),
    "floor": (1, 1),
    "ceil": (1, 1),
}
