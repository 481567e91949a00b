"""`fubble serve`: the GraphQL endpoint, configured by the environment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import structlog
import typer
from pydantic_core import PydanticUndefined
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from typer.core import TyperCommand

from fubble_gql import logs
from fubble_gql.cli import database, server
from fubble_gql.config import Settings, load_settings

APPLICATION = "fubble_gql.app:serve"
LOOPBACK = "127.0.0.1"
_log = structlog.get_logger(__name__)


def serve(
    host: Annotated[
        str, typer.Option(help="The address to listen on; 0.0.0.0 for every one.")
    ] = LOOPBACK,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="The port; 0 takes a free one.")
    ] = 8000,
    workers: Annotated[
        int, typer.Option(min=1, max=256, help="Processes that share the port.")
    ] = 1,
) -> None:
    """Serve GraphQL at /graphql, after bringing the database up to date.

    Settings are variables of the environment, listed below. Logs are JSON lines on standard error.
    """
    settings = load_settings()
    logs.use_json_lines(settings.log_level)
    with server.bind(host, port) as listener:
        applied = database.bring_up_to_date(settings.database_url)
        server.listen(listener)
        address = server.address_of(listener)
        _log.info("serving", address=address, workers=workers, migrations_applied=applied)
        server.run(APPLICATION, listener, workers)


class CommandWithSettings(TyperCommand):
    """A command whose help ends with every setting, its default and what it is."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as typer has it
        super().format_help(ctx, formatter)
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True, style="bold cyan")
        table.add_column(overflow="fold")
        for name, description in setting_lines():
            table.add_row(name, description)
        panel = Panel(table, title="Settings", title_align="left", border_style="dim")
        Console(highlight=False).print(panel)


def setting_lines() -> Iterator[tuple[str, str]]:
    """Each setting's variable, and what it is with its default."""
    prefix = Settings.model_config.get("env_prefix", "")
    for name, field in Settings.model_fields.items():
        is_set = field.default not in (None, PydanticUndefined)
        default = rf" \[default: {str(field.default).lower()}]" if is_set else ""
        yield f"{prefix}{name}".upper(), f"{field.description}{default}"
