"""How scalars and enum values are written: what is plainly right as it is, the rest as ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import GraphQLEnumType, GraphQLLeafType, Undefined

Write = Callable[[Any], object]


class Surprise(Exception):
    """Something that only the stock executor answers rightly: an error, or what is unknown here."""


def writer(kind: GraphQLLeafType) -> Write:
    """The type's own way of writing a value. Raises whatever it raises, and Surprise for null."""
    coerce = kind.coerce_output_value
    if isinstance(kind, GraphQLEnumType):
        return _Names(coerce).__getitem__
    if getattr(coerce, "__annotations__", {}).get("return") in ("str", str):
        return coerce  # never null

    def write(value: object) -> object:
        written = coerce(value)
        if written is None or written is Undefined:
            raise Surprise
        return written

    return write


class _Names(dict[Any, object]):
    """The names of an enum's values, each asked for once."""

    def __init__(self, coerce: Write) -> None:
        super().__init__()
        self._coerce = coerce

    def __missing__(self, value: object) -> object:
        name = self._coerce(value)
        if name is None or name is Undefined:
            raise Surprise
        self[value] = name
        return name


# What an expression must be for its value to be its own JSON, where a type needs no more.
AS_IT_IS = {
    "String": "{0}.__class__ is str",
    "ID": "{0}.__class__ is str",
    "Boolean": "{0}.__class__ is bool",
    "Int": "{0}.__class__ is int and -2147483648 <= {0} <= 2147483647",
}
