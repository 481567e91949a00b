"""`fubble keys`: API keys made, listed, revoked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from fubble_gql.access import keys
from fubble_gql.cli import database
from fubble_gql.config import load_settings

commands = typer.Typer(no_args_is_help=True)


@commands.callback()
def about() -> None:
    """Make, list and revoke API keys. A key may do everything: it is an operator's."""


@commands.command()
def create(
    name: Annotated[str, typer.Option(help="What the key is for, as in --name backend.")] = "api",
) -> None:
    """Make a key and print it, alone, on standard output: the only time that it is shown."""
    url = load_settings().database_url
    key = database.run(url, lambda connection: keys.create(connection, name, datetime.now(UTC)))
    typer.echo(key)
    typer.echo("Keep it safe: it is not shown again. Send it as Authorization: Bearer …", err=True)


@commands.command("list")
def list_keys() -> None:
    """Show every key, the oldest first; never a secret."""
    rows = database.run(load_settings().database_url, keys.list_keys)
    if not rows:
        typer.echo("There are no keys; make one with: fubble keys create --name NAME", err=True)
        return
    table = Table()
    for column in ("Id", "Name", "Created", "Revoked"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(row.id, row.name, _shown(row.created_at), _shown(row.revoked_at))
    Console(markup=False, highlight=False).print(table)


@commands.command()
def revoke(
    id: Annotated[str, typer.Argument(help="The key's id, as fubble keys list has it.")],
) -> None:
    """Stop a key from working, at once and for good. Again: no error, no change."""
    url = load_settings().database_url
    row = database.run(url, lambda connection: keys.revoke(connection, id, datetime.now(UTC)))
    typer.echo(f"Key {row.id} ({row.name}) was revoked at {_shown(row.revoked_at)}.")


def _shown(instant: datetime | None) -> str:
    return "" if instant is None else f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
