"""`fubble migrate`: bring the database's tables up to date."""

from __future__ import annotations

import typer

from fubble_gql.cli import database
from fubble_gql.config import load_settings


def migrate() -> None:
    """Bring the tables up to date. The server does the same when it starts.

    Processes that start together wait for the one that came first.
    """
    applied = database.bring_up_to_date(load_settings().database_url)
    for name in applied:
        typer.echo(f"Applied {name}")
    if not applied:
        typer.echo("Nothing to do: the database is up to date.")
