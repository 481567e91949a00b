"""The demo's start page and portal: for loopback alone, a session at a click, nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr
from tortoise.backends.base.executor import EXECUTOR_CACHE

from fubble_gql.access.portal import Portal
from fubble_gql.app import create_app, portal_of
from fubble_gql.config import load_settings
from fubble_gql.customers import store
from fubble_gql.customers.store import NewCustomer
from fubble_gql.demo.pages import demo_pages

NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)
SECRET = "a-key-for-tests-of-at-least-32-bytes"  # noqa: S105 - signs tokens of tests alone
VIEWER = "{ viewer { role customer { key } } }"
FOREIGN = {"Host": "evil.example"}


@pytest_asyncio.fixture
async def http(sqlite_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at a demo of two customers, one of them with a name that is no plain text."""
    EXECUTOR_CACHE.clear()
    settings = load_settings(database_url=sqlite_url, secret_key=SecretStr(SECRET))
    pages = demo_pages(portal_of(settings), lambda: NOW)
    app = create_app(settings, lambda: NOW, pages=pages)
    async with app.router.lifespan_context(app):
        for key, name in (("acme", "Acme"), ("a/b?&", "<b>Bold</b>")):
            new = NewCustomer(key=key, name=name)
            await store.create(app.state.connection, new, NOW)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client


def token_in(answer: httpx.Response) -> str:
    """The token that a browser is sent on with."""
    assert answer.status_code == 303
    page, _, token = answer.headers["location"].partition("#token=")
    assert page == "/portal/"
    return token


async def test_each_customer_of_the_start_page_opens_a_portal_of_its_own(
    http: httpx.AsyncClient,
) -> None:
    page = await http.get("/")
    assert page.headers["cache-control"] == "no-store"
    assert "default-src 'none'; script-src 'self'" in page.headers["content-security-policy"]
    assert '<a class="ide" href="/graphql">' in page.text
    assert "<strong>&lt;b&gt;Bold&lt;/b&gt;</strong>" in page.text
    assert (await http.get("/start/start.css")).status_code == 200
    seen = []
    for action in re.findall(r'action="([^"]+)"', page.text):
        token = token_in(await http.post(action))
        answer = await http.post(
            "/graphql", json={"query": VIEWER}, headers={"Authorization": f"Bearer {token}"}
        )
        seen.append(answer.json()["data"]["viewer"])
    assert [viewer["customer"]["key"] for viewer in seen] == ["a/b?&", "acme"]
    assert {viewer["role"] for viewer in seen} == {"PORTAL"}


async def test_sessions_are_begun_by_a_post_for_a_customer_that_there_is(
    http: httpx.AsyncClient,
) -> None:
    assert (await http.get("/sessions/acme")).status_code == 405
    assert (await http.post("/sessions/nobody")).status_code == 404
    token = token_in(await http.post("/sessions/acme"))
    session = Portal(SECRET).read(token, NOW)
    assert session is not None
    assert (session.expires_at - NOW).total_seconds() == 24 * 3_600


@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/sessions/acme")])
async def test_a_foreign_name_that_points_here_is_refused(
    http: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await http.request(method, path, headers=FOREIGN)
    assert answer.status_code == 403
    assert "acme" not in answer.text.lower()
    assert "location" not in answer.headers


async def test_the_portal_is_served_from_here_under_the_strictest_policy(
    http: httpx.AsyncClient,
) -> None:
    assert (await http.get("/portal")).headers["location"] == "http://127.0.0.1/portal/"
    page, same = await http.get("/portal/"), await http.get("/portal/index.html")
    policy = page.headers["content-security-policy"]
    assert policy == same.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'" in policy
    assert "unsafe" not in policy
    sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert all(source.startswith("./") for source in sources)
    assert re.findall(r"<script(?![^>]* src=)", page.text) == []
    for source in sources:
        answer = await http.get(f"/portal/{source[2:]}")
        assert answer.status_code == 200
        is_hashed = source.startswith("./assets/")
        assert ("immutable" in answer.headers["cache-control"]) is is_hashed
    missing = await http.get("/portal/assets/missing.js")
    assert missing.status_code == 404
    assert "immutable" not in missing.headers.get("cache-control", "")
