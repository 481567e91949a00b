"""What an event's properties say: canonical JSON, dimension values, the counted value."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from fubble_gql.catalog.kinds import Aggregation, DimensionKind
from fubble_gql.catalog.rows import MetricRow
from fubble_gql.checks import is_storable
from fubble_gql.db import exact_json
from fubble_gql.errors import Code, Refused, refuse
from fubble_gql.pricing.money import is_in_range, plain

TEXT_LENGTH_MAX = 255
DEPTH_MAX = 32
# Written out: 1E+999999999 is eleven characters to send and a gigabyte to store.
NUMBER_DIGITS_MAX = 100
_INT64_MAX = 2**63 - 1


class Described(NamedTuple):
    """Properties as they are stored: JSON texts, or None for what there is not."""

    properties: str | None
    dimension_values: str | None
    unique_value: str | None


def describe(properties: Mapping[str, object] | None, metric: MetricRow) -> Described:
    """What the metric needs of the properties; Refused when something is missing or wrong."""
    sent = None if properties is None else _read(properties)
    named = sent or {}
    values = [dimension_value(named, **dimension) for dimension in metric.dimensions]
    return Described(
        None if sent is None else exact_json.dumps(sent),
        exact_json.dumps(values) if values else None,
        _unique_value(named, metric),
    )


def canonical(properties: Mapping[str, object] | None) -> str | None:
    """The one spelling of equal properties; Refused when they are not JSON that can be kept."""
    return None if properties is None else exact_json.dumps(_read(properties))


def _read(properties: object) -> dict[str, object]:
    if not isinstance(properties, Mapping):
        raise _refused('properties must be a JSON object, such as {"region": "eu"}.')
    return _object(properties, 1)


def _object(value: Mapping[object, object], depth: int) -> dict[str, object]:
    return {_text(key): _json(one, depth + 1) for key, one in value.items()}


def _json(value: object, depth: int) -> object:
    if depth > DEPTH_MAX:
        raise _refused(f"properties may be nested {DEPTH_MAX} levels deep; flatten them.")
    match value:
        case None | bool():
            return value
        case str():
            return _text(value)
        case int() | Decimal():
            return _number(value)
        case Mapping():
            return _object(value, depth)
        case list() | tuple():
            return [_json(one, depth + 1) for one in value]
        case _:
            raise _refused(f"properties must be JSON; {type(value).__name__} has no place in it.")


def _text(value: object) -> str:
    if not isinstance(value, str) or not is_storable(value):
        raise _refused("Texts and names in properties must be Unicode without NUL characters.")
    return value


def _number(value: int | Decimal) -> int | Decimal:
    if isinstance(value, int) and -_INT64_MAX <= value <= _INT64_MAX:
        return value
    number = Decimal(value)
    if number.is_finite():
        digits = max(number.adjusted() + 1, -int(number.as_tuple().exponent))
        if number.is_zero() or digits <= NUMBER_DIGITS_MAX:
            return Decimal(0) if number.is_zero() else number
    raise _refused(f"Numbers in properties take at most {NUMBER_DIGITS_MAX} digits; send a text.")


def dimension_value(properties: Mapping[str, object], *, property: str, kind: str) -> str:
    """The text that a dimension's value is kept as; Refused when it is missing or of another kind."""
    value = properties.get(property)
    if value is None:
        raise _refused(f'properties must have "{property}", a dimension of the metric.')
    if kind == DimensionKind.NUMBER:
        number = _number_of(value)
        if number is not None and is_in_range(number):
            return plain(number)
        raise _refused(
            f'"{property}" in properties must be a number of at most 20 digits before the point '
            f"and 18 after it."
        )
    if isinstance(value, str) and 0 < len(value) <= TEXT_LENGTH_MAX:
        return value
    raise _refused(
        f'"{property}" in properties must be a text of 1 to {TEXT_LENGTH_MAX} characters.'
    )


def _unique_value(properties: Mapping[str, object], metric: MetricRow) -> str | None:
    if metric.aggregation != Aggregation.UNIQUE_COUNT or metric.property is None:
        return None
    value = properties.get(metric.property)
    if isinstance(value, str | bool | int | Decimal):
        return exact_json.dumps(value)
    raise _refused(
        f'properties must have "{metric.property}", a text, a number or a boolean: '
        f"the metric counts its distinct values."
    )


def _number_of(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return Decimal(value)


def _refused(message: str) -> Refused:
    return refuse(Code.INVALID, message, "properties")
