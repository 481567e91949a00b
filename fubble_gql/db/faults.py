"""Which failures of a database mean that it cannot answer now, told apart from mistakes of ours."""

from __future__ import annotations

import logging
import sqlite3

import asyncpg
from tortoise.exceptions import BaseORMException

from fubble_gql.errors import Unavailable

log = logging.getLogger("fubble_gql.db")

# The connection is dead, and that was known at once: another one may do.
SEVERED = (
    ConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # it was cut in the middle of what the server was saying
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)
# The connection is of no more use. A server that is read-only has handed its work to another one.
LOST = (*SEVERED, OSError, asyncpg.CannotConnectNowError, asyncpg.ReadOnlySQLTransactionError)
# The connection is good; the server does not want this statement now.
_NOT_NOW = (
    asyncpg.OperatorInterventionError,  # among them statements that were cancelled for their time
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.InvalidCachedStatementError,  # the tables were altered meanwhile
)
_SQLITE_NOT_NOW = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
}
# Everything that a driver raises, and Tortoise for it.
FAILURES = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    sqlite3.Error,
    BaseORMException,
)


class ToldApart:
    """Raises Unavailable where the database cannot answer now, and logs why; else what it was."""

    __slots__ = ()

    def __enter__(self) -> None:
        """It knows nothing of what is run inside."""

    def __exit__(self, _: object, failure: BaseException | None, __: object) -> None:
        """Look at what was raised."""
        if isinstance(failure, FAILURES):
            error = _cause(failure)
            if is_lost(error) or _is_not_now(error):
                raise unavailable(failure) from failure


TOLD_APART = ToldApart()


def unavailable(failure: BaseException) -> Unavailable:
    """What callers hear of a failure, which is logged: its text is for nobody else."""
    error = _cause(failure)
    log.warning("the database cannot answer: %s: %s", type(error).__name__, error)
    return Unavailable()


def is_lost(failure: BaseException | None) -> bool:
    """Whether the connection that it happened on must not be used again."""
    error = _cause(failure)
    # asyncpg says ValueError for arguments that it cannot send: a mistake of ours.
    return isinstance(error, LOST) and not isinstance(error, ValueError)


def _is_not_now(error: BaseException | None) -> bool:
    if isinstance(error, sqlite3.OperationalError):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in _SQLITE_NOT_NOW
    return isinstance(error, _NOT_NOW)


def _cause(failure: BaseException | None) -> BaseException | None:
    """The driver's own error, which Tortoise and `unavailable` wrap."""
    if isinstance(failure, Unavailable):
        return _cause(failure.__cause__)
    wrapped = failure.args[0] if isinstance(failure, BaseORMException) and failure.args else None
    return wrapped if isinstance(wrapped, Exception) else failure
