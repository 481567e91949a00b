"""`fubble bill-run`: invoice every closed billing period that is not yet invoiced."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from fubble_gql.app import seller_of, utc_now
from fubble_gql.billing import due, run
from fubble_gql.billing.run import Order, Run
from fubble_gql.cli import database
from fubble_gql.cli.failures import Exit
from fubble_gql.config import load_settings
from fubble_gql.customers.store import CUSTOMERS
from fubble_gql.db.connection import Connection

_NO_BUDGET = timedelta(days=365)


def bill_run(
    *,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            help="Invoice the periods that ended by this instant (UTC), as in 2026-06-01. Now "
            "unless said.",
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"],
        ),
    ] = None,
    finalize: Annotated[
        bool,
        typer.Option(
            "--finalize/--draft",
            help="Issue the invoices, numbered and for good; or leave them as drafts to look at.",
        ),
    ] = False,
) -> None:
    """Invoice every closed billing period that is not yet invoiced, once each.

    Safe to repeat, to kill and to run twice at the same time. With --finalize the drafts of closed
    periods are finalised too. Exit code 1 when a customer could not be billed, or the database went
    away before all were.
    """
    settings = load_settings()
    instant = utc_now() if as_of is None else as_of.replace(tzinfo=UTC)
    order = Order(instant, finalize, utc_now, seller_of(settings))

    async def work(connection: Connection) -> tuple[Run, dict[UUID, str]]:
        done = await _run(connection, order)
        ids = list({failure.customer_id for failure in done.failures})
        rows = await CUSTOMERS.by(connection, "id", ids) if ids else []
        return done, {row.id: row.key for row in rows}

    done, keys = database.run(settings.database_url, work)
    for failure in done.failures:
        typer.secho(
            f"Customer {keys[failure.customer_id]} was not billed: {failure.problem.message}",
            fg=typer.colors.RED,
            err=True,
        )
    typer.echo(_summary(done))
    if done.remaining:
        typer.secho(
            "The database went away before all was done. Run it again: what is done stays.",
            fg=typer.colors.RED,
            err=True,
        )
    if done.failures or done.remaining:
        raise typer.Exit(Exit.FAILED)


async def _run(connection: Connection, order: Order) -> Run:
    total = await due.remaining(connection, order.as_of, finalise=order.finalise)
    with Progress(
        TextColumn("Invoices"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    ) as progress:
        task = progress.add_task("Invoices", total=total)

        def report(done: Run) -> None:
            """A subscription may have several periods due: the bar grows with them."""
            invoices = len(done.invoice_ids)
            progress.update(task, completed=invoices, total=max(total, invoices))

        return await run.run(connection, order, _NO_BUDGET, report)


def _summary(done: Run) -> str:
    made = f"{done.created:,} made, {done.finalized:,} finalised"
    return f"Invoices: {made}, {done.skipped:,} could not be made."
