"""Keyset pages: the next rows after a known one, for the whole table or for each of many parents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from fubble_gql.db.connection import Connection
from fubble_gql.db.rows import R, Table, in_utf8
from fubble_gql.db.sql import ALWAYS, Listed, Sql, all_of, sql

T = TypeVar("T")
# So many conditions make one statement: SQLite takes 500 parts of a union.
CONDITIONS_MAX = 100


@dataclass(frozen=True, slots=True)
class Order:
    """A total order of a table: its last column is unique. All columns go the same way."""

    columns: tuple[str, ...]
    descending: bool = False

    def after(self, key: Sequence[Any]) -> Sql:
        """Strictly behind the row with this key."""
        marks = ", ".join("?" * len(key))
        comparison = "<" if self.descending else ">"
        return sql(f"({', '.join(self.columns)}) {comparison} ({marks})", *key)

    @property
    def clause(self) -> str:
        """The ORDER BY."""
        return self.of("")

    def of(self, table: str) -> str:
        """The ORDER BY, by the columns of a table with this name."""
        way, owner = " desc" if self.descending else "", f"{table}." if table else ""
        return "order by " + ", ".join(owner + column + way for column in self.columns)

    def key(self, row: object) -> tuple[Any, ...]:
        """The row's place."""
        return tuple(getattr(row, column) for column in self.columns)

    def reversed(self) -> Order:
        """The same order from its other end."""
        return Order(self.columns, not self.descending)


@dataclass(frozen=True, slots=True)
class Window:
    """Which rows are wanted: `size` from the start, or from the end when `backward`."""

    size: int
    backward: bool = False
    after: tuple[Any, ...] | None = None
    before: tuple[Any, ...] | None = None


class Slice(NamedTuple, Generic[T]):
    """The rows of one window, in order, and whether there are more on either side."""

    rows: list[T]
    has_next: bool
    has_previous: bool


async def page(
    connection: Connection, table: Table[R], order: Order, window: Window, where: Sql = ALWAYS
) -> Slice[R]:
    """One page of a table. One statement."""
    walked, conditions = _walk(order, window)
    rows = await table.select(
        connection,
        sql("where")
        + all_of([where, *conditions])
        + sql(f"{walked.clause} limit ?", window.size + 1),
    )
    return _cut(rows, window)


async def page_written(
    connection: Connection, table: Table[Any], order: Order, window: Window, where: Sql = ALWAYS
) -> bytes:
    """The JSON of the list of one page, of which the table writes one text for each row.

    Whether there are more is not looked at. One statement; PostgreSQL only.
    """
    statement = _list_written(connection, table, order, window, [where])
    [[written]] = await connection.fetch(statement)
    return written or b"[]"


async def pages(
    connection: Connection,
    table: Table[R],
    parents: tuple[str, Sequence[UUID]],
    order: Order,
    window: Window,
    where: Sql = ALWAYS,
) -> dict[UUID, Slice[R]]:
    """One page for each parent: `parents` is the column that refers to them, and their ids.

    An id may be there several times. One statement whatever the number of parents.
    """
    column, ids = parents[0], [*dict.fromkeys(parents[1])]
    walked, conditions = _walk(order, window)
    condition = all_of([where, *conditions])
    limit = window.size + 1
    if connection.dialect == "postgres":
        statement = (
            sql(f"select {table.columns} from unnest(?::uuid[]) as parent(parent_id)", Listed(ids))
            + sql("cross join lateral (select * from")
            + table.source(connection)
            + sql(f"where {column} = parent.parent_id and")
            + condition
            + sql(f"{walked.clause} limit ?) as {table.name}", limit)
            + walked.clause
        )
    else:
        statement = (
            sql(f"select {table.columns} from (select *, row_number() over (")
            + sql(f"partition by {column} {walked.clause}) as place from")
            + table.source(connection)
            + "where"
            + connection.is_in(column, ids)
            + "and"
            + condition
            + sql(f") as {table.name} where place <= ? {walked.clause}", limit)
        )
    found: dict[UUID, list[R]] = {parent: [] for parent in ids}
    for row in table.decode(connection, await connection.fetch(statement)):
        found[getattr(row, column)].append(row)
    return {parent: _cut(rows, window) for parent, rows in found.items()}


