"""Who may open a socket, what runs over it, and how every abuse of it ends."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

from fubble_gql.access import keys
from fubble_gql.api import live
from fubble_gql.api.socket import SocketLimits
from fubble_gql.db import changes
from tests.api.builders import a_customer, a_metric, event, used
from tests.api.counting import counted
from tests.api.portal import a_session
from tests.live.conftest import Place, served
from tests.live.sockets import dialled
from tests.live.test_values import ACME, CHANGED, USAGE, a_business, a_draft

TYPENAME = 'subscription { usage(customer: {key: "acme"}, metric: "calls") { __typename } }'


async def a_total(place: Place) -> None:
    """Something to watch."""
    await a_customer(place.api)
    await a_metric(place.api)


async def test_without_a_key_that_works_the_socket_is_closed(sqlite_place: Place) -> None:
    wrong = [{"Authorization": "Bearer nonsense"}, {"Authorization": 5}, {"key": "x"}, {}]
    for more in ({}, *({"payload": payload} for payload in wrong)):
        async with dialled(sqlite_place.url) as line:
            await line.send(type="connection_init", **more)
            assert await line.closed() == 4403, more


async def test_the_key_is_taken_under_the_name_of_the_header_in_any_spelling(
    sqlite_place: Place,
) -> None:
    async with dialled(sqlite_place.url) as line:
        payload = {"authorization": f"bearer {sqlite_place.api.key}", "other": 1}
        await line.send(type="connection_init", payload=payload)
        assert await line.receive() == {"type": "connection_ack"}


async def test_who_says_nothing_is_not_waited_for(sqlite_url: str) -> None:
    limits = SocketLimits(init_seconds=0.05)
    async with served(sqlite_url, limits=limits) as place, dialled(place.url) as line:
        assert await line.closed() == 4408


async def test_nothing_runs_before_the_key_is_known(sqlite_place: Place) -> None:
    async with dialled(sqlite_place.url) as line:
        await line.subscribe(TYPENAME)
        assert await line.closed() == 4401


async def test_breaking_the_protocol_closes_the_socket(sqlite_place: Place) -> None:
    await a_total(sqlite_place)
    async with sqlite_place.dial() as line:
        await line.send(type="connection_init", payload={})
        assert await line.closed() == 4429
    async with sqlite_place.dial() as line:
        for _ in range(2):
            await line.send(type="subscribe", id="same", payload={"query": TYPENAME})
        assert await line.closed() == 4409
    async with dialled(sqlite_place.url, protocol="graphql-ws") as line:
        assert await line.closed() == 4406


GARBAGE: list[str | bytes] = [
    "",
    "}{",
    "null",
    "5",
    '"ping"',
    "[]",
    "{}",
    '{"type": null}',
    '{"type": "shout"}',
    '{"type": ["ping"]}',
    '{"type": "subscribe", "payload": {"query": "{ viewer }"}}',
    '{"type": "subscribe", "id": ["1"], "payload": {"query": "{ viewer }"}}',
    '{"type": "subscribe", "id": "", "payload": {"query": "{ viewer }"}}',
    '{"type": "subscribe", "id": "%s", "payload": {"query": "{ viewer }"}}' % ("x" * 129),
    '{"type": "subscribe", "id": "1"}',
    '{"type": "subscribe", "id": "1", "payload": "{ viewer }"}',
    '{"type": "complete", "id": 1}',
    '{"type": "ping", "payload": %s}' % ("[" * 30_000),
    '{"type": "ping", "payload": %s}' % ("9" * 5_000),
    '{"type": "ping", "payload": NaN}',
    b'{"type": "ping"}',
]


async def test_garbage_closes_its_own_socket_and_nothing_else(
    sqlite_place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    await a_total(sqlite_place)
    async with sqlite_place.dial() as good:
        id = await good.subscribe(USAGE, customer=ACME, metric="calls")
        await good.value(id)
        for sent in GARBAGE:
            async with sqlite_place.dial() as line:
                await line.socket.send(sent)
                assert await line.closed() == 4400, sent
        async with sqlite_place.dial() as line:
            await line.socket.send(b"\xff\xfe", text=True)
            assert await line.closed() == 1007
        async with sqlite_place.dial() as line:
            await line.socket.send("x" * 70_000)
            assert await line.closed() == 1009
        await used(sqlite_place.api, event("1"))
        assert (await good.value(id))["quantity"] == "1"
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_pages_of_other_sites_are_refused_unless_they_are_listed(sqlite_url: str) -> None:
    async with served(sqlite_url, cors_origins="https://app.example.com") as place:
        for origin in ("https://evil.example", "null", place.url.replace("127.0.0.1", "localhost")):
            with pytest.raises(InvalidStatus) as refused:
                async with dialled(place.url, origin=origin):
                    pass
            assert refused.value.response.status_code == 403
        for origin in (place.url, "https://app.example.com"):
            async with dialled(place.url, place.api.key, origin=origin) as line:
                assert await line.is_quiet()


async def test_a_worker_keeps_only_so_many_sockets_and_counts_them(sqlite_url: str) -> None:
    async with served(sqlite_url, sockets_max=2) as place:

        async def counts() -> list[float]:
            found = counted(await place.api.http.get("/metrics"))
            refused = found.of("fubble_requests_refused_total", setting="sockets_max")
            running = found.of("fubble_subscriptions_running")
            return [found.of("fubble_sockets_open"), running, refused]

        before = await counts()
        await a_total(place)
        async with place.dial() as line, place.dial():
            await line.value(await line.subscribe(USAGE, customer=ACME, metric="calls"))
            with pytest.raises(InvalidStatus) as refused:
                async with place.dial():
                    pass
            response = refused.value.response
            assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
            assert b"SERVICE_UNAVAILABLE" in (response.body or b"")
            grown = [now - then for now, then in zip(await counts(), before, strict=True)]
            assert grown == [2, 1, 1]
        async with place.dial() as line:
            assert await line.is_quiet()


async def test_a_socket_runs_only_so_many_subscriptions(sqlite_url: str) -> None:
    async with served(sqlite_url, subscriptions_max=2) as place, place.dial() as line:
        await a_total(place)
        first = await line.subscribe(USAGE, customer=ACME, metric="calls")
        await line.value(first)
        await line.value(await line.subscribe(USAGE, customer=ACME, metric="calls"))
        third = await line.subscribe(USAGE, customer=ACME, metric="calls")
        assert await line.error(third) == ("LIMIT_EXCEEDED", [])
        await line.send(type="complete", id=first)
        await line.value(await line.subscribe(USAGE, customer=ACME, metric="calls"))
        assert len(list(place.changes.all_watches())) == 2


CANNOT_RUN: list[tuple[str, dict[str, object], str, list[str]]] = [
    ("{ viewer { role } }", {}, "INVALID", []),
    ('mutation { archiveMetric(metric: {key: "calls"}) { metric { id } } }', {}, "INVALID", []),
    ("subscription {", {}, "INVALID", []),
    ("", {}, "INVALID", ["query"]),
    ("subscription { usages }", {}, "INVALID", []),
    ("subscription { a: invoiceChanged { id } b: invoiceChanged { id } }", {}, "INVALID", []),
    (USAGE, {"customer": ACME}, "INVALID", ["variables", "metric"]),
    (USAGE, {"customer": ACME, "metric": "\0"}, "INVALID", ["variables", "metric"]),
    (
        "subscription { invoiceChanged { "
        + "customer { invoices { nodes { " * 6
        + "id"
        + " } } }" * 6
        + " } }",
        {},
        "LIMIT_EXCEEDED",
        [],
    ),
]


async def test_what_cannot_run_is_an_error_and_the_socket_stays(sqlite_place: Place) -> None:
    async with sqlite_place.dial() as line:
        for query, variables, code, path in CANNOT_RUN:
            id = await line.subscribe(query, **variables)
            assert await line.error(id) == (code, path), query
            assert await line.is_quiet()


async def test_a_customer_is_told_nothing_of_the_schema(sqlite_place: Place) -> None:
    await a_business(sqlite_place.api)
    token = (await a_session(sqlite_place.api))["token"]
    async with sqlite_place.dial(token) as line:
        await line.subscribe("subscription { usag }")
        (problem,) = (await line.receive())["payload"]
        assert "usage" not in problem["message"]
        id = await line.subscribe("subscription { __schema { types { name } } }")
        assert await line.error(id) == ("FORBIDDEN", [])


async def test_a_surprise_is_masked_and_logged(
    sqlite_place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await a_total(sqlite_place)

    async def surprise(*_: object, **__: object) -> None:
        raise RuntimeError("hunter2")

    monkeypatch.setattr(live, "usage_of", surprise)
    async with sqlite_place.dial() as line:
        id = await line.subscribe(USAGE, customer=ACME, metric="calls")
        payload = await line.payload(id)
        assert payload["data"] is None
        assert [one["extensions"]["code"] for one in payload["errors"]] == ["INTERNAL"]
        assert "hunter2" not in str(payload)
        assert await line.receive() == {"type": "complete", "id": id}


async def test_a_token_that_expires_ends_its_socket(sqlite_url: str) -> None:
    async with served(sqlite_url, limits=SocketLimits(review_seconds=0.02)) as place:
        await a_business(place.api)
        session = await a_session(place.api)
        async with place.dial(session["token"]) as line:
            await line.value(await line.subscribe(USAGE, customer=ACME, metric="calls"))
            place.api.clock.set(session["expiresAt"])
            assert await line.closed() == 4403
        async with dialled(place.url) as line:
            payload = {"Authorization": f"Bearer {session['token']}"}
            await line.send(type="connection_init", payload=payload)
            assert await line.closed() == 4403
        async with place.dial() as line:
            assert await line.is_quiet()


async def test_a_key_that_is_revoked_ends_its_sockets(sqlite_url: str) -> None:
    limits = SocketLimits(review_seconds=0.02)
    async with served(sqlite_url, limits=limits) as place, place.dial() as line:
        assert await line.is_quiet()
        [known] = await keys.list_keys(place.api.connection)
        await keys.revoke(place.api.connection, known.id, place.api.clock())
        assert await line.closed() == 4403


async def test_more_invoices_than_are_kept_end_the_subscription(
    sqlite_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes.watch, "INVOICES_MAX", 2)
    await a_business(sqlite_place.api)
    async with sqlite_place.dial() as line:
        id = await line.subscribe(CHANGED)
        await sqlite_place.watched_by(1)
        sqlite_place.pace.hold()
        await a_draft(sqlite_place.api)
        await line.value(id)
        for _ in range(3):
            await a_draft(sqlite_place.api)
        await sqlite_place.heard_too_much()
        sqlite_place.pace.release()
        (problem,) = (await line.payload(id))["errors"]
        assert problem["extensions"]["code"] == "LIMIT_EXCEEDED"
        assert await line.receive() == {"type": "complete", "id": id}
        assert sqlite_place.changes.watches == {}


async def test_the_server_stops_at_once_and_tells_clients_to_come_back(
    sqlite_place: Place,
) -> None:
    await a_total(sqlite_place)
    async with sqlite_place.dial() as line, dialled(sqlite_place.url) as silent:
        await line.value(await line.subscribe(USAGE, customer=ACME, metric="calls"))
        sqlite_place.uvicorn.should_exit = True
        assert await line.closed() == 1012
        assert await silent.closed() == 1012
