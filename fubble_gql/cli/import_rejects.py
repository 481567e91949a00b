"""Rows that were rejected, in a file of their own: to be mended there and imported again."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TextIO

from fubble_gql.checks import is_storable
from fubble_gql.cli.failures import Failure
from fubble_gql.cli.rows import Original

FILE, LINE, CODE, REASON = MARKS = (
    "rejectedFile",
    "rejectedLine",
    "rejectedCode",
    "rejectedReason",
)
TEXT = "rejectedText"

_STRING = r'"(?:[^"\\]|\\.)*"'
# What this module puts at the beginning of a JSON object, and what it replaces when that is read.
_MARKED = re.compile(
    rf'\s*\{{\s*"{FILE}"\s*:\s*({_STRING})\s*,\s*"{LINE}"\s*:\s*(\d+)\s*,'
    rf'\s*"{CODE}"\s*:\s*{_STRING}\s*,\s*"{REASON}"\s*:\s*{_STRING}\s*,?'
)


class Rejected(NamedTuple):
    """A row that did not become all of its events, why, and what stands in the file."""

    line: int
    code: str
    why: str
    original: Original


@dataclass(slots=True)
class Rejects:
    """Writes rejected rows just as they were, behind the file and line they came from and the why.

    `path` has them once the block has ended, in place of those of an earlier run; if there are
    none it is left alone. Until then they are beside it, in a file whose name ends in .part. The
    marks of a row that had been rejected before are replaced, but for where it came from.
    """

    path: Path
    file: str
    header: Sequence[str] | None
    delimiter: str
    count: int = 0
    _out: TextIO | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._out is not None:
            try:
                self._out.close()
                os.replace(self._part, self.path)
            except OSError as failure:
                raise self._failure(failure) from None

    def write(self, rejected: Rejected) -> None:
        """Add a row; rows come in the order of their lines. Raises Failure."""
        try:
            if self._out is None:
                self._out = self._begun()
            if self.header is not None:
                self._write_csv(self._out, rejected)
            else:
                self._out.write(f"{_marked_object(self.file, rejected)}\n")
        except OSError as failure:
            raise self._failure(failure) from None
        self.count += 1

    @property
    def _part(self) -> Path:
        return self.path.with_name(f"{self.path.name}.part")

    @property
    def _has_marks(self) -> bool:
        """Whether the rows that are read were rejected before."""
        return self.header is not None and tuple(self.header[: len(MARKS)]) == MARKS

    def _begun(self) -> TextIO:
        out = self._part.open("w", encoding="utf-8", errors="surrogateescape", newline="")
        if self.header is not None:
            marks = () if self._has_marks else MARKS
            csv.writer(out, delimiter=self.delimiter).writerow([*marks, *self.header])
        return out

    def _write_csv(self, out: TextIO, rejected: Rejected) -> None:
        write = csv.writer(out, delimiter=self.delimiter, lineterminator="").writerow
        file, line, values = self.file, str(rejected.line), rejected.original
        if self._has_marks and isinstance(values, list) and len(values) > len(MARKS):
            file, line, values = values[0], values[1], values[len(MARKS) :]
        if isinstance(values, list):
            write([file, line, rejected.code, rejected.why, *values])
        elif values and self._has_marks:  # no row, but its old marks are there
            out.write(values.rstrip("\r\n"))
        else:
            write([file, line, rejected.code, rejected.why])
            out.write(f"{self.delimiter}{values}".rstrip("\r\n"))
        out.write("\r\n")

    def _failure(self, error: OSError) -> Failure:
        return Failure(
            f"Rejected rows cannot be written to {self.path}: {error.strerror}. "
            "Say where with --rejected, and run it again."
        )


def _marked_object(file: str, rejected: Rejected) -> str:
    """The object with its marks; what is no object becomes one, with its text in rejectedText."""
    text = str(rejected.original).strip()
    quoted, line = _quoted(file), str(rejected.line)
    before = _MARKED.match(text)
    if before is not None:
        quoted, line = before.groups()
        rest = text[before.end() :].lstrip()
    elif text.startswith("{"):
        rest = text[1:].lstrip()
    else:
        rest = f'"{TEXT}": {_quoted(text)}}}'
    marks = (
        f'"{FILE}": {quoted}, "{LINE}": {line}, "{CODE}": "{rejected.code}", '
        f'"{REASON}": {_quoted(rejected.why)}'
    )
    return f"{{{marks}{rest}" if rest.startswith("}") else f"{{{marks}, {rest}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=not is_storable(text))