async def pages_written(
    connection: Connection,
    table: Table[Any],
    parents: tuple[str, Sequence[UUID]],
    order: Order,
    window: Window,
    where: Sql = ALWAYS,
) -> dict[UUID, bytes]:
    """The JSON of the list of each parent's page, of which the table writes one text for each row.

    An id may be there several times. Whether there are more is not looked at. One statement;
    PostgreSQL only.
    """
    column, ids = parents[0], [*dict.fromkeys(parents[1])]
    own = [sql(f"{column} = parent_id"), where]
    statement = (
        sql("select parent_id, (")
        + _list_written(connection, table, order, window, own)
        + sql(") from unnest(?::uuid[]) as parent(parent_id)", Listed(ids))
    )
    return {parent: text or b"[]" for parent, text in await connection.fetch(statement)}


async def page_each(
    connection: Connection,
    table: Table[R],
    order: Order,
    window: Window,
    wheres: Sequence[Sql],
) -> list[Slice[R]]:
    """One page for each of several conditions. One statement for every hundred of them."""
    found: list[Slice[R]] = []
    for start in range(0, len(wheres), CONDITIONS_MAX):
        part = wheres[start : start + CONDITIONS_MAX]
        found += await _page_each(connection, table, order, window, part)
    return found


async def _page_each(
    connection: Connection,
    table: Table[R],
    order: Order,
    window: Window,
    wheres: Sequence[Sql],
) -> list[Slice[R]]:
    walked, conditions = _walk(order, window)
    statement = Sql("")
    for n, where in enumerate(wheres):
        statement += (
            sql(f"{'union all ' * (n > 0)}select * from (select {table.columns}, {n} as place")
            + "from"
            + table.source(connection)
            + "where"
            + all_of([where, *conditions])
            + sql(f"{walked.clause} limit ?) as part_{n}", window.size + 1)
        )
    records = await connection.fetch(statement)
    places = [int(record[len(table.row._fields)]) for record in records]
    found: list[list[R]] = [[] for _ in wheres]
    for place, row in zip(places, table.decode(connection, records), strict=True):
        found[place].append(row)
    for rows in found:
        rows.sort(key=order.key, reverse=walked.descending)  # a union promises no order
    return [_cut(rows, window) for rows in found]


def _list_written(
    connection: Connection, table: Table[Any], order: Order, window: Window, where: Sequence[Sql]
) -> Sql:
    """What selects the JSON of a window's rows, in order; null where there are none."""
    walked, conditions = _walk(order, window)
    (text,) = table.texts
    rows = f"'[' || string_agg({text}, ',' {order.of(table.name)}) || ']'"
    return (
        sql(f"select {in_utf8(rows)} from (select * from")
        + table.source(connection)
        + "where"
        + all_of([*where, *conditions])
        + sql(f"{walked.clause} limit ?) as {table.name}", window.size)
    )


def _walk(order: Order, window: Window) -> tuple[Order, list[Sql]]:
    conditions = []
    if window.after is not None:
        conditions.append(order.after(window.after))
    if window.before is not None:
        conditions.append(order.reversed().after(window.before))
    return (order.reversed() if window.backward else order), conditions


def _cut(rows: list[R], window: Window) -> Slice[R]:
    has_more = len(rows) > window.size
    kept = rows[: window.size]
    if window.backward:
        return Slice(kept[::-1], window.before is not None, has_more)
    return Slice(kept, has_more, window.after is not None)


async def count(connection: Connection, table: Table[R], where: Sql = ALWAYS) -> int:
    """How many rows there are."""
    statement = sql("select count(*) from") + table.source(connection) + "where" + where
    rows = await connection.fetch(statement)
    return int(rows[0][0])


async def counts(
    connection: Connection,
    table: Table[R],
    parents: tuple[str, Sequence[UUID]],
    where: Sql = ALWAYS,
) -> dict[UUID, int]:
    """How many rows each parent has. One statement."""
    column, ids = parents
    statement = (
        sql(f"select {column}, count(*) from")
        + table.source(connection)
        + "where"
        + connection.is_in(column, ids)
        + "and"
        + where
        + f"group by {column}"
    )
    found = {UUID(str(record[0])): int(record[1]) for record in await connection.fetch(statement)}
    return {parent: found.get(parent, 0) for parent in ids}
