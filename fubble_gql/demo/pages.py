"""The demo's own pages: whom to be, and the portal that each customer sees.

Whoever reaches the start page may look into every customer's portal, so it is for loopback alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from html import escape
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from fubble_gql.access.portal import TTL_MAX, Portal
from fubble_gql.api.pages import Assets, is_loopback, page_headers
from fubble_gql.customers.store import CUSTOMERS, CustomerRow
from fubble_gql.db.connection import Connection
from fubble_gql.db.sql import sql

PORTAL = "/portal/"
_STATIC = Path(__file__).parent.parent / "static"
_START, _PORTAL = _STATIC / "start", _STATIC / "portal"
_PLACE = "<!-- customers -->"
_START_HEADERS = page_headers({"form-action": "'self'"})


def demo_pages(portal: Portal, clock: Callable[[], datetime]) -> list[BaseRoute]:
    """The start page, the sessions that it begins, and the portal's built files."""
    template = (_START / "index.html").read_text("utf-8")

    async def start(request: Request) -> Response:
        if not is_loopback(request):
            return _refused()
        rows = await _customers(request.app.state.connection)
        page = template.replace(_PLACE, "\n".join(_items(rows)))
        return HTMLResponse(page, headers=_START_HEADERS)

    async def begin_session(request: Request) -> Response:
        if not is_loopback(request):
            return _refused()
        key = request.path_params["key"]
        for row in await CUSTOMERS.by(request.app.state.connection, "key", [key]):
            token = portal.issue(row.id, TTL_MAX, clock()).token
            # A fragment reaches no server; the page takes it out of the address at once.
            headers = {"Location": f"{PORTAL}#token={token}", "Cache-Control": "no-store"}
            return Response(status_code=303, headers=headers)
        return PlainTextResponse("There is no such customer.", 404)

    return [
        Route("/", start),
        Route("/sessions/{key:path}", begin_session, methods=["POST"]),
        Mount("/start", StaticFiles(directory=_START)),
        Mount(f"{PORTAL}assets", Assets(directory=_PORTAL / "assets")),
        Mount(PORTAL.rstrip("/"), _Page(directory=_PORTAL, html=True)),
    ]


class _Page(StaticFiles):
    """The portal's page and what it needs beside its assets, under the strictest policy."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(page_headers())
        return response


async def _customers(connection: Connection) -> list[CustomerRow]:
    """Those of the demo, and whoever was made since, by name."""
    return await CUSTOMERS.select(connection, sql("where archived_at is null order by name, key"))


def _items(rows: Iterable[CustomerRow]) -> Iterable[str]:
    """A button for each: sessions are begun by POST alone, never by following a link."""
    for row in rows:
        about = escape(" · ".join(filter(None, (row.billing_address, row.currency))))
        yield (
            f'<li><form method="post" action="/sessions/{quote(row.key, safe="")}"><button>'
            f"<strong>{escape(row.name)}</strong><span>{about}</span></button></form></li>"
        )


def _refused() -> Response:
    return PlainTextResponse("Come by http://127.0.0.1 or http://localhost.", 403)
