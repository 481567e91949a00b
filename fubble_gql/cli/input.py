"""A file's rows, whatever their number: CSV or JSON lines, read as they are asked for."""

from __future__ import annotations

import csv
import gzip
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import chain
from typing import BinaryIO, NamedTuple, TextIO, cast

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from fubble_gql.db import exact_json

CHARACTERS_MAX = 1_000_000
SHOWN_MAX = 1_000

Tell = Callable[[str], None]


class Row(NamedTuple):
    """The fields of a row, and the line that it begins on."""

    line: int
    fields: dict[str, object]


class Broken(NamedTuple):
    """A line that is no row, why, and what stands there, as far as it was read."""

    line: int
    why: str
    text: str = ""


class Unusable(Exception):
    """Input of which no row can be read; the message says what it must be."""


@dataclass(frozen=True, slots=True)
class Table:
    """What a file holds. `header` has the columns of CSV; None where each line is a JSON object."""

    header: Sequence[str] | None
    rows: Iterator[Row | Broken]


@contextmanager
def opened(file: BinaryIO, doing: str) -> Iterator[tuple[TextIO, Tell]]:
    """The file's text, and a way to say something above a bar of how far it has been read.

    On standard error, and gone when the file has been read. A file whose name ends with .gz is
    unpacked. What is not UTF-8 becomes text that no database stores, so that only its row fails.
    """
    columns = (TextColumn(doing), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    is_hidden = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=is_hidden) as bar:
        size = _size(file)
        source = file if size is None else bar.wrap_file(file, size)
        if size is None:
            bar.add_task("", total=None)
        if str(getattr(file, "name", "")).endswith(".gz"):
            source = cast(BinaryIO, gzip.GzipFile(fileobj=source))
        text = TextIOWrapper(source, encoding="utf-8-sig", errors="surrogateescape", newline="")
        yield (
            text,
            lambda told: bar.console.print(told, markup=False, highlight=False, soft_wrap=True),
        )


def _size(file: BinaryIO) -> int | None:
    """How long the file is; None for a pipe."""
    try:
        status = os.fstat(file.fileno())
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def read(text: TextIO, delimiter: str = ",") -> Table:
    """The rows of a text. One that begins with a brace is JSON lines; empty lines are passed over.

    Raises Unusable, at once, where it has no header.
    """
    lines = _Lines(text)
    first = next((line for line in lines if line.strip()), None)
    if first is None or first.lstrip().startswith("{"):
        return Table(None, _from_json([first] if first else [], lines))
    reader = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(reader)]
    except csv.Error as error:
        raise Unusable(f"The header is no CSV: {error}.") from None
    return Table(header, _from_csv(reader, header, lines, delimiter))


@dataclass(slots=True)
class _Lines:
    """Lines, and the number of the last one; of one that is too long, only the beginning."""

    text: TextIO
    number: int = 0
    is_cut: bool = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.text.readline(CHARACTERS_MAX)
        if not line:
            raise StopIteration
        self.number += 1
        rest = line
        self.is_cut = False
        while len(rest) == CHARACTERS_MAX and not rest.endswith("\n"):
            rest = self.text.readline(CHARACTERS_MAX)
            self.is_cut = self.is_cut or bool(rest.strip())
        return line


_CUT = f"The line is longer than {CHARACTERS_MAX:,} characters."


def _from_json(first: Sequence[str], lines: _Lines) -> Iterator[Row | Broken]:
    for line in chain(first, lines):
        if lines.is_cut:
            yield Broken(lines.number, _CUT, line[:SHOWN_MAX])
        elif line.strip():
            yield _object(line, lines.number)


def _object(line: str, number: int) -> Row | Broken:
    try:
        fields = exact_json.loads(line)
    except (ValueError, ArithmeticError, RecursionError):
        fields = None
    if isinstance(fields, dict):
        return Row(number, fields)
    return Broken(number, "This is no JSON object.", line.rstrip("\r\n"))


def _from_csv(
    reader: Iterator[list[str]], header: Sequence[str], lines: _Lines, delimiter: str
) -> Iterator[Row | Broken]:
    """The rows below the header, numbered by the lines that they begin on."""
    while True:
        number = lines.number + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Broken(number, _CUT if lines.is_cut else f"This is no row of CSV: {error}.")
            continue
        if lines.is_cut:
            yield Broken(number, _CUT)
        elif values and len(values) != len(header):
            why = f"The header has {len(header)} fields, this has {len(values)}."
            yield Broken(number, why, delimiter.join(values))
        elif values:
            yield Row(number, dict(zip(header, values, strict=True)))
