"""Which column of a file is which field of an event, and what stands for all rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fubble_gql.api.events_ahead import FIELDS
from fubble_gql.cli.import_cells import Times
from fubble_gql.cli.import_keys import Template
from fubble_gql.cli.rows import Unusable

# What stands for a time that is left out, as in the mutation; of a file it must be said.
RECORDING = "now"

# How to say what must be said of every event.
WAYS = {
    "customer": "Say --column customer=COLUMN, or --value customer=KEY for all rows.",
    "metric": "Say --column metric=COLUMN, or --value metric=KEY for all rows.",
    "eventTime": "Say --column eventTime=COLUMN, or --value eventTime=now for the time of recording.",
    "idempotencyKey": "Say --column idempotencyKey=COLUMN, or how to make keys, as in "
    "--key '{file}:{line}:{metric}'.",
}


class Property(NamedTuple):
    """A column that becomes a property of the event."""

    name: str
    column: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """Which events a row makes.

    `columns` tells under which other name a field's column goes, `values` what stands where a row
    leaves a field out. Each of `quantities`, columns by metric, makes an event of its own where its
    cell is not empty. `template` makes the keys.
    """

    columns: Mapping[str, str]
    values: Mapping[str, str]
    properties: Sequence[Property]
    quantities: Mapping[str, str]
    template: Template | None
    times: Times

    def named_columns(self) -> Iterator[str]:
        """The columns that must exist, since the mapping names them."""
        yield from self.columns.values()
        yield from self.quantities.values()
        yield from (one.column for one in self.properties)
        yield from self.template.columns if self.template else ()

    def check(self) -> None:
        """Raises Unusable for a mapping that cannot be meant, whatever the file has."""
        for field in (*self.columns, *self.values):
            if field not in FIELDS:
                raise Unusable(
                    f"There is no field {field}. Fields are {', '.join(sorted(FIELDS))}."
                )
        self._check_keys()
        if twice := [field for field in ("metric", "quantity") if self._tells(field)]:
            raise Unusable(f"--quantity tells metrics and quantities; leave out {twice[0]}.")

    def _tells(self, field: str) -> bool:
        return bool(self.quantities) and (field in self.columns or field in self.values)

    def _check_keys(self) -> None:
        if "idempotencyKey" in self.values:
            raise Unusable("Every event needs a key of its own: make keys with --key.")
        if self.template is not None and "idempotencyKey" in self.columns:
            raise Unusable("--key makes the keys; name a column that they need in its braces.")
        names = self.template.names if self.template else ()
        if len(self.quantities) > 1 and "metric" not in names:
            raise Unusable(
                "Several quantities of a row need keys of their own: "
                "say --key with {metric} in it, as in '{idempotencyKey}:{metric}'."
            )

    def check_columns(self, header: Sequence[str]) -> None:
        """Raises Unusable where a file lacks a column that is named or needed, or has it twice."""
        for name in self.named_columns():
            if name not in header:
                raise Unusable(f"There is no column {name}. Columns are {', '.join(header)}.")
        for field in self._required():
            if field not in self.values and self.column(field) not in header:
                raise Unusable(f"There is no column {field}. {WAYS[field]}")
        counts = Counter(header)
        for name in (*self.named_columns(), *map(self.column, FIELDS)):
            if counts[name] > 1:
                raise Unusable(f"There are {counts[name]} columns {name}.")

    def _required(self) -> Iterator[str]:
        yield "customer"
        if not self.quantities:
            yield "metric"
        yield "eventTime"
        if self.template is None:
            yield "idempotencyKey"

    def column(self, field: str) -> str:
        """The column that a field is in, if it is in one."""
        return self.columns.get(field, field)
