"""Logging: JSON lines for a server, readable lines for the demo; both on standard error.

What callers send never gets here: no Authorization header, no variables, no addresses with queries,
no texts of exceptions, which quote values.
"""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Iterator

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

# Every line begins with these, whether structlog or a library wrote it.
_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
]


def use_json_lines(level: str = "info") -> None:
    """One JSON object a line, with the process that wrote it."""
    exceptions: Processor = structlog.processors.ExceptionRenderer(_without_texts)
    renderers: list[Processor] = [_with_process, exceptions, structlog.processors.JSONRenderer()]
    _configure(renderers, logging.getLevelNamesMapping()[level.upper()])


def use_console() -> None:
    """Readable lines, of warnings and errors only."""
    console = structlog.dev.ConsoleRenderer(
        timestamp_key="time", exception_formatter=structlog.dev.plain_traceback
    )
    _configure([console], logging.WARNING)


def _configure(renderers: list[Processor], level: int) -> None:
    structlog.configure(
        processors=[
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    handler.addFilter(_tells_no_address)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    # It prints the texts of exceptions, which the endpoint logs with the request's id.
    logging.getLogger("strawberry").setLevel(logging.CRITICAL + 1)


def _with_process(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    event["pid"] = os.getpid()
    return event


def _without_texts(exc_info: ExcInfo) -> str:
    """Where it happened and what kind it was, causes first: PostgreSQL's texts quote rows."""
    _, error, _ = exc_info
    return "\n".join(_places(error))


def _places(error: BaseException) -> Iterator[str]:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _places(cause)
        yield "which led to:"
    for one in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from _places(one)
        yield "which is part of:"
    yield "Traceback (most recent call last):"
    yield "".join(traceback.format_tb(error.__traceback__)).rstrip()
    yield f"{type(error).__module__}.{type(error).__qualname__}"


def _tells_no_address(record: logging.LogRecord) -> bool:
    """Not uvicorn's lines about WebSockets: they quote the address with its query."""
    return '"WebSocket ' not in str(record.msg)
