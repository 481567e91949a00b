"""Scalars that never lose a digit: Decimal, DateTime, JSON, BigInt."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, NewType

import orjson
import strawberry
from graphql import (
    BooleanValueNode,
    FloatValueNode,
    GraphQLError,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    StringValueNode,
    ValueNode,
    VariableNode,
)
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

from fubble_gql.db import exact_json
from fubble_gql.pricing.money import DIGITS_MAX, PLACES_MAX, is_in_range
from fubble_gql.pricing.wallclock import in_utc, rfc3339

BigInt = NewType("BigInt", int)

# What nearly every number looks like: such a one is in range.
_SHORT_NUMBER = re.compile(rf"[+-]?\d{{1,{DIGITS_MAX}}}(?:\.\d{{0,{PLACES_MAX}}})?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_WHOLE = re.compile(r"-?\d{1,38}", re.ASCII)
_WHOLE_MAX = 10**38
_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,6}(\d{0,3}))?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)
YEARS = range(1900, 2201)


def parse_decimal(value: object) -> Decimal:
    """A number from a string or from JSON, which was read without floats."""
    if isinstance(value, str) and _SHORT_NUMBER.fullmatch(value):
        return Decimal(value)
    if (isinstance(value, str) and _NUMBER.fullmatch(value)) or (
        isinstance(value, int | Decimal) and not isinstance(value, bool)
    ):
        number = Decimal(value)
    else:
        raise GraphQLError('must be a decimal number written as a string, as in "12.5".')
    if not is_in_range(number):
        raise GraphQLError(
            f"must have at most {DIGITS_MAX} digits before the point and {PLACES_MAX} after it."
        )
    return number


def write_decimal(value: Decimal) -> str:
    """Without exponent; the digits as they are, so that money keeps its cents."""
    text = str(value)
    return format(value, "f") if "E" in text else text  # twice as fast for nearly every number


def parse_instant(value: object) -> datetime:
    """An RFC 3339 instant, in UTC."""
    if not isinstance(value, str) or not (shape := _INSTANT.fullmatch(value)):
        raise GraphQLError(
            'must be an RFC 3339 instant with its offset, as in "2026-05-01T00:00:00Z".'
        )
    finer = shape[1]
    if finer and finer.strip("0"):
        raise GraphQLError("must not be finer than a microsecond.")
    try:
        instant = in_utc(datetime.fromisoformat(value.upper()))
    except (ValueError, OverflowError):
        raise GraphQLError("is not a day and a time that exist.") from None
    if instant.year not in YEARS:
        raise GraphQLError(f"must lie between {YEARS[0]} and {YEARS[-1]}.")
    return instant


def write_instant(value: datetime) -> str:
    """UTC, marked with a Z."""
    return rfc3339(value)


def parse_whole(value: object) -> BigInt:
    """A whole number from a string or from JSON."""
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return BigInt(int(value))
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _WHOLE_MAX:
        return BigInt(value)
    raise GraphQLError('must be a whole number written as a string, as in "1200".')


def parse_json(value: object, depth: int = 1) -> object:
    """A JSON value as it can be kept: neither nested nor written out without end."""
    if depth > exact_json.DEPTH_MAX:
        raise GraphQLError(f"may be nested {exact_json.DEPTH_MAX} levels deep.")
    match value:
        case list():
            return [parse_json(item, depth + 1) for item in value]
        case dict():
            return {name: parse_json(item, depth + 1) for name, item in value.items()}
        case int() | Decimal() if not isinstance(value, bool):
            return _json_number(value)
        case _:
            return value


def _json_number(value: int | Decimal) -> int | Decimal:
    number = exact_json.kept_number(value)
    if number is None:
        digits = exact_json.NUMBER_DIGITS_MAX
        raise GraphQLError(f"may hold numbers of {digits} digits; send a text.")
    return number


def _text(node: ValueNode) -> object:
    """A literal's own text: graphql-core would make a float of a number."""
    if isinstance(node, StringValueNode | IntValueNode | FloatValueNode):
        return node.value
    return None


def literal(node: ValueNode, variables: dict[str, Any] | None = None) -> object:
    """A JSON literal, its numbers exact."""
    match node:
        case IntValueNode() | FloatValueNode():
            return exact_json.loads(node.value)
        case StringValueNode() | BooleanValueNode():
            return node.value
        case NullValueNode():
            return None
        case ListValueNode():
            return [literal(item, variables) for item in node.values]
        case ObjectValueNode():
            return {field.name.value: literal(field.value, variables) for field in node.fields}
        case VariableNode():
            return (variables or {}).get(node.name.value)
        case _:
            raise GraphQLError("must be JSON.")


def _located(read: Callable[..., object]) -> Callable[..., object]:
    """The same reading of a literal; what it refuses is pointed at in the document."""

    def read_node(node: ValueNode, *variables: dict[str, Any] | None) -> object:
        try:
            return read(node, *variables)
        except GraphQLError as refused:
            raise GraphQLError(refused.message, node) from None

    return read_node


SCALARS: dict[object, ScalarDefinition] = {
    Decimal: strawberry.scalar(
        name="Decimal",
        description=(
            'An exact decimal number, a plain string on the wire: "12.5", never 1.25E+1, never a '
            "float. At most 20 digits before the point and 18 after it."
        ),
        serialize=write_decimal,
        parse_value=parse_decimal,
        parse_literal=_located(lambda node, *_: parse_decimal(_text(node))),
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description=(
            'An instant, RFC 3339 with an offset, as in "2026-05-01T09:30:00+02:00"; answers are '
            "in UTC. No finer than a microsecond."
        ),
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=write_instant,
        parse_value=parse_instant,
        parse_literal=_located(lambda node, *_: parse_instant(_text(node))),
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value. Its numbers are kept to the last digit.",
        serialize=lambda value: orjson.Fragment(exact_json.dumps(value)),
        parse_value=parse_json,
        parse_literal=_located(lambda node, *variables: parse_json(literal(node, *variables))),
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description='A whole number of any size, a plain string on the wire: "1200".',
        serialize=str,
        parse_value=parse_whole,
        parse_literal=_located(lambda node, *_: parse_whole(_text(node))),
    ),
}
