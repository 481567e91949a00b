"""`fubble invoice`: issued invoices as files."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from fubble_gql.app import seller_of
from fubble_gql.cli import database
from fubble_gql.cli.failures import Failure
from fubble_gql.config import load_settings
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.documents.issued import document_of, issued, pdf_of
from fubble_gql.documents.written import as_json

commands = typer.Typer(no_args_is_help=True)


@commands.callback()
def about() -> None:
    """Export issued invoices."""


@commands.command()
def export(
    *,
    number: Annotated[str, typer.Argument(help="The invoice's number, as in INV-000001.")],
    pdf: Annotated[
        bool, typer.Option("--pdf/--json", help="As a PDF, or its content as JSON.")
    ] = True,
    output: Annotated[
        Path | None,
        typer.Option(
            help="The file to write; NUMBER.pdf or NUMBER.json here unless said, - for "
            "standard output."
        ),
    ] = None,
) -> None:
    """Write an issued invoice to a file: the PDF that it has for ever, or its content as JSON."""
    settings = load_settings()
    seller = seller_of(settings)

    async def work(connection: Connection) -> bytes:
        ref = Ref(key=number)
        if pdf:
            return await pdf_of(connection, ref, seller, datetime.now(UTC))
        row = await issued(connection, ref)
        return (as_json(await document_of(connection, row, seller)) + "\n").encode()

    content = database.run(settings.database_url, work)
    file = output or Path(f"{number}.{'pdf' if pdf else 'json'}")
    if str(file) == "-":
        sys.stdout.buffer.write(content)
        return
    try:
        file.write_bytes(content)
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror}.") from error
    typer.echo(f"Wrote {file}", err=True)
