"""What an event's properties say: canonical JSON, dimension values, the counted value."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from fubble_gql.catalog.kinds import Aggregation, DimensionKind
from fubble_gql.catalog.rows import MetricRow
from fubble_gql.checks import is_storable
from fubble_gql.db import exact_json
from fubble_gql.errors import Code, Refused, refuse
from fubble_gql.pricing.money import is_in_range, plain

TEXT_LENGTH_MAX = 255
# The properties, the dimension values and the counted value as JSON, None for what there is not.
Described = tuple[str | None, str | None, str | None]
_PLAIN = frozenset({str, int, bool, type(None)})


class Properties(NamedTuple):
    """A JSON object that can be kept, and the one spelling that all equal ones have."""

    named: Mapping[str, object]
    text: str


class Wanted(NamedTuple):
    """What a metric wants to know of the properties: its dimensions, and what it counts once."""

    dimensions: tuple[tuple[str, str], ...]
    counted: str | None

    @classmethod
    def by(cls, metric: MetricRow) -> Wanted:
        is_counted = metric.aggregation == Aggregation.UNIQUE_COUNT
        return cls(
            tuple((one["property"], one["kind"]) for one in metric.dimensions),
            metric.property if is_counted else None,
        )


def describe(properties: Mapping[str, object] | Properties | None, wanted: Wanted) -> Described:
    """What a metric needs of the properties; Refused when something is missing or wrong."""
    named: Mapping[str, object] = {}
    text = values = counted = None
    if properties is not None:
        named, text = read(properties)
    if wanted.dimensions:
        values = _listed(
            *[dimension_value(named, property=name, kind=kind) for name, kind in wanted.dimensions]
        )
    if wanted.counted is not None:
        counted = _counted_value(named, wanted.counted)
    return text, values, counted


def read(properties: object) -> Properties:
    """The properties, looked into once; Refused when they are not JSON that can be kept."""
    if isinstance(properties, Properties):
        return properties
    if type(properties) is dict and (
        _PLAIN.issuperset(map(type, properties.values())) or _is_ordinary(properties, 1)
    ):
        text = _spelled(properties)
        if text is not None:
            return Properties(properties, text)
    if not isinstance(properties, Mapping):
        raise _refused('properties must be a JSON object, such as {"region": "eu"}.')
    kept = _object(properties, 1)
    return Properties(kept, exact_json.dumps(kept))


def _is_ordinary(value: object, depth: int) -> bool:
    """Whether its types promise that it is spelled as it would be kept; texts are not looked at."""
    if depth > exact_json.DEPTH_MAX:
        return False
    if type(value) is dict:
        inner: Collection[object] = value.values()
    elif type(value) is list:
        inner = value
    else:
        return type(value) in _PLAIN or (type(value) is Decimal and _is_short(value))
    if depth < exact_json.DEPTH_MAX and _PLAIN.issuperset(map(type, inner)):
        return True
    return all(_is_ordinary(one, depth + 1) for one in inner)


def _is_short(number: Decimal) -> bool:
    text = str(number)
    return number.is_finite() and "E" not in text and len(text) <= exact_json.NUMBER_DIGITS_MAX


def _spelled(ordinary: dict[object, object]) -> str | None:
    """None where a text or a name must be looked at, or a whole number has more than 64 bits."""
    try:
        text = exact_json.dumps(ordinary)
    except TypeError:
        return None
    # So NUL is spelled; and so is, after one more backslash, a text that says the same.
    return None if "\\u0000" in text else text


def _object(value: Mapping[object, object], depth: int) -> dict[str, object]:
    return {_text(key): _json(one, depth + 1) for key, one in value.items()}


def _json(value: object, depth: int) -> object:
    if depth > exact_json.DEPTH_MAX:
        message = f"properties may be nested {exact_json.DEPTH_MAX} levels deep; flatten them."
        raise _refused(message)
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
    number = exact_json.kept_number(value)
    if number is None:
        digits = exact_json.NUMBER_DIGITS_MAX
        raise _refused(f"Numbers in properties take at most {digits} digits; send a text.")
    return number


@lru_cache(maxsize=4_096)
def _listed(*values: str) -> str:
    """As JSON; the same few values come again and again."""
    return exact_json.dumps(values)


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


def _counted_value(properties: Mapping[str, object], name: str) -> str:
    value = properties.get(name)
    if isinstance(value, str | bool | int | Decimal):
        return exact_json.dumps(value)
    raise _refused(
        f'properties must have "{name}", a text, a number or a boolean: '
        f"the metric counts its distinct values."
    )


def _number_of(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return Decimal(value)


def _refused(message: str) -> Refused:
    return refuse(Code.INVALID, message, "properties")
