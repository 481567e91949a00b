"""`fubble schema`: export the SDL, or compare a file with it."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path
from typing import Annotated

import typer

from fubble_gql.api.schema import print_schema
from fubble_gql.cli.failures import Failure

COMMITTED = Path("schema/schema.graphql")


def schema(
    *,
    file: Annotated[Path, typer.Argument(help="The file that --check compares.")] = COMMITTED,
    check: Annotated[
        bool, typer.Option("--check", help="Fail, and show how, when the file differs.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="Write to this file instead of standard output.")
    ] = None,
) -> None:
    """Print the schema as SDL."""
    text = print_schema()
    if check:
        _check(file, text)
    elif output is not None:
        _write(output, text)
    else:
        typer.echo(text, nl=False)


def _check(file: Path, text: str) -> None:
    try:
        known = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{file} cannot be read: {error}.") from error
    lines = unified_diff(
        known.splitlines(keepends=True),
        text.splitlines(keepends=True),
        fromfile=str(file),
        tofile="the schema of this version",
    )
    if difference := "".join(lines):
        typer.echo(difference, err=True)
        raise Failure(f"{file} differs; write it anew with: fubble schema --output {file}")
    typer.echo(f"{file} is the schema of this version.")


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror}.") from error
