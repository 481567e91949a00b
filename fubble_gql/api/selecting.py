"""What is read of rows: the columns that are selected, and texts that the database writes of them."""

from __future__ import annotations

from typing import Any

from fubble_gql.api.context import Info
from fubble_gql.db.rows import Table
from fubble_gql.reads.marks import selected_columns, selected_texts


def selected(table: Table[Any], info: Info, *needed: str) -> Table[Any]:
    """A table of which those columns are read that are selected below a field, and these.

    What it writes is as of the instant of the request.
    """
    columns = selected_columns(info)
    if columns is None:
        return table
    texts = selected_texts(info)
    return table.only(columns.union(needed), texts).at(info.context.now)
