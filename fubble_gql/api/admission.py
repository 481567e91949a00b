"""What one worker takes on at a time; what is beyond it is refused, to be sent again soon."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Send

from fubble_gql import monitoring
from fubble_gql.api import operations, wire
from fubble_gql.api.wire import Refusal

Respond = Callable[[Request], Awaitable[Response]]

PIECE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Operations at a time, bytes of their bodies and of those that arrive, seconds for a body."""

    requests_max: int = 100
    body_bytes_max: int = 64_000_000
    body_seconds: int = 30


@dataclass(slots=True)
class Share:
    """What one request takes up, until the block ends."""

    admission: Admission
    body_bytes: int = 0
    is_running: bool = False

    def __enter__(self) -> Self:
        """Nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self.admission.running -= self.is_running
        monitoring.requests_running.dec(self.is_running)
        self.admission.body_bytes -= self.body_bytes

    async def read_body(self, request: Request, bytes_max: int) -> bytearray:
        """The whole body, which is counted while it arrives: Content-Length may be absent or lie."""
        stated = request.headers.get("content-length", "0")
        if not stated.isdecimal() or len(stated) > 18 or int(stated) > bytes_max:
            raise wire.too_large(bytes_max)
        self.admission.require_room(int(stated))
        seconds = self.admission.limits.body_seconds
        body = bytearray()
        try:
            async with asyncio.timeout(seconds):
                has_more = True
                while has_more:
                    has_more = await self._take(request, body)
                    if len(body) > bytes_max:
                        raise wire.too_large(bytes_max)
        except ClientDisconnect:
            raise Refusal(400, "INVALID", "The body ended before it was complete.") from None
        except TimeoutError:
            text = f"The body took longer than {seconds} seconds to arrive: send less at once."
            raise Refusal(408, "LIMIT_EXCEEDED", text, headers={"Connection": "close"}) from None
        return body

    async def _take(self, request: Request, body: bytearray) -> bool:
        """The next piece of a body; whether there is more."""
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece = message.get("body", b"")
        self._hold(len(piece))
        body += piece
        return bool(message.get("more_body", False))

    def _hold(self, count: int) -> None:
        self.admission.require_room(count)
        self.admission.body_bytes += count
        self.body_bytes += count

    def begin(self) -> None:
        """The operation begins, unless too many are running."""
        if self.admission.running >= self.admission.limits.requests_max:
            monitoring.too_many_requests.inc()
            raise _busy("There are too many requests at the moment.")
        self.admission.running += 1
        monitoring.requests_running.inc()
        self.is_running = True


class Admission:
    """Counts what all requests take up together. Nothing waits: there is room, or there is not."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.running = 0
        self.body_bytes = 0

    def share(self) -> Share:
        """A request's share, for a block."""
        return Share(self)

    def require_room(self, count: int) -> None:
        """Refuse a request whose body would make the bytes of all bodies too many."""
        if self.body_bytes + count > self.limits.body_bytes_max:
            monitoring.too_many_bytes.inc()
            raise _busy("There is too much being sent at the moment.")

    def around(self, respond: Respond) -> Respond:
        """An endpoint without a body that counts as an operation, inside of `watched`."""

        async def admitted(request: Request) -> Response:
            try:
                with self.share() as share:
                    share.begin()
                    return await respond(request)
            except Refusal as refusal:
                operations.met(refusal.code)
                return wire.refusal_response(refusal, request, request.state.request_id)

        return admitted


def in_pieces(send: Send) -> Send:
    """Send a long body piece by piece, each when the client has taken most of the one before.

    All at once it would lie in the server's buffer after the request is over, uncounted. What is left
    is never copied: for a hundred megabytes that took half a minute.
    """

    async def send_pieces(message: Message) -> None:
        body = message.get("body", b"")
        if len(body) <= PIECE_BYTES:
            await send(message)
            return
        last = (len(body) - 1) // PIECE_BYTES * PIECE_BYTES
        for start in range(0, last, PIECE_BYTES):
            piece = body[start : start + PIECE_BYTES]
            await send({**message, "body": piece, "more_body": True})
        await send({**message, "body": body[last:]})

    return send_pieces


def _busy(why: str) -> Refusal:
    return Refusal(
        503,
        "SERVICE_UNAVAILABLE",
        f"{why} Nothing was done: send the same call again in a moment.",
    )
