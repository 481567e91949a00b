"""GraphiQL for browsers, from this host alone.

The files under `static/graphiql` are built beforehand (their source is beside them), so that no page
ever loads code from elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from fubble_gql.api.pages import Assets, is_loopback, page_headers

BUILT = Path(__file__).parent.parent / "static" / "graphiql"

# Monaco writes its own style elements, hence 'unsafe-inline' for styles; scripts stay files of ours.
_BEYOND = {
    "worker-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",
    "font-src": "'self' data:",
    "img-src": "'self' data:",
}
_PAGE_HEADERS = {**page_headers(_BEYOND), "Vary": "Accept"}
_EMPTY_CONFIG = ">{}</script>"


@dataclass(frozen=True, slots=True)
class Tab:
    """An example that the page opens with."""

    query: str
    variables: str = ""


WELCOME = Tab("""\
# Open Headers, below, and send a key:
# {"Authorization": "Bearer fub_…"}
# The command `fubble keys create`
# makes one. The book on the left
# says what else there is to ask.
query WhoIsAsking {
  viewer { role customer { name } }
}
""")


def graphiql_routes(path: str = "/graphql") -> list[BaseRoute]:
    """The start page's redirect and the files of GraphiQL; the page itself is `graphiql_page`."""

    async def to_page(_: Request) -> Response:
        return RedirectResponse(path)

    return [Route("/", to_page), Mount(f"{path}/assets", Assets(directory=BUILT / "assets"))]


def graphiql_page(
    *, path: str = "/graphql", tabs: Sequence[Tab] = (), key: str | None = None
) -> Callable[[Request], Response]:
    """What answers a browser at `path`.

    A key goes into every tab, so that the first click works; only a server on loopback may give one.
    It is left out when the browser came by any name but loopback's own. Without tabs there is one
    that says where a key belongs.
    """
    tabs = tabs or (WELCOME,)
    template = (BUILT / "index.html").read_text("utf-8").replace('"./assets/', f'"{path}/assets/')
    headers = json.dumps({"Authorization": f"Bearer {key}"}) if key else ""
    with_key = _filled(template, path, tabs, headers)
    without_key = _filled(template, path, tabs, "")

    def page(request: Request) -> Response:
        text = with_key if is_loopback(request) else without_key
        return HTMLResponse(text, headers=_PAGE_HEADERS)

    return page


def _filled(template: str, path: str, tabs: Sequence[Tab], headers: str) -> str:
    config = {
        "url": path,
        "headers": headers,
        "tabs": [
            {"query": tab.query, "variables": tab.variables, "headers": headers or None}
            for tab in tabs
        ],
    }
    # Inside a script element only `<` could end it.
    text = json.dumps(config).replace("<", "\\u003c")
    return template.replace(_EMPTY_CONFIG, f">{text}</script>")
