"""Errors as clients see them: each with a code, and never the text of a surprise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from graphql import GraphQLError

from fubble_gql.api import wire

MASKED = "Something went wrong on our side. Quote the request id when you ask."
_log = structlog.get_logger(__name__)


def unmapped(error: GraphQLError) -> GraphQLError:
    """No mapping: an exception that brings no code of its own is masked."""
    return error


def shown(
    error: GraphQLError,
    request_id: str,
    variables: Mapping[str, Any] | None = None,
    *,
    suggests: bool = False,
) -> dict[str, Any]:
    """A refusal as it is, a mistake in the document as INVALID; everything else is masked and logged.

    Only where it `suggests`, the names stay that graphql-core thinks were meant.
    """
    if code := (error.extensions or {}).get("code"):
        return wire.shown(error, code, request_id, variables)
    if _is_request_error(error):
        answer = wire.shown(error, "INVALID", request_id, variables)
        if not suggests:
            answer["message"] = wire.without_suggestion(answer["message"])
        return answer
    _log.error(
        "resolver failed",
        request_id=request_id,
        path=error.path,
        exc_info=error.original_error or error,
    )
    masked = GraphQLError(MASKED, nodes=error.nodes, path=error.path)
    return wire.shown(masked, "INTERNAL", request_id)


def _is_request_error(error: GraphQLError) -> bool:
    """Whether the client's document or values are at fault, by how graphql-core reports it.

    Before anything runs, such an error is located in the document, and a crash is not. Later, a bad
    argument has a node of its own; what a resolver returned or raised has not.
    """
    cause = error.original_error
    if error.path is None:
        return cause is None or isinstance(cause, GraphQLError) or bool(error.nodes)
    return isinstance(cause, GraphQLError) and bool(cause.nodes)
