"""Who is asking: the API key or the portal token that was sent."""

from __future__ import annotations

from collections.abc import Coroutine
from datetime import datetime
from typing import Any

from fubble_gql.access import keys
from fubble_gql.access.portal import Portal
from fubble_gql.api.context import Viewer
from fubble_gql.api.enums import Role
from fubble_gql.api.ids import NOBODY
from fubble_gql.db.connection import Connection

SCHEME = "bearer"


def reading_as(connection: Connection, viewer: Viewer | None) -> Connection:
    """The connection that a caller's reads go through, over HTTP and on a WebSocket.

    A customer's sees that customer's rows, and a stranger's nobody's.
    """
    if viewer is None:
        return connection.only(NOBODY)
    return connection if viewer.customer_id is None else connection.only(viewer.customer_id)


async def recognise(
    connection: Connection, authorization: str, portal: Portal, now: datetime
) -> Viewer | None:
    """The caller by an Authorization header's value, or None without a key or token that works.

    One statement for a key, none for a portal token: it is signed.
    """
    presented = _presented(authorization)
    if presented is None:
        return None
    if (session := portal.read(presented, now)) is not None:
        return Viewer(Role.PORTAL, customer_id=session.customer_id, expires_at=session.expires_at)
    found = await keys.recognise(connection, presented)
    return Viewer(Role.OPERATOR, key_id=found.id) if found else None


def presume(
    connection: Connection, authorization: str
) -> tuple[Viewer, Coroutine[Any, Any, bool]] | None:
    """The caller whose key worked the last time, and whether it does still, to be found out.

    What is read for a caller meanwhile is shown only if so: nobody waits for the key's statement
    alone, and one that was revoked still opens nothing.
    """
    presented = _presented(authorization)
    known = keys.presume(connection, presented) if presented is not None else None
    if known is None:
        return None
    return Viewer(Role.OPERATOR, key_id=known.id), keys.still_works(connection, known)


def _presented(authorization: str) -> str | None:
    """The key or token in a header's value."""
    scheme, _, presented = authorization.partition(" ")
    return presented.strip() if scheme.lower() == SCHEME else None
