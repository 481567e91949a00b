"""Light rows: a NamedTuple per table, read by column and decoded by its annotations.

Whoever reads as one customer (`Connection.only`) reads each table through the rows of it that the
customer may see. This is the one place where that is added, to every read of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property, partial
from typing import Annotated, Any, Generic, NamedTuple, TypeVar, cast, get_args, get_type_hints
from uuid import UUID

from fubble_gql.db import exact_json
from fubble_gql.db.connection import Connection, Dialect, Record
from fubble_gql.db.sql import Sql, sql
from fubble_gql.pricing.money import tidy

R = TypeVar("R", bound=NamedTuple)
Visible = Callable[[UUID], Sql]
# Clients choose which columns they select. So many choices are remembered of a table, and so long
# texts of all of them together.
_NARROWER_MAX = 128
_NARROWER_LENGTH_MAX = 300_000
# Stands for the table in what it writes, and for the instant that it is read as of.
ITSELF = "{table}"
INSTANT = f"{ITSELF}.instant"


class Read(NamedTuple):
    """How a column is read that holds JSON: from its text."""

    text: Callable[[str], object]


JsonObject = Annotated[Mapping[str, Any], Read(exact_json.loads)]
JsonList = Annotated[list[Any], Read(exact_json.loads)]


class Masked(Exception):
    """What a table was about to write by itself has columns that the connection's customer may not see."""


class NotVisible(Exception):
    """A customer's connection was about to read a table that does not say what customers see."""


@dataclass(frozen=True)
class Table(Generic[R]):
    """Where the rows of one type live.

    `visible` is a condition for a WHERE: which of its rows the customer with an id may see. Without
    one no customer reads the table at all. Customers see the values of `hidden` in place of a row's
    own. What is `written` may depend on an `instant` (`at`).
    """

    name: str
    row: type[R]
    visible: Visible | None = None
    hidden: Mapping[str, Any] = field(default_factory=dict, hash=False)
    written: tuple[str, ...] = ()
    instant: datetime | None = None

    @cached_property
    def columns(self) -> str:
        """What is selected, in the order of the row, columns qualified by the table's name."""
        names = self.row._fields[: len(self.row._fields) - len(self.written)]
        return ", ".join((*(f"{self.name}.{name}" for name in names), *map(in_utf8, self.texts)))

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """SQL for the texts that PostgreSQL makes of the columns."""
        return tuple(text.replace(ITSELF, self.name) for text in self.written)

    def seen_by(self, customer_id: UUID) -> Sql:
        """Which rows a customer may see. Raises NotVisible where the table does not say."""
        if self.visible is None:
            raise NotVisible(self.name)
        return sql("(") + self.visible(customer_id) + ")"

    def source(self, connection: Connection) -> Sql:
        """What to select from: the table, or the rows that the connection's customer may see.

        Raises Masked where a text has a column that is hidden from customers.
        """
        if connection.customer_id is None:
            seen = sql(self.name)
        elif any(f"{ITSELF}.{name}" in text for name in self.hidden for text in self.written):
            raise Masked(self.name)
        else:
            own = self.seen_by(connection.customer_id)
            seen = sql(f"(select * from {self.name} where") + own + f") as {self.name}"
        if self.instant is None:
            return seen
        return (
            sql("(select *, ?::timestamptz as instant from", self.instant)
            + seen
            + f") as {self.name}"
        )

    def at(self, instant: datetime) -> Table[R]:
        """The same table, where what it writes depends on an instant: as of this one."""
        if not self._depends_on_instant:
            return self
        known = copy(self)  # with what is known of it, but for those that are as of no instant
        known.__dict__.pop("_narrower", None)
        object.__setattr__(known, "instant", instant)
        return known

    @cached_property
    def _depends_on_instant(self) -> bool:
        return any(INSTANT in text for text in self.written)

    def only(self, columns: Collection[str], texts: tuple[str, ...] = ()) -> Table[R]:
        """The same table, of which just these columns are read: its rows have no others.

        And `texts`, which PostgreSQL writes: `ITSELF` stands for the table in them, and the rows have
        their bytes as `w0`, `w1`, … Something is always read: rows without a column cannot be counted.
        """
        names = tuple(name for name in self.row._fields if name in columns)
        if not names and not texts:
            names = self.row._fields[:1]
        if names == self.row._fields and not texts:
            return self
        known = self._narrower
        if (names, texts) not in known:
            length = sum(len(text) for one in known.values() for text in one.written)
            if len(known) >= _NARROWER_MAX or length > _NARROWER_LENGTH_MAX:
                known.clear()
            row = _narrowed(self.row, names, len(texts))
            known[names, texts] = replace(self, row=row, written=texts)
        return known[names, texts]

    @cached_property
    def _narrower(self) -> dict[tuple[tuple[str, ...], tuple[str, ...]], Table[R]]:
        return {}

    @cached_property
    def _decoders(self) -> dict[Dialect, list[tuple[int, Callable[[Any], object]]]]:
        hints = get_type_hints(self.row, include_extras=True)
        kinds = [_kind(hints[column]) for column in self.row._fields]
        return {
            dialect: [
                (n, kind.text if isinstance(kind, Read) else known[kind])
                for n, kind in enumerate(kinds)
                if isinstance(kind, Read) or kind in known
            ]
            for dialect, known in _DECODE.items()
        }

    def decode(self, connection: Connection, records: Iterable[Record]) -> list[R]:
        """The driver's records as rows; columns beyond the row's own are left out."""
        columns = list(zip(*records, strict=True))[: len(self.row._fields)]
        for n, decode in self._decoders[connection.dialect]:
            if columns:
                columns[n] = tuple(None if one is None else decode(one) for one in columns[n])
        rows = [*map(partial(tuple.__new__, self.row), zip(*columns, strict=True))]
        if connection.customer_id is not None and self.hidden:
            masks = {name: self.hidden[name] for name in self.hidden if name in self.row._fields}
            return [row._replace(**masks) for row in rows] if masks else rows
        return rows

    async def select(self, connection: Connection, rest: Sql) -> list[R]:
        """Rows of `select … from table` followed by `rest` (a where, an order)."""
        statement = sql(f"select {self.columns} from") + self.source(connection) + rest
        return self.decode(connection, await connection.fetch(statement))

    async def by(self, connection: Connection, column: str, values: Sequence[object]) -> list[R]:
        """Rows whose column is one of the values; no statement at all for none."""
        if not values:
            return []
        return await self.select(connection, sql("where") + connection.is_in(column, values))

    async def written_by(
        self, connection: Connection, column: str, values: Sequence[object], position: str
    ) -> dict[Any, bytes]:
        """By a column's value the JSON of the list of its rows, of which each is one text."""
        (text,) = self.texts
        rows = f"'[' || string_agg({text}, ',' order by {position}) || ']'"
        statement = (
            sql(f"select {column}, {in_utf8(rows)} from")
            + self.source(connection)
            + sql("where")
            + connection.is_in(column, values)
            + f"group by {column}"
        )
        return {record[0]: record[1] for record in await connection.fetch(statement)}


