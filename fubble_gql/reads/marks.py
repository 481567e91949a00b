"""What a field tells of itself, in its metadata, so that it is read fast. None of it is needed.

`strawberry.field(metadata=…)` takes what these functions give. A field without any is resolved as
it is elsewhere: its parent is read whole, and its resolver is called for each.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import strawberry

Metadata = Mapping[str, Any]
# Takes the info, the parents and the field's arguments; gives a value for each parent, in order.
Many = Callable[..., Awaitable[Sequence[Any]]]
# SQL for a value, for one of a type with this name, or for each field of an object.
Written = str | Callable[[str], str | None] | Mapping[str, str]
# Takes SQL for the JSON of one of the rows, gives that of the field.
Within = Callable[[str], str]

F = TypeVar("F", bound=Callable[..., Any])
_MARK = "fubble_gql.reads"


@dataclass(frozen=True, slots=True)
class Mark:
    """What is told of a field. Unless `columns` are named it needs its parent whole.

    `written` is SQL for its JSON, or for that of each field of the object that it is. `writes`: the
    rows that are read for it can come with texts that the database writes. `within` is SQL for its
    JSON in its parent's. `is_hidden`: whoever does not see every row sees another value.
    """

    columns: frozenset[str] | None = None
    passes_rows: bool = False
    many: Many | None = None
    more: frozenset[str] = frozenset()
    written: Written | None = None
    writes: bool = False
    within: Within | None = None
    is_hidden: bool = False


NOTHING = Mark()


def computed_from(*columns: str, written: Written | None = None) -> Metadata:
    """The field is computed from these columns of its row, and from nothing else of it.

    `written` is the same in SQL: an expression for the value's JSON as a text, null where it is null,
    or what gives it for a type by its name; or one for each field of the object that the value is.
    """
    return {_MARK: Mark(frozenset(columns), written=written)}


def reads_selected() -> Metadata:
    """The field reads rows, no other columns and texts than are selected."""
    return {_MARK: Mark(writes=True)}


def passes_rows() -> Metadata:
    """The field only wraps rows, as a page does: what is selected below it is read of them."""
    return {_MARK: Mark(passes_rows=True)}


def hidden_from_some() -> Metadata:
    """A column of which those see another value, by its table, who do not see every row."""
    return {_MARK: Mark(is_hidden=True)}


def for_many(
    many: Many,
    *columns: str,
    more: Collection[str] = (),
    writes: bool = True,
    within: Within | None = None,
) -> Metadata:
    """`many` does for all parents what the resolver does for one; it needs these columns of them.

    And `more` where it is not known which columns are selected below. It reads no other columns
    than are selected and, where it `writes`, the texts. `within` gives SQL for the field's JSON,
    null included, in its parent's, by that of one of the rows.
    """
    return {
        _MARK: Mark(
            frozenset(columns), many=many, more=frozenset(more), writes=writes, within=within
        )
    }


def marked(metadata: Metadata) -> Callable[[F], F]:
    """A field by its resolver, as `strawberry.field` makes it, of which something is told."""

    def field(resolver: F) -> F:
        return cast(F, strawberry.field(resolver, metadata=metadata))

    return field


def mark_of(metadata: Metadata) -> Mark:
    """What was told of a field."""
    mark = metadata.get(_MARK, NOTHING)
    return mark if isinstance(mark, Mark) else NOTHING


@dataclass
class SelectingInfo(strawberry.Info[Any, Any]):
    """The info of a compiled field: it knows which columns of the rows to be read are selected."""

    columns: frozenset[str] | None = None
    texts: tuple[str, ...] = ()
    text: str | None = None


def selected_columns(info: strawberry.Info[Any, Any]) -> frozenset[str] | None:
    """The columns that are enough for what is selected below a field; None: all of them."""
    return info.columns if isinstance(info, SelectingInfo) else None


def selected_texts(info: strawberry.Info[Any, Any]) -> tuple[str, ...]:
    """SQL for the texts that rows are to have besides, as `w0`, `w1`, …: the JSON of what they show."""
    return info.texts if isinstance(info, SelectingInfo) else ()


def selected_text(info: strawberry.Info[Any, Any]) -> str | None:
    """The one text that is all which is wanted of each row, in a list, if that is so.

    Instead of the list of rows a field may give the list's JSON then.
    """
    return info.text if isinstance(info, SelectingInfo) else None
