"""WebSockets on a port, with a limit to whatever a client can make the server keep."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

MESSAGE_BYTES_MAX = 64 * 1024
TAKING_SECONDS = 30
LEAVING_SECONDS = 5


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """Uvicorn's protocol, which alone waits for ever for a client that takes nothing.

    Who takes nothing of what it is sent for TAKING_SECONDS is cut off, and after LEAVING_SECONDS
    where the socket was to be closed.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - as uvicorn has it
        super().__init__(*arguments, **named)
        self._taking: asyncio.TimerHandle | None = None
        self.logger = _quiet

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._cancel_taking()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect_taking(TAKING_SECONDS)

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._cancel_taking()

    def handle_ping(self) -> None:
        """Answer it, unless answers are not being taken: they would pile up."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def shutdown(self) -> None:
        super().shutdown()
        self._expect_taking(LEAVING_SECONDS)

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        self._expect_taking(LEAVING_SECONDS)

    def _expect_taking(self, seconds: int) -> None:
        if not self.disconnected:
            self._cancel_taking()
            self._taking = self.loop.call_later(seconds, self.transport.abort)

    def _cancel_taking(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None


def _is_about_us(record: logging.LogRecord) -> bool:
    """Not that a client sent what is no UTF-8."""
    return not record.msg.startswith("Invalid UTF-8")


_quiet = logging.getLogger("fubble_gql.websocket")
_quiet.setLevel(logging.ERROR)  # not whenever a socket is opened or refused
_quiet.addFilter(_is_about_us)
