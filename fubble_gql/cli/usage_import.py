"""`fubble usage import`: the events of a file of any size, each recorded once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, BinaryIO, TextIO

import typer

from fubble_gql.cli import background, import_run, lines, rows
from fubble_gql.cli.failures import Exit, Failure
from fubble_gql.cli.import_cells import TimeFormat, Times
from fubble_gql.cli.import_events import EventsOf
from fubble_gql.cli.import_keys import NoTemplate, Template
from fubble_gql.cli.import_mapping import FieldMapping, Property
from fubble_gql.cli.import_recorder import LANES
from fubble_gql.cli.import_rejects import Rejects
from fubble_gql.cli.import_run import Import, Stop
from fubble_gql.cli.rows import Table, Unusable
from fubble_gql.config import load_settings
from fubble_gql.pricing import wallclock

_PIPE = "stdin"


def import_(  # noqa: PLR0913 - one for each option
    file: Annotated[
        typer.FileBinaryRead,
        typer.Argument(metavar="FILE", help="CSV or JSON lines, also as .gz; - is stdin."),
    ],
    *,
    column: Annotated[
        list[str] | None, typer.Option(metavar="FIELD=COLUMN", help="The column of a field.")
    ] = None,
    value: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=TEXT",
            help="What stands where a row leaves the field out. eventTime=now is the time of "
            "recording.",
        ),
    ] = None,
    quantity: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC=COLUMN",
            help="An event of the metric for each row, where its cell is not empty. Several make "
            "several events of a row.",
        ),
    ] = None,
    property: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=COLUMN",
            help="A column that becomes a property; NAME:number=COLUMN makes a number of its text.",
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="TEMPLATE",
            help="How to make idempotency keys, each event's its own, and the same whenever the "
            "file is imported. In braces: file, line, customer, metric, or a column. The file is "
            "its name without folder and .gz; a line must keep its place.",
        ),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE",
            help="Of times without an offset, such as UTC or Europe/Berlin. Of an hour that comes "
            "twice the first is meant.",
        ),
    ] = None,
    time_format: Annotated[
        TimeFormat, typer.Option(help="RFC 3339, or seconds or milliseconds since 1970.")
    ] = TimeFormat.ISO,
    truncate_time: Annotated[
        bool,
        typer.Option(
            "--truncate-time", help="Cut times to the microsecond; finer ones are rejected."
        ),
    ] = False,
    delimiter: Annotated[
        str, typer.Option(help="What separates the columns of CSV; tab for a tab.")
    ] = ",",
    rejected: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Where rejected rows go: FILE.rejected.csv or FILE.rejected.ndjson unless said.",
        ),
    ] = None,
) -> None:
    """Record the usage events of a file, of any size.

    CSV has a header, JSON lines have an object on each line. Columns are named like the fields of
    recordUsage: customer, metric, quantity, eventTime, idempotencyKey, subscriptionId, properties.
    Others are ignored; an empty cell is left out. Options tell what is named or said differently:

    fubble usage import events.ndjson.gz

    fubble usage import trace.csv --value customer=acme --column eventTime=TIMESTAMP
    --timezone UTC --quantity tokens_in=Input --quantity tokens_out=Output
    --key '{file}:{line}:{metric}'

    Running it again is safe at any time, after a kill too: only what is missing is added.

    Rejected rows are written, as they were and with their reasons, to a file that replaces that of
    an earlier run. Mend them there and import that file with the same options: keys stay those of
    the lines that the rows came from. The exit code is 1 when rows were rejected.
    """
    path = _path(file)
    mapping = FieldMapping(
        columns=_pairs(column, "--column"),
        values=_pairs(value, "--value"),
        properties=[_property(*one) for one in _pairs(property, "--property").items()],
        quantities=_pairs(quantity, "--quantity"),
        template=None if key is None else _template(key, path),
        times=_times(time_format, timezone, is_cut=truncate_time),
    )
    separator = _separator(delimiter)
    with lines.opened(file, "Importing") as (text, screen):
        table, events_of = _begun(text, separator, mapping)
        kept = rejected or _beside(path, table)
        if kept.exists() and path is not None and kept.samefile(path):
            raise typer.BadParameter("is the file that is read.", param_hint="--rejected")
        with Rejects(kept, _short(path), table.header, separator) as rejects:
            work = Import(rejects, screen)
            batches = import_run.batches(table.rows, events_of, len(mapping.quantities) or 1)
            url = load_settings().database_url
            with background.opened(url, LANES) as database:
                stop = work.run(batches, database)
    typer.echo(work.summary())
    _conclude(work, stop, events_of.unseen if table.header is None and work.line else set())


def _path(file: BinaryIO) -> Path | None:
    """Where the file is; None for standard input."""
    name = lines.name_of(file)
    return None if name in ("", "-", "<stdin>") else Path(name)


def _short(path: Path | None) -> str:
    """What {file} is."""
    return _PIPE if path is None else lines.unpacked(path.name)


def _beside(path: Path | None, table: Table) -> Path:
    suffix = "ndjson" if table.header is None else "csv"
    return Path(f"{path or _PIPE}.rejected.{suffix}")


def _pairs(options: Sequence[str] | None, flag: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for option in options or ():
        name, separator, rest = option.partition("=")
        if not name or not separator or not rest or name in pairs:
            raise typer.BadParameter(f'"{option}" must be NAME=VALUE, once.', param_hint=flag)
        pairs[name] = rest
    return pairs


def _property(name: str, column: str) -> Property:
    plain = name.removesuffix(":number")
    return Property(plain, column, plain != name)


def _template(text: str, path: Path | None) -> Template:
    try:
        template = Template.parse(text, _short(path))
    except NoTemplate as error:
        raise typer.BadParameter(str(error), param_hint="--key") from None
    if path is None and "file" in template.names:
        raise typer.BadParameter("Standard input is no {file}: name it.", param_hint="--key")
    return template


def _times(form: TimeFormat, timezone: str | None, *, is_cut: bool) -> Times:
    try:
        return Times(form, None if timezone is None else wallclock.zone(timezone), is_cut)
    except ValueError:
        message = f'"{timezone}" is no timezone such as UTC or Europe/Berlin.'
        raise typer.BadParameter(message, param_hint="--timezone") from None


def _separator(delimiter: str) -> str:
    separator = "\t" if delimiter == "tab" else delimiter
    if len(separator) != 1 or separator in '"\r\n':
        raise typer.BadParameter("must be one character, or tab.", param_hint="--delimiter")
    return separator


def _begun(text: TextIO, separator: str, mapping: FieldMapping) -> tuple[Table, EventsOf]:
    """What is read, and what makes events of it; nothing is read where the options are wrong."""
    try:
        mapping.check()
        events_of = EventsOf.by(mapping)
        table = rows.read(text, separator)
        if table.header is not None:
            mapping.check_columns(table.header)
    except Unusable as error:
        raise typer.BadParameter(str(error)) from None
    return table, events_of


def _conclude(work: Import, stop: Stop | None, unseen: set[str]) -> None:
    """The exit code, and what there is to say about it."""
    if work.rejects.count:
        typer.echo(f"Rejected rows, with their reasons: {work.rejects.path}", err=True)
    if stop is not None:
        typer.echo(stop.why, err=True)
        raise typer.Exit(stop.code)
    if unseen:
        raise Failure(f"No row has {' or '.join(sorted(unseen))}, which the options name.")
    if work.rejects.count:
        raise typer.Exit(Exit.FAILED)
