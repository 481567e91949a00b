"""Idempotency keys made of a template: the same ones whenever the same file is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Formatter

from fubble_gql.cli import import_cells
from fubble_gql.cli.import_cells import Unfit
from fubble_gql.cli.import_rejects import FILE, LINE
from fubble_gql.cli.rows import Row

# Names in braces that are no columns.
OF_THE_EVENT = frozenset({"file", "line", "customer", "metric"})


class NoTemplate(ValueError):
    """A text that is no template; the message says what it must be."""


@dataclass(frozen=True, slots=True)
class Template:
    """A text with names in braces. `file` is the name of the file that is read."""

    file: str
    pattern: str
    names: Sequence[str]

    @classmethod
    def parse(cls, text: str, file: str) -> Template:
        """Raises NoTemplate."""
        pattern, names = "", []
        try:
            parts = list(Formatter().parse(text))
        except ValueError as error:
            raise NoTemplate(f"{error}.") from None
        for literal, name, spec, conversion in parts:
            pattern += literal.replace("%", "%%")
            if name is not None:
                if not name or spec or conversion:
                    raise NoTemplate("Only names stand in braces, as in {line}.")
                pattern += "%s"
                names.append(name)
        return cls(file, pattern, names)

    @property
    def columns(self) -> list[str]:
        """The names that are columns."""
        return [name for name in self.names if name not in OF_THE_EVENT]

    def key(self, row: Row, customer: str, metric: str) -> str:
        """The key of an event of the row. Raises Unfit."""
        file, line = origin(row.fields, self.file, row.line)
        known = {"file": file, "line": line, "customer": customer, "metric": metric}
        return self.pattern % tuple(
            [known[name] if name in known else _cell(row.fields, name) for name in self.names]
        )


def origin(fields: Mapping[str, object], file: str, line: int) -> tuple[object, object]:
    """From which line of which file a row came first: a row that was rejected tells. Raises Unfit.

    Its keys must be those that its events had there, since some of them may have been recorded.
    """
    if LINE not in fields:
        return file, line
    first_file, first_line = fields.get(FILE), fields[LINE]
    if not first_file and not first_line:  # a row that was added by hand
        return file, line
    if not first_file or not str(first_line).isdecimal():
        raise Unfit(f"{FILE} and {LINE} must stay as they were.")
    return first_file, first_line


def _cell(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if value is None or value == "":
        raise Unfit(f"{name} is empty, and the key needs it.")
    try:
        return import_cells.text(value)
    except Unfit as unfit:
        raise Unfit(f"{name} {unfit}") from None
