"""What one worker takes on at a time: the rest is refused at once, to be sent again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.types import Message

from fubble_gql.api.admission import PIECE_BYTES, Admission, Limits, in_pieces
from fubble_gql.api.http import GraphQLEndpoint
from tests.api.toy import SCHEMA, open_context

HEADERS = [(b"authorization", b"Bearer good"), (b"content-type", b"application/json")]
ECHO = b'{"query": "{ echo }"}'
LONG = b'{"query": "query($t: String!) { echo(text: $t) }", "variables": {"t": "%b"}}'


@dataclass
class Client:
    """A request on its way, part by part; without a last part it never ends."""

    parts: Sequence[bytes] = (ECHO,)
    is_endless: bool = False
    headers: Sequence[tuple[bytes, bytes]] = ()
    takes: asyncio.Event = field(default_factory=asyncio.Event)
    status: int = 0
    told: dict[str, str] = field(default_factory=dict)
    answer: list[bytes] = field(default_factory=list)
    is_gone: bool = False
    parts_sent: int = 0

    async def receive(self) -> Message:
        if self.is_gone:
            return {"type": "http.disconnect"}
        if self.parts_sent == len(self.parts):
            await asyncio.Event().wait()
        part = self.parts[self.parts_sent]
        self.parts_sent += 1
        more = self.is_endless or self.parts_sent < len(self.parts)
        return {"type": "http.request", "body": part, "more_body": more}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.told = {name.decode(): text.decode() for name, text in message["headers"]}
            return
        self.answer.append(message["body"])
        if message.get("more_body"):
            await self.takes.wait()

    async def ask(self, endpoint: GraphQLEndpoint) -> None:
        headers = [*HEADERS, *self.headers]
        scope = {"type": "http", "method": "POST", "path": "/", "query_string": b""}
        await endpoint({**scope, "headers": headers}, self.receive, self.send)

    @property
    def code(self) -> str:
        (error,) = json.loads(b"".join(self.answer))["errors"]
        assert error["extensions"]["requestId"] == self.told["x-request-id"]
        return str(error["extensions"]["code"])


def limited(**limits: int) -> GraphQLEndpoint:
    """The toy behind an endpoint that takes on little."""
    admission = Admission(Limits(**limits))
    return GraphQLEndpoint(SCHEMA, open_context, body_bytes_max=500_000, admission=admission)


async def asked(endpoint: GraphQLEndpoint, client: Client | None = None) -> Client:
    """A request that has been answered."""
    client = client or Client()
    await client.ask(endpoint)
    return client


async def begun(endpoint: GraphQLEndpoint, client: Client) -> asyncio.Task[None]:
    """A request that has come as far as it can."""
    task = asyncio.create_task(client.ask(endpoint))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not task.done()
    return task


async def test_an_answer_counts_until_it_is_taken() -> None:
    endpoint = limited(requests_max=1)
    slow = Client([LONG % (b"x" * 5 * PIECE_BYTES)])
    answering = await begun(endpoint, slow)
    refused = await asked(endpoint)
    slow.takes.set()
    await answering

    assert (refused.status, refused.code) == (503, "SERVICE_UNAVAILABLE")
    assert refused.told["retry-after"] == "1"
    assert slow.status == 200
    assert max(len(piece) for piece in slow.answer) == PIECE_BYTES
    assert json.loads(b"".join(slow.answer))["data"]["echo"] == "x" * 5 * PIECE_BYTES + "0"
    assert (await asked(endpoint)).status == 200


class Counted(bytes):
    """A body that knows how many bytes of it, and of what was cut from it, were copied."""

    copied = 0

    def __getitem__(self, part: Any) -> Any:  # noqa: ANN401 - as bytes has it
        piece = Counted(super().__getitem__(part))
        Counted.copied += len(piece)
        return piece


async def test_a_long_answer_is_copied_once_however_long_it_is() -> None:
    body, sent = Counted(bytes(range(256)) * 1_024 * 5 + b"end"), list[Message]()

    async def take(message: Message) -> None:
        sent.append(message)

    await in_pieces(take)({"type": "http.response.body", "body": body})

    assert Counted.copied == len(body)
    assert b"".join(one["body"] for one in sent) == body
    assert [one.get("more_body", False) for one in sent] == [True] * (len(sent) - 1) + [False]


async def test_a_body_that_arrives_is_no_operation_yet() -> None:
    endpoint = limited(requests_max=1)
    arriving = [await begun(endpoint, Client(is_endless=True)) for _ in range(3)]
    assert (await asked(endpoint)).status == 200
    for task in arriving:
        task.cancel()


@pytest.mark.parametrize(
    ("next_one", "parts_read"),
    [
        (Client([b" " * 300, b" " * 300]), 2),
        (Client([b" " * 600], headers=[(b"content-length", b"600")]), 0),
    ],
)
async def test_bodies_are_counted_together(next_one: Client, parts_read: int) -> None:
    endpoint = limited(body_bytes_max=1_000)
    first = await begun(endpoint, Client([b" " * 250] * 2, is_endless=True))
    refused = await asked(endpoint, next_one)
    assert (refused.status, refused.code) == (503, "SERVICE_UNAVAILABLE")
    assert refused.parts_sent == parts_read
    assert (await asked(endpoint)).status == 200
    first.cancel()
    await asyncio.wait([first])
    assert (await asked(endpoint, Client([ECHO + b" " * 900]))).status == 200


async def test_a_body_that_trickles_in_is_given_up() -> None:
    endpoint = limited(body_seconds=0)
    given_up = await asked(endpoint, Client([b"{"], is_endless=True))
    assert (given_up.status, given_up.code) == (408, "LIMIT_EXCEEDED")
    assert given_up.told["connection"] == "close"


async def test_every_end_gives_its_share_back() -> None:
    endpoint = limited(requests_max=1, body_bytes_max=500)
    gone = Client()
    gone.is_gone = True
    for client, status in [
        (gone, 400),
        (Client([b"nonsense"]), 400),
        (Client([b'{"query": "{ boom }"}']), 200),
        (Client([b'{"query": "{ echo }"}' + b" " * 400, b" " * 400]), 503),
        (Client([b'{"query": "{ echo }"}' + b" " * 400]), 200),
    ]:
        assert (await asked(endpoint, client)).status == status
