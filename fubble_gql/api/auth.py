"""Who is asking: the API key in the Authorization header."""

from __future__ import annotations

from starlette.requests import Request

from fubble_gql.access import keys
from fubble_gql.api.context import Viewer
from fubble_gql.db.connection import Connection

SCHEME = "bearer"


async def recognise(connection: Connection, request: Request) -> Viewer | None:
    """The caller, or None without a key that works. One statement, none without a key."""
    scheme, _, presented = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != SCHEME:
        return None
    found = await keys.recognise(connection, presented.strip())
    return Viewer(found.id) if found else None
