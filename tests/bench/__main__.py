"""`python -m tests.bench COMMAND`: a benchmark each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import uvloop

from tests.bench import (
    bill_run,
    bills,
    importing,
    ingest,
    memory,
    nested,
    preview,
    read,
    scaling,
    sqlite_sum,
    start,
    volume,
)
from tests.bench.asking import Effort
from tests.bench.dataset import Sizes

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Ratios from interleaved runs on PostgreSQL.",
)

Rounds = Annotated[int, typer.Option(min=1, help="Counted rounds; one more warms up.")]
Connections = Annotated[int, typer.Option(min=1, help="How many callers there are at a time.")]
Customers = Annotated[int, typer.Option(min=1, help="Customers in the database.")]
Plans = Annotated[int, typer.Option(min=1, help="Plans of five components each.")]
Subscriptions = Annotated[int, typer.Option(min=0, help="Subscriptions in all.")]
Invoices = Annotated[int, typer.Option(min=1, help="Of four lines each.")]
VolumeCustomers = Annotated[int, typer.Option(min=3, help="Customers in each database.")]
Few = Annotated[int, typer.Option(min=1, help="Events in the smaller database.")]
Many = Annotated[int, typer.Option(min=1, help="Events in the larger one.")]
Heavy = Annotated[int, typer.Option(min=1, help="Events in the month of the heavy customer.")]
Light = Annotated[int, typer.Option(min=1, help="Events in the month of the light customer.")]
Previews = Annotated[int, typer.Option(min=1, help="For each contestant, in a round.")]
OrmCustomers = Annotated[int, typer.Option(min=1, help="Whose events the ORM reads, in a round.")]


@app.command("nested")
def nested_command(
    customers: Customers = 10_000,
    plans: Plans = 50,
    subscriptions: Subscriptions = 20_000,
    rounds: Rounds = 9,
    seconds_per_round: Annotated[float, typer.Option(help="For each of the two.")] = 3.0,
    connections: Connections = 16,
) -> None:
    """The nested page against one statement that aggregates JSON."""
    sizes = Sizes(customers, plans, subscriptions)
    uvloop.run(nested.run(sizes, Effort(rounds, seconds_per_round, connections)))


@app.command("read")
def read_command(
    customers: Customers = 10_000,
    plans: Plans = 50,
    subscriptions: Subscriptions = 20_000,
    invoices: Invoices = 100_000,
    *,
    rounds: Rounds = 9,
    seconds_per_round: Annotated[float, typer.Option(help="For each contestant.")] = 2.0,
    connections: Connections = 16,
    plot: Annotated[Path | None, typer.Option(help="A PNG file to draw the shares into.")] = None,
    peer: Annotated[
        bool, typer.Option("--peer/--no-peer", help="Also PostGraphile 5, which npm installs.")
    ] = True,
) -> None:
    """Three pages by plans, without them, as usually written, a peer's, and as one bare statement."""
    sizes = Sizes(customers, plans, subscriptions, invoices)
    effort = Effort(rounds, seconds_per_round, connections)
    uvloop.run(read.run(sizes, effort, plot, with_peer=peer))


@app.command("scaling")
def scaling_command(
    customers: Customers = 10_000,
    plans: Plans = 50,
    subscriptions: Subscriptions = 20_000,
    invoices: Invoices = 100_000,
    *,
    rounds: Rounds = 3,
    seconds_per_round: Annotated[float, typer.Option(help="For each size.")] = 2.0,
    connections: Connections = 4,
) -> None:
    """What a leaf of the nested page costs, from 10 to 500 customers."""
    sizes = Sizes(customers, plans, subscriptions, invoices)
    uvloop.run(scaling.run(sizes, Effort(rounds, seconds_per_round, connections)))


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


