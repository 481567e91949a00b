"""Clients that send or take as little, or as much, as they can: each is held to a limit."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from fubble_gql.cli import protocol
from fubble_gql.cli.protocol import BoundedProtocol

PATIENCE_SECONDS = 60
ASKED = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass
class Serving:
    """A server that answers everything with a long text, once it has read the body."""

    server: uvicorn.Server
    port: int

    async def talk(self, begin: bytes, then: bytes = b"", times: int = 0) -> bytes:
        """What comes back until the server hangs up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        received = b""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                writer.write(begin)
                for _ in range(times):
                    writer.write(then)
                    await writer.drain()
                while part := await reader.read(65_536):
                    received += part
        except ConnectionError:
            pass  # it hung up on what was still being sent
        finally:
            writer.close()
        return received

    async def until_all_have_gone(self, after: int) -> None:
        """Until so many requests were answered and nobody is connected."""
        state = self.server.server_state
        async with asyncio.timeout(PATIENCE_SECONDS):
            while state.total_requests < after or state.connections:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def long_text(request: Request) -> PlainTextResponse:
    await request.body()
    return PlainTextResponse("x" * 20_000_000)


@pytest_asyncio.fixture
async def serving() -> AsyncIterator[Serving]:
    """Runs until the test is over."""
    app = Starlette(routes=[Route("/", long_text, methods=["GET", "POST"])])
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            lifespan="off",
            http=BoundedProtocol,
            timeout_graceful_shutdown=1,
        )
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = asyncio.create_task(server._serve([listener]))
        yield Serving(server, listener.getsockname()[1])
        server.should_exit = True
        await running


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost", b"\r\n"])
async def test_who_sends_no_whole_head_is_cut_off(
    serving: Serving, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "SENDING_SECONDS", 0.1)
    assert await serving.talk(sent) == b""


async def test_the_second_head_must_come_whole_too(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "SENDING_SECONDS", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
    writer.write(ASKED)
    await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(20_000_000)
    writer.write(b"GET /")
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize(
    ("begin", "then"),
    [
        (b"GET /", b"x" * 10_000),
        (b"GET / HTTP/1.1\r\nX: ", b"x" * 10_000),
        (b"GET / HTTP/1.1\r\n", b"X: %b\r\n" % (b"x" * 10_000)),
        (CHUNKED + b"1\r\nx\r\n0\r\n", b"X: %b\r\n" % (b"x" * 10_000)),
        (CHUNKED + b"1;", b"x" * 10_000),
    ],
    ids=["address", "field", "fields", "trailer", "chunk extension"],
)
async def test_what_has_no_end_is_not_kept(serving: Serving, begin: bytes, then: bytes) -> None:
    received = await serving.talk(begin, then, times=10_000)
    assert not received.startswith(b"HTTP/1.1 200 ")


async def test_only_some_requests_are_taken_ahead(serving: Serving) -> None:
    assert (await serving.talk(ASKED * 1_000)).startswith(b"HTTP/1.1 400 ")


async def test_a_long_body_is_no_long_head(serving: Serving) -> None:
    size = 3_000_000
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % size
    received = await serving.talk(head, b"x" * 10_000, times=size // 10_000)
    assert received.startswith(b"HTTP/1.1 200 ")
    assert received.endswith(b"x" * 20_000_000)


async def test_who_takes_nothing_of_an_answer_is_cut_off(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "TAKING_SECONDS", 0.1)
    _, writer = await asyncio.open_connection("127.0.0.1", serving.port, limit=1)
    writer.write(ASKED)
    await serving.until_all_have_gone(after=1)
    writer.close()


async def test_too_many_connections_are_refused(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "CONNECTIONS_MAX", 1)
    idle = [await asyncio.open_connection("127.0.0.1", serving.port)]
    head, _, body = (await serving.talk(ASKED)).partition(b"\r\n\r\n")
    idle += [await asyncio.open_connection("127.0.0.1", serving.port)]
    unheard = await serving.talk(ASKED)
    for _, writer in idle:
        writer.close()
    await serving.until_all_have_gone(after=1)

    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1" in head
    assert json.loads(body)["errors"][0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"
    assert unheard == b""
