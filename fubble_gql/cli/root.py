"""The commands put together."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from fubble_gql.app import look_for_garbage_rarely
from fubble_gql.cli import invoice, keys, usage
from fubble_gql.cli.bill_run import bill_run
from fubble_gql.cli.demo import demo
from fubble_gql.cli.failures import EXIT_CODES, Commands
from fubble_gql.cli.migrate import migrate
from fubble_gql.cli.schema import schema
from fubble_gql.cli.serve import CommandWithSettings, serve

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they show local variables
    epilog=EXIT_CODES,
)
app.command()(demo)
app.command(cls=CommandWithSettings)(serve)
app.command()(migrate)
app.command()(schema)
app.command("bill-run")(bill_run)
app.add_typer(keys.commands, name="keys")
app.add_typer(invoice.commands, name="invoice")
app.add_typer(usage.commands, name="usage")


def main() -> None:
    """The entry point of `fubble`."""
    look_for_garbage_rarely()
    app(prog_name="fubble")


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it with the option's value
    if wanted:
        typer.echo(f"fubble {version('fubble-gql')}")
        raise typer.Exit


@app.callback()
def about(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Usage-based billing over one GraphQL endpoint."""
