"""`fubble usage`: recorded events by the file: added, voided; and the sums of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import islice
from typing import Annotated, NamedTuple

import typer

from fubble_gql.app import utc_now
from fubble_gql.cli import database, lines, rollups, void_rows
from fubble_gql.cli.failures import Exit
from fubble_gql.cli.lines import Screen
from fubble_gql.cli.rows import Unusable
from fubble_gql.cli.usage_import import import_
from fubble_gql.cli.void_rows import Defaults, Rejected, Row, Wanted
from fubble_gql.config import load_settings
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.errors import Refused
from fubble_gql.usage import void as voiding
from fubble_gql.usage.void import KEYS_MAX, VoidReceipt

commands = typer.Typer(no_args_is_help=True)
commands.command("import")(import_)
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


@commands.callback()
def about() -> None:
    """Record usage from files, correct it, and prove its sums."""


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
    with lines.opened(file, "Voiding") as (text, screen):
        try:
            rows = void_rows.read(text, Defaults(customer, reason))
        except Unusable as error:
            raise typer.BadParameter(str(error), param_hint="FILE") from None
        counted = database.run(
            load_settings().database_url, lambda connection: _void_all(connection, rows, screen)
        )
    typer.echo(", ".join(f"{counted[became]:,} {became}" for became in Became) + ".")
    if counted[Became.NOT_FOUND] or counted[Became.REJECTED]:
        raise typer.Exit(Exit.FAILED)


async def _void_all(connection: Connection, rows: Iterator[Row], screen: Screen) -> Counter[Became]:
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
                screen.tell(f"Line {outcome.line}: {outcome.why}")
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
