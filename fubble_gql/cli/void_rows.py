"""Events to void as a file names them, in CSV or in JSON lines; what is wrong with a row is told."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from fubble_gql.checks import is_storable
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


class Unusable(Exception):
    """Input of which no row can be read; the message says what it must be."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What counts where a row leaves it out."""

    customer: str | None
    reason: str | None


def read(lines: Iterable[str], defaults: Defaults) -> Iterator[Row]:
    """The rows, read as they are asked for. Input that begins with a brace is JSON lines.

    Raises Unusable, at once.
    """
    counted = _Lines(iter(lines))
    first = next((line for line in counted if line.strip()), None)
    if first is None:
        return iter(())
    if first.lstrip().startswith("{"):
        return _from_json(first, counted, defaults)
    reader = csv.reader(chain([first], counted), strict=True)
    header = _header(reader, defaults)
    return _from_csv(reader, header, counted, defaults)


@dataclass(slots=True)
class _Lines:
    """Lines, and the number of the last one that was read."""

    lines: Iterator[str]
    number: int = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self.lines)
        self.number += 1
        return line


def _from_json(first: str, lines: _Lines, defaults: Defaults) -> Iterator[Row]:
    for line in chain([first], lines):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            fields = None
        if isinstance(fields, dict):
            yield _row(lines.number, fields, defaults)
        else:
            yield Rejected(lines.number, "This is no JSON object.")


def _header(reader: Iterator[list[str]], defaults: Defaults) -> list[str]:
    try:
        header = [name.strip() for name in next(reader)]
    except csv.Error as error:
        raise Unusable(f"The header is no CSV: {error}.") from None
    needed = ["idempotencyKey"] if defaults.customer else ["customer", "idempotencyKey"]
    if missing := [name for name in needed if name not in header]:
        raise Unusable(
            f"It has no column {' and no column '.join(missing)}. CSV begins with a header of "
            "customer, idempotencyKey and reason; JSON lines are objects with these fields. "
            "--customer and --reason stand for what is left out."
        )
    return header


def _from_csv(
    reader: Iterator[list[str]], header: Sequence[str], lines: _Lines, defaults: Defaults
) -> Iterator[Row]:
    """The rows below the header, numbered by the lines that they begin on."""
    while True:
        number = lines.number + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Rejected(number, f"This is no row of CSV: {error}.")
            continue
        if values and len(values) != len(header):
            yield Rejected(number, f"The header has {len(header)} fields, this has {len(values)}.")
        elif values:
            yield _row(number, dict(zip(header, values, strict=True)), defaults)


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
