"""Many rows in one statement, written once for both databases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from fubble_gql.db import exact_json
from fubble_gql.db.connection import Connection
from fubble_gql.db.sql import Listed, Sql, sql
from fubble_gql.pricing.money import plain

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Json:
    """A value for a JSON column."""

    value: object


async def insert(tx: Connection, table: str, rows: Sequence[Row]) -> None:
    """Insert rows that name the same columns. One statement; none for no rows."""
    if rows:
        columns = list(rows[0])
        listed = ", ".join(columns)
        selected = ", ".join(f"given.{column}" for column in columns)
        source = _source(tx, table, columns, rows)
        await tx.fetch(sql(f"insert into {table} ({listed}) select {selected} from") + source)


async def update(tx: Connection, table: str, rows: Sequence[Row]) -> None:
    """Set the other columns of the rows with these ids. One statement; none for no rows."""
    if rows:
        columns = list(rows[0])
        changed = ", ".join(f"{name} = given.{name}" for name in columns if name != "id")
        source = _source(tx, table, columns, rows)
        await tx.fetch(
            sql(f"update {table} set {changed} from") + source + f"where {table}.id = given.id"
        )


def given(
    connection: Connection, types: Mapping[str, str], rows: Sequence[Sequence[object]]
) -> Sql:
    """Rows as a source named `given`: PostgreSQL's types by column, and values in that order."""
    if connection.dialect == "postgres":
        columns = zip(*rows, strict=True) if rows else ([] for _ in types)
        arrays = ", ".join(f"?::{kind}[]" for kind in types.values())
        listed = [Listed(list(column)) for column in columns]
        return sql(f"unnest({arrays}) as given({', '.join(types)})", *listed)
    fields = ", ".join(f"value ->> {n} as {name}" for n, name in enumerate(types))
    return sql(
        f"(select {fields} from json_each(?)) as given", Listed([Listed(row) for row in rows])
    )


def _source(tx: Connection, table: str, columns: Sequence[str], rows: Sequence[Row]) -> Sql:
    """The rows as a source named `given`, its columns of the table's types."""
    text = exact_json.dumps([{name: _plain(tx, row[name]) for name in columns} for row in rows])
    if tx.dialect == "postgres":
        return sql(f"jsonb_populate_recordset(null::{table}, ?::jsonb) as given", text)
    fields = ", ".join(f"value ->> '{name}' as {name}" for name in columns)
    return sql(f"(select {fields} from json_each(?)) as given", text)


def _plain(tx: Connection, value: object) -> object:
    match value:
        case Json() if tx.dialect == "sqlite":
            return exact_json.dumps(value.value)
        case Json():
            return value.value
        case Decimal():
            return plain(value)
        case UUID():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat(" ")
        case _:
            return value
