"""Events to void as the rows of a file name them; what is wrong with a row is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TextIO

from fubble_gql.checks import is_storable
from fubble_gql.cli import rows
from fubble_gql.cli.rows import Unreadable, Unusable
from fubble_gql.errors import Problems
from fubble_gql.usage.void import check_reason


class Wanted(NamedTuple):
    """An event to void, and the line that names it."""

    line: int
    customer: str
    key: str
    reason: str | None


class Rejected(NamedTuple):
    """A line that names no event to void, and why."""

    line: int
    why: str


Row = Wanted | Rejected


@dataclass(frozen=True, slots=True)
class Defaults:
    """What counts where a row leaves it out."""

    customer: str | None
    reason: str | None


def read(text: TextIO, defaults: Defaults) -> Iterator[Row]:
    """The rows, read as they are asked for. Raises Unusable, at once."""
    table = rows.read(text)
    if table.header is not None:
        _require_columns(table.header, defaults)
    return (
        Rejected(one.line, one.why)
        if isinstance(one, Unreadable)
        else _row(one.line, one.fields, defaults)
        for one in table.rows
    )


def _require_columns(header: Sequence[str], defaults: Defaults) -> None:
    needed = ["idempotencyKey"] if defaults.customer else ["customer", "idempotencyKey"]
    if missing := [name for name in needed if name not in header]:
        raise Unusable(
            f"It has no column {' and no column '.join(missing)}. CSV begins with a header of "
            "customer, idempotencyKey and reason; JSON lines are objects with these fields. "
            "--customer and --reason stand for what is left out."
        )


def _row(line: int, fields: Mapping[str, object], defaults: Defaults) -> Row:
    try:
        customer = _text(fields, "customer") or defaults.customer
        key = _text(fields, "idempotencyKey")
        reason = _text(fields, "reason") or defaults.reason
    except ValueError as wrong:
        return Rejected(line, str(wrong))
    if customer is None or key is None:
        return Rejected(line, f"{'idempotencyKey' if customer else 'customer'} is missing.")
    problems = Problems()
    check_reason(problems, reason)
    if problems.found:
        return Rejected(line, problems.found[0].message)
    return Wanted(line, customer, key, reason)


def _text(fields: Mapping[str, object], name: str) -> str | None:
    """The text of a field; an empty one counts as left out."""
    value = fields.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text.")
    if not is_storable(value):
        raise ValueError(f"{name} must be UTF-8, without NUL.")
    return value
