"""What is logged: JSON for a server, readable lines for the demo, never a local variable."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator

import pytest
import structlog

from fubble_gql import logs


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Logging is the process's own: put it back."""
    root, strawberry = logging.getLogger(), logging.getLogger("strawberry")
    kept = (root.handlers, root.level, strawberry.level)
    yield
    root.handlers, level, quiet = kept
    root.setLevel(level)
    strawberry.setLevel(quiet)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def fail() -> None:
    """Log an exception that was raised beside a secret."""
    secret = "hunter" + "2"
    try:
        _ = {"": secret}[str(len(secret))]
    except KeyError as error:
        structlog.get_logger("fubble_gql.api").error("failed", request_id="r1", exc_info=error)


def test_a_server_logs_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    logs.use_json_lines()
    structlog.get_logger("fubble_gql.api").info("told", request_id="r1")
    logging.getLogger("uvicorn.error").info("Started %s", "x")
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert first.pop("time").endswith("Z")
    assert first.pop("pid") == os.getpid()
    assert first == {
        "event": "told",
        "level": "info",
        "logger": "fubble_gql.api",
        "request_id": "r1",
    }
    assert (second["event"], second["logger"]) == ("Started x", "uvicorn.error")


def test_an_exception_is_a_plain_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    logs.use_json_lines()
    fail()
    (line,) = capsys.readouterr().err.splitlines()
    record = json.loads(line)
    assert record["exception"].startswith("Traceback (most recent call last):")
    assert "KeyError" in record["exception"]
    assert "hunter2" not in line


def test_the_texts_of_exceptions_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """PostgreSQL quotes rows in them, and Python what could not be converted."""
    logs.use_json_lines()
    secret = "hunter" + "2"
    try:
        try:
            int(secret)
        except ValueError as cause:
            raise ExceptionGroup(secret, [KeyError(secret)]) from cause
    except ExceptionGroup:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)["exception"].splitlines()
    kinds = [text for text in told if text.startswith("builtins.")]
    assert kinds == ["builtins.ValueError", "builtins.KeyError", "builtins.ExceptionGroup"]
    assert secret not in line


def test_less_may_be_logged(capsys: pytest.CaptureFixture[str]) -> None:
    logs.use_json_lines("warning")
    structlog.get_logger("fubble_gql.api").info("told")
    structlog.get_logger("fubble_gql.api").warning("warned")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "warned"


def test_the_demo_logs_only_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    logs.use_console()
    structlog.get_logger("fubble_gql.api").info("told")
    assert capsys.readouterr().err == ""
    fail()
    text = capsys.readouterr().err
    assert "Traceback (most recent call last):" in text
    assert "hunter2" not in text


@pytest.mark.parametrize("use", [logs.use_json_lines, logs.use_console])
def test_strawberry_and_addresses_of_websockets_are_silent(
    use: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    use()
    logging.getLogger("strawberry.execution").error("a value of the client's")
    logging.getLogger("uvicorn.error").error('%s - "WebSocket %s" 403', "client", "/graphql?token=")
    assert capsys.readouterr().err == ""
