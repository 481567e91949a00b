"""The network between the application and PostgreSQL, which a test can let go silent or cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit, urlunsplit

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Link:
    """One connection that passes through. A silent one takes everything and brings nothing."""

    is_silent: bool
    was_answered: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Network:
    """Everything that passes on its way from `url` to a server."""

    server: str
    url: str = ""
    cut_after: bytes | None = None
    _is_silent: bool = False
    _links: list[Link] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def swallow(self) -> None:
        """Connections stay open and nothing passes any more, on new ones neither."""
        self._is_silent = True
        for link in self._links:
            link.is_silent = True

    def heal(self) -> None:
        """New connections work again. What was silent stays so, like a server that is gone."""
        self._is_silent = False

    async def pass_through(self, *client: *Streams) -> None:
        """One connection, to its end."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        link = Link(self._is_silent)
        self._links.append(link)
        server = await self._reach_server()
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(client[0], server[1], client[1], link))
                both.create_task(self._bring(server[0], client[1], link))
        except* (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            client[1].close()
            server[1].close()

    async def _carry(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        back: asyncio.StreamWriter,
        link: Link,
    ) -> None:
        while sent := await source.read(65_536):
            is_last = self.cut_after is not None and self.cut_after in sent
            if is_last:
                link.is_silent, self.cut_after = True, None
            elif link.is_silent:
                continue
            sink.write(sent)
            await sink.drain()
            if is_last:
                await link.was_answered.wait()
                back.close()
        sink.close()

    async def _bring(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, link: Link
    ) -> None:
        while brought := await source.read(65_536):
            if link.is_silent:
                link.was_answered.set()
                continue
            sink.write(brought)
            await sink.drain()
        sink.close()

    async def _reach_server(self) -> Streams:
        parts = urlsplit(self.server)
        hosts = parse_qs(parts.query).get("host")
        port = parts.port or 5432
        if hosts:
            return await asyncio.open_unix_connection(f"{hosts[0]}/.s.PGSQL.{port}")
        return await asyncio.open_connection(parts.hostname, port)

    def close(self) -> None:
        """Break every connection."""
        for task in self._tasks:
            task.cancel()


@asynccontextmanager
async def network_to(server: str) -> AsyncIterator[Network]:
    """A network that leads to the database at an address."""
    network = Network(server)
    async with await asyncio.start_server(network.pass_through, "127.0.0.1") as listener:
        port = listener.sockets[0].getsockname()[1]
        parts = urlsplit(server)
        user = parts.netloc.rpartition("@")[0] or "postgres"
        network.url = urlunsplit(parts._replace(netloc=f"{user}@127.0.0.1:{port}", query=""))
        yield network
        network.close()
