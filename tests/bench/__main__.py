"""`python -m tests.bench COMMAND`: a benchmark each."""

from __future__ import annotations

from typing import Annotated

import typer
import uvloop

from tests.bench import ingest, nested
from tests.bench.dataset import Sizes

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Ratios from interleaved runs on PostgreSQL.",
)

Rounds = Annotated[int, typer.Option(min=1, help="Counted rounds; one more warms up.")]
Connections = Annotated[int, typer.Option(min=1, help="How many callers there are at a time.")]
Customers = Annotated[int, typer.Option(min=1, help="Customers in the database.")]


@app.command("nested")
def nested_command(
    customers: Customers = 10_000,
    plans: Annotated[int, typer.Option(min=1, help="Plans of five components each.")] = 50,
    subscriptions: Annotated[int, typer.Option(min=0, help="Subscriptions in all.")] = 20_000,
    rounds: Rounds = 9,
    seconds_per_round: Annotated[float, typer.Option(help="For each of the two.")] = 3.0,
    connections: Connections = 16,
) -> None:
    """The nested page against one statement that aggregates JSON."""
    sizes = Sizes(customers, plans, subscriptions)
    uvloop.run(nested.run(sizes, nested.Effort(rounds, seconds_per_round, connections)))


@app.command("ingest")
def ingest_command(
    customers: Customers = 1_000,
    events_per_call: Annotated[
        list[int] | None, typer.Option(min=1, max=5_000, help="Again for another size.")
    ] = None,
    rounds: Rounds = 9,
    seconds_per_round: Annotated[float, typer.Option(help="Of recording, roughly.")] = 2.0,
    connections: Connections = 4,
    *,
    receipts: Annotated[bool, typer.Option(help="Whether each call selects its receipts.")] = False,
) -> None:
    """recordUsage with 1 to 5,000 events a call against INSERT ... unnest and COPY."""
    sizes = events_per_call or ingest.SIZES
    effort = ingest.Effort(rounds, seconds_per_round, connections)
    uvloop.run(ingest.run(customers, sizes, effort, receipts=receipts))


if __name__ == "__main__":
    app()
