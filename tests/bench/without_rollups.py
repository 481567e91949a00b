"""The application with the part that keeps the sums of usage taken out of the inserting statement."""

from __future__ import annotations

from starlette.applications import Starlette

from fubble_gql import app
from fubble_gql.usage.store import postgres_append

# The part's two stamps, which are equal, go to what never gives a row.
_STAMPS = " union all select null, null where ?::timestamptz is distinct from ?::timestamptz"


def serve() -> Starlette:
    """The application, for uvicorn."""
    postgres_append._APPEND = postgres_append.append_statement(rolled_up=False) + _STAMPS
    return app.serve()
