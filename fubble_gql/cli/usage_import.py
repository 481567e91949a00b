"""`fubble usage import`: the events of a file of any size, each recorded once."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated, NamedTuple, TextIO

import typer

from fubble_gql.app import utc_now
from fubble_gql.cli import database, input
from fubble_gql.cli.failures import Exit, Failure
from fubble_gql.cli.import_mapping import (
    FieldMapping,
    Property,
    Quantity,
    TimeFormat,
    Times,
    Wrong,
)
from fubble_gql.cli.import_rejects import Rejected, Rejects
from fubble_gql.cli.input import Broken, Row, Table, Tell, Unusable
from fubble_gql.config import load_settings
from fubble_gql.db.connection import Connection
from fubble_gql.errors import Code, Unavailable
from fubble_gql.usage import ingest
from fubble_gql.usage.ingest import NewEvent, Receipt, ReceiptStatus

INTERRUPTED = 130
BATCH = 2_500
AT_A_TIME = 2
_PAUSES = (0.5, 1, 2, 4, 8)
_UNREADABLE = (OSError, EOFError, zlib.error)


def import_(  # noqa: PLR0913 - one for each option
    file: Annotated[
        typer.FileBinaryRead,
        typer.Argument(metavar="FILE", help="CSV or JSON lines, also as .gz; - is stdin."),
    ],
    *,
    column: Annotated[
        list[str], typer.Option(metavar="FIELD=COLUMN", help="The column of a field.")
    ] = [],  # noqa: B006 - as typer declares lists
    value: Annotated[
        list[str],
        typer.Option(metavar="FIELD=TEXT", help="What stands where a row leaves the field out."),
    ] = [],  # noqa: B006
    quantity: Annotated[
        list[str],
        typer.Option(metavar="METRIC=COLUMN", help="One event for each of these, from one row."),
    ] = [],  # noqa: B006
    property: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=COLUMN",
            help="A column that becomes a property; NAME:number=COLUMN where it is a number.",
        ),
    ] = [],  # noqa: B006
    key: Annotated[
        str | None,
        typer.Option(
            metavar="TEMPLATE",
            help="Where there is no idempotencyKey: how to make one, the same whenever the file is "
            "imported, as in '{file}:{line}:{metric}'. In braces: file, line, customer, metric, or "
            "a column.",
        ),
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Of times without an offset, as UTC.")
    ] = None,
    time_format: Annotated[
        TimeFormat, typer.Option(help="How times are written: RFC 3339, or since 1970.")
    ] = TimeFormat.ISO,
    truncate_time: Annotated[
        bool, typer.Option("--truncate-time", help="Cut times off after the microsecond.")
    ] = False,
    delimiter: Annotated[str, typer.Option(help="What separates the columns of CSV.")] = ",",
    rejected: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Where rejected rows go: FILE.rejected.csv or FILE.rejected.ndjson unless said.",
        ),
    ] = None,
) -> None:
    """Record the usage events of a file, of any size.

    CSV has a header, JSON lines have an object on each line. Columns and fields are named as those
    of recordUsage: customer, metric, quantity, eventTime, idempotencyKey, subscriptionId,
    properties; more of them are ignored. An empty cell is left out.

    Running it again is safe at any time, after a kill too: only what is missing is added. Rows that
    are rejected go to a file with their reasons: mend and import it with the same options. The exit
    code is then 1.

    fubble usage import events.csv

    fubble usage import trace.csv --value customer=acme --column eventTime=TIMESTAMP --timezone UTC
    --quantity tokens_in=Input --quantity tokens_out=Output --key '{file}:{line}:{metric}'
    """
    name = Path(getattr(file, "name", "") or "stdin").name
    name = "stdin" if name.startswith("<") or name == "-" else name
    mapping = FieldMapping(
        name,
        _pairs(column, "--column"),
        _pairs(value, "--value"),
        [_property(*one) for one in _pairs(property, "--property").items()],
        [Quantity(*one) for one in _pairs(quantity, "--quantity").items()],
        key,
        Times(time_format, timezone, truncate_time),
    )
    with input.opened(file, "Importing") as (text, tell):
        table = _table(text, delimiter, mapping)
        rejects = Rejects(rejected or _beside(file, name, table), name, table.header)
        work = _Import(_parts(table, mapping), rejects, tell)
        is_done = _run(work)
    typer.echo(work.summary())
    if rejects.count:
        typer.echo(f"Rejected rows, with their reasons: {rejects.path}", err=True)
    if not is_done:
        typer.echo("Stopped: run it again to go on.", err=True)
        raise typer.Exit(INTERRUPTED)
    if rejects.count:
        raise typer.Exit(Exit.FAILED)


def _pairs(options: Sequence[str], flag: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for option in options:
        name, separator, rest = option.partition("=")
        if not name or not separator or not rest or name in pairs:
            raise typer.BadParameter(f'"{option}" must be NAME=VALUE, once.', param_hint=flag)
        pairs[name] = rest
    return pairs


def _property(name: str, column: str) -> Property:
    plain, separator, kind = name.rpartition(":")
    is_number = bool(separator) and kind == "number"
    return Property(plain if is_number else name, column, is_number)


def _table(text: TextIO, delimiter: str, mapping: FieldMapping) -> Table:
    if len(delimiter) != 1:
        raise typer.BadParameter("must be one character.", param_hint="--delimiter")
    try:
        table = input.read(text, delimiter)
        mapping.check(table.header)
    except Unusable as error:
        raise typer.BadParameter(str(error), param_hint="FILE") from None
    return table


def _beside(file: typer.FileBinaryRead, name: str, table: Table) -> Path:
    suffix = "ndjson" if table.header is None else "csv"
    folder = Path(getattr(file, "name", "") or ".").parent if name != "stdin" else Path()
    return folder / f"{name}.rejected.{suffix}"


class _Part(NamedTuple):
    """An event, and the row that it came from."""

    row: Row
    event: NewEvent


_Batch = list[_Part | Rejected]


def _parts(table: Table, mapping: FieldMapping) -> Iterator[_Part | Rejected]:
    for row in table.rows:
        if isinstance(row, Broken):
            yield Rejected(row.line, Code.INVALID, row.why, {}, row.text)
            continue
        try:
            events = list(mapping.events(row))
        except Wrong as wrong:
            yield Rejected(row.line, Code.INVALID, str(wrong), row.fields)
        else:
            yield from (_Part(row, event) for event in events)


@dataclass
class _Import:
    """How far an import has come."""

    parts: Iterator[_Part | Rejected]
    rejects: Rejects
    tell: Tell
    accepted: int = 0
    duplicates: int = 0
    begin: float = field(default_factory=time.monotonic)

    async def run(self, connection: Connection) -> None:
        """Record batch by batch: while some are recorded, the next one is read."""
        running: deque[tuple[_Batch, asyncio.Task[list[Receipt]]]] = deque()
        batch = await asyncio.to_thread(self._take)
        while batch or running:
            if batch:
                events = [one.event for one in batch if isinstance(one, _Part)]
                running.append((batch, asyncio.create_task(self._record(connection, events))))
                batch = await asyncio.to_thread(self._take)
            if len(running) == AT_A_TIME or not batch:
                recorded, task = running.popleft()
                self._note(recorded, await task)

    def _take(self) -> _Batch:
        return list(islice(self.parts, BATCH))

    async def _record(self, connection: Connection, events: Sequence[NewEvent]) -> list[Receipt]:
        for pause in _PAUSES if events else ():
            try:
                return await ingest.record(connection, events, utc_now)
            except Unavailable:
                self.tell(f"The database cannot answer now; trying again in {pause:g} seconds.")
                await asyncio.sleep(pause)
        return await ingest.record(connection, events, utc_now) if events else []

    def _note(self, batch: _Batch, receipts: Sequence[Receipt]) -> None:
        found = [one for one in batch if isinstance(one, Rejected)]
        parts = [one for one in batch if isinstance(one, _Part)]
        for (row, _), receipt in zip(parts, receipts, strict=True):
            self.accepted += receipt.status is ReceiptStatus.ACCEPTED
            self.duplicates += receipt.status is ReceiptStatus.DUPLICATE
            if receipt.error is not None:
                why = receipt.error
                found.append(Rejected(row.line, why.code, why.message, row.fields))
        for one in sorted(found, key=lambda rejected: rejected.line):
            self.rejects.write(one)

    def summary(self) -> str:
        """What became of the events, and how fast."""
        seconds = time.monotonic() - self.begin
        rate = (self.accepted + self.duplicates) / seconds
        return (
            f"{self.accepted:,} recorded, {self.duplicates:,} recorded before, "
            f"{self.rejects.count:,} rows rejected; {seconds:.1f} s, {rate:,.0f} events/s."
        )


def _run(work: _Import) -> bool:
    """Whether it went to the end; what was begun when a signal came is finished first."""
    with closing(work.rejects):
        try:
            database.run(load_settings().database_url, work.run, pool_size=AT_A_TIME)
        except KeyboardInterrupt:
            return False
        except Unavailable:
            raise Failure(
                f"{work.summary()}\nThe database cannot answer now: run it again to go on."
            ) from None
        except _UNREADABLE as error:
            raise Failure(f"{work.summary()}\nThe file cannot be read on: {error}.") from None
    return True
