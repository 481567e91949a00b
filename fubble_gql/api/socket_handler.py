"""What happens on one WebSocket: who is at the other end, for how long, and what it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from graphql import GraphQLError
from starlette.requests import HTTPConnection
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    SubscribeMessage,
)
from strawberry.types.execution import ExecutionResult
from strawberry.utils.aio import aclosing
from uuid_utils import uuid7

from fubble_gql.api import operations, wire
from fubble_gql.api.context import Viewer
from fubble_gql.api.document import invalid
from fubble_gql.api.wire import Call, Refusal
from fubble_gql.errors import Unavailable

if TYPE_CHECKING:
    from fubble_gql.api.socket import SocketEndpoint

ID_CHARACTERS_MAX = 128
_NOT_NOW = "The database cannot answer now; connect again in a moment."
_FORBIDDEN, _TRY_AGAIN_LATER, _UNAUTHORIZED, _TAKEN = 4403, 1013, 4401, 4409


@dataclass
class Caller:
    """Who is at the other end of a socket, once it has said so."""

    connection: HTTPConnection
    connection_params: Mapping[str, object] = field(default_factory=dict)
    viewer: Viewer | None = None
    request_id: str = field(default_factory=lambda: str(uuid7()))

    @property
    def authorization(self) -> str:
        """What was sent as the header's value would be, under the header's name in any spelling."""
        for name, value in self.connection_params.items():
            if name.lower() == "authorization" and isinstance(value, str):
                return value
        return ""

    @property
    def known(self) -> Viewer:
        """Who it is; nothing runs before that is known."""
        assert self.viewer is not None  # noqa: S101
        return self.viewer

    async def introduce(
        self, recognise: Callable[[HTTPConnection, str], Awaitable[Viewer | None]]
    ) -> None:
        """Find out who it is, or whether it still is. Raises ConnectionRejectionError."""
        viewer = await recognise(self.connection, self.authorization)
        if viewer is None:
            raise ConnectionRejectionError
        self.viewer = viewer


class Handler(BaseGraphQLTransportWSHandler[Caller, None]):
    """Strawberry's, which closes sockets on whoever breaks the protocol, with checks of our own."""

    view: SocketEndpoint
    _review: asyncio.Task[None] | None = None

    async def shutdown(self) -> None:
        """End everything that runs for this socket."""
        if self._review is not None:
            self._review.cancel()
        await super().shutdown()

    async def handle_message(self, message: Message) -> None:
        """A message; the socket is closed on one that is none."""
        if _is_message(message):
            await super().handle_message(message)
        else:
            await self.handle_invalid_message("Send messages of graphql-transport-ws.")

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Whoever is recognised may subscribe, as long as it would be recognised again."""
        try:
            await super().handle_connection_init(message)
        except Unavailable:
            await self.websocket.close(_TRY_AGAIN_LATER, _NOT_NOW)
        if self.connection_acknowledged and self._review is None:
            self._review = asyncio.create_task(self._look_again())
            self._review.add_done_callback(self._task_done)

    async def _look_again(self) -> None:
        """Close the socket when its token has expired or its key was revoked."""
        while True:
            await asyncio.sleep(self._seconds_until_review())
            if not await self._is_still_known():
                await self.websocket.close(_FORBIDDEN, "The key or token is no longer valid.")
                return

    def _seconds_until_review(self) -> float:
        expires_at = self.context.known.expires_at
        if expires_at is None:
            return self.view.limits.review_seconds
        left = (expires_at - self.view.clock()).total_seconds()
        return max(0.0, min(self.view.limits.review_seconds, left))

    async def _is_still_known(self) -> bool:
        expires_at = self.context.known.expires_at
        if expires_at is not None:  # signed: there is nothing to look up
            return self.view.clock() < expires_at
        try:
            await self.view.on_ws_connect(self.context)
        except ConnectionRejectionError:
            return False
        except Unavailable:
            return True  # nobody can know now; nothing can be read now either
        return True

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Begin an operation, or say why it cannot run."""
        if not self.connection_acknowledged:
            await self.websocket.close(_UNAUTHORIZED, "Unauthorized")
        elif message["id"] in self.operations:
            reason = f"Subscriber for {message['id'][:64]} already exists"
            await self.websocket.close(_TAKEN, reason.encode("ascii", "replace").decode())
        else:
            await self._begin(message["id"], cast(dict[str, Any], message["payload"]))

    async def _begin(self, id: str, payload: dict[str, Any]) -> None:
        operation = _Operation(self, id, "", None, None)
        with operations.requested(self.context.request_id, self.context.known.role) as seen:
            error = self._error_or_prepare(operation, payload)
            self.operations[id] = operation
            if error is not None:
                await operation.send_initial_errors([error])
                seen.ended()
                return
            operation.task = asyncio.create_task(self.run_operation(operation))
        operation.task.add_done_callback(self._task_done)

    def _error_or_prepare(
        self, operation: _Operation, payload: dict[str, Any]
    ) -> GraphQLError | None:
        """What keeps an operation from running; it is ready to run where that is nothing."""
        most = self.view.limits.subscriptions_max
        if len(self.operations) >= most:
            text = (
                f"At most {most} subscriptions run over one socket: complete one, or open another."
            )
            return invalid(text, "LIMIT_EXCEEDED")
        try:
            call = wire.read_payload(payload)
            operation.prepare(call)
            return self.view.http.error_on_socket(call, self.context.known)
        except Refusal as refusal:
            facts: dict[str, Any] = {"path": list(refusal.path)} if refusal.path else {}
            return invalid(refusal.message, refusal.code, **facts)

    async def run_operation(self, operation: Operation[Caller, None]) -> None:
        """Send every value of a subscription, each when the one before was taken."""
        with operations.watching():
            await self._run(operation)

    async def _run(self, operation: Operation[Caller, None]) -> None:
        try:
            values = await self.schema.subscribe(
                operation.query,
                variable_values=operation.variables,
                context_value=self.view.context_of(self.context),
                operation_name=operation.operation_name,
            )
            async with aclosing(values):
                await self._send_result_stream(operation, values)
            await operation.send_operation_message({"id": operation.id, "type": "complete"})
        except WebSocketDisconnected:
            self.operations.pop(operation.id, None)

    @staticmethod
    def _get_pre_execution_close_reason(_: GraphQLError) -> None:
        """Nothing that is wrong with an operation closes the socket: others may run on it."""


