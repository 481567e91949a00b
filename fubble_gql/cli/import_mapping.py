"""How a row becomes usage events: which column is which field, and what stands for all rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from string import Formatter
from typing import NamedTuple, TypeVar
from uuid import UUID

from graphql import GraphQLError

from fubble_gql.api.events_ahead import FIELDS, subscription_of
from fubble_gql.api.scalars import parse_decimal, parse_instant
from fubble_gql.checks import is_storable
from fubble_gql.cli.input import Row, Unusable
from fubble_gql.db import exact_json
from fubble_gql.pricing.money import plain
from fubble_gql.pricing.wallclock import instant_of, is_known_zone, zone
from fubble_gql.usage.new_event import NewEvent

# What a file of rejected rows adds, so that mended rows keep their keys.
FILE, LINE, CODE, REASON = "rejectedFile", "rejectedLine", "rejectedCode", "rejectedReason"
TEXT = "rejectedText"

T = TypeVar("T")

_OFFSET = re.compile(r"(?:[Zz]|[+-]\d\d:?\d\d)\s*$", re.ASCII)
_FINER = re.compile(r"(\.\d{6})\d+", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OF_THE_ROW = ("file", "line", "metric", "customer")


class Wrong(Exception):
    """A row that makes no event; the message says why."""


class TimeFormat(StrEnum):
    """How times are written."""

    ISO = "iso"
    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"


_MICROSECONDS = {TimeFormat.SECONDS: 1_000_000, TimeFormat.MILLISECONDS: 1_000}


class Property(NamedTuple):
    """A column that becomes a property of the event."""

    name: str
    column: str
    is_number: bool


class Quantity(NamedTuple):
    """A column that holds how much of a metric was used."""

    metric: str
    column: str


@dataclass(frozen=True, slots=True)
class Times:
    """How times are read; those without an offset are of the timezone, where there is one."""

    format: TimeFormat = TimeFormat.ISO
    timezone: str | None = None
    truncated: bool = False

    def read(self, value: object) -> datetime:
        """The instant. Raises Wrong, GraphQLError."""
        if self.format is not TimeFormat.ISO:
            return self._since_epoch(parse_decimal(value))
        if not isinstance(value, str):
            raise Wrong("eventTime must be a text.")
        text = _FINER.sub(r"\1", value) if self.truncated else value
        if _OFFSET.search(text):
            return parse_instant(text)
        if self.timezone is None:
            raise Wrong("eventTime has no offset: say with --timezone where it was measured.")
        instant = parse_instant(f"{text}Z")
        if self.timezone == "UTC":
            return instant
        return instant_of(instant.replace(tzinfo=None), zone(self.timezone))

    def _since_epoch(self, number: Decimal) -> datetime:
        exact = number * _MICROSECONDS[self.format]
        if exact != int(exact) and not self.truncated:
            raise GraphQLError("must not be finer than a microsecond.")
        try:
            return parse_instant((_EPOCH + timedelta(microseconds=int(exact))).isoformat())
        except OverflowError:
            raise GraphQLError("is not a day and a time that exist.") from None


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """Which events a row makes.

    `columns` tells under which other name a field's column goes, `values` what stands where a row
    leaves a field out. Each of `quantities` makes an event of its own, where its cell is not empty.
    `key` is a template with names in braces, from which keys are made.
    """

    file: str
    columns: Mapping[str, str]
    values: Mapping[str, str]
    properties: Sequence[Property] = ()
    quantities: Sequence[Quantity] = ()
    key: str | None = None
    times: Times = Times()

    def check(self, header: Sequence[str] | None) -> None:
        """Raises Unusable for a mapping that cannot be meant; a header tells which columns exist."""
        for field in (*self.columns, *self.values):
            if field not in FIELDS:
                raise Unusable(
                    f"There is no field {field}. Fields are {', '.join(sorted(FIELDS))}."
                )
        if "idempotencyKey" in self.values:
            raise Unusable("Every event needs a key of its own: make them with --key.")
        if self.times.timezone is not None and not is_known_zone(self.times.timezone):
            raise Unusable(f'There is no timezone "{self.times.timezone}".')
        if header is not None:
            self._check_columns(header)

    def _check_columns(self, header: Sequence[str]) -> None:
        named = [*self.columns.values(), *(one.column for one in self.properties)]
        named += [one.column for one in self.quantities]
        named += [name for name in _names(self.key or "") if name not in _OF_THE_ROW]
        if missing := [name for name in named if name not in header]:
            raise Unusable(f"There is no column {missing[0]}. Columns are {', '.join(header)}.")
        wanted = ["customer"] if self.quantities else ["customer", "metric"]
        wanted += [] if self.key else ["idempotencyKey"]
        for field in wanted:
            if self.columns.get(field, field) not in header and field not in self.values:
                way = "--key" if field == "idempotencyKey" else f"--column or --value {field}=…"
                raise Unusable(f"No column is the {field} of an event: say it with {way}.")

    def events(self, row: Row) -> Iterator[NewEvent]:
        """The events of a row: one at least. Raises Wrong."""
        if row.fields.get(TEXT):
            raise Wrong(f"What stands in {TEXT} belongs in the other columns; then empty it.")
        if not self.quantities:
            yield self._event(row, self._text(row, "metric"), self._cell(row, "quantity"))
            return
        cells = [(metric, _filled(row.fields.get(column))) for metric, column in self.quantities]
        given = [(metric, cell) for metric, cell in cells if cell is not None]
        if not given:
            raise Wrong(f"No quantity is given: of {', '.join(metric for metric, _ in cells)}.")
        for metric, cell in given:
            yield self._event(row, metric, cell)

    def _event(self, row: Row, metric: str, quantity: object) -> NewEvent:
        customer = self._text(row, "customer")
        time, subscription = self._cell(row, "eventTime"), self._cell(row, "subscriptionId")
        if self.key is None:
            key = self._text(row, "idempotencyKey")
        else:
            key = self._made_key(row, {"metric": metric, "customer": customer})
        return NewEvent(
            customer,
            metric,
            key,
            None if quantity is None else _read("quantity", parse_decimal, quantity),
            None if time is None else _read("eventTime", self.times.read, time),
            None if subscription is None else _subscription(subscription),
            self._properties(row),
        )

    def _cell(self, row: Row, field: str) -> object | None:
        """What the row says of a field, else what stands for all rows; None where nothing does."""
        found = _filled(row.fields.get(self.columns.get(field, field)))
        return self.values.get(field) if found is None else found

    def _text(self, row: Row, field: str) -> str:
        value = self._cell(row, field)
        if value is None:
            raise Wrong(f"{field} is missing.")
        if not isinstance(value, str):
            raise Wrong(f"{field} must be a text.")
        if not is_storable(value):
            raise Wrong(f"{field} must be UTF-8, without NUL.")
        return value

    def _made_key(self, row: Row, known: Mapping[str, str]) -> str:
        here = {"file": row.fields.get(FILE) or self.file, "line": row.fields.get(LINE) or row.line}
        parts: list[str] = []
        for literal, name, _, _ in Formatter().parse(self.key or ""):
            parts.append(literal)
            if name is not None:
                parts.append(_spelled(name, {**row.fields, **here, **known}.get(name)))
        return "".join(parts)

    def _properties(self, row: Row) -> Mapping[str, object] | None:
        given = self._cell(row, "properties")
        if isinstance(given, str):
            try:
                given = exact_json.loads(given)
            except (ValueError, ArithmeticError, RecursionError):
                raise Wrong("properties must be a JSON object.") from None
        if given is not None and not isinstance(given, dict):
            raise Wrong('properties must be a JSON object, such as {"region": "eu"}.')
        added = {
            one.name: _read(one.column, parse_decimal, cell) if one.is_number else cell
            for one in self.properties
            if (cell := _filled(row.fields.get(one.column))) is not None
        }
        return {**(given or {}), **added} if added or given is not None else None


def _names(template: str) -> list[str]:
    """The names in braces. Raises Unusable."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise Unusable(f"--key {template}: {error}.") from None
    if any(name == "" or spec or conversion for _, name, spec, conversion in parts):
        raise Unusable(f"--key {template}: only names stand in braces, as in {{line}}.")
    return [name for _, name, _, _ in parts if name is not None]


def _filled(value: object) -> object | None:
    """A cell; an empty one counts as left out."""
    return None if value == "" else value


def _spelled(name: str, value: object) -> str:
    match value:
        case str() if value and is_storable(value):
            return value
        case int() | Decimal() if not isinstance(value, bool):
            return plain(Decimal(value))
        case _:
            raise Wrong(f"The key needs {name}, which must be a text or a number.")


def _subscription(value: object) -> UUID:
    if not isinstance(value, str):
        raise Wrong("subscriptionId must be a text.")
    return subscription_of(value)


def _read(field: str, parse: Callable[[object], T], value: object) -> T:
    """What a value says, with the field's name in front of what is wrong with it."""
    try:
        return parse(value)
    except GraphQLError as refused:
        hint = " --truncate-time cuts it off." if "microsecond" in refused.message else ""
        raise Wrong(f"{field} {refused.message}{hint}") from None
