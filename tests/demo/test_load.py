"""Loading: safe to repeat, topped up later, the same on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tortoise.backends.base.executor import EXECUTOR_CACHE

from fubble_gql.customers import store
from fubble_gql.customers.store import CUSTOMERS
from fubble_gql.db import refs
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.setup import open_database
from fubble_gql.db.sql import sql
from fubble_gql.demo.folder import Folder, FolderUnusable
from fubble_gql.demo.load import Loaded, load
from fubble_gql.demo.story import beginning
from fubble_gql.demo.usage import Usage
from tests.demo.conftest import EVERY_DAYS, NOW, clock
from tests.demo.counting import rows_in, say_nothing

TABLES = ("customer", "metric", "plan", "price_component", "plan_subscription", "usage_event")


async def load_at(connection: Connection, folder: Folder, now: datetime) -> Loaded:
    """Load, as if it were that instant."""
    return await load(connection, folder, lambda: now, say_nothing, EVERY_DAYS)


async def test_loading_again_changes_nothing(folder: Folder) -> None:
    async with open_database(folder.database_url) as connection:
        before = await rows_in(connection, *TABLES)
        assert await load_at(connection, folder, NOW) == Loaded(was_complete=True, events=0)
        assert await rows_in(connection, *TABLES) == before


async def test_loading_all_anew_over_what_is_there_changes_nothing(folder: Folder) -> None:
    (folder.path / "progress.json").unlink()
    async with open_database(folder.database_url) as connection:
        before = await rows_in(connection, *TABLES)
        assert await load_at(connection, folder, NOW) == Loaded(was_complete=False, events=0)
        assert await rows_in(connection, *TABLES) == before


async def test_a_later_start_adds_usage_up_to_then(folder: Folder) -> None:
    later = NOW + timedelta(days=9, hours=5)
    async with open_database(folder.database_url) as connection:
        before = await rows_in(connection, *TABLES)
        loaded = await load_at(connection, folder, later)
        new = Usage(NOW, EVERY_DAYS).between(NOW, later)
        assert loaded == Loaded(was_complete=True, events=len(new))
        before["usage_event"] += len(new)
        assert await rows_in(connection, *TABLES) == before
        # Recorded now: someone may have issued an invoice in the meantime.
        ((recorded,),) = await connection.fetch(sql("select max(recorded_at) from usage_event"))
        assert datetime.fromisoformat(recorded) == later


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
        assert loaded.events == len(Usage(NOW, 30).between(beginning(NOW), NOW))
        assert await rows_in(connection, "customer", "metric") == {"customer": 50, "metric": 20}
    assert [done for done, _ in steps] == list(range(1, steps[0][1] + 1))
    assert {total for _, total in steps} == {len(steps)}


def test_only_one_process_loads_a_folder(folder: Folder) -> None:
    with folder.alone(), pytest.raises(FolderUnusable, match="Another demo"), folder.alone():
        pass


def test_a_folder_of_another_version_is_refused(folder: Folder) -> None:
    file = folder.path / "progress.json"
    file.write_text(file.read_text().replace('"data_version": 1', '"data_version": 0'))
    with pytest.raises(FolderUnusable, match="delete it"):
        folder.progress()


def test_without_its_database_a_folder_starts_over(folder: Folder) -> None:
    assert folder.progress() is not None
    (folder.path / "fubble.sqlite3").unlink()
    assert folder.progress() is None
