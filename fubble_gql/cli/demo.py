"""`fubble demo`: a server with generated data, for a first look."""

from __future__ import annotations

import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from fubble_gql import logs
from fubble_gql.access import keys
from fubble_gql.api.ide import Tab
from fubble_gql.app import PATH, create_app, portal_of, utc_now
from fubble_gql.cli import database, server
from fubble_gql.cli.serve import LOOPBACK
from fubble_gql.config import has_display, load_settings
from fubble_gql.db.connection import Connection
from fubble_gql.demo.books import SELLER
from fubble_gql.demo.customers import COMPANIES
from fubble_gql.demo.examples import examples
from fubble_gql.demo.folder import Folder
from fubble_gql.demo.load import Loaded, Report, load
from fubble_gql.demo.pages import PORTAL, demo_pages
from fubble_gql.demo.story import MONTHS

FOLDER = Path(".fubble-demo")


def demo(
    *,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="The port on 127.0.0.1; 0 takes a free one.")
    ] = 8000,
    folder: Annotated[
        Path, typer.Option(help="Where the database and the key are kept; delete it to start over.")
    ] = FOLDER,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open GraphiQL in the browser.")
    ] = True,
    every_days: Annotated[
        int, typer.Option(hidden=True, min=1, help="Load usage of one in so many days only.")
    ] = 1,
) -> None:
    """Load generated data into a SQLite file and serve it with GraphiQL, on this machine only.

    The second start finds the data there, adds usage up to now, and invoices what has closed.
    """
    home = Folder(folder.absolute())
    settings = load_settings(
        database_url=home.database_url,
        graphiql=True,
        introspection=True,
        seller_name=SELLER.name,
        seller_address=SELLER.address,
        seller_tax_id=SELLER.tax_id,
        payment_terms_days=SELLER.terms_days,
    )
    logs.use_console()
    with server.bind(LOOPBACK, port) as listener:
        home.prepare()
        address = server.address_of(listener)
        portal = {"secret_key": SecretStr(home.secret_key()), "portal_url": f"{address}{PORTAL}"}
        settings = settings.model_copy(update=portal)
        with home.alone(), _progress_bar() as report:
            filled = database.run(
                home.database_url, lambda connection: _fill(connection, home, report, every_days)
            )
        server.listen(listener)
        typer.echo(_welcome(address, filled, folder))
        if browser and has_display():
            threading.Thread(target=_open, args=[address + PATH], daemon=True).start()
        pages = demo_pages(portal_of(settings), utc_now)
        app = create_app(settings, demo_key=filled.key, tabs=filled.tabs, pages=pages)
        server.run(app, listener)


class _Filled(NamedTuple):
    """The demo as it is served."""

    loaded: Loaded
    key: str
    tabs: list[Tab]


async def _fill(connection: Connection, home: Folder, report: Report, every_days: int) -> _Filled:
    loaded = await load(connection, home, utc_now, report, every_days)
    key = home.key
    if key is None or await keys.recognise(connection, key) is None:
        key = await keys.create(connection, "demo", datetime.now(UTC))
        home.save_key(key)
    return _Filled(loaded, key, await examples(connection))


@contextmanager
def _progress_bar() -> Iterator[Callable[[int, int], None]]:
    """On standard error, and gone when it is full."""
    columns = (TextColumn("Loading demo data"), BarColumn(), TaskProgressColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("load", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _welcome(address: str, filled: _Filled, folder: Path) -> str:
    loaded, key = filled.loaded, filled.key
    if loaded.was_complete:
        news = f"already there; {loaded.events:,} events added up to now"
        news += f", {loaded.invoices:,} invoices issued" if loaded.invoices else ""
    else:
        news = f"{len(COMPANIES)} customers, {MONTHS} months of usage and invoices, this one so far"
    question = '{"query": "{ customers(first: 3) { nodes { name } } }"}'
    return f"""
  Portal    {address}/ as the customer that you choose
  GraphiQL  {address}{PATH}
  Key       {key}
  Data      {folder}: {news}

  curl {address}{PATH} -H 'Authorization: Bearer {key}' \\
    -H 'Content-Type: application/json' -d '{question}'

  Press Ctrl+C to stop. Delete {folder} to start over.
"""


def _open(address: str) -> None:
    with suppress(webbrowser.Error, OSError):
        webbrowser.open(address)