def in_utf8(text: str) -> str:
    """SQL for the bytes of a text, as they are sent on: nobody decodes them to encode them again."""
    return f"convert_to({text}, 'UTF8')"


def own(column: str) -> Visible:
    """A customer sees the rows in which this column is its id."""
    return lambda customer_id: sql(f"{column} = ?", customer_id)


def of_seen(column: str, table: Table[Any]) -> Visible:
    """A customer sees the rows in which this column refers to a row that it sees."""
    return lambda customer_id: (
        sql(f"{column} in (select id from {table.name} where") + table.seen_by(customer_id) + ")"
    )


def _narrowed(row: type[R], names: Sequence[str], texts: int) -> type[R]:
    """A class of rows with some of another's columns, texts, and all that it can do with them."""
    more = [(f"w{n}", bytes) for n in range(texts)]
    hints = get_type_hints(row, include_extras=True)
    base = NamedTuple(row.__name__, [*((name, hints[name]) for name in names), *more])  # type: ignore[misc]
    own = {
        name: value
        for name, value in vars(row).items()
        if isinstance(value, property) or (callable(value) and not name.startswith("_"))
    }
    return cast(type[R], type(row.__name__, (base,), {**own, "__slots__": ()}))


def _kind(hint: object) -> object:
    """What decides a column's decoder: its own `Read`, or the plain type behind an Optional."""
    for mark in getattr(hint, "__metadata__", ()):
        if isinstance(mark, Read):
            return mark
    inner = [arg for arg in get_args(hint) if arg is not type(None)]
    if len(inner) == 1:
        return _kind(inner[0])
    return hint


_DECODE: dict[Dialect, dict[object, Callable[[Any], object]]] = {
    "postgres": {Decimal: tidy},
    "sqlite": {
        Decimal: Decimal,
        UUID: UUID,
        datetime: datetime.fromisoformat,
        bool: bool,
    },
}
