"""A client of graphql-transport-ws, which says what it means and no more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import count
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

# Only against hanging for ever: nothing that a test asserts depends on it.
PATIENCE_SECONDS = 60
PROTOCOL = "graphql-transport-ws"


class Line:
    """A socket, and the subscriptions that run over it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._numbers = count(1)

    async def send(self, **message: object) -> None:
        """A message as it is."""
        await self.socket.send(json.dumps(message))

    async def receive(self) -> Any:  # noqa: ANN401 - JSON
        """The next message, its numbers exact."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return json.loads(await self.socket.recv(), parse_float=Decimal)

    async def init(self, key: str) -> None:
        """Say who is calling, and be acknowledged."""
        await self.send(type="connection_init", payload={"Authorization": f"Bearer {key}"})
        assert await self.receive() == {"type": "connection_ack"}

    async def subscribe(self, query: str, **variables: object) -> str:
        """Begin a subscription; its id."""
        id = str(next(self._numbers))
        await self.send(
            type="subscribe", id=id, payload={"query": query, "variables": variables or None}
        )
        return id

    async def value(self, id: str) -> Any:  # noqa: ANN401 - JSON
        """The next value of the only field of a subscription, which has no errors."""
        payload = await self.payload(id)
        assert "errors" not in payload, payload
        (found,) = payload["data"].values()
        return found

    async def payload(self, id: str) -> Any:  # noqa: ANN401 - JSON
        """What comes next, which must be a value of this subscription."""
        message = await self.receive()
        assert (message["type"], message["id"]) == ("next", id), message
        return message["payload"]

    async def error(self, id: str) -> tuple[str, list[str]]:
        """The code and the path of the only reason why a subscription does not run."""
        message = await self.receive()
        assert (message["type"], message["id"]) == ("error", id), message
        (problem,) = message["payload"]
        assert problem["message"]
        return problem["extensions"]["code"], problem["extensions"].get("path", [])

    async def closed(self) -> int:
        """The code that the server closes the socket with, whatever else comes before."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                while True:
                    await self.socket.recv()
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else 1006

    async def is_quiet(self) -> bool:
        """Whether nothing was sent until a ping is answered."""
        await self.send(type="ping")
        answer: bool = await self.receive() == {"type": "pong"}
        return answer


@asynccontextmanager
async def dialled(
    url: str, key: str | None = None, *, origin: str | None = None, protocol: str = PROTOCOL
) -> AsyncIterator[Line]:
    """A socket to the endpoint at a http:// address, for a caller with a key."""
    address = url.replace("http://", "ws://") + "/graphql"
    async with connect(
        address,
        subprotocols=[Subprotocol(protocol)],
        origin=Origin(origin) if origin else None,
        compression=None,
        ping_interval=None,
        close_timeout=1,
        proxy=None,
    ) as socket:
        line = Line(socket)
        if key is not None:
            await line.init(key)
        yield line
