"""The database: connections, exact columns, pages, migrations."""

from __future__ import annotations

from fubble_gql.db.setup import TORTOISE_ORM

__all__ = ["TORTOISE_ORM"]
