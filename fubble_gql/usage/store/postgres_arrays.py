"""Arrays for PostgreSQL as texts, which it reads itself: asyncpg looks at every element twice.

A thousand events have ten thousand elements; joining them takes a fifth of what asyncpg takes.
A statement casts such an argument: `?::text::uuid[]`.
"""

from __future__ import annotations

from collections.abc import Iterable


def plain(values: Iterable[object]) -> str:
    """An array of what is written without quotes, commas and braces: ids, numbers; no nulls."""
    return "{" + ",".join(map(str, values)) + "}"


def quoted(texts: Iterable[str | None]) -> str:
    """An array of any texts; None is null."""
    return "{" + ",".join([_quoted(text) for text in texts]) + "}"


def _quoted(text: str | None) -> str:
    if text is None:
        return "NULL"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
