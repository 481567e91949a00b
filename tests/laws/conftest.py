"""Databases for laws whose every example begins with a fresh one."""

from __future__ import annotations

import pytest

from tests.laws.databases import Databases, PostgresDatabases, SqliteFiles


@pytest.fixture(params=["sqlite", "postgres"])
def databases(request: pytest.FixtureRequest) -> Databases:
    """The law runs once on each kind."""
    if request.param == "sqlite":
        folder = request.getfixturevalue("tmp_path")
        return SqliteFiles(request.getfixturevalue("sqlite_template"), folder)
    server = request.getfixturevalue("postgres_server")
    return PostgresDatabases(server, request.getfixturevalue("postgres_template"))