class _Operation(Operation[Caller, None]):
    """An operation whose errors are shown as over HTTP."""

    __slots__ = ()

    def prepare(self, call: Call) -> None:
        """What is to run."""
        self.query = call.query
        self.variables = call.variables
        self.operation_name = call.operation_name

    async def send_initial_errors(self, errors: list[GraphQLError]) -> None:
        """What kept it from running."""
        payload = cast(Any, self._shown(errors))
        await self.send_operation_message({"id": self.id, "type": "error", "payload": payload})

    async def send_next(self, execution_result: ExecutionResult) -> None:
        """A value, with what went wrong in it."""
        payload: dict[str, Any] = {"data": execution_result.data}
        if execution_result.errors:
            payload["errors"] = self._shown(execution_result.errors)
        if execution_result.extensions:
            payload["extensions"] = execution_result.extensions
        await self.send_operation_message(
            {"id": self.id, "type": "next", "payload": cast(Any, payload)}
        )

    def _shown(self, errors: list[GraphQLError]) -> list[dict[str, Any]]:
        handler = cast(Handler, self.handler)
        caller = handler.context
        return handler.view.http.shown_errors(
            errors, caller.request_id, self.variables, caller.known
        )


def _is_message(message: object) -> bool:
    """Whether it has the parts that its type needs, each of the right kind."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return False
    if message["type"] not in ("subscribe", "complete"):
        return True
    id = message.get("id")
    if not isinstance(id, str) or not 0 < len(id) <= ID_CHARACTERS_MAX:
        return False
    return message["type"] == "complete" or isinstance(message.get("payload"), dict)