@app.command("preview")
def preview_command(
    *,
    customers: VolumeCustomers = 1_000,
    few: Few = 1_000_000,
    many: Many = 10_000_000,
    heavy: Heavy = 5_000_000,
    light: Light = 50_000,
    rounds: Rounds = 9,
    previews: Previews = 100,
) -> None:
    """Previews among few and many events, and of customers with few and many in the month."""
    sizes = volume.Sizes(customers, few, many, heavy, light)
    uvloop.run(volume.run(sizes, volume.Efforts(preview.Effort(rounds, previews), None)))


@app.command("bills")
def bills_command(
    customers: VolumeCustomers = 1_000,
    events: Annotated[int, typer.Option(min=1, help="Of all customers, in 181 days.")] = 200_000,
    rounds: Rounds = 9,
    seconds_per_round: Annotated[float, typer.Option(help="For each of the two.")] = 1.0,
) -> None:
    """Previews, usage and costs of 50 customers in one document beside those of one alone."""
    uvloop.run(bills.run(customers, events, Effort(rounds, seconds_per_round, 1)))


@app.command("bill-run")
def bill_run_command(
    customers: VolumeCustomers = 1_000,
    few: Few = 1_000_000,
    many: Many = 10_000_000,
    rounds: Rounds = 9,
    orm_customers: OrmCustomers = 20,
) -> None:
    """What a bill run reads of all customers' usage, among few and many events."""
    sizes = volume.Sizes(customers, few, many, 0, 0)
    uvloop.run(volume.run(sizes, volume.Efforts(None, bill_run.Effort(rounds, orm_customers))))


@app.command("volume")
def volume_command(
    *,
    customers: VolumeCustomers = 1_000,
    few: Few = 1_000_000,
    many: Many = 10_000_000,
    heavy: Heavy = 5_000_000,
    light: Light = 50_000,
    rounds: Rounds = 9,
    previews: Previews = 100,
    orm_customers: OrmCustomers = 20,
) -> None:
    """The benchmarks preview and bill-run on databases that are filled once."""
    sizes = volume.Sizes(customers, few, many, heavy, light)
    efforts = volume.Efforts(
        preview.Effort(rounds, previews), bill_run.Effort(rounds, orm_customers)
    )
    uvloop.run(volume.run(sizes, efforts))


@app.command("sqlite-sum")
def sqlite_sum_command(
    events: Annotated[int, typer.Option(min=1, help="Of one customer in a month.")] = 200_000,
    rounds: Rounds = 9,
) -> None:
    """Exact sums on SQLite against sums of binary floats."""
    uvloop.run(sqlite_sum.run(events, rounds))


@app.command("import")
def import_command(
    customers: Customers = 1_000,
    events_per_round: Annotated[int, typer.Option(min=1, help="In a file.")] = 200_000,
    rounds: Rounds = 5,
    connections: Connections = 4,
    *,
    csv: Annotated[bool, typer.Option(help="Whether the file is CSV, not JSON lines.")] = False,
) -> None:
    """`fubble usage import` against recordUsage with the same events, 1,000 a call."""
    effort = importing.Effort(rounds, events_per_round, connections, "csv" if csv else "ndjson")
    uvloop.run(importing.run(customers, effort))


@app.command("memory")
def memory_command(
    customers: Customers = 1_000,
    few: Annotated[int, typer.Option(min=1, help="After how many events to look first.")] = 10_000,
    many: Annotated[int, typer.Option(min=2, help="And after how many then.")] = 1_000_000,
    connections: Connections = 4,
) -> None:
    """A server's memory after few and after many events, recorded 1,000 a call."""
    uvloop.run(memory.run(customers, (few, many), connections))


@app.command("start")
def start_command(
    rounds: Rounds = 9,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the port.")] = 1,
    *,
    postgres: Annotated[bool, typer.Option(help="Whether on PostgreSQL too.")] = True,
) -> None:
    """The time from the start of `fubble serve` to its first answer, and a worker's memory then."""
    uvloop.run(start.run(rounds, workers, postgres=postgres))


if __name__ == "__main__":
    app()
