"""HTTP on a socket, with a limit to whatever a client can make the server keep."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from fubble_gql.api import wire

CONNECTIONS_MAX = 1_000
HEAD_BYTES_MAX = 64 * 1024
PIPELINED_MAX = 16
SENDING_SECONDS = 60
TAKING_SECONDS = 30


class BoundedProtocol(HttpToolsProtocol):
    """Uvicorn's protocol, which alone takes heads of any length and clients of any slowness.

    Requests on more than CONNECTIONS_MAX connections are answered 503; on more than twice as many
    nothing is listened to. Who sends no whole request within SENDING_SECONDS, or takes nothing of
    an answer for TAKING_SECONDS, is cut off.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._pending_bytes = 0
        self._sending = self.loop.call_later(SENDING_SECONDS, self._has_not_sent)
        self._taking: asyncio.TimerHandle | None = None
        if len(self.connections) > 2 * CONNECTIONS_MAX:
            transport.abort()
        elif len(self.connections) > CONNECTIONS_MAX:
            self.app = _too_many_connections

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._sending.cancel()
        self._cancel_taking()

    def data_received(self, data: bytes) -> None:
        self._pending_bytes += len(data)
        if self._sending.cancelled():
            self._sending = self.loop.call_later(SENDING_SECONDS, self._has_not_sent)
        super().data_received(data)
        if self._pending_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.send_400_response("The head or the trailer of the request is too long.")

    def on_headers_complete(self) -> None:
        self._pending_bytes = 0
        super().on_headers_complete()
        if len(self.pipeline) > PIPELINED_MAX:
            raise ValueError("more requests at once than anybody sends")  # is answered 400

    def on_body(self, body: bytes) -> None:
        self._pending_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._pending_bytes = 0
        self._sending.cancel()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """From now on the connection is another protocol's, with limits of its own."""
        self._sending.cancel()
        self._cancel_taking()
        super().handle_websocket_upgrade()

    def _has_not_sent(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()
        else:  # The application has its own deadline for bodies, and is to give its answer.
            self._sending = self.loop.call_later(SENDING_SECONDS, self._has_not_sent)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect_taking()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._cancel_taking()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._expect_taking()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._expect_taking()

    def _expect_taking(self) -> None:
        if self._taking is None:
            self._taking = self.loop.call_later(TAKING_SECONDS, self.transport.abort)

    def _cancel_taking(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None


async def _too_many_connections(scope: Scope, receive: Receive, send: Send) -> None:
    text = "There are too many connections at the moment. Nothing was done: send the call again."
    refusal = wire.Refusal(503, "SERVICE_UNAVAILABLE", text, headers={"Connection": "close"})
    await wire.refusal_response(refusal, Request(scope), "")(scope, receive, send)
