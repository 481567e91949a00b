"""Finding the one row that a caller means, by its id or by its key."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from fubble_gql.db.connection import Connection
from fubble_gql.db.rows import R, Table
from fubble_gql.db.sql import Sql, sql
from fubble_gql.db.together import row_by
from fubble_gql.errors import Code, refuse


@dataclass(frozen=True, slots=True)
class Ref:
    """Exactly one of an id and a key."""

    id: UUID | None = None
    key: str | None = None

    @property
    def condition(self) -> Sql:
        """The row itself."""
        return sql("id = ?", self.id) if self.key is None else sql("key = ?", self.key)


async def find(connection: Connection, table: Table[R], ref: Ref) -> R | None:
    """The row, or None."""
    if ref.key is None:
        return await row_by(connection, table, "id", ref.id)
    return await row_by(connection, table, "key", ref.key)


async def get(tx: Connection, table: Table[R], ref: Ref, *path: str) -> R:
    """The row, locked until the transaction ends; refused with NOT_FOUND when there is none."""
    rows = await table.select(tx, sql("where") + ref.condition + tx.lock)
    if not rows:
        raise not_found(table.name, *path)
    return rows[0]


def not_found(noun: str, *path: str) -> Exception:
    """The refusal for a reference to nothing, in the same words for every reason."""
    return refuse(Code.NOT_FOUND, f"There is no such {noun.replace('_', ' ')}.", *path)
