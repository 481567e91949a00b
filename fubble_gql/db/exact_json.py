"""JSON whose numbers stay Decimals, in one canonical spelling."""

from __future__ import annotations

import json
from decimal import Decimal

import orjson

from fubble_gql.pricing.money import plain

_INT64_DIGITS = 18


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= _INT64_DIGITS else Decimal(text)


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not a JSON number.")


def loads(text: str | bytes) -> object:
    """Read JSON without ever making a float; raises ValueError on NaN and Infinity."""
    return json.loads(
        text, parse_float=Decimal, parse_int=_integer, parse_constant=_refuse_constant
    )


def _number(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(plain(value))
    raise TypeError(f"{type(value).__name__} has no place in JSON.")


def dumps(value: object) -> str:
    """Write JSON with sorted keys and plain numbers: equal content gives equal text."""
    return orjson.dumps(value, default=_number, option=orjson.OPT_SORT_KEYS).decode()
