"""An HTTP/1.1 client that costs little: bytes out, the body's bytes in, connections kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from tests.bench.servers import HOST

_HEAD_END = b"\r\n\r\n"


def post(path: str, body: bytes, key: str) -> bytes:
    """A whole request."""
    lines = (
        f"POST {path} HTTP/1.1",
        f"Host: {HOST}",
        f"Authorization: Bearer {key}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join(lines).encode() + _HEAD_END + body


class Line(asyncio.Protocol):
    """One connection: one request at a time."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._end = 0  # of the body, once its length is known
        self._body_start = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        self._transport = cast(asyncio.Transport, transport)

    async def ask(self, request: bytes) -> bytes:
        """Send a request; the body of its answer. Raises where the status is not 200."""
        self._received.clear()
        self._end = 0
        self._answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        """Collect until the body is whole."""
        self._received += data
        if not self._end:
            head_end = self._received.find(_HEAD_END)
            if head_end < 0:
                return
            self._body_start = head_end + len(_HEAD_END)
            self._end = self._body_start + _length(bytes(self._received[:head_end]))
        if len(self._received) >= self._end:
            body = bytes(self._received[self._body_start : self._end])
            if self._received.startswith(b"HTTP/1.1 200 "):
                self._answer.set_result(body)
            else:
                self._answer.set_exception(RuntimeError(f"Not answered with 200: {body!r}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever still waits is told."""
        answer: asyncio.Future[bytes] | None = getattr(self, "_answer", None)
        if answer is not None and not answer.done():
            answer.set_exception(exc or ConnectionError("The server closed the connection."))

    def close(self) -> None:
        """End the connection."""
        self._transport.close()


def _length(head: bytes) -> int:
    for field in head.lower().split(b"\r\n"):
        name, _, value = field.partition(b":")
        if name == b"content-length":
            return int(value)
    raise RuntimeError("The answer does not state its length.")


@asynccontextmanager
async def lines(port: int, count: int) -> AsyncIterator[list[Line]]:
    """So many connections to a server."""
    loop = asyncio.get_running_loop()
    opened = [(await loop.create_connection(Line, HOST, port))[1] for _ in range(count)]
    try:
        yield opened
    finally:
        for line in opened:
            line.close()
