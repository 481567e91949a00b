"""JSON whose numbers stay Decimals, in one canonical spelling."""

from __future__ import annotations

import json
from decimal import Decimal

import orjson

from fubble_gql.pricing.money import plain

DEPTH_MAX = 32
# Written out: 1E+999999999 is eleven characters to send and a gigabyte to store.
NUMBER_DIGITS_MAX = 100
_INT64_DIGITS = 18


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= _INT64_DIGITS else Decimal(text)


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not a JSON number.")


# `json.loads` would make one for each text.
_DECODER = json.JSONDecoder(
    parse_float=Decimal, parse_int=_integer, parse_constant=_refuse_constant
)


def loads(text: str | bytes | bytearray) -> object:
    """Read JSON without ever making a float; raises ValueError on NaN and Infinity."""
    if not isinstance(text, str):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    return _DECODER.decode(text)


def _number(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal):
        return orjson.Fragment(plain(value))
    raise TypeError(f"{type(value).__name__} has no place in JSON.")


def dumps(value: object) -> str:
    """Write JSON with sorted keys and plain numbers: equal content gives equal text."""
    return orjson.dumps(value, default=_number, option=orjson.OPT_SORT_KEYS).decode()


def kept_number(value: int | Decimal) -> int | Decimal | None:
    """The number as it is kept: a Decimal beyond 64 bits. None for one that is too long, or none."""
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return value
    number = Decimal(value)
    if number.is_zero():
        return Decimal(0)
    if not number.is_finite():
        return None
    digits = max(number.adjusted() + 1, -int(number.as_tuple().exponent))
    return number if digits <= NUMBER_DIGITS_MAX else None
