"""`fubble usage check` finds sums that events do not add up to, `fubble usage rebuild` mends them."""

from __future__ import annotations

import asyncio

from tortoise.backends.base.executor import EXECUTOR_CACHE

from fubble_gql.db.connection import Connection
from fubble_gql.db.setup import open_database
from fubble_gql.db.sql import sql
from tests.cli.running import invoke
from tests.usage.builders import accepted, at, make_customer, make_metric, new_event

RIGHT = "The sums of 2 customers are what their events add up to.\n"


async def fill(url: str) -> None:
    async with open_database(url) as db:
        await make_metric(db)
        for key in ("acme", "globex"):
            await make_customer(db, key)
            await accepted(db, new_event("k", customer=key, event_time=at("2026-06-01 08:30")))


async def damage(url: str) -> None:
    async def work(tx: Connection) -> None:
        await tx.fetch(sql("update usage_rollup set total = 2 where hours = 1"))

    async with open_database(url) as db:
        await db.transaction(work)


def test_sums_are_right_whatever_keeps_them(database_url: str) -> None:
    asyncio.run(fill(database_url))

    for command in ("check", "rebuild", "check"):
        found = invoke("usage", command, DATABASE_URL=database_url)
        assert (found.exit_code, found.stdout, found.stderr) == (0, RIGHT, "")


def test_wrong_sums_are_named_and_mended(postgres_url: str) -> None:
    EXECUTOR_CACHE.clear()
    asyncio.run(fill(postgres_url))
    asyncio.run(damage(postgres_url))

    found = invoke("usage", "check", DATABASE_URL=postgres_url)

    assert found.exit_code == 3
    assert found.stdout == "2 sums of 2 customers are wrong: run `fubble usage rebuild`.\n"
    assert found.stderr.count("the hour of 2026-06-01 08:00 UTC differs from its events.") == 2
    assert invoke("usage", "rebuild", DATABASE_URL=postgres_url).stdout == RIGHT
    assert invoke("usage", "check", DATABASE_URL=postgres_url).stdout == RIGHT
