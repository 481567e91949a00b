"""Refusals as clients see them: in a mutation's payload, or as an error with a code."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import strawberry
from graphql import GraphQLError

import fubble_gql.api.enums  # noqa: F401 - registers them
from fubble_gql.api import operations
from fubble_gql.errors import Code, Problem, Refused, Unavailable

P = TypeVar("P")

# True for a commit too whose answer was lost: nobody knows then whether it happened.
UNAVAILABLE = Problem(
    Code.SERVICE_UNAVAILABLE,
    "The database cannot answer now. Send the same call again, with the same keys: "
    "what it may have done already is not done twice.",
)


@strawberry.type
class UserError:
    """A failure that the caller can act on. Mutations return these; they never half-succeed."""

    code: Code = strawberry.field(description="What kind of failure, for programs.")
    message: str = strawberry.field(description="What to do about it, for people.")
    path: list[str] = strawberry.field(
        description='The input field that it is about, as in ["input", "timezone"].'
    )


def user_error(problem: Problem) -> UserError:
    """A problem as clients see it."""
    return UserError(
        code=problem.code, message=problem.message, path=[str(part) for part in problem.path]
    )


async def answer(payload: type[P], field: str, work: Callable[[], Awaitable[object]]) -> P:
    """The payload with what the work made, or with the reasons why it was refused."""
    try:
        made: dict[str, Any] = {field: await work(), "errors": []}
    except Refused as refused:
        made = {field: None, "errors": refusals(*refused.problems)}
    except Unavailable:
        made = {field: None, "errors": refusals(UNAVAILABLE)}
    return payload(**made)


def refusals(*problems: Problem) -> list[UserError]:
    """Why nothing was done, for a payload, and counted."""
    for code in {problem.code for problem in problems}:
        operations.met(code.value)
    return [user_error(problem) for problem in problems]


def with_code(error: GraphQLError) -> GraphQLError | None:
    """A refusal that a query met, with its code, path and facts; None for any other error."""
    original = error.original_error
    if isinstance(original, Unavailable):
        return _coded(error, UNAVAILABLE, {})
    if isinstance(original, Refused):
        return _coded(error, original.problems[0], original.facts)
    return None


def _coded(error: GraphQLError, problem: Problem, facts: dict[str, str]) -> GraphQLError:
    extensions = {"code": problem.code.value, **facts}
    if problem.path:
        extensions["path"] = [str(part) for part in problem.path]  # type: ignore[assignment]
    return GraphQLError(problem.message, error.nodes, path=error.path, extensions=dict(extensions))
