"""What only operators may do: every mutation, and the questions about all customers at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import strawberry
from strawberry.extensions import FieldExtension

from fubble_gql.api.context import Context, Info
from fubble_gql.errors import Code, refuse

F = TypeVar("F", bound=Callable[..., Any])
FORBIDDEN = "A portal token only reads its own customer's data; this needs an API key."


class OperatorsOnly(FieldExtension):
    """Lets a field run for operators alone; others get FORBIDDEN, whatever its arguments."""

    def resolve(
        self, next_: Callable[..., object], source: object, info: Info, **arguments: object
    ) -> object:
        """Refuse before the field's own resolver runs; a coroutine passes through."""
        check(info.context)
        return next_(source, info, **arguments)

    async def resolve_async(
        self, next_: Callable[..., Any], source: object, info: Info, **arguments: object
    ) -> object:
        """The same where another extension of the field is asynchronous."""
        check(info.context)
        return await next_(source, info, **arguments)


def operators_only(resolver: F) -> F:
    """A field about all customers at once: a portal token gets FORBIDDEN for it."""
    return cast(F, strawberry.field(resolver, extensions=[OperatorsOnly()]))


def check(context: Context) -> None:
    """Raises Refused: FORBIDDEN unless an operator is asking."""
    if context.viewer is None or context.viewer.is_portal:
        raise refuse(Code.FORBIDDEN, FORBIDDEN)
