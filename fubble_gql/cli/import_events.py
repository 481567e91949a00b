"""The events of a row, each field read from where a mapping says that it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from fubble_gql.cli import import_cells as cells
from fubble_gql.cli.import_cells import Unfit
from fubble_gql.cli.import_mapping import RECORDING, WAYS, FieldMapping
from fubble_gql.cli.import_rejects import TEXT
from fubble_gql.cli.rows import Row, Unusable
from fubble_gql.errors import Refused
from fubble_gql.usage import properties
from fubble_gql.usage.new_event import NewEvent
from fubble_gql.usage.properties import Properties

T = TypeVar("T")
Fields = Mapping[str, object]
Source = Callable[[Fields], T]
# The metrics of which a row tells a quantity.
Measures = Source[Sequence[tuple[str, Decimal | None]]]
Key = Callable[[Row, str, str], str]


@dataclass(frozen=True, slots=True)
class EventsOf:
    """Makes events of rows. `unseen` are the named columns that no row has had so far."""

    customer: Source[str]
    time: Source[datetime | None]
    subscription: Source[UUID | None]
    properties: Source[Properties | None]
    measures: Measures
    key: Key
    unseen: set[str]

    @classmethod
    def by(cls, mapping: FieldMapping) -> EventsOf:
        """Raises Unusable for a value that no event could have."""
        return cls(
            customer=_needed(mapping, "customer", cells.text),
            time=_time(mapping),
            subscription=_given(mapping, "subscriptionId", cells.subscription),
            properties=_properties(mapping),
            measures=_several(mapping.quantities) if mapping.quantities else _one(mapping),
            key=_key(mapping),
            unseen=set(mapping.named_columns()),
        )

    def row(self, row: Row) -> list[NewEvent]:
        """The events of a row: one at least. Raises Unfit."""
        fields = row.fields
        if fields.get(TEXT):
            raise Unfit(f"What stands in {TEXT} belongs in fields of their own; then remove it.")
        if self.unseen:
            self.unseen.difference_update(fields)
        customer = self.customer(fields)
        time = self.time(fields)
        subscription = self.subscription(fields)
        described = self.properties(fields)
        return [
            NewEvent(
                customer,
                metric,
                self.key(row, customer, metric),
                quantity,
                time,
                subscription,
                described,
            )
            for metric, quantity in self.measures(fields)
        ]


def _time(mapping: FieldMapping) -> Source[datetime | None]:
    if mapping.values.get("eventTime") == RECORDING:
        return _cell(mapping.column("eventTime"), mapping.times.read, None)
    return _needed(mapping, "eventTime", mapping.times.read)


def _one(mapping: FieldMapping) -> Measures:
    metric = _needed(mapping, "metric", cells.text)
    quantity = _given(mapping, "quantity", cells.number)
    return lambda fields: ((metric(fields), quantity(fields)),)


def _several(quantities: Mapping[str, str]) -> Measures:
    sources = [(metric, _cell(column, cells.number, None)) for metric, column in quantities.items()]

    def found(fields: Fields) -> Sequence[tuple[str, Decimal | None]]:
        told = [(metric, quantity(fields)) for metric, quantity in sources]
        measured = [one for one in told if one[1] is not None]
        if not measured:
            raise Unfit(f"There is no quantity in {' or '.join(quantities.values())}.")
        return measured

    return found


def _properties(mapping: FieldMapping) -> Source[Properties | None]:
    given = _given(mapping, "properties", cells.json_object)
    sources = [
        (one.name, _cell(one.column, cells.number if one.is_number else cells.anything, None))
        for one in mapping.properties
    ]

    def found(fields: Fields) -> Properties | None:
        named = given(fields)
        if sources:
            added = {name: source(fields) for name, source in sources}
            named = {**(named or {}), **{n: v for n, v in added.items() if v is not None}}
        return None if named is None else _kept(named)

    return found


def _kept(named: Mapping[str, object]) -> Properties:
    try:
        return properties.read(named)
    except Refused as refused:
        raise Unfit(refused.problems[0].message) from None


def _key(mapping: FieldMapping) -> Key:
    if mapping.template is not None:
        return mapping.template.key
    key = _needed(mapping, "idempotencyKey", cells.text)
    return lambda row, *_: key(row.fields)


def _needed(mapping: FieldMapping, field: str, read: Callable[[object], T]) -> Source[T]:
    given = _given(mapping, field, read)

    def found(fields: Fields) -> T:
        value = given(fields)
        if value is None:
            raise Unfit(f"{mapping.column(field)} is empty. {WAYS[field]}")
        return value

    return found


def _given(mapping: FieldMapping, field: str, read: Callable[[object], T]) -> Source[T | None]:
    """What a row says of a field, else what stands for all rows."""
    value = mapping.values.get(field)
    try:
        constant = None if value is None else read(value)
    except Unfit as unfit:
        raise Unusable(f"--value {field}={value}: {field} {unfit}") from None
    return _cell(mapping.column(field), read, constant)


def _cell(column: str, read: Callable[[object], T], absent: T | None) -> Source[T | None]:
    """What a column says; an empty cell is left out."""

    def found(fields: Fields) -> T | None:
        value = fields.get(column)
        if value is None or value == "":
            return absent
        try:
            return read(value)
        except Unfit as unfit:
            raise Unfit(f"{column} {unfit}") from None

    return found
