"""Loading: safe to repeat, topped up later, the same on both databases."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tortoise.backends.base.executor import EXECUTOR_CACHE

from fubble_gql.customers import store
from fubble_gql.customers.store import CUSTOMERS
from fubble_gql.db import refs
from fubble_gql.db.connection import Connection
from fubble_gql.db.migrate import migrate
from fubble_gql.db.refs import Ref
from fubble_gql.db.setup import open_database
from fubble_gql.db.sql import sql
from fubble_gql.demo.folder import DATA_VERSION, Folder, FolderUnusable
from fubble_gql.demo.load import Loaded, load
from fubble_gql.demo.story import beginning
from fubble_gql.demo.usage import Usage
from tests.demo.conftest import EVERY_DAYS, NOW, clock
from tests.demo.counting import contents, rows_in, say_nothing, told

MADE = (
    "customer",
    "metric",
    "plan",
    "price_component",
    "plan_subscription",
    "subscription_phase",
    "commitment",
    "credit_grant",
)
BOOKS = ("invoice", "invoice_line", "invoice_period", "credit_transaction")
TABLES = (*MADE, *BOOKS, "usage_event")
COUNTED = sql(
    "select (select count(*) from usage_event),"
    " (select count(*) from invoice where number is not null)"
)
# More than making everything takes, which a start that was killed repeats; less than the books.
STATEMENTS_UNTIL_KILLED = 1_999


class Killed(Exception):
    """The process is gone."""


@contextmanager
def killed_after(statements: int) -> Iterator[None]:
    """Nothing goes on after so many statements."""

    class Killer(logging.Handler):
        left = statements

        def emit(self, _: logging.LogRecord) -> None:
            self.left -= 1
            if self.left < 0:
                raise Killed

    logger, killer = logging.getLogger("fubble_gql.sql"), Killer()
    level = logger.level
    logger.addHandler(killer)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(killer)
        logger.setLevel(level)


async def load_at(connection: Connection, folder: Folder, now: datetime) -> Loaded:
    """Load, as if it were that instant."""
    return await load(connection, folder, lambda: now, say_nothing, EVERY_DAYS)


async def test_loading_again_changes_nothing(folder: Folder) -> None:
    async with open_database(folder.database_url) as connection:
        before = await contents(connection, *TABLES)
        assert await load_at(connection, folder, NOW) == Loaded(
            was_complete=True, events=0, invoices=0
        )
        assert await contents(connection, *TABLES) == before


async def test_loading_all_anew_over_what_is_there_changes_nothing(folder: Folder) -> None:
    (folder.path / "progress.json").unlink()
    async with open_database(folder.database_url) as connection:
        before = await contents(connection, *TABLES)
        assert await load_at(connection, folder, NOW) == Loaded(
            was_complete=False, events=0, invoices=0
        )
        assert await contents(connection, *TABLES) == before


async def test_killed_again_and_again_it_comes_to_the_same_books(
    folder: Folder, tmp_path: Path
) -> None:
    async with open_database(folder.database_url) as connection:
        expected = await told(connection)
    killed = Folder(tmp_path / "killed")
    killed.prepare()
    await migrate(killed.database_url)
    kills = 0
    async with open_database(killed.database_url) as connection:
        while not (progress := killed.progress()) or not progress.is_complete:
            with suppress(Killed), killed_after(STATEMENTS_UNTIL_KILLED):
                kills += 1
                await load_at(connection, killed, NOW)
        assert await told(connection) == expected
    assert kills > 5


async def test_a_later_start_adds_usage_and_bills_what_has_closed(folder: Folder) -> None:
    later = NOW + timedelta(days=9, hours=5)
    async with open_database(folder.database_url) as connection:
        before = await rows_in(connection, *MADE)
        ((recorded_before, issued_before),) = await connection.fetch(COUNTED)
        loaded = await load_at(connection, folder, later)
        new = Usage(NOW, EVERY_DAYS).between(NOW, later)
        ((recorded_now, issued_now),) = await connection.fetch(COUNTED)
        assert loaded == Loaded(
            was_complete=True, events=len(new), invoices=issued_now - issued_before
        )
        assert loaded.events == recorded_now - recorded_before
        assert loaded.invoices > 10
        assert await rows_in(connection, *MADE) == before
        # Recorded and issued now: someone may have issued an invoice in the meantime.
        ((recorded,),) = await connection.fetch(sql("select max(recorded_at) from usage_event"))
        ((issued,),) = await connection.fetch(sql("select max(issued_at) from invoice"))
        assert datetime.fromisoformat(recorded) == datetime.fromisoformat(issued) == later


async def test_a_later_start_hears_what_became_of_the_money(folder: Folder) -> None:
    later = NOW + timedelta(days=30)
    waiting = sql(
        "select count(*) from invoice where status in ('PENDING', 'FAILED') and issued_at <= ?", NOW
    )
    async with open_database(folder.database_url) as connection:
        ((before,),) = await connection.fetch(waiting)
        assert before > 10
        await load_at(connection, folder, later)
        ((still,),) = await connection.fetch(waiting)
        assert 0 < still < 5
        ((impossible,),) = await connection.fetch(
            sql("select count(*) from invoice where paid_at < issued_at or paid_at < failed_at")
        )
        assert impossible == 0


async def test_history_was_recorded_day_by_day(folder: Folder) -> None:
    async with open_database(folder.database_url) as connection:
        ((wrong,),) = await connection.fetch(
            sql("select count(*) from usage_event where recorded_at <= event_time")
        )
        assert wrong == 0
        ((days,),) = await connection.fetch(
            sql("select count(distinct recorded_at) from usage_event")
        )
        assert days > 25


async def test_an_archived_customer_takes_no_more_usage_and_stops_nothing(folder: Folder) -> None:
    later = NOW + timedelta(days=8)
    async with open_database(folder.database_url) as connection:
        row = await refs.get(connection, CUSTOMERS, Ref(key="polderlicht"), "customer")
        await store.archive(connection, row, NOW)
        loaded = await load_at(connection, folder, later)
        new = Usage(NOW, EVERY_DAYS).between(NOW, later)
        assert loaded.events == sum(event.customer != "polderlicht" for event in new) < len(new)


async def test_the_same_data_load_into_postgresql(postgres_url: str, tmp_path: Path) -> None:
    EXECUTOR_CACHE.clear()
    folder = Folder(tmp_path)
    folder.prepare()
    steps: list[tuple[int, int]] = []

    def report(done: int, total: int) -> None:
        steps.append((done, total))

    async with open_database(postgres_url) as connection:
        loaded = await load(connection, folder, clock, report, 30)
        assert loaded.invoices > 200
        assert loaded.events == len(Usage(NOW, 30).between(beginning(NOW), NOW))
        assert await rows_in(connection, "customer", "metric") == {"customer": 50, "metric": 20}
    assert [done for done, _ in steps] == list(range(1, steps[0][1] + 1))
    assert {total for _, total in steps} == {len(steps)}


def test_only_one_process_loads_a_folder(folder: Folder) -> None:
    with folder.alone(), pytest.raises(FolderUnusable, match="Another demo"), folder.alone():
        pass


def test_a_folder_of_another_version_is_refused(folder: Folder) -> None:
    file = folder.path / "progress.json"
    file.write_text(
        file.read_text().replace(f'"data_version": {DATA_VERSION}', '"data_version": 0')
    )
    with pytest.raises(FolderUnusable, match="delete it"):
        folder.progress()


def test_without_its_database_a_folder_starts_over(folder: Folder) -> None:
    assert folder.progress() is not None
    (folder.path / "fubble.sqlite3").unlink()
    assert folder.progress() is None
