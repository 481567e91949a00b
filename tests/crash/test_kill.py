"""Killed in the middle of a bill run or of finalising, and begun again: the books of one quiet run."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import httpx
import pytest

from fubble_gql.api import ids
from fubble_gql.billing.invoice_rows import INVOICES
from fubble_gql.db.connection import Connection
from fubble_gql.db.sql import sql
from tests.cli.running import PATIENCE_SECONDS, Running, run, started
from tests.crash.company import a_key, books, expected, founded, inside, issued_count

FINALIZE = "mutation { finalizeInvoice(invoiceId: %s) { invoice { number } errors { code } } }"


def wait_for_some(running: Running, url: str, count: int) -> None:
    """Until so many invoices are issued, as another connection sees it."""
    running.wait_for(lambda: inside(url, issued_count) >= count or None)


@pytest.mark.parametrize("killed_after", [1, 51])
def test_a_bill_run_that_is_killed_goes_on(
    database_url: str, tmp_path: Path, killed_after: int
) -> None:
    inside(database_url, founded)

    with started("bill-run", "--finalize", folder=tmp_path, DATABASE_URL=database_url) as bill_run:
        wait_for_some(bill_run, database_url, killed_after)
        bill_run.stop(signal.SIGKILL)
    left = inside(database_url, books)
    done = run("bill-run", "--finalize", folder=tmp_path, DATABASE_URL=database_url)

    assert left.numbers == [f"INV-{n:06d}" for n in range(1, len(left.numbers) + 1)]
    assert done.returncode == 0
    assert inside(database_url, books) == expected()


def test_two_runs_beside_each_other_make_the_books_of_one(
    database_url: str, tmp_path: Path
) -> None:
    inside(database_url, founded)

    with (
        started("bill-run", "--finalize", folder=tmp_path, DATABASE_URL=database_url) as one,
        started("bill-run", "--finalize", folder=tmp_path, DATABASE_URL=database_url) as other,
    ):
        codes = {running.process.wait(PATIENCE_SECONDS) for running in (one, other)}

    assert codes == {0}
    assert inside(database_url, books) == expected()


def test_a_server_that_is_killed_while_it_finalises_loses_and_doubles_nothing(
    database_url: str, tmp_path: Path
) -> None:
    inside(database_url, founded)
    key = inside(database_url, a_key)
    assert run("bill-run", "--draft", folder=tmp_path, DATABASE_URL=database_url).returncode == 0
    drafts = inside(database_url, drafted)

    with started("serve", "--port", "0", folder=tmp_path, DATABASE_URL=database_url) as server:
        address = server.address() + "/graphql"
        caller = threading.Thread(target=finalise_all, args=[address, key, drafts])
        caller.start()
        wait_for_some(server, database_url, 5)
        server.stop(signal.SIGKILL)
        caller.join()
    left = inside(database_url, books)
    with started("serve", "--port", "0", folder=tmp_path, DATABASE_URL=database_url) as server:
        finalise_all(server.address() + "/graphql", key, drafts)

    assert left.numbers == [f"INV-{n:06d}" for n in range(1, len(left.numbers) + 1)]
    assert inside(database_url, books) == expected()


async def drafted(db: Connection) -> list[str]:
    """The ids of all drafts, those of May first."""
    where = sql("where status = 'DRAFT' order by period_start, id")
    return [ids.encode("Invoice", row.id) for row in await INVOICES.select(db, where)]


def finalise_all(address: str, key: str, drafts: list[str]) -> None:
    """Ask for each in turn, as long as somebody answers."""
    with httpx.Client(headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE_SECONDS) as http:
        for id in drafts:
            try:
                http.post(address, json={"query": FINALIZE % f'"{id}"'})
            except httpx.TransportError:
                return
