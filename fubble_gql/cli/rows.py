"""The rows of CSV or of JSON lines, read as they are asked for; a bad one is never the end."""

from __future__ import annotations

import csv
import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain
from typing import NamedTuple, NoReturn, TextIO

from fubble_gql.cli.lines import CHARACTERS_MAX, TOO_LONG, Lines

# What stands in the file: the values of CSV, else the text of a line; none of what is too long.
Original = list[str] | str

_TOO_LONG = f"This has more than {CHARACTERS_MAX:,} characters."


class Row(NamedTuple):
    """The fields of a row, the line that it begins on, and how many characters it has."""

    line: int
    fields: dict[str, object]
    original: Original
    size: int


class Unreadable(NamedTuple):
    """A line that is no row, and why."""

    line: int
    why: str
    original: Original


class Unusable(Exception):
    """Input of which no row can be read; the message says what it must be."""


@dataclass(frozen=True, slots=True)
class Table:
    """What a file holds. The header is that of CSV; None where each line is a JSON object."""

    header: Sequence[str] | None
    rows: Iterator[Row | Unreadable]


def read(text: TextIO, delimiter: str = ",") -> Table:
    """The rows of a text. One that begins with a brace is JSON lines; blank lines are passed over.

    Raises Unusable, at once.
    """
    lines = Lines(text)
    first = next((line for line in lines if line.strip()), None)
    if first is None or first.lstrip().startswith("{"):
        return Table(None, _from_json([first] if first else [], lines))
    physical = _Physical(lines, deque([first]))
    reader = csv.reader(physical, delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(reader)]
    except (csv.Error, _TooLong) as error:
        raise Unusable(f"The header is no CSV: {error}.") from None
    return Table(header, _from_csv(reader, header, physical))


def _not_a_number(text: str) -> NoReturn:
    raise ValueError(text)


# No float is ever made. One decoder for all lines: making it takes longer than reading a line.
_decode: Callable[[str], object] = json.JSONDecoder(
    parse_float=Decimal, parse_constant=_not_a_number
).decode


def _from_json(first: Sequence[str], lines: Lines) -> Iterator[Row | Unreadable]:
    for line in chain(first, lines):
        if line is TOO_LONG:
            yield Unreadable(lines.number, _TOO_LONG, "")
        elif not line.isspace():
            yield _object(lines.number, line)


def _object(number: int, line: str) -> Row | Unreadable:
    try:
        fields = _decode(line)
    except (ValueError, ArithmeticError, RecursionError):
        fields = None
    if isinstance(fields, dict):
        return Row(number, fields, line, len(line))
    return Unreadable(number, "This is no JSON object.", line)


class _TooLong(Exception):
    """A row that has no end within CHARACTERS_MAX."""


@dataclass(slots=True)
class _Physical:
    """The lines that the reader of CSV makes rows of. Those of the row that it is in are held."""

    lines: Lines
    waiting: deque[str]
    held: list[str] = field(default_factory=list)
    size: int = 0

    def begin_row(self) -> int:
        """The number of the line on which the next row begins."""
        self.held.clear()
        self.size = 0
        return self.lines.number - len(self.waiting) + 1

    def give_back(self) -> str:
        """The first line of the row that failed; those after it will be read as rows of their own.

        So a quote that is never closed costs the line that it stands in, and no other.
        """
        first, *others = self.held
        self.waiting.extendleft(reversed(others))
        return "" if first is TOO_LONG else first

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.waiting.popleft() if self.waiting else next(self.lines)
        self.held.append(line)
        self.size += len(line)
        if line is TOO_LONG or self.size > CHARACTERS_MAX:
            raise _TooLong(_TOO_LONG)
        return line


def _from_csv(
    reader: Iterator[list[str]], header: Sequence[str], physical: _Physical
) -> Iterator[Row | Unreadable]:
    """The rows below the header."""
    width = len(header)
    while True:
        number = physical.begin_row()
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            why = f"This is no row of CSV: {error}."
            yield Unreadable(number, why, physical.give_back())
        except _TooLong as error:
            yield Unreadable(number, str(error), physical.give_back())
        else:
            if len(values) == width:
                yield Row(number, dict(zip(header, values, strict=True)), values, physical.size)
            elif values:
                why = f"The header has {width} fields, this has {len(values)}."
                yield Unreadable(number, why, values)
