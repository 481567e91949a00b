"""Run `fubble`: in this process, in one of its own to the end, or as a server beside the test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
from tortoise.backends.base.executor import EXECUTOR_CACHE
from typer.testing import CliRunner, Result

from fubble_gql.cli.root import app

T = TypeVar("T")

FUBBLE = str(Path(sysconfig.get_path("scripts")) / "fubble")
# Only against hanging for ever: nothing that a test asserts depends on it.
PATIENCE_SECONDS = 120


def invoke(*arguments: str, **settings: str) -> Result:
    """A command inside this process; settings as in DATABASE_URL="sqlite://x"."""
    EXECUTOR_CACHE.clear()  # it would remember another kind of database
    return CliRunner().invoke(app, arguments, env=_variables(settings))


def run(*arguments: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, to its end."""
    return subprocess.run(
        [FUBBLE, *arguments],
        cwd=folder,
        env=_environment(settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


@dataclass
class Running:
    """A command that runs beside the test; what it prints is in files."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    def wait_for(self, look: Callable[[], T | None]) -> T:
        """What `look` finds, as soon as it finds it; fails when the process has ended before."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            has_ended = self.process.poll() is not None
            found = look()
            if found is not None:
                return found
            assert not has_ended, self.err.read_text()
            time.sleep(0.01)
        raise AssertionError(self.err.read_text())

    def events(self, name: str) -> list[dict[str, Any]]:
        """What it logged under that name, as JSON."""
        lines = self.err.read_text().splitlines(keepends=True)
        records = [json.loads(line) for line in lines if line.endswith("\n")]
        return [record for record in records if record["event"].startswith(name)]

    def address(self) -> str:
        """Where `fubble serve` says that it listens."""
        (event,) = self.wait_for(lambda: self.events("serving") or None)
        return str(event["address"])

    def stop(self, sent: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code after the signal."""
        self.process.send_signal(sent)
        return self.process.wait(PATIENCE_SECONDS)


@contextmanager
def started(*arguments: str, folder: Path, **settings: str) -> Iterator[Running]:
    """A command that is running until the block ends."""
    number = len(list(folder.glob("out-*")))
    out, err = folder / f"out-{number}", folder / f"err-{number}"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            [FUBBLE, *arguments],
            cwd=folder,
            env=_environment(settings),
            stdout=stdout,
            stderr=stderr,
        )
    try:
        yield Running(process, out, err)
    finally:
        process.kill()
        process.wait(PATIENCE_SECONDS)


def role_of(address: str, key: str) -> object:
    """The role that the server at the address gives to the key; None when it gives none."""
    answer = ask(address + "/graphql", key, "{ viewer { role } }")
    data = answer.get("data")
    return data["viewer"]["role"] if data else None


def ask(url: str, key: str, query: str) -> Any:  # noqa: ANN401 - JSON
    """The answer to a query."""
    headers = {"Authorization": f"Bearer {key}"}
    body = {"query": query}
    return httpx.post(url, json=body, headers=headers, timeout=PATIENCE_SECONDS).json()


def _environment(settings: dict[str, str]) -> dict[str, str]:
    own = {name: text for name, text in os.environ.items() if not name.startswith("FUBBLE_")}
    return {**own, **_variables(settings)}


def _variables(settings: dict[str, str]) -> dict[str, str]:
    return {f"FUBBLE_{name}": text for name, text in settings.items()}
