"""Logging: JSON lines for a server, readable lines for the demo; both on standard error.

What callers send never gets here: no Authorization header, no variables, no addresses with queries.
"""

from __future__ import annotations

import logging

import structlog
from structlog.typing import Processor

# Every line begins with these, whether structlog or a library wrote it.
_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
]


def use_json_lines() -> None:
    """One JSON object a line; an exception is its plain traceback, without local variables."""
    _configure(
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()], logging.INFO
    )


def use_console() -> None:
    """Readable lines, of warnings and errors only."""
    console = structlog.dev.ConsoleRenderer(
        timestamp_key="time", exception_formatter=structlog.dev.plain_traceback
    )
    _configure([console], logging.WARNING)


def _configure(renderers: list[Processor], level: int) -> None:
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
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


def _tells_no_address(record: logging.LogRecord) -> bool:
    """Not uvicorn's lines about WebSockets: they quote the address with its query."""
    return '"WebSocket ' not in str(record.msg)
