"""`fubble usage rebuild` and `fubble usage check`: the sums that are kept beside the events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from fubble_gql.cli import database
from fubble_gql.cli.failures import Exit
from fubble_gql.config import load_settings
from fubble_gql.db.connection import Connection
from fubble_gql.db.setup import Patience
from fubble_gql.usage import rollups
from fubble_gql.usage.store.rows import Unequal

_SHOWN_MAX = 20
# A customer may have any number of events.
_PATIENCE = Patience(statement=None)


def rebuild() -> None:
    """Derive the hour and day sums of all usage again from the events.

    Never needed in normal operation: recording and voiding keep the sums. After a repair of the
    table of events by hand, when `fubble usage check` found a difference, or when servers of an
    older version went on recording after an upgrade. Safe at any time, best at a quiet one:
    recording for a customer waits while its own sums are made, about two seconds for a million
    events. On SQLite there are no sums to rebuild.
    """

    async def work(connection: Connection) -> int:
        done = 0
        with _progress("Rebuilding", await rollups.count_customers(connection)) as bar:
            async for customers in rollups.rebuild(connection):
                done += customers
                bar.advance(bar.task_ids[0], customers)
        return done

    rebuilt = database.run(load_settings().database_url, work, patience=_PATIENCE)
    typer.echo(f"The sums of {rebuilt:,} customers are what their events add up to.")


def check() -> None:
    """Prove that the hour and day sums of all usage are what the events add up to.

    Reads only, at any time. Exit code 3 when one is not, and what to do; 1 when they could not
    be checked.
    """

    async def work(connection: Connection) -> tuple[int, list[Unequal]]:
        done, unequal = 0, []
        with _progress("Checking", await rollups.count_customers(connection)) as bar:
            async for checked in rollups.check(connection):
                done += checked.customers
                unequal += checked.unequal
                bar.advance(bar.task_ids[0], checked.customers)
        return done, unequal

    checked, unequal = database.run(load_settings().database_url, work, patience=_PATIENCE)
    for one in unequal[:_SHOWN_MAX]:
        unit = "hour" if one.hours == 1 else "day"
        named = f", subscription {one.subscription_id}" if one.subscription_id else ""
        typer.echo(
            f"Customer {one.customer_id}, metric {one.metric_id}{named}: "
            f"the {unit} of {one.start_at:%Y-%m-%d %H:%M} UTC differs from its events.",
            err=True,
        )
    if unequal:
        typer.echo(
            f"{len(unequal):,} sums of {checked:,} customers are wrong: run `fubble usage rebuild`."
        )
        raise typer.Exit(Exit.SUMS_WRONG)
    typer.echo(f"The sums of {checked:,} customers are what their events add up to.")


@contextmanager
def _progress(doing: str, customers: int) -> Iterator[Progress]:
    """A bar on standard error, where that is a terminal, with its one task."""
    console = Console(stderr=True)
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TextColumn("customers"))
    with Progress(
        *columns,
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        bar.add_task(doing, total=customers)
        yield bar
