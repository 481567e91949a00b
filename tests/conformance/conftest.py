"""The application on each database, for the cases that are run through it."""

from tests.api.conftest import api, sqlite_api

__all__ = ["api", "sqlite_api"]
