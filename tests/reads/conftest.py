"""Callers of the whole application, as tests of the graph have them."""

from tests.api.conftest import api, postgres_api, sqlite_api

__all__ = ["api", "postgres_api", "sqlite_api"]
