"""References in inputs and arguments: the opaque id, or the key that the caller chose."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

import strawberry

from fubble_gql.api import ids
from fubble_gql.api.context import Info
from fubble_gql.db.refs import Ref
from fubble_gql.errors import Code, refuse


@strawberry.input(one_of=True)
class CustomerRef:
    """Exactly one of the two: the opaque id, or the key you chose."""

    id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="The customer's id.")
    key: strawberry.Maybe[str] = strawberry.field(description="The customer's key.")


@strawberry.input(one_of=True)
class MetricRef:
    """Exactly one of the two: the opaque id, or the key you chose."""

    id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="The metric's id.")
    key: strawberry.Maybe[str] = strawberry.field(description="The metric's key.")


@strawberry.input(one_of=True)
class PlanRef:
    """Exactly one of the two: the id of a version, or the key, which means its latest version."""

    id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="The id of a plan version.")
    key: strawberry.Maybe[str] = strawberry.field(description="The plan's key: its latest version.")


class Decode(Protocol):
    """How an id becomes a row's own."""

    def __call__(self, type_name: str, id: str, *path: str | int) -> UUID:
        """Raises Refused, or gives an id that no row has."""


AnyRef = CustomerRef | MetricRef | PlanRef


def resolve(ref: AnyRef, *path: str, decode: Decode = ids.decode) -> Ref:
    """The reference inside an input. Refused with INVALID when the id is of another type.

    Queries give the caller's own way to `decode`.
    """
    if ref.id is not None:
        name = type(ref).__name__.removesuffix("Ref")
        return Ref(id=decode(name, ref.id.value, *path, "id"))
    assert ref.key is not None  # noqa: S101 - @oneOf
    return Ref(key=ref.key.value)


def either(info: Info, type_name: str, id: str | None, key: str | None) -> Ref:
    """The reference in a field's own arguments. Refused with INVALID for both and for neither."""
    if (id is None) == (key is None):
        raise refuse(Code.INVALID, "Give exactly one of id and key.", "id")
    return Ref(key=key) if id is None else Ref(id=info.context.own_id(type_name, id, "id"))
