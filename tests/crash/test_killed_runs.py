"""A bill run that is killed leaves whole invoices, and the next ones make the others."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import asyncpg
import pytest

from tests.cli.running import Running, run, started
from tests.crash.looking import issued, waiting
from tests.crash.quarter import APRIL, CUSTOMERS, Story, a_company, story_of
from tests.laws.databases import Databases, PostgresDatabases

BILL_RUN = ("bill-run", "--finalize", "--as-of", APRIL.strftime("%Y-%m-%d"))


def until(running: Running, url: str, count: int) -> None:
    """Wait until so many invoices are visible to others."""
    running.wait_for(lambda: True if issued(url) >= count else None)


async def undisturbed(copies: Databases, folder: Path) -> Story:
    """What one run makes that nobody disturbs."""
    async with copies.fresh() as url:
        done = await asyncio.to_thread(run, *BILL_RUN, folder=folder, DATABASE_URL=url)
        assert done.returncode == 0, done.stderr
        return await story_of(url)


@pytest.mark.parametrize("count", [1, 60])
async def test_what_a_killed_run_left_out_is_made_by_the_next(
    databases: Databases, tmp_path: Path, count: int
) -> None:
    async with a_company(databases) as copies:
        whole = await undisturbed(copies, tmp_path)
        async with copies.fresh() as url:

            def disturb() -> None:
                with started(*BILL_RUN, folder=tmp_path, DATABASE_URL=url) as first:
                    until(first, url, count)
                    assert first.stop(signal.SIGKILL) == -signal.SIGKILL

            await asyncio.to_thread(disturb)
            partial = await story_of(url)
            assert count <= len(partial.invoices) < len(whole.invoices)
            assert [one for one in partial.invoices if one not in whole.invoices] == []

            done = await asyncio.to_thread(run, *BILL_RUN, folder=tmp_path, DATABASE_URL=url)

            assert done.returncode == 0, done.stderr
            assert await story_of(url) == whole


async def test_of_runs_at_the_same_time_one_may_be_killed(
    databases: Databases, tmp_path: Path
) -> None:
    async with a_company(databases) as copies:
        whole = await undisturbed(copies, tmp_path)
        async with copies.fresh() as url:

            def meet() -> None:
                settings = {"folder": tmp_path, "DATABASE_URL": url}
                with (
                    started(*BILL_RUN, **settings) as first,  # type: ignore[arg-type]
                    started(*BILL_RUN, **settings) as second,  # type: ignore[arg-type]
                    started(*BILL_RUN, **settings) as third,  # type: ignore[arg-type]
                ):
                    until(first, url, CUSTOMERS)
                    assert second.stop(signal.SIGKILL) == -signal.SIGKILL
                    assert (first.process.wait(), third.process.wait()) == (0, 0)

            await asyncio.to_thread(meet)

            assert await story_of(url) == whole


async def test_a_transaction_that_was_almost_done_leaves_nothing(
    postgres_server: str, postgres_template: str, tmp_path: Path
) -> None:
    async with a_company(PostgresDatabases(postgres_server, postgres_template)) as copies:
        whole = await undisturbed(copies, tmp_path)
        async with copies.fresh() as url:
            # Customers' rows are almost the last that a run writes: it waits with bills, numbers
            # and draws written.
            connection = await asyncpg.connect(url)
            await connection.execute("begin")
            await connection.execute("select 1 from customer order by id limit 1 for no key update")

            def kill() -> None:
                with started(*BILL_RUN, folder=tmp_path, DATABASE_URL=url) as first:
                    first.wait_for(lambda: True if waiting(url) else None)
                    assert first.stop(signal.SIGKILL) == -signal.SIGKILL

            await asyncio.to_thread(kill)
            await connection.execute("rollback")
            await connection.close()
            assert (await story_of(url)).invoices == []

            done = await asyncio.to_thread(run, *BILL_RUN, folder=tmp_path, DATABASE_URL=url)

            assert done.returncode == 0, done.stderr
            assert await story_of(url) == whole
