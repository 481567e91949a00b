"""`fubble bill-run`: invoices what is due, says what it did, fails when somebody was not billed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg

from fubble_gql.billing.invoice_rows import INVOICES
from fubble_gql.db.setup import open_database
from fubble_gql.db.sql import sql
from tests.api.builders import (
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    event,
    fee,
    per_unit,
    price,
    used,
)
from tests.api.conftest import running
from tests.cli.running import invoke, run

# From the second invoice on PostgreSQL answers as it does when an administrator ends statements.
AWAY = """
create function away() returns trigger language plpgsql as $$
begin
  if exists (select 1 from invoice) then raise exception 'away' using errcode = '57014'; end if;
  return new;
end $$;
create trigger away before insert on invoice for each row execute function away();
"""
WINTER = {"startAt": "2024-01-01T00:00:00Z", "endAt": "2024-03-01T00:00:00Z"}


def prepare(url: str, *, broken: bool = False) -> None:
    """A customer with two closed periods; another whose price cannot be computed."""

    async def made() -> None:
        async with running(url) as api:
            await a_customer(api)
            await a_metric(api)
            await a_plan(api, fee("30"), per_unit("0.5"))
            await a_subscription(api, **WINTER)
            if broken:
                formula = {"baseRate": "1", "formula": "base_rate / (quantity - quantity)"}
                await a_plan(api, price({"dynamic": formula}), key="broken")
                await a_customer(api, "unlucky")
                await a_subscription(api, "unlucky", "broken", **WINTER)
                await used(api, event("1", customer="unlucky", eventTime="2024-02-02T00:00:00Z"))

    asyncio.run(made())


async def execute(url: str, statements: str) -> None:
    """Run SQL on the server."""
    connection = await asyncpg.connect(url)
    await connection.execute(statements)
    await connection.close()


def statuses(url: str) -> list[tuple[str | None, str]]:
    """Every invoice's number and status."""

    async def read() -> list[tuple[str | None, str]]:
        async with open_database(url) as connection:
            rows = await INVOICES.select(connection, sql("where true order by period_start"))
            return [(row.number, row.status.value) for row in rows]

    return asyncio.run(read())


def test_a_run_makes_drafts_and_the_next_one_finalises_them(
    database_url: str, tmp_path: Path
) -> None:
    prepare(database_url)

    drafted = run("bill-run", folder=tmp_path, DATABASE_URL=database_url)
    finalised = run("bill-run", "--finalize", folder=tmp_path, DATABASE_URL=database_url)
    again = run("bill-run", "--finalize", folder=tmp_path, DATABASE_URL=database_url)

    assert (drafted.returncode, finalised.returncode, again.returncode) == (0, 0, 0)
    assert drafted.stdout == "Invoices: 2 made, 0 finalised, 0 could not be made.\n"
    assert finalised.stdout == "Invoices: 0 made, 2 finalised, 0 could not be made.\n"
    assert again.stdout == "Invoices: 0 made, 0 finalised, 0 could not be made.\n"
    assert statuses(database_url) == [("INV-000001", "PENDING"), ("INV-000002", "PENDING")]


def test_only_periods_that_ended_by_the_instant_are_invoiced(sqlite_url: str) -> None:
    prepare(sqlite_url)

    done = invoke("bill-run", "--as-of", "2024-02-01", "--finalize", DATABASE_URL=sqlite_url)

    assert done.exit_code == 0
    assert done.stdout == "Invoices: 1 made, 1 finalised, 0 could not be made.\n"


def test_who_cannot_be_billed_is_named_and_the_others_are(sqlite_url: str) -> None:
    prepare(sqlite_url, broken=True)

    done = invoke("bill-run", "--finalize", DATABASE_URL=sqlite_url)

    assert done.exit_code == 1
    assert done.stdout == "Invoices: 3 made, 3 finalised, 1 could not be made.\n"
    assert "Customer unlucky was not billed:" in done.stderr


def test_a_run_that_loses_its_database_says_so_and_the_next_one_goes_on(postgres_url: str) -> None:
    prepare(postgres_url)

    asyncio.run(execute(postgres_url, AWAY))
    stopped = invoke("bill-run", "--finalize", DATABASE_URL=postgres_url)
    asyncio.run(execute(postgres_url, "drop trigger away on invoice"))
    resumed = invoke("bill-run", "--finalize", DATABASE_URL=postgres_url)

    assert stopped.exit_code == 1
    assert stopped.stdout == "Invoices: 1 made, 1 finalised, 0 could not be made.\n"
    assert "Run it again" in stopped.stderr
    assert resumed.exit_code == 0
    assert resumed.stdout == "Invoices: 1 made, 1 finalised, 0 could not be made.\n"


def test_an_instant_in_the_future_is_refused(sqlite_url: str) -> None:
    prepare(sqlite_url)

    done = invoke("bill-run", "--as-of", "2999-01-01", DATABASE_URL=sqlite_url)

    assert done.exit_code == 1
    assert "must not be in the future" in done.stderr
    assert statuses(sqlite_url) == []
