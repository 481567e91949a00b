"""Arithmetic written by a user: parsed once, all in Decimals, reaching nothing but its names."""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, DecimalException, localcontext
from functools import lru_cache

from simpleeval import SimpleEval

from fubble_gql.pricing.formula_source import InvalidFormula, read
from fubble_gql.pricing.formula_words import FUNCTIONS, OPERATORS, FormulaFailed
from fubble_gql.pricing.money import exact_context, limit_places, plain, tidy

__all__ = ["Formula", "FormulaFailed", "InvalidFormula"]

_RESULT_MAX = Decimal(10) ** 38


@dataclass(frozen=True, slots=True)
class Formula:
    """A parsed formula over known names."""

    text: str
    names: frozenset[str]
    tree: ast.expr = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str, names: Iterable[str]) -> "Formula":
        """Read it, or raise InvalidFormula saying what is not allowed and what is."""
        return _parsed(text, frozenset(names))

    def evaluate(self, values: Mapping[str, Decimal]) -> Decimal:
        """The result, at 50 decimals where it does not end sooner; FormulaFailed if there is none."""
        try:
            with localcontext(exact_context()):
                result = self._result(values)
        except DecimalException as failure:
            reason = "the result of a calculation is not a number or too large"
            raise FormulaFailed(reason, self.text) from failure
        except FormulaFailed as failure:
            raise FormulaFailed(failure.reason, self.text) from failure
        return result

    def _result(self, values: Mapping[str, Decimal]) -> Decimal:
        absent = sorted(self.names - values.keys())
        if absent:
            raise FormulaFailed(f"{', '.join(absent)} has no value")
        evaluator = SimpleEval(
            operators=OPERATORS,
            functions=FUNCTIONS,
            names={name: values[name] for name in self.names},
        )
        result: object = evaluator.eval(self.text, previously_parsed=self.tree)
        if not isinstance(result, Decimal):
            raise FormulaFailed("the result is a comparison, not a number")
        if not result.is_finite() or abs(result) > _RESULT_MAX:
            raise FormulaFailed(f"the result is beyond {plain(_RESULT_MAX)}")
        return tidy(limit_places(result))


@lru_cache(maxsize=64)
def _parsed(text: str, names: frozenset[str]) -> Formula:
    """A series evaluates the same one for each of its thousands of buckets."""
    tree, used = read(text, names)
    return Formula(text, used, tree)
