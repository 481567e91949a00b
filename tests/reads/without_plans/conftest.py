"""Callers of an application that compiles nothing; on SQLite, since no database decides this."""

from __future__ import annotations

import pytest

from tests.api.conftest import sqlite_api
from tests.api.conftest import sqlite_api as api

__all__ = ["api", "sqlite_api"]


@pytest.fixture(autouse=True)
def _without_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUBBLE_COMPILED_READS", "false")
    monkeypatch.setenv("FUBBLE_SELLER_NAME", "Test Seller Ltd")
