"""Rows that were not imported, in a file that can be mended and imported again."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

from fubble_gql.cli.import_mapping import CODE, FILE, LINE, REASON, TEXT
from fubble_gql.db import exact_json


class Rejected(NamedTuple):
    """A row that made no event, or not all of its events; `text` is of a line that is no row."""

    line: int
    code: str
    why: str
    fields: Mapping[str, object]
    text: str = ""


class Rejects:
    """Writes rejected rows beside what is wrong with them; the file appears when all is done.

    Each row has the fields that it had, and rejectedFile, rejectedLine, rejectedCode,
    rejectedReason; a line that is no row stands in rejectedText. A row is written once, however
    many of its events were rejected.
    """

    def __init__(self, path: Path, file: str, header: Sequence[str] | None) -> None:
        self.path, self.count = path, 0
        self._file, self._last_line = file, 0
        marks = (FILE, LINE, CODE, REASON, TEXT)
        self._header = None if header is None else [*(n for n in header if n not in marks), *marks]
        self._part = path.with_name(f"{path.name}.part")
        self._out: TextIO | None = None

    def write(self, rejected: Rejected) -> None:
        """Add a row; rows come in the order of their lines."""
        if rejected.line == self._last_line:
            return
        self._last_line = rejected.line
        self.count += 1
        known = rejected.fields
        marks = {
            FILE: known.get(FILE) or self._file,
            LINE: known.get(LINE) or rejected.line,
            CODE: rejected.code,
            REASON: rejected.why,
            TEXT: rejected.text or known.get(TEXT, ""),
        }
        if self._out is None:
            self._out = self._part.open("w", encoding="utf-8", errors="replace", newline="")
            if self._header is not None:
                csv.writer(self._out).writerow(self._header)
        self._put(self._out, {**known, **marks})

    def _put(self, out: TextIO, fields: Mapping[str, object]) -> None:
        if self._header is None:
            out.write(exact_json.dumps(fields) + "\n")
        else:
            csv.writer(out).writerow([fields.get(name, "") for name in self._header])

    def close(self) -> None:
        """Put the file where it belongs, in the place of an earlier one; no rows, no file."""
        if self._out is not None:
            self._out.close()
            os.replace(self._part, self.path)
        else:
            self.path.unlink(missing_ok=True)
