"""What every object with an id has in common, and how light rows are shown as GraphQL types."""

from __future__ import annotations

from typing import Any, ClassVar, Self, cast
from uuid import UUID

import strawberry

from fubble_gql.api import ids, written
from fubble_gql.reads.marks import computed_from


def _global_id(root: strawberry.Parent[Any]) -> strawberry.ID:
    """Opaque and unique in the whole graph; pass it back as it is."""
    name = type(root).__name__
    return strawberry.ID(ids.encode(_TYPE_OF_ROW.get(name, name), root.id))


@strawberry.interface
class Node:
    """An object that can be fetched again by its id."""

    id: strawberry.ID = strawberry.field(
        resolver=_global_id, metadata=computed_from("id", written=written.own_id)
    )


_TYPE_OF_ROW: dict[str, str] = {}


class Shown:
    """A type whose values are light rows: its plain fields are the row's own.

    Listed before Node among the bases. `row` is the class of the rows.
    """

    row: ClassVar[type]

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        row = cls.__dict__.get("row")
        if row is not None:
            _TYPE_OF_ROW[row.__name__] = cls.__name__

    @classmethod
    def is_type_of(cls, obj: object, _info: object) -> bool:
        """Whether a value is of this type, where it could be of several."""
        return isinstance(obj, cls.row)

    @classmethod
    def shown(cls, row: object) -> Self:
        """The row itself, as what it is shown as."""
        return cast(Self, row)

    @classmethod
    def shown_or_none(cls, row: object | None) -> Self | None:
        """The row, if there is one."""
        return cast(Self | None, row)


def own_id(row: object) -> UUID:
    """The id of the row that a type shows."""
    return cast(UUID, cast(Any, row).id)
