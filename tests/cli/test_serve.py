"""The server: on loopback unless said otherwise, with workers, until a signal."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from tests.cli.running import PATIENCE_SECONDS, invoke, run, started


@pytest.fixture
def busy_port() -> Iterator[str]:
    """A port of 127.0.0.1 that someone else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield str(server.getsockname()[1])


def test_the_version_is_told() -> None:
    assert invoke("--version").stdout == f"fubble {version('fubble-gql')}\n"


def test_an_unknown_command_is_a_usage_error_that_proposes_another() -> None:
    done = invoke("usge")
    assert done.exit_code == 2
    assert "Did you mean 'usage'?" in done.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_busy_port_is_an_error_that_names_the_option(
    workers: str, busy_port: str, sqlite_url: str, tmp_path: Path
) -> None:
    arguments = ("serve", "--port", busy_port, "--workers", workers)
    done = run(*arguments, folder=tmp_path, DATABASE_URL=sqlite_url)
    assert done.returncode == 1
    assert done.stderr == (
        f"Port {busy_port} on 127.0.0.1 is in use: choose another with --port.\n"
    )


def test_a_foreign_address_is_an_error_that_names_the_option(
    sqlite_url: str, tmp_path: Path
) -> None:
    arguments = ("serve", "--host", "192.0.2.1", "--port", "0")
    done = run(*arguments, folder=tmp_path, DATABASE_URL=sqlite_url)
    assert done.returncode == 1
    assert "192.0.2.1 is not an address of this machine: choose another with --host." in done.stderr


NEEDLESS = (
    *("typst", "fontTools"),  # until a PDF is wanted
    *(
        "fubble_gql.cli.demo",
        "fubble_gql.demo.story",
        "fubble_gql.cli.usage",
        "fubble_gql.cli.keys",
    ),
)


def test_a_server_keeps_no_other_commands_in_memory() -> None:
    """Every worker would hold them: they and the tools for PDFs are a tenth of its memory."""
    text = "import sys, fubble_gql.cli.root, fubble_gql.app; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, check=True, text=True
    )
    assert "fubble_gql.app" in loaded.stdout.split()
    assert not set(NEEDLESS) & set(loaded.stdout.split())


def test_a_worker_looks_for_garbage_rarely_and_not_in_what_it_began_with(sqlite_url: str) -> None:
    text = (
        "from fubble_gql.app import serve; serve(); import gc; "
        "print(gc.isenabled(), gc.get_threshold()[0], gc.get_freeze_count())"
    )
    shown = subprocess.run(
        [sys.executable, "-c", text],
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, "DATABASE_URL": sqlite_url},
    ).stdout.split()
    assert shown[0] == "True"
    assert int(shown[1]) > 10_000
    assert int(shown[2]) > 100_000


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_in_peace(
    sent: signal.Signals, sqlite_url: str, tmp_path: Path
) -> None:
    with started("serve", "--port", "0", folder=tmp_path, DATABASE_URL=sqlite_url) as server:
        address = server.address()
        assert httpx.get(address, timeout=PATIENCE_SECONDS).status_code == 307
        assert server.stop(sent) == 0
        assert server.events("Application shutdown complete")
        assert "Traceback" not in server.err.read_text()


def test_only_loopback_is_listened_on_unless_said_otherwise(
    sqlite_url: str, tmp_path: Path
) -> None:
    with started("serve", "--port", "0", folder=tmp_path, DATABASE_URL=sqlite_url) as server:
        assert server.address().startswith("http://127.0.0.1:")


def test_the_log_is_json_and_tells_no_addresses(sqlite_url: str, tmp_path: Path) -> None:
    with started("serve", "--port", "0", folder=tmp_path, DATABASE_URL=sqlite_url) as server:
        address = server.address()
        httpx.get(address + "/graphql?query=hunter2", timeout=PATIENCE_SECONDS)
        assert server.stop() == 0
        assert server.out.read_text() == ""
        for event in server.events(""):
            assert {"time", "level", "event", "logger"} <= event.keys()
        assert "hunter2" not in server.err.read_text()
