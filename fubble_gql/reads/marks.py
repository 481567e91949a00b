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

F = TypeVar("F", bound=Callable[..., Any])
_MARK = "fubble_gql.reads"


@dataclass(frozen=True, slots=True)
class Mark:
    """What is told of a field. Unless `columns` are named it needs its parent whole."""

    columns: frozenset[str] | None = None
    passes_rows: bool = False
    many: Many | None = None
    more: frozenset[str] = frozenset()


NOTHING = Mark()


def computed_from(*columns: str) -> Metadata:
    """The field is computed from these columns of its row, and from nothing else of it."""
    return {_MARK: Mark(frozenset(columns))}


def passes_rows() -> Metadata:
    """The field only wraps rows, as a page does: what is selected below it is read of them."""
    return {_MARK: Mark(passes_rows=True)}


def for_many(many: Many, *columns: str, more: Collection[str] = ()) -> Metadata:
    """`many` does for all parents what the resolver does for one; it needs these columns of them.

    And `more` where it is not known which columns are selected below.
    """
    return {_MARK: Mark(frozenset(columns), many=many, more=frozenset(more))}


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


def selected_columns(info: strawberry.Info[Any, Any]) -> frozenset[str] | None:
    """The columns that are enough for what is selected below a field; None: all of them."""
    return info.columns if isinstance(info, SelectingInfo) else None
