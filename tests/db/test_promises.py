"""What the database refuses whatever the code does."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest
from tortoise.exceptions import IntegrityError, OperationalError

from fubble_gql.catalog.models import Plan
from fubble_gql.db.connection import Connection
from fubble_gql.db.sql import sql

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REFUSED = (IntegrityError, OperationalError, sqlite3.Error, asyncpg.PostgresError)


async def make_plan(db: Connection, version: int = 1) -> Plan:
    return await Plan.create(
        using_db=db.client,
        id=uuid4(),
        key="pro",
        version=version,
        name="Pro",
        currency="USD",
        billing_frequency="MONTHLY",
        trial_days=0,
        created_at=NOW,
    )


async def test_a_plan_has_one_latest_version(db: Connection) -> None:
    await make_plan(db, 1)
    with pytest.raises(REFUSED):
        await make_plan(db, 2)


async def test_a_published_version_never_changes(db: Connection) -> None:
    plan = await make_plan(db)
    for statement in (
        sql("update plan set name = 'Other' where id = ?", plan.id),
        sql("delete from plan where id = ?", plan.id),
    ):
        with pytest.raises(REFUSED):
            await db.fetch(statement)
    await db.fetch(sql("update plan set superseded_at = ? where id = ?", NOW, plan.id))


async def test_a_version_below_one_is_refused(db: Connection) -> None:
    with pytest.raises(REFUSED):
        await make_plan(db, 0)
