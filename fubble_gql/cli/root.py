"""The commands put together."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.main import get_group

from fubble_gql.cli.failures import EXIT_CODES, Commands
from fubble_gql.cli.serve import CommandWithSettings, serve

# Each command's module and, in it, the command or the group of them.
_PLACES = {
    "demo": ("demo", "demo"),
    "serve": ("serve", "serve"),
    "migrate": ("migrate", "migrate"),
    "schema": ("schema", "schema"),
    "bill-run": ("bill_run", "bill_run"),
    "keys": ("keys", "commands"),
    "invoice": ("invoice", "commands"),
    "usage": ("usage", "commands"),
}


class _LoadedWhenCalled(Commands):
    """Commands whose modules are loaded when they are wanted: servers keep none but their own."""

    def list_commands(self, _: Any) -> list[str]:  # noqa: ANN401 - as typer declares it
        return list(_PLACES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - as typer declares it
        own = super().get_command(ctx, cmd_name)
        return own or (_loaded(cmd_name) if cmd_name in _PLACES else None)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - as typer declares it
        if args[0] not in _PLACES:  # typer proposes those that it has
            self.commands.update({name: self.get_command(ctx, name) for name in _PLACES})
        return super().resolve_command(ctx, args)


@cache
def _loaded(name: str) -> object:
    module, attribute = _PLACES[name]
    found = getattr(import_module(f"fubble_gql.cli.{module}"), attribute)
    alone = typer.Typer()
    if isinstance(found, typer.Typer):
        alone.add_typer(found, name=name)
    else:
        alone.command(name)(found)
    return get_group(alone).commands[name]


app = typer.Typer(
    cls=_LoadedWhenCalled,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they show local variables
    epilog=EXIT_CODES,
)
app.command(cls=CommandWithSettings)(serve)


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
