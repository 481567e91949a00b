"""The GraphQL endpoint over HTTP: who may ask, what runs, and how the answer looks.

It follows the GraphQL-over-HTTP specification and takes less than it allows: one operation in a JSON
body or, for queries, in the address.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

import strawberry
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry.types.execution import ExecutionResult
from strawberry.types.graphql import OperationType

from fubble_gql.api import operations, showing, wire
from fubble_gql.api.admission import Admission, Limits, Share, in_pieces
from fubble_gql.api.context import Viewer
from fubble_gql.api.document import Document, Operation, invalid, read_document
from fubble_gql.api.limits import DOCUMENT_LIMITS
from fubble_gql.api.operators import FORBIDDEN
from fubble_gql.api.recent import Recent
from fubble_gql.api.wire import Call, Refusal
from fubble_gql.errors import Refused, Unavailable

# True for a mutation too whose transaction ended while it was being stopped.
_STOPPED = (
    "Ask for less at a time. A mutation may be sent again, with the same keys: what it may have done "
    "already is not done twice."
)
_STATUS = {"UNAUTHENTICATED": 401, "FORBIDDEN": 403, "SERVICE_UNAVAILABLE": 503, "INTERNAL": 500}

T = TypeVar("T")


class Context(Protocol):
    """What resolvers get; the endpoint asks who is calling, and tells when it stops."""

    @property
    def viewer(self) -> Viewer | None:
        """The caller, or None when no valid key or token was sent."""

    def stop_reading(self) -> None:
        """The operation was stopped: end what it reads."""


# A context for a caller that was known before, and whether that holds still, to be found out.
Presume = Callable[[Request], tuple[Context, Coroutine[Any, Any, bool]] | None]


@dataclass(slots=True)
class _Proof:
    """Whether a caller is who it was presumed to be, which is being found out."""

    holds: Awaitable[bool]
    is_required: bool = False

    async def require(self) -> None:
        """Wait until it is known, the first time. Raises `Refusal` where it is not so."""
        if self.is_required:
            return
        self.is_required = True
        if not await self.holds:
            operations.asked_by_nobody()
            raise _unauthenticated()


class GraphQLEndpoint:
    """An ASGI application for GET and POST, to be given to a `Route` as its endpoint."""

    def __init__(
        self,
        schema: strawberry.Schema,
        open_context: Callable[[Request], Awaitable[Context]],
        presume_context: Presume = lambda _: None,
        *,
        body_bytes_max: int,
        ingest_bytes_max: int | None = None,
        page: Callable[[Request], Response] | None = None,
        introspection: bool = True,
        suggestions: bool = True,
        document_tokens_max: int = DOCUMENT_LIMITS.tokens,
        operation_seconds: float | None = None,
        admission: Admission | None = None,
        map_error: Callable[[GraphQLError], GraphQLError] = showing.unmapped,
    ) -> None:
        self._schema = schema
        self._open_context = open_context
        self._presume_context = presume_context
        self._body_bytes_max = body_bytes_max
        self._ingest_bytes_max = ingest_bytes_max or body_bytes_max
        self._page = page
        self._introspection = introspection
        self._suggestions = suggestions
        self._admission = admission or Admission(Limits())
        self._operation_seconds = operation_seconds
        self._map_error = map_error
        self._read = partial(read_document, tokens_max=document_tokens_max)
        self._outlines: Recent[Document] = Recent()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; what is refused on the way is answered in JSON too."""
        request = Request(scope, receive)
        request_id = operations.identify(request)
        with operations.Seen(request_id) as seen, self._admission.share() as share:
            try:
                response = await self._answer(request, share)
            except Refusal as refusal:
                operations.met(refusal.code)
                response = wire.refusal_response(refusal, request, request_id)
            seen.answered(response.status_code)
            response.headers["X-Request-Id"] = request_id
            await response(scope, receive, in_pieces(send))

    async def _answer(self, request: Request, share: Share) -> Response:
        if self._page is not None and wire.prefers_page(request):
            return self._page(request)
        if request.method not in ("GET", "POST"):
            allow = {"Allow": "GET, POST"}
            raise Refusal(405, "INVALID", "Send a POST, or a GET for queries.", headers=allow)
        media_type = wire.negotiate(request.headers.get("accept"))
        presumed = self._presume_context(request)
        if presumed is None:
            context = await self._told(self._open_context(request), request)
            return await self._answer_to(context, request, share, media_type)
        context, holds = presumed
        proof = _Proof(self._told(holds, request))
        try:
            return await self._answer_to(context, request, share, media_type, proof)
        finally:
            await proof.require()  # before anything is told, also of what went wrong

    async def _answer_to(
        self,
        context: Context,
        request: Request,
        share: Share,
        media_type: str,
        proof: _Proof | None = None,
    ) -> Response:
        viewer = context.viewer
        operations.asked_by(viewer.role if viewer else None)
        call = await self._call(request, share, viewer)
        operation = self._refuse_or_choose(call, request.method, viewer)
        if isinstance(operation, GraphQLError):
            result = ExecutionResult(data=None, errors=[operation])
        else:
            if proof is not None and operation.kind is OperationType.MUTATION:
                await proof.require()
            result = await self._run(call, context, request.method)
        if viewer is None and result.data is None:
            raise _unauthenticated()  # what is wrong with a document may tell of the schema
        return self._response(result, call, request, media_type, viewer)

    async def _told(self, found_out: Awaitable[T], request: Request) -> T:
        """What is found out about the caller; what keeps it from being known is a refusal."""
        try:
            return await found_out
        except (Refused, Unavailable) as failure:
            error = GraphQLError(str(failure), original_error=failure)
            shown = showing.shown(self._map_error(error), request.state.request_id)
            code = shown["extensions"]["code"]
            raise Refusal(_STATUS.get(code, 400), code, shown["message"]) from failure

    async def _call(self, request: Request, share: Share, viewer: Viewer | None) -> Call:
        """What is asked for. The operation has begun then: a body that arrives is not one yet."""
        body = bytearray()
        if request.method == "POST":
            wire.require_json(request)
            longest = self._body_bytes_max
            if viewer is not None and not viewer.is_portal:
                longest = max(longest, self._ingest_bytes_max)
            body = await share.read_body(request, longest)
        share.begin()
        return wire.read_call(request, body, self._body_bytes_max)

    def _refuse_or_choose(
        self, call: Call, method: str, viewer: Viewer | None
    ) -> Operation | GraphQLError:
        """The operation that may run, or what is wrong; refuses where HTTP has a status for that."""
        operation = self._operation(call, viewer)
        if isinstance(operation, GraphQLError):
            return operation
        operations.named(operation.name, operation.kind.value)
        if operation.kind is OperationType.SUBSCRIPTION:
            return invalid(
                "Subscriptions run over a WebSocket at this same address (graphql-transport-ws)."
            )
        if operation.kind is OperationType.MUTATION:
            _refuse_mutation(method, is_portal=_is_portal(viewer))
        return operation

    def error_on_socket(self, call: Call, viewer: Viewer) -> GraphQLError | None:
        """What keeps the operation from running over a WebSocket; raises `Refusal` too."""
        operation = self._operation(call, viewer)
        if isinstance(operation, GraphQLError):
            return operation
        operations.named(operation.name, operation.kind.value)
        if operation.kind is not OperationType.SUBSCRIPTION:
            return invalid("Only subscriptions run over a WebSocket: POST queries and mutations.")
        return None

    def _operation(self, call: Call, viewer: Viewer | None) -> Operation | GraphQLError:
        """The operation that is to run, or why there is none; raises `Refusal`."""
        document = self._outlines.get(call.query)
        if document is None:
            document = self._read(call.query)
            self._outlines.keep(call.query, document)
        if viewer is None and not document.is_open(
            call.operation_name, introspection=self._introspection
        ):
            raise _unauthenticated()
        if document.introspects and (_is_portal(viewer) or not self._introspection):
            raise Refusal(
                403, "FORBIDDEN", "Introspection is turned off here; read the schema file."
            )
        return document.chosen(call.operation_name)

    async def _run(self, call: Call, context: Context, method: str) -> ExecutionResult:
        """Run the operation, or stop it when its time is up.

        Stopping ends its statements. A transaction ends first, one way or the other
        (`db/connection.py`), so the answer leaves open what was done by then.
        """
        allowed = [OperationType.QUERY]
        if method == "POST":
            allowed.append(OperationType.MUTATION)
        try:
            async with asyncio.timeout(self._operation_seconds):
                return await self._schema.execute(
                    call.query,
                    variable_values=call.variables,
                    context_value=context,
                    operation_name=call.operation_name,
                    allowed_operation_types=allowed,
                    operation_extensions=call.extensions,
                )
        except TimeoutError:
            context.stop_reading()
            text = f"The operation was stopped after {self._operation_seconds} seconds. {_STOPPED}"
            raise Refusal(503, "SERVICE_UNAVAILABLE", text) from None

    def _response(
        self,
        result: ExecutionResult,
        call: Call,
        request: Request,
        media_type: str,
        viewer: Viewer | None,
    ) -> Response:
        """Without `data` when nothing ran: then, and only then, is the status other than 200."""
        errors = result.errors or []
        request_id = request.state.request_id
        body: dict[str, Any] = {}
        if errors:
            body["errors"] = self.shown_errors(errors, request_id, call.variables, viewer)
        ran = result.data is not None or any(error.path is not None for error in errors)
        if ran:
            body["data"] = result.data
        if result.extensions:
            body["extensions"] = result.extensions
        status = 200
        if media_type == wire.GRAPHQL and not ran:
            code = body["errors"][0]["extensions"]["code"]
            status = _STATUS.get(code, 400)
        return wire.json_response(body, media_type, status)

    def shown_errors(
        self,
        errors: Sequence[GraphQLError],
        request_id: str,
        variables: Mapping[str, Any] | None,
        viewer: Viewer | None,
    ) -> list[dict[str, Any]]:
        """Errors as the client sees them; a customer is told no names that it may have meant."""
        suggests = self._suggestions and not _is_portal(viewer)
        shown = [
            showing.shown(self._map_error(error), request_id, variables, suggests=suggests)
            for error in errors
        ]
        for one in shown:
            operations.met(one["extensions"]["code"])
        return shown


async def crash_response(request: Request, _: Exception) -> Response:
    """For `Starlette(exception_handlers={Exception: crash_response})`: JSON, and no word of why."""
    request_id = getattr(request.state, "request_id", "")
    response = wire.refusal_response(Refusal(500, "INTERNAL", showing.MASKED), request, request_id)
    response.headers["X-Request-Id"] = request_id
    return response


def _is_portal(viewer: Viewer | None) -> bool:
    return viewer is not None and viewer.is_portal


def _refuse_mutation(method: str, *, is_portal: bool) -> None:
    """Raises Refusal for a customer's, and for one in an address."""
    if is_portal:
        raise Refusal(403, "FORBIDDEN", FORBIDDEN)
    if method == "GET":
        raise Refusal(405, "INVALID", "Send mutations as a POST.", headers={"Allow": "POST"})


def _unauthenticated() -> Refusal:
    return Refusal(
        401,
        "UNAUTHENTICATED",
        "Send a valid key, or a portal token that has not expired, in the header "
        "Authorization: Bearer <key>.",
        headers={"WWW-Authenticate": "Bearer"},
    )
