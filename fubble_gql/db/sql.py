"""Pieces of SQL with their values, written once for both databases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

# What clients select makes statements as long as they like; those are not remembered.
_LENGTH_MAX = 5_000
# What no column's text is longer than; SQLite takes patterns of 50,000 bytes.
_TEXT_LENGTH_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL with a `?` for each of its values; values never enter the text."""

    text: str
    args: tuple[object, ...] = ()

    def __add__(self, other: Sql | str) -> Sql:
        if isinstance(other, str):
            return Sql(f"{self.text} {other}", self.args)
        return Sql(f"{self.text} {other.text}", self.args + other.args)

    def numbered(self) -> str:
        """The text with $1, $2, … in place of the question marks, as PostgreSQL wants it."""
        return _known_numbered(self.text) if len(self.text) < _LENGTH_MAX else _numbered(self.text)


def _numbered(text: str) -> str:
    first, *rest = text.split("?")
    return first + "".join(f"${n}{part}" for n, part in enumerate(rest, 1))


_known_numbered = lru_cache(maxsize=1_000)(_numbered)


def sql(text: str, *args: object) -> Sql:
    """A piece of SQL and its values."""
    return Sql(text, args)


ALWAYS = Sql("true")
NEVER = Sql("false")


def all_of(conditions: Iterable[Sql]) -> Sql:
    """Every condition holds; true when there is none."""
    joined = ALWAYS
    for condition in conditions:
        joined = joined + "and" + condition
    return joined


@dataclass(frozen=True, slots=True)
class Listed:
    """A list passed as one value: an array on PostgreSQL, JSON text on SQLite."""

    values: Sequence[object]


def contains(text: str, *columns: str) -> Sql:
    """One of the columns has the text in it, in any case; none has one that is too long to be kept."""
    if len(text) > _TEXT_LENGTH_MAX:
        return NEVER
    escaped = "".join("!" + letter if letter in "!%_" else letter for letter in text.lower())
    conditions = " or ".join(f"lower({column}) like ? escape '!'" for column in columns)
    return Sql(f"({conditions})", tuple(f"%{escaped}%" for _ in columns))
