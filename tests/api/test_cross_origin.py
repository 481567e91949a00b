"""Pages of other sites: those that are listed may call, with a key of theirs; no others, no cookies."""

from __future__ import annotations

import httpx
import pytest

from tests.api.conftest import Api, running

LISTED = "https://app.example.com"
SETTING: dict[str, object] = {"cors_origins": f"{LISTED}, http://localhost:5173"}
ASKED = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-request-id",
}


def permissions(response: httpx.Response) -> dict[str, str]:
    """What a browser is told about pages of other sites."""
    start = "access-control-"
    return {
        name.removeprefix(start): text
        for name, text in response.headers.items()
        if name.startswith(start)
    }


async def posted(api: Api, origin: str) -> httpx.Response:
    """A query from a page of that origin."""
    body = {"query": "{ viewer { role } }"}
    return await api.http.post("/graphql", json=body, headers={"Origin": origin})


async def preflight(api: Api, origin: str, **headers: str) -> httpx.Response:
    """What a browser asks before it sends a key along."""
    return await api.http.options("/graphql", headers={"Origin": origin, **ASKED, **headers})


async def test_a_listed_site_may_call_with_a_key(sqlite_url: str) -> None:
    async with running(sqlite_url, **SETTING) as api:
        for origin in (LISTED, "http://localhost:5173"):
            before, answer = await preflight(api, origin), await posted(api, origin)

            assert before.status_code == 200
            told = permissions(before)
            assert told["allow-origin"] == origin
            assert set(told["allow-methods"].split(", ")) == {"GET", "POST"}
            allowed = set(told["allow-headers"].lower().split(", "))
            assert allowed >= {"authorization", "content-type", "x-request-id"}
            assert "allow-credentials" not in told
            assert answer.json() == {"data": {"viewer": {"role": "OPERATOR"}}}
            assert permissions(answer) == {
                "allow-origin": origin,
                "expose-headers": "X-Request-Id, Retry-After",
            }
            assert set(answer.headers["vary"].split(", ")) == {"Accept", "Origin"}


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        LISTED.upper(),
        f"{LISTED}.evil.example",
        LISTED.replace("https", "http"),
        f"{LISTED}:8443",
    ],
)
async def test_no_other_site_is_told_anything(sqlite_url: str, origin: str) -> None:
    async with running(sqlite_url, **SETTING) as api:
        before, answer = await preflight(api, origin), await posted(api, origin)

    assert before.status_code == 400
    assert "allow-origin" not in permissions(before)
    assert "allow-origin" not in permissions(answer)


async def test_other_methods_and_headers_are_not_allowed(sqlite_url: str) -> None:
    async with running(sqlite_url, **SETTING) as api:
        for name, text in (("Method", "DELETE"), ("Headers", "cookie")):
            header = {f"Access-Control-Request-{name}": text}
            assert (await preflight(api, LISTED, **header)).status_code == 400


async def test_nobody_is_listed_unless_said(sqlite_api: Api) -> None:
    before, answer = await preflight(sqlite_api, LISTED), await posted(sqlite_api, LISTED)

    assert before.status_code == 405
    assert permissions(before) == permissions(answer) == {}
