"""From the text of a formula to a tree that holds only what a formula may do."""

import ast
import re
import warnings
from decimal import Decimal

from fubble_gql.pricing.formula_words import ARGUMENTS, OPERATORS
from fubble_gql.pricing.money import DIGITS_MAX, PLACES_MAX, is_in_range

LENGTH_MAX = 1_000
DEPTH_MAX = 100

_NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?![A-Za-z0-9_.])")
_TOKEN = re.compile(rf" +|[A-Za-z_][A-Za-z0-9_]*|{_NUMBER.pattern}|\*\*|[<>=!]=|[-+*/%<>(),]")
_FORMS = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.And, ast.Or, ast.IfExp, ast.Load)
_ALLOWED = (
    "A formula takes numbers such as 0.5, known names, + - * / % **, comparisons,"
    f" x if c else y, and, or, not, {', '.join(ARGUMENTS)}"
)


class InvalidFormula(ValueError):
    """A text that is no formula, with what to change."""


def read(text: str, names: frozenset[str]) -> tuple[ast.expr, frozenset[str]]:
    """The tree, its constants Decimals read from the text itself, and the names that it uses."""
    if len(text) > LENGTH_MAX:
        raise InvalidFormula(f"A formula has at most {LENGTH_MAX:,} characters.")
    source = re.sub(r"[ \t\r\n]", " ", text.strip())
    _check_characters(source)
    tree = _parse(source)
    _check_depth(tree)
    nodes = list(ast.walk(tree))
    functions = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    used = set[str]()
    for node in nodes:
        if isinstance(node, ast.Constant):
            # A literal of Python's own, as the stub has it, would be a float.
            node.value = _constant(source[node.col_offset : node.end_col_offset])  # type: ignore[assignment]
        elif isinstance(node, ast.Call):
            _check_call(node)
        elif isinstance(node, ast.Name) and id(node) not in functions:
            used.add(_known_name(node.id, names))
        elif not isinstance(node, (*_FORMS, *OPERATORS, ast.Name)):
            raise InvalidFormula(f"{_ALLOWED}; not {type(node).__name__}.")
    return tree, frozenset(used)


def _check_characters(source: str) -> None:
    """Before Python's own grammar sees it: no strings, attributes, indexes, or other numbers."""
    position = 0
    while position < len(source):
        token = _TOKEN.match(source, position)
        if token is None:
            excerpt = source[position : position + 10]
            raise InvalidFormula(f"{_ALLOWED}; {excerpt!r} is none of these.")
        position = token.end()


def _parse(source: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise InvalidFormula(f"This is not a complete expression. {_ALLOWED}.") from None


def _check_depth(tree: ast.expr) -> None:
    level: list[ast.AST] = [tree]
    for _ in range(DEPTH_MAX):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
    raise InvalidFormula(f"A formula is nested, or strung together, at most {DEPTH_MAX} deep.")


def _constant(source: str) -> Decimal:
    if not _NUMBER.fullmatch(source):
        raise InvalidFormula(f"{_ALLOWED}; not {source}.")
    value = Decimal(source)
    if not is_in_range(value):
        raise InvalidFormula(
            f"A number in a formula has at most {DIGITS_MAX} digits before the point"
            f" and {PLACES_MAX} after it."
        )
    return value


def _check_call(node: ast.Call) -> None:
    if not isinstance(node.func, ast.Name) or node.func.id not in ARGUMENTS:
        raise InvalidFormula(f"Only {', '.join(ARGUMENTS)} can be called in a formula.")
    name = node.func.id
    least, most = ARGUMENTS[name]
    if node.keywords or not least <= len(node.args) <= most:
        count = str(least) if least == most else f"{least} to {most}"
        raise InvalidFormula(f"{name} takes {count} {'value' if count == '1' else 'values'}.")


def _known_name(name: str, names: frozenset[str]) -> str:
    if name not in names:
        known = ", ".join(sorted(names)) or "none"
        raise InvalidFormula(f'"{name}" is not known here. Known names: {known}.')
    return name
