"""Connections: keyset pages with opaque cursors that survive inserts."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar, cast, get_type_hints
from uuid import UUID

import strawberry
from strawberry import UNSET
from strawberry.annotation import StrawberryAnnotation
from strawberry.extensions import FieldExtension
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from fubble_gql.api.context import Info
from fubble_gql.api.inputs import given_or_none
from fubble_gql.api.loaders import Relation
from fubble_gql.api.selecting import selected
from fubble_gql.checks import is_storable
from fubble_gql.db import exact_json, pages
from fubble_gql.db.pages import Order, Slice, Window
from fubble_gql.db.rows import Table
from fubble_gql.db.sql import ALWAYS, NEVER, Sql
from fubble_gql.errors import Code, refuse
from fubble_gql.pricing.wallclock import in_utc
from fubble_gql.reads.marks import (
    computed_from,
    marked,
    passes_rows,
    reads_selected,
    selected_columns,
    selected_text,
)

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

SIZE_DEFAULT = 20
SIZE_MAX = 100
# Far above that of the longest name: each parent of a list reads its cursor again.
CURSOR_LENGTH_MAX = 10_000
# Stands for the columns of a list's order, which its cursors are made of.
PLACE = "place in the list"


@strawberry.type
class PageInfo:
    """Where a page lies in its list."""

    has_next_page: bool = strawberry.field(description="Whether more follow: ask with `after`.")
    has_previous_page: bool = strawberry.field(
        description="Whether there are more before: ask with `before`."
    )
    start_cursor: str | None = strawberry.field(description="The cursor of the first edge.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last edge.")


@strawberry.type(description="An object in a list, with its place there.")
class Edge(Generic[T]):
    """An object in a list, with its place there."""

    node: T = strawberry.field(description="The object.", metadata=passes_rows())
    cursor_of: strawberry.Private[Callable[[Any], str]]

    @marked(computed_from(PLACE))
    def cursor(self) -> str:
        """Its place: give it to `after` or `before`."""
        return self.cursor_of(self.node)


@strawberry.type(name="Connection", description="One page of a list.")
class UncountedConnection(Generic[T]):
    """One page of a list."""

    found: strawberry.Private[Slice[Any]]
    cursor_of: strawberry.Private[Callable[[Any], str]]

    @marked(passes_rows())
    def nodes(self) -> list[T]:
        """The objects of this page, in order."""
        return self.found.rows

    @marked(passes_rows())
    def edges(self) -> list[Edge[T]]:
        """The objects of this page with their cursors."""
        return [Edge(node=row, cursor_of=self.cursor_of) for row in self.found.rows]

    @marked(computed_from(PLACE))
    def page_info(self) -> PageInfo:
        """Whether there is more, and where."""
        rows = self.found.rows
        return PageInfo(
            has_next_page=self.found.has_next,
            has_previous_page=self.found.has_previous,
            start_cursor=self.cursor_of(rows[0]) if rows else None,
            end_cursor=self.cursor_of(rows[-1]) if rows else None,
        )


@strawberry.type(name="Connection", description="One page of a list.")
class Connection(UncountedConnection[T]):
    """One page of a list."""

    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @marked(computed_from())
    async def total_count(self) -> int:
        """How many there are on all pages. Counted only when asked for."""
        return await self.count()


@strawberry.input
class Page:
    """The paging arguments of a list."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None


