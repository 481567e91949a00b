"""Callers of the whole application, as tests of the graph have them, which compiles reads."""

from __future__ import annotations

import pytest

from tests.api.conftest import api, postgres_api, sqlite_api

__all__ = ["api", "postgres_api", "sqlite_api"]


@pytest.fixture(autouse=True)
def _with_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUBBLE_COMPILED_READS", "true")
