"""`fubble usage`: recorded events voided by the file."""

from __future__ import annotations

import os
import stat
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from io import TextIOWrapper
from itertools import islice
from typing import Annotated, BinaryIO, NamedTuple

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from fubble_gql.app import utc_now
from fubble_gql.cli import database, rollups, void_rows
from fubble_gql.cli.failures import Exit
from fubble_gql.cli.void_rows import Defaults, Rejected, Row, Unusable, Wanted
from fubble_gql.config import load_settings
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.errors import Refused
from fubble_gql.usage import void as voiding
from fubble_gql.usage.void import KEYS_MAX, VoidReceipt

commands = typer.Typer(no_args_is_help=True)
commands.command()(rollups.rebuild)
commands.command()(rollups.check)


class Became(StrEnum):
    """What became of a row, in the order and the words of the summary."""

    VOIDED = "voided"
    ALREADY = "already voided"
    NOT_FOUND = "not found"
    REJECTED = "rejected"


class Outcome(NamedTuple):
    """What became of the row on a line; `why` says why nothing is voided."""

    line: int
    became: Became
    why: str = ""


Tell = Callable[[str], None]


@commands.callback()
def about() -> None:
    """Correct recorded usage."""


@commands.command()
def void(
    file: Annotated[
        typer.FileBinaryRead, typer.Argument(metavar="FILE", help="CSV or JSON lines; - is stdin.")
    ],
    customer: Annotated[
        str | None, typer.Option(help="The key of the customer, where a row names none.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option(help="Why, at most 10,000 characters, where a row has none.")
    ] = None,
) -> None:
    """Void the events that a file names: they count no more from now on.

    CSV has a header with the columns customer, idempotencyKey and reason; JSON lines have an
    object with these fields on each line. More fields are ignored. What is left out comes from
    --customer and --reason. Running it again is safe: a voided event stays as it was.

    What is not voided is listed on standard error with its line, and the exit code is then 1.
    """
    with _progress_bar(file) as (lines, tell):
        try:
            rows = void_rows.read(lines, Defaults(customer, reason))
        except Unusable as error:
            raise typer.BadParameter(str(error), param_hint="FILE") from None
        counted = database.run(
            load_settings().database_url, lambda connection: _void_all(connection, rows, tell)
        )
    typer.echo(", ".join(f"{counted[became]:,} {became}" for became in Became) + ".")
    if counted[Became.NOT_FOUND] or counted[Became.REJECTED]:
        raise typer.Exit(Exit.FAILED)


@contextmanager
def _progress_bar(file: BinaryIO) -> Iterator[tuple[TextIOWrapper, Tell]]:
    """The file's lines, and a way to say something above a bar of how far they have been read.

    On standard error, and gone when the file has been read. What is not UTF-8 becomes text that
    no database stores, so that only its row is rejected.
    """
    columns = (TextColumn("Voiding"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    is_hidden = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=is_hidden) as bar:
        size = _size(file)
        if size is None:
            bar.add_task("", total=None)
        else:
            file = bar.wrap_file(file, size)
        lines = TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        yield (
            lines,
            lambda text: bar.console.print(text, markup=False, highlight=False, soft_wrap=True),
        )


def _size(file: BinaryIO) -> int | None:
    """How long the file is; None for a pipe."""
    try:
        status = os.fstat(file.fileno())
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


async def _void_all(connection: Connection, rows: Iterator[Row], tell: Tell) -> Counter[Became]:
    """Some thousand rows at a time, those of a customer and a reason in one transaction."""
    counted: Counter[Became] = Counter()
    while some := list(islice(rows, KEYS_MAX)):
        outcomes = [
            Outcome(row.line, Became.REJECTED, row.why) for row in some if isinstance(row, Rejected)
        ]
        for wanted in _together(some):
            outcomes += await _void(connection, wanted)
        counted.update(outcome.became for outcome in outcomes)
        for outcome in sorted(outcomes):
            if outcome.why:
                tell(f"Line {outcome.line}: {outcome.why}")
    return counted


def _together(rows: Sequence[Row]) -> list[list[Wanted]]:
    """The rows that one call voids."""
    found: defaultdict[tuple[str, str | None], list[Wanted]] = defaultdict(list)
    for row in rows:
        if isinstance(row, Wanted):
            found[row.customer, row.reason].append(row)
    return list(found.values())


async def _void(connection: Connection, rows: Sequence[Wanted]) -> list[Outcome]:
    customer, reason = Ref(key=rows[0].customer), rows[0].reason
    keys = [row.key for row in rows]
    try:
        receipts = await voiding.void(connection, customer, keys, reason, utc_now)
    except Refused as refused:
        message = f"{refused.problems[0].message} ({customer.key})"
        return [Outcome(row.line, Became.REJECTED, message) for row in rows]
    return [_outcome(row, receipt) for row, receipt in zip(rows, receipts, strict=True)]


def _outcome(row: Wanted, receipt: VoidReceipt) -> Outcome:
    if receipt.problem is not None:
        return Outcome(row.line, Became.NOT_FOUND, receipt.problem.message)
    return Outcome(row.line, Became.VOIDED if receipt.is_new else Became.ALREADY)
