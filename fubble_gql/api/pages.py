"""What every page of ours is sent with: a policy that lets in nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "worker-src": "'none'",
    "style-src": "'self'",
    "font-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
_LOOPBACK = re.compile(r"(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]+)?", re.IGNORECASE)


def page_headers(but: Mapping[str, str] | None = None) -> dict[str, str]:
    """The headers of a page; `but` is what it needs beyond files of ours, by directive."""
    directives = {**_POLICY, **(but or {})}
    return {
        "Cache-Control": "no-store",  # a page may hold a key
        "Content-Security-Policy": "; ".join(f"{name} {it}" for name, it in directives.items()),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def is_loopback(request: Request) -> bool:
    """Whether the browser came by a name of loopback's own.

    A foreign name that was made to point here (DNS rebinding) would let another site read what is
    answered.
    """
    return _LOOPBACK.fullmatch(request.headers.get("host", "")) is not None


class Assets(StaticFiles):
    """Files whose names change with their content: kept for a year."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response
