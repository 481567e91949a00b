"""Alive, ready, and what was counted: asked without a key, of a server that may be in trouble."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from fubble_gql.api import probes
from fubble_gql.app import create_app
from fubble_gql.config import load_settings
from fubble_gql.db.sql import sql
from tests.api.conftest import Api, running
from tests.crash.network import Network, network_to

TOKEN = "a-token-for-prometheus"  # noqa: S105
BRIEF = {"database_wait_seconds": 1, "statement_seconds": 1}


@pytest.fixture(autouse=True)
def _asks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is answered from memory, so that no test waits for it to be forgotten."""
    monkeypatch.setattr(probes, "FRESH_SECONDS", -1.0)


async def asked(api: Api, path: str, **headers: str) -> httpx.Response:
    """An answer to somebody without a key."""
    return await api.http.get(path, headers={"Authorization": "", **headers})


async def ready(api: Api) -> tuple[int, Any]:
    answer = await asked(api, "/readyz")
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.json()


def unready(reason: str) -> tuple[int, Any]:
    return 503, {"status": "not ready", "reason": reason}


@pytest_asyncio.fixture
async def network(postgres_url: str) -> AsyncIterator[Network]:
    """The way to PostgreSQL."""
    async with network_to(postgres_url) as found:
        yield found


async def test_a_server_is_ready_when_its_database_answers(api: Api) -> None:
    assert await ready(api) == (200, {"status": "ready"})
    assert (await asked(api, "/healthz")).json() == {"status": "alive"}


async def test_it_is_not_ready_while_a_migration_is_missing(api: Api) -> None:
    await api.connection.fetch(
        sql("delete from tortoise_migrations where name = '0005_usage_rollups' returning name")
    )
    assert await ready(api) == unready("MIGRATIONS_PENDING")


async def test_a_newer_version_may_have_migrated_already(api: Api) -> None:
    await api.connection.fetch(
        sql(
            "insert into tortoise_migrations (app, name, applied_at) select app, '9999_later', "
            "applied_at from tortoise_migrations where name = '0001_initial' returning name"
        )
    )
    assert await ready(api) == (200, {"status": "ready"})


async def test_it_is_alive_but_not_ready_while_its_database_is_silent(network: Network) -> None:
    async with running(network.url, **BRIEF) as api:
        network.swallow()
        assert await ready(api) == unready("DATABASE_UNAVAILABLE")
        assert (await asked(api, "/healthz")).status_code == 200
        network.heal()
        while (await ready(api))[0] != 200:
            pass
        network.close()


async def test_however_many_ask_the_database_is_asked_once(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "FRESH_SECONDS", 3_600.0)
    with api.statements() as statements:
        assert [await ready(api) for _ in range(5)] == [(200, {"status": "ready"})] * 5
    assert len(statements) == 1


async def test_it_is_not_ready_before_it_has_started(sqlite_url: str) -> None:
    app = create_app(load_settings(database_url=sqlite_url))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost"
    ) as http:
        assert (await http.get("/readyz")).json()["reason"] == "STARTING"
        assert (await http.get("/healthz")).status_code == 200


async def test_it_is_not_ready_once_it_was_told_to_end(sqlite_url: str) -> None:
    app = create_app(load_settings(database_url=sqlite_url))
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        probes.tell_of_signals(app.state.readiness.stop)
        signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGINT, interrupt)
    assert heard == [signal.SIGTERM]
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost"
    ) as http:
        answer = await http.get("/readyz")
    assert (answer.status_code, answer.json()["reason"]) == (503, "STOPPING")


async def test_metrics_come_in_both_formats(sqlite_api: Api) -> None:
    text = await asked(sqlite_api, "/metrics", Accept="text/plain")
    assert text.headers["content-type"].startswith("text/plain; version=")
    openmetrics = await asked(
        sqlite_api, "/metrics", Accept="application/openmetrics-text; version=nonsense"
    )
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")
    assert openmetrics.text.endswith("# EOF\n")
    for answer in (text, openmetrics):
        assert "\nprocess_resident_memory_bytes " in answer.text
        assert "\nfubble_invoice_previews_total " in answer.text


async def test_metrics_may_want_a_token(sqlite_url: str) -> None:
    async with running(sqlite_url, metrics_token=TOKEN) as api:
        for wrong in ("", "Bearer other", TOKEN, f"Bearer {api.key}", "Bearer ü"):
            answer = await api.http.get("/metrics", headers=[(b"Authorization", wrong.encode())])
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert "fubble_" not in answer.text
        right = await asked(api, "/metrics", Authorization=f"Bearer {TOKEN}")
        assert right.status_code == 200


async def test_metrics_may_be_turned_off(sqlite_url: str) -> None:
    async with running(sqlite_url, metrics=False) as api:
        assert (await asked(api, "/metrics")).status_code == 404
        assert (await ready(api))[0] == 200
