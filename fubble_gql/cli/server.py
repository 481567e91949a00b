"""Listening on a port and serving there, with one process or with several."""

from __future__ import annotations

import errno
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvicorn
from prometheus_client.multiprocess import mark_process_dead
from starlette.applications import Starlette
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from fubble_gql.cli.failures import Failure
from fubble_gql.cli.protocol import BoundedProtocol
from fubble_gql.cli.websocket import MESSAGE_BYTES_MAX, BoundedWebSocket
from fubble_gql.config import count_together

GRACE_SECONDS = 30
# A worker says nothing while it loads its modules: on a busy machine that takes more than uvicorn's
# five seconds, after which it would be replaced by one that takes as long.
SILENCE_SECONDS = 60
_BACKLOG = 2_048
_REASONS = {
    errno.EADDRINUSE: "Port {port} on {host} is in use: choose another with --port.",
    errno.EACCES: "Port {port} may not be listened on by this user: choose another with --port.",
    errno.EADDRNOTAVAIL: "{host} is not an address of this machine: choose another with --host.",
}


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to the address; port 0 takes a free one. `listen` comes next."""
    with _explained(host, port):
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError:
            listener.close()
            raise
        listener.set_inheritable(True)
        return listener


def address_of(listener: socket.socket) -> str:
    """As in http://127.0.0.1:8000."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def listen(listener: socket.socket) -> None:
    """Let clients connect; they wait until the application answers.

    Until now another process could have been bound to the same port.
    """
    with _explained(*listener.getsockname()[:2]):
        listener.listen(_BACKLOG)


def run(application: str | Starlette, listener: socket.socket, workers: int = 1) -> None:
    """Serve until SIGINT or SIGTERM; requests that have begun are answered first.

    `application` is given as "module:factory" where there are several workers.
    """
    config = configured(application, workers)
    if workers == 1:
        # Uvicorn raises the signal again once it has shut down.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])
        return
    with tempfile.TemporaryDirectory(prefix="fubble-metrics-") as folder:
        count_together(Path(folder))
        workforce = _Workforce(config, listener, folder)
        workforce.run()
    if any(worker.exitcode == STARTUP_FAILURE for worker in workforce.processes):
        raise Failure("The workers could not start; the reason is above.")


def configured(application: str | Starlette, workers: int = 1) -> uvicorn.Config:
    """Uvicorn as we run it."""
    return uvicorn.Config(
        application,
        factory=isinstance(application, str),
        workers=workers,
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        http=BoundedProtocol,
        ws=BoundedWebSocket,
        ws_max_size=MESSAGE_BYTES_MAX,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_worker_healthcheck=SILENCE_SECONDS,
    )


class _Workforce(Multiprocess):
    """Workers on one port, each replaced when it dies."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket, folder: str) -> None:
        super().__init__(config, sockets=[listener])
        self._folder = folder
        self._living: set[int | None] = set()

    def keep_subprocess_alive(self) -> None:
        super().keep_subprocess_alive()
        living = {worker.pid for worker in self.processes}
        for pid in self._living - living:
            mark_process_dead(pid, self._folder)  # type: ignore[no-untyped-call]
        self._living = living

    def terminate_all(self) -> None:
        """Listen no more, so that nobody waits for workers that are about to end."""
        for listener in self.sockets:
            listener.close()
        super().terminate_all()


@contextmanager
def _explained(host: str, port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        default = "{host}:{port} cannot be listened on ({reason}): choose another --host or --port."
        text = _REASONS.get(error.errno or 0, default)
        raise Failure(text.format(host=host, port=port, reason=error.strerror)) from error
