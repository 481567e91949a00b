"""Reading inputs: what was given, what was left out, what was set to null."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal
from typing import Any, TypeGuard, TypeVar, cast

import strawberry
from strawberry import UNSET

T = TypeVar("T")


def given_or_none(value: T | None) -> T | None:
    """The value, None when it was left out."""
    return None if value is UNSET else value


def given(source: object, *names: str) -> dict[str, Any]:
    """The named fields of an input that were given and are not null."""
    values = {name: getattr(source, name) for name in names}
    return {
        name: value for name, value in values.items() if value is not UNSET and value is not None
    }


def changes(source: object) -> dict[str, Any]:
    """The fields of an update that were given, null included."""
    found = {each.name: getattr(source, each.name) for each in fields(cast(Any, source))}
    return {
        name: value.value for name, value in found.items() if isinstance(value, strawberry.Some)
    }


def is_number(value: object) -> TypeGuard[int | Decimal]:
    """Whether a JSON value is a number; true and false are none."""
    return isinstance(value, int | Decimal) and not isinstance(value, bool)
