"""Rates to and from JSON, driven by the types of their fields: a new model needs nothing here."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from types import UnionType
from typing import cast, get_args, get_origin, get_type_hints

from fubble_gql.pricing.money import plain
from fubble_gql.pricing.rates import MODELS, Rate

Json = str | int | None | list["Json"] | dict[str, "Json"]


def encode(rate: Rate) -> dict[str, Json]:
    """{"model": ..., and its fields}, Decimals as plain strings."""
    return {"model": rate.model, **_encode_fields(rate)}


def decode(stored: Mapping[str, object]) -> Rate:
    """The rate that was encoded; ValueError for what no model knows."""
    model = stored.get("model")
    if not isinstance(model, str) or model not in MODELS:
        raise ValueError(f"{model!r} is not a pricing model.")
    rest = {name: value for name, value in stored.items() if name != "model"}
    return cast(Rate, _decode_record(MODELS[model], rest))


def _encode_fields(record: object) -> dict[str, Json]:
    return {each.name: _encode(getattr(record, each.name)) for each in _stored_fields(type(record))}


def _encode(value: object) -> Json:
    match value:
        case None | int():
            return value
        case str():
            return str(value)
        case Decimal():
            return plain(value)
        case tuple():
            return [_encode(item) for item in value]
        case Mapping():
            return {str(name): _encode(item) for name, item in value.items()}
        case _:
            return _encode_fields(value)


def _decode_record(kind: type, stored: object) -> object:
    if not isinstance(stored, Mapping):
        raise ValueError(f"{kind.__name__} cannot be read from {stored!r}.")
    names = {each.name for each in _stored_fields(kind)}
    unknown = sorted(stored.keys() - names)
    if unknown:
        raise ValueError(f"{kind.__name__} has no {', '.join(unknown)}.")
    kinds = get_type_hints(kind)
    absent = {each.name: None for each in _stored_fields(kind) if _may_be_absent(each, kinds)}
    arguments = {name: _decode(kinds[name], value) for name, value in {**absent, **stored}.items()}
    try:
        return kind(**arguments)
    except TypeError as lacking:
        raise ValueError(f"{kind.__name__} cannot be read: {lacking}.") from lacking


def _decode(kind: object, value: object) -> object:
    arguments = get_args(kind)
    if get_origin(kind) is UnionType:
        return None if value is None else _decode(arguments[0], value)
    if get_origin(kind) is tuple and isinstance(value, list):
        return tuple(_decode(arguments[0], item) for item in value)
    if get_origin(kind) is Mapping and isinstance(value, Mapping):
        return {name: _decode(arguments[1], item) for name, item in value.items()}
    if isinstance(kind, type):
        return _decode_value(kind, value)
    raise ValueError(f"{kind} cannot be read from {value!r}.")


def _decode_value(kind: type, value: object) -> object:
    if is_dataclass(kind):
        return _decode_record(kind, value)
    if isinstance(value, str) and issubclass(kind, Decimal | StrEnum):
        try:
            return kind(value)
        except InvalidOperation as malformed:
            raise ValueError(f"{value!r} is not a number.") from malformed
    if type(value) is kind:
        return value
    raise ValueError(f"{kind.__name__} cannot be read from {value!r}.")


def _may_be_absent(each: Field[object], kinds: Mapping[str, object]) -> bool:
    """A field without a default whose value may be None, as the bound of a last tier."""
    return each.default is MISSING and get_origin(kinds[each.name]) is UnionType


def _stored_fields(kind: type) -> list[Field[object]]:
    return [each for each in fields(kind) if each.init]
