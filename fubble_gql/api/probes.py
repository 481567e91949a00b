"""For whoever keeps the server running: whether it is alive and ready, and what it has counted."""

from __future__ import annotations

import asyncio
import hmac
import signal
import time
from collections.abc import Callable
from functools import partial
from types import FrameType

from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from pydantic import SecretStr
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fubble_gql.api import wire
from fubble_gql.api.workers import registry
from fubble_gql.db.connection import Connection
from fubble_gql.db.migrate import missing
from fubble_gql.errors import Unavailable

# How long a probe waits for the database; how long its answer is given again without asking.
PATIENCE_SECONDS = 1.0
FRESH_SECONDS = 1.0
OPENMETRICS = "application/openmetrics-text"
_NO_STORE = {"Cache-Control": "no-store"}


class Readiness:
    """Why the server should get no requests now, as a code; None when it should.

    However many probes there are, the database is asked by one at a time, once a second.
    """

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self._is_stopping = False
        self._asking: asyncio.Task[str | None] | None = None
        self._asked_at = 0.0

    def stop(self) -> None:
        """The server is about to end: it answers what it has begun and wants nothing new."""
        self._is_stopping = True

    async def reason(self) -> str | None:
        """STOPPING, STARTING, DATABASE_UNAVAILABLE or MIGRATIONS_PENDING."""
        if self._is_stopping:
            return "STOPPING"
        if self.connection is None:
            return "STARTING"
        asking = self._question(self.connection)
        # It is not cancelled: later probes are answered by it, and statements end by themselves.
        done, _ = await asyncio.wait([asking], timeout=PATIENCE_SECONDS)
        return asking.result() if done else "DATABASE_UNAVAILABLE"

    def _question(self, connection: Connection) -> asyncio.Task[str | None]:
        is_stale = time.monotonic() - self._asked_at > FRESH_SECONDS
        if self._asking is None or (self._asking.done() and is_stale):
            self._asking = asyncio.create_task(_reason(connection))
            self._asked_at = time.monotonic()
        return self._asking


async def _reason(connection: Connection) -> str | None:
    try:
        return "MIGRATIONS_PENDING" if await missing(connection) else None
    except Unavailable:
        return "DATABASE_UNAVAILABLE"


def probe_routes(readiness: Readiness, *, metrics: bool, token: SecretStr | None) -> list[Route]:
    """`/healthz`, `/readyz` and, where they are wanted, `/metrics`."""

    async def ready(_: Request) -> Response:
        reason = await readiness.reason()
        if reason is None:
            return JSONResponse({"status": "ready"}, headers=_NO_STORE)
        body = {"status": "not ready", "reason": reason}
        return JSONResponse(body, 503, {**_NO_STORE, "Retry-After": "1"})

    routes = [Route("/healthz", _alive), Route("/readyz", ready)]
    if metrics:
        routes.append(Route("/metrics", partial(_metrics, token)))
    return routes


async def _alive(_: Request) -> Response:
    return JSONResponse({"status": "alive"}, headers=_NO_STORE)


async def _metrics(token: SecretStr | None, request: Request) -> Response:
    sent = request.headers.get("authorization", "")
    if token is not None and not _is_same(sent, f"Bearer {token.get_secret_value()}"):
        return Response("Send the metrics token as Authorization: Bearer …\n", 401, _CHALLENGE)
    wants_openmetrics = wire.weight(request.headers.get("accept", ""), OPENMETRICS) > 0
    # Adding up the files of all workers takes a while: not on the loop that answers requests.
    text, content_type = await run_in_threadpool(_openmetrics if wants_openmetrics else _text)
    return Response(text, headers={**_NO_STORE, "Content-Type": content_type})


def _openmetrics() -> tuple[bytes, str]:
    text = openmetrics.generate_latest(registry())  # type: ignore[no-untyped-call]
    return text, openmetrics.CONTENT_TYPE_LATEST


def _text() -> tuple[bytes, str]:
    return generate_latest(registry()), CONTENT_TYPE_LATEST


_CHALLENGE = {"WWW-Authenticate": "Bearer", "Content-Type": "text/plain; charset=utf-8"}


def _is_same(sent: str, wanted: str) -> bool:
    return hmac.compare_digest(sent.encode(), wanted.encode())


def tell_of_signals(tell: Callable[[], None]) -> None:
    """Call `tell` when the process is asked to end, before whoever handles the signal already."""
    for number in (signal.SIGTERM, signal.SIGINT):
        handler = signal.getsignal(number)
        if callable(handler):
            signal.signal(number, partial(_told, tell, handler))


def _told(
    tell: Callable[[], None],
    handler: Callable[[int, FrameType | None], object],
    number: int,
    frame: FrameType | None,
) -> None:
    tell()
    handler(number, frame)
