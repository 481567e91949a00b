"""Checks of single values that many inputs share: texts, keys, timezones, currencies, numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from fubble_gql.errors import Problems
from fubble_gql.pricing.money import UnknownCurrency, is_in_range, minor_unit_places
from fubble_gql.pricing.period import known_timezone

TEXT_LENGTH_MAX = 255
LONG_TEXT_LENGTH_MAX = 10_000
EMAIL_LENGTH_MAX = 320
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Whether every database keeps it: without NUL and without half of a surrogate pair."""
    return _UNSTORABLE.search(text) is None


def text(
    problems: Problems, value: str | None, *path: str | int, limit: int = TEXT_LENGTH_MAX
) -> None:
    """A text that must say something, at most `limit` characters long."""
    name = path[-1]
    if value is None or not value.strip():
        problems.add(f"{name} must not be empty.", *path)
    else:
        optional_text(problems, value, *path, limit=limit)


def optional_text(
    problems: Problems, value: str | None, *path: str | int, limit: int = TEXT_LENGTH_MAX
) -> None:
    """A text that may be left out."""
    if value is None:
        return
    if len(value) > limit:
        problems.add(f"{path[-1]} may have {limit:,} characters; this has {len(value):,}.", *path)
    if not is_storable(value):
        problems.add(f"{path[-1]} must not contain NUL or half of a surrogate pair.", *path)


def currency(problems: Problems, code: str, *path: str | int) -> None:
    """An ISO 4217 code with a minor unit."""
    try:
        minor_unit_places(code)
    except UnknownCurrency:
        problems.add(f"{code!r} is not an ISO 4217 currency code such as USD, EUR or JPY.", *path)


def timezone(problems: Problems, name: str, *path: str | int) -> None:
    """A name of the IANA time zone database."""
    if not known_timezone(name):
        problems.add(f"{name!r} is not an IANA timezone such as Europe/Berlin or UTC.", *path)


def metadata(problems: Problems, value: object, *path: str | int) -> None:
    """A JSON object."""
    if not isinstance(value, Mapping):
        problems.add(f'{path[-1]} must be a JSON object, as in {{"tier": "gold"}}.', *path)


def not_negative(problems: Problems, value: Decimal | None, *path: str | int) -> None:
    """An amount that may be left out, but not be below zero or beyond what can be kept."""
    if value is not None and (value < 0 or not is_in_range(value)):
        problems.add(f"{path[-1]} must be between 0 and 10^20 with at most 18 decimals.", *path)


def whole(problems: Problems, value: int | None, *path: str | int, least: int, most: int) -> None:
    """A whole number that may be left out."""
    if value is not None and not least <= value <= most:
        problems.add(f"{path[-1]} must be between {least:,} and {most:,}.", *path)
