"""One line in the log and one entry in the metrics for each operation, whatever becomes of it.

They tell its name, how long it took, the codes of its errors and who asked by role: no document, no
variables, no key, no address.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Self

import structlog
from prometheus_client import Histogram
from starlette.requests import Request
from starlette.responses import Response
from uuid_utils import uuid7

from fubble_gql import monitoring
from fubble_gql.api.enums import Role

NAMES_MAX = 100
NAME_CHARACTERS_MAX = 64
# Labels of operations without a name of their own: GraphQL's names cannot hold a hyphen or be these.
ANONYMOUS = "(anonymous)"
OTHER = "(other)"
UNREAD = "(unread)"

_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_log = structlog.get_logger(__name__)


def identify(request: Request) -> str:
    """The request's id: the client's X-Request-Id where it is one, else a new one."""
    sent = request.headers.get("x-request-id", "")
    request_id = sent if _REQUEST_ID.fullmatch(sent) else str(uuid7())
    request.state.request_id = request_id
    return request_id


@dataclass(slots=True)
class Seen:
    """What is known of an operation so far; without a kind, nobody knows yet what it asks for.

    As a block it is the operation itself: one that ends without an answer has crashed.
    """

    request_id: str
    name: str | None = None
    kind: str | None = None
    viewer: str | None = None
    codes: set[str] = field(default_factory=set)
    status: int | None = None
    started: float = field(default_factory=time.perf_counter)
    _token: Token[Seen | None] | None = None

    def __enter__(self) -> Self:
        """It begins."""
        self._token = _current.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        """It ends."""
        if self._token is not None:
            _current.reset(self._token)
        if self.status is None:
            self.codes.add("INTERNAL")
            self.answered(500)

    def answered(self, status: int) -> None:
        """It has its answer: count it and tell of it."""
        self.status = status
        seconds = self._told("operation", status=status)
        _duration_of(_label(self), self.kind or "unread").observe(seconds)

    def ended(self) -> None:
        """It was watched until now: however long that was is no measure of us."""
        self._told("subscription ended")

    def _told(self, event: str, **facts: object) -> float:
        seconds = time.perf_counter() - self.started
        label = _label(self)
        for code in self.codes:
            monitoring.operation_errors.labels(label, code).inc()
        _log.info(
            event,
            request_id=self.request_id,
            operation=label,
            kind=self.kind,
            duration_ms=round(seconds * 1_000, 3),
            codes=sorted(self.codes),
            viewer=self.viewer,
            **facts,
        )
        return seconds


_current: ContextVar[Seen | None] = ContextVar("operation", default=None)


@contextmanager
def requested(request_id: str, role: Role) -> Iterator[Seen]:
    """A subscription that is asked for: tasks that start inside are about it."""
    one = Seen(request_id, viewer=role.value)
    token = _current.set(one)
    try:
        yield one
    finally:
        _current.reset(token)


@contextmanager
def watching() -> Iterator[None]:
    """A subscription that runs, in a task of its own, until the block ends."""
    with monitoring.subscriptions_running.track_inprogress():
        try:
            yield
        finally:
            if (one := _current.get()) is not None:
                one.ended()


def named(name: str | None, kind: str) -> None:
    """The running operation has been read; time counts from now: bodies arrive as clients send."""
    if (one := _current.get()) is not None:
        one.name, one.kind, one.started = name, kind, time.perf_counter()


def asked_by(role: Role | None) -> None:
    """Who asks has been recognised, or is a stranger."""
    if (one := _current.get()) is not None:
        one.viewer = role.value if role else None


def asked_by_nobody() -> None:
    """Who asks was taken for somebody: whatever was found out for them is told to nobody."""
    if (one := _current.get()) is not None:
        one.viewer = None
        one.codes.clear()


def met(code: str) -> None:
    """The running operation met an error of that code."""
    if (one := _current.get()) is not None:
        one.codes.add(code)


def watched(
    name: str, respond: Callable[[Request], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint beside the graph that counts as an operation of that name."""

    async def answer(request: Request) -> Response:
        request_id = identify(request)
        with Seen(request_id) as one:
            named(name, "document")
            response = await respond(request)
            one.answered(response.status_code)
        response.headers["X-Request-Id"] = request_id
        return response

    return answer


_names: defaultdict[str | None, set[str]] = defaultdict(set)


def _label(one: Seen) -> str:
    """The operation's name, as long as there are not too many of them.

    Clients choose names, and each is kept for good. So each role has its own hundred: a customer
    cannot use up those of the operator, nor a stranger anybody's.
    """
    if one.kind is None:
        return UNREAD
    if one.name is None:
        return ANONYMOUS
    known = _names[one.viewer]
    if one.name not in known:
        if len(known) >= NAMES_MAX or len(one.name) > NAME_CHARACTERS_MAX or one.viewer is None:
            return OTHER
        known.add(one.name)
    return one.name


@lru_cache(maxsize=4 * NAMES_MAX)
def _duration_of(label: str, kind: str) -> Histogram:
    return monitoring.operation_seconds.labels(label, kind)
