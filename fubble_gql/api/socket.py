"""The endpoint's WebSocket: graphql-transport-ws, for subscriptions alone, and bounded.

Strawberry speaks the protocol. What it leaves to us is who may open a socket, how many there are,
and how messages are read and written: as over HTTP.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple, cast

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.http.exceptions import NonJsonMessageReceived, WebSocketDisconnected
from strawberry.schema.base import BaseSchema
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.unset import UNSET, UnsetType

from fubble_gql import monitoring
from fubble_gql.api import wire
from fubble_gql.api.context import Clock, Context, Viewer
from fubble_gql.api.http import GraphQLEndpoint
from fubble_gql.api.socket_handler import Caller, Handler
from fubble_gql.api.streams import Pause, one_second
from fubble_gql.api.wire import Refusal


class Callers(NamedTuple):
    """How a caller is recognised by what it sent, what it may use, and when its time is up."""

    recognise: Callable[[HTTPConnection, str], Awaitable[Viewer | None]]
    open_context: Callable[[HTTPConnection, Viewer | None], Context]
    clock: Clock


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """What sockets may take: how many there are, what each runs, and for how long.

    A client may take `init_seconds` to say who it is; every `review_seconds` it is looked whether it
    still is. Each subscription waits for `pause` between two values.
    """

    sockets_max: int = 500
    subscriptions_max: int = 20
    init_seconds: float = 5.0
    review_seconds: float = 30.0
    pause: Pause = one_second


class _Adapter(ASGIWebSocketAdapter):
    """Sends nothing more on a socket that is closed, where Starlette would raise what it is not."""

    ws: WebSocket

    async def send_json(self, message: Mapping[str, object]) -> None:
        if self._is_closed:
            raise WebSocketDisconnected
        await super().send_json(message)

    async def close(self, code: int, reason: str) -> None:
        if not self._is_closed:
            await super().close(code, reason)

    @property
    def _is_closed(self) -> bool:
        return WebSocketState.DISCONNECTED in (self.ws.application_state, self.ws.client_state)


class SocketEndpoint(GraphQL[Caller, None]):
    """An ASGI application to be given to a `WebSocketRoute`; `http` judges and shows as it does."""

    graphql_transport_ws_handler_class = Handler
    websocket_adapter_class = _Adapter

    def __init__(
        self,
        schema: BaseSchema,
        http: GraphQLEndpoint,
        callers: Callers,
        limits: SocketLimits,
        allowed_origins: Sequence[str] = (),
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=timedelta(seconds=limits.init_seconds),
            max_subscriptions_per_connection=limits.subscriptions_max,
            allowed_origins=allowed_origins,
        )
        self.http = http
        self.limits = limits
        self.clock = callers.clock
        self._callers = callers
        self._sockets = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket to its end."""
        socket = WebSocket(scope, receive, send)
        if self._sockets >= self.limits.sockets_max:
            monitoring.too_many_sockets.inc()
            await socket.receive()
            await socket.send_denial_response(_too_many(socket))
            return
        self._sockets += 1
        try:
            with monitoring.sockets_open.track_inprogress():
                await self.run(socket)
        finally:
            self._sockets -= 1

    async def get_context(
        self,
        request: Request | WebSocket,
        response: Response | WebSocket,  # noqa: ARG002
    ) -> Caller:
        """Who is at the other end: not known yet."""
        return Caller(cast(HTTPConnection, request))

    async def on_ws_connect(self, context: Caller) -> UnsetType:
        """Whoever connects says who it is; raises ConnectionRejectionError where that is nobody."""
        await context.introduce(self._callers.recognise)
        return cast(UnsetType, UNSET)  # acknowledged, without a word

    def context_of(self, caller: Caller) -> Context:
        """A context for one operation."""
        return self._callers.open_context(caller.connection, caller.known)

    def decode_json(self, data: str | bytes) -> object:
        """Numbers are exact, as over HTTP."""
        try:
            return wire.read_message(data if isinstance(data, str) else data.decode())
        except Refusal as refusal:
            raise NonJsonMessageReceived from refusal

    def encode_json(self, data: object) -> str:
        """As over HTTP."""
        return wire.dump(cast(Mapping[str, Any], data)).decode()


def _too_many(socket: WebSocket) -> Response:
    text = "There are too many WebSockets at the moment: connect again in a while."
    refusal = Refusal(503, "SERVICE_UNAVAILABLE", text)
    return wire.refusal_response(refusal, cast(Request, socket), "")
