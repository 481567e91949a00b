"""How a command fails: a message on standard error, and an exit code that scripts may rely on."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import typer
from typer.core import TyperGroup

from fubble_gql.config import SettingsError
from fubble_gql.demo.folder import FolderUnusable
from fubble_gql.errors import Refused, Unavailable


class Exit(IntEnum):
    """Why a command ended; 0 is success. The parser uses 2 as well."""

    FAILED = 1
    WRONG_SETTING = 2
    SUMS_WRONG = 3


EXIT_CODES = (
    "Exit codes: 0 done; 1 it could not be done; 2 a wrong setting, option or argument; "
    "3 a check found sums that are wrong. "
    "The reason is on standard error."
)


class Failure(Exception):
    """A command that could not do its work; the message says why, and what to do."""


class Commands(TyperGroup):
    """The commands of fubble: an expected failure is its message, never a traceback."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - as typer declares it
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            raise _exit(str(error), Exit.WRONG_SETTING) from None
        except Refused as refused:
            messages = "\n".join(problem.message for problem in refused.problems)
            raise _exit(messages, Exit.FAILED) from None
        except Unavailable:
            raise _exit("The database cannot answer now. Try again.", Exit.FAILED) from None
        except (Failure, FolderUnusable) as failure:
            raise _exit(str(failure), Exit.FAILED) from None


def _exit(message: str, code: Exit) -> typer.Exit:
    typer.secho(message, fg=typer.colors.RED, err=True)
    return typer.Exit(code)
