"""Relations read for many parents at once, of the selected columns alone: see `reads`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar, cast
from uuid import UUID

import strawberry

from fubble_gql.api.context import Info
from fubble_gql.api.loaders import Relation
from fubble_gql.api.pagination import Connection, Listing, Page, Paged, as_written, selected_of
from fubble_gql.api.selecting import selected
from fubble_gql.api.written import row_of, rows_of
from fubble_gql.db import pages
from fubble_gql.db.pages import Order, Slice, Window
from fubble_gql.db.rows import ITSELF, Table
from fubble_gql.db.sql import Sql
from fubble_gql.reads.marks import (
    Metadata,
    for_many,
    selected_text,
)

F = TypeVar("F", bound=Callable[..., Any])


def one(table: Table[Any], column: str) -> Metadata:
    """The row that a column of the parent's refers to by its id, if any."""

    async def many(info: Info, parents: Sequence[Any]) -> list[Any]:
        ids = [getattr(parent, column) for parent in parents]
        wanted = selected(table, info, "id")
        rows = await wanted.by(info.context.connection, "id", [*{*ids} - {None}])
        found = {row.id: row for row in rows}
        return [found.get(id) for id in ids]

    return for_many(many, column, within=row_of(table, f"{table.name}.id = {ITSELF}.{column}"))


def children(table: Table[Any], column: str, position: str) -> Metadata:
    """The rows that refer to the parent by a column, all of them, in the order of another."""

    async def many(info: Info, parents: Sequence[Any]) -> list[Any]:
        found: dict[Any, list[Any]] = {parent.id: [] for parent in parents}
        wanted = selected(table, info, column, position)
        if selected_text(info) is not None:
            written = await wanted.written_by(
                info.context.connection, column, list(found), position
            )
            return [written.get(parent.id, "[]") for parent in parents]
        rows = await wanted.by(info.context.connection, column, list(found))
        rows.sort(key=lambda row: getattr(row, position))
        for row in rows:
            found[getattr(row, column)].append(row)
        return [found[parent.id] for parent in parents]

    return for_many(many, "id", within=rows_of(table, column, position))


def paged_children(column: str, listing_of: Callable[..., Awaitable[Listing]]) -> Callable[[F], F]:
    """A field that is a list of rows which refer to its parent by a column: which list, is told."""

    def field(resolver: F) -> F:
        metadata = pages_of(column, listing_of)
        return cast(F, strawberry.field(resolver, extensions=[Paged()], metadata=metadata))

    return field


def pages_of(column: str, listing_of: Callable[..., Awaitable[Listing]]) -> Metadata:
    """For `paged_children`: the pages of many parents, where the list is the same for all."""

    async def many(
        info: Info, parents: Sequence[Any], page: Page, **arguments: object
    ) -> list[Connection[Any]]:
        listing = await listing_of(info, **arguments)
        relation = Relation(listing.table, column, listing.order, listing.where)
        table, ids = selected_of(listing, info, column), [parent.id for parent in parents]
        wanted = (column, ids), listing.order, listing.window(page), listing.where
        found = await _pages(info, table, *wanted)
        return [
            Connection(
                found=found[parent.id],
                cursor_of=listing.cursor,
                count=partial(info.context.loaders.count, relation, parent.id),
            )
            for parent in parents
        ]

    return for_many(many, "id")


async def _pages(
    info: Info,
    table: Table[Any],
    parents: tuple[str, Sequence[UUID]],
    order: Order,
    window: Window,
    where: Sql,
) -> Mapping[UUID, Slice[Any]]:
    """One page for each parent; its JSON instead of its rows where that is all which is wanted."""
    connection = info.context.connection
    if selected_text(info) is None:
        return await pages.pages(connection, table, parents, order, window, where)
    written = await pages.pages_written(connection, table, parents, order, window, where)
    return {id: as_written(text) for id, text in written.items()}