class Paged(FieldExtension):
    """Gives a field the arguments first, after, last and before, and its resolver one `page`."""

    ARGUMENTS = (
        ("first", int, "Take this many from the start: 20 unless said, at most 100."),
        ("after", str, "Take those that follow this cursor."),
        ("last", int, "Take this many from the end instead, at most 100."),
        ("before", str, "Take those that come before this cursor."),
    )

    def __init__(self, *, is_forward_only: bool = False) -> None:
        self._arguments = self.ARGUMENTS[:2] if is_forward_only else self.ARGUMENTS

    def apply(self, field: StrawberryField) -> None:
        """Replace `page` by the arguments that clients know."""
        own = [argument for argument in field.arguments if argument.python_name != "page"]
        field.arguments = [
            *(
                StrawberryArgument(
                    name,
                    None,
                    StrawberryAnnotation(kind | None),
                    description=description,
                    default=UNSET,
                )
                for name, kind, description in self._arguments
            ),
            *own,
        ]

    def map_arguments(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Gather them."""
        given = {name: kwargs.pop(name, None) for name, _, _ in self.ARGUMENTS}
        page = Page(**{name: given_or_none(value) for name, value in given.items()})
        return {"page": page, **kwargs}


def paged(resolver: F) -> F:
    """A field that is a list: its resolver takes a `page`."""
    return cast(F, strawberry.field(resolver, extensions=[Paged()]))


def listed(resolver: F) -> F:
    """The same for a whole list, which `connect` reads."""
    return cast(F, strawberry.field(resolver, extensions=[Paged()], metadata=reads_selected()))


def paged_forward(resolver: F) -> F:
    """The same, for a list that is only read from its start."""
    return cast(F, strawberry.field(resolver, extensions=[Paged(is_forward_only=True)]))


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that can be paged: its name in cursors, its table and order, and what it leaves out."""

    name: str
    table: Table[Any]
    order: Order
    where: Sql = ALWAYS

    def window(self, page: Page) -> Window:
        """What is wanted. Refused with INVALID or LIMIT_EXCEEDED, naming the argument."""
        if page.first is not None and page.last is not None:
            raise refuse(Code.INVALID, "Give first or last, not both.", "last")
        argument = "first" if page.last is None else "last"
        size = page.first if page.last is None else page.last
        if size is not None and size < 1:
            raise refuse(Code.INVALID, f"{argument} must be at least 1.", argument)
        if size is not None and size > SIZE_MAX:
            raise refuse(
                Code.LIMIT_EXCEEDED,
                f"{argument} may be at most {SIZE_MAX}; page on with cursors.",
                argument,
            )
        return Window(
            size or SIZE_DEFAULT,
            page.last is not None,
            self._key(page.after, "after"),
            self._key(page.before, "before"),
        )

    def cursor(self, row: object) -> str:
        """The row's place in this list."""
        key = [_written(getattr(row, column)) for column in self.order.columns]
        text = exact_json.dumps([self.name, *key])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def _key(self, cursor: str | None, argument: str) -> tuple[Any, ...] | None:
        if cursor is None:
            return None
        try:
            if len(cursor) > CURSOR_LENGTH_MAX:
                raise ValueError("No cursor of ours is that long.")
            padded = cursor + "=" * (-len(cursor) % 4)
            content = exact_json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            name, *parts = cast(list[Any], content)
            if name == self.name and all(isinstance(part, str) for part in parts):
                kinds = get_type_hints(self.table.row)
                return tuple(
                    _READ[kinds[column]](text)
                    for column, text in zip(self.order.columns, parts, strict=True)
                )
        except (ValueError, TypeError, OverflowError, RecursionError):
            pass
        raise refuse(Code.INVALID, f"{argument} is not a cursor of this list.", argument)


async def connect(info: Info, listing: Listing, page: Page) -> Connection[Any]:
    """A page of a whole list. One statement, and one more for totalCount."""
    connection = info.context.connection
    wanted = selected_of(listing, info), listing.order, listing.window(page), listing.where
    if selected_text(info) is None:
        found = await pages.page(connection, *wanted)
    else:
        found = as_written(await pages.page_written(connection, *wanted))
    return Connection(
        found=found,
        cursor_of=listing.cursor,
        count=lambda: pages.count(connection, listing.table, listing.where),
    )


def as_written(rows: bytes) -> Slice[Any]:
    """A page by the JSON of its rows, where that is all which is wanted."""
    return Slice(cast(list[Any], rows), has_next=False, has_previous=False)


async def connect_children(
    info: Info, listing: Listing, page: Page, parent: tuple[str, UUID]
) -> Connection[Any]:
    """A page of the children of one of many parents: `parent` is a column and an id.

    One statement for all parents together, and one more for totalCount.
    """
    column, id = parent
    relation = Relation(listing.table, column, listing.order, listing.where)
    loaders = info.context.loaders
    return Connection(
        found=await loaders.page(relation, listing.window(page), id),
        cursor_of=listing.cursor,
        count=lambda: loaders.count(relation, id),
    )


def selected_of(listing: Listing, info: Info, *needed: str) -> Table[Any]:
    """The list's table with what is selected of it, and what cursors hold where there are any."""
    place = listing.order.columns if PLACE in (selected_columns(info) or ()) else ()
    return selected(listing.table, info, *needed, *place)


async def connect_where(info: Info, listing: Listing, page: Page) -> UncountedConnection[Any]:
    """A page of what meets the listing's condition, one among many such lists.

    One statement for all of them together; none where the condition is never met.
    """
    window = listing.window(page)
    found: Slice[Any] = Slice([], False, False)  # noqa: FBT003
    if listing.where != NEVER:
        loaders = info.context.loaders
        found = await loaders.page_where(listing.table, listing.order, window, listing.where)
    return UncountedConnection(found=found, cursor_of=listing.cursor)


def _written(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _instant(text: str) -> datetime:
    return in_utc(datetime.fromisoformat(text))


def _text(text: str) -> str:
    if not is_storable(text):
        raise ValueError("A cursor's text is one that a column holds.")
    return text


def _whole(text: str) -> int:
    if not -(2**63) <= int(text) < 2**63:
        raise ValueError("A cursor's number fits its column.")
    return int(text)


_READ: dict[object, Callable[[str], object]] = {
    datetime: _instant,
    UUID: UUID,
    int: _whole,
    str: _text,
}
