"""What is counted and logged of operations: names, times, codes and roles, nothing of whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from fubble_gql.access import keys
from fubble_gql.api import operations
from fubble_gql.api.admission import Admission, Limits
from fubble_gql.api.wire import Refusal
from tests.api.builders import CREATE_CUSTOMER, a_customer, a_metric, event, record
from tests.api.conftest import Api
from tests.api.counting import Counted, counted
from tests.api.toy import post
from tests.live.conftest import Place, sqlite_place

__all__ = ["sqlite_place"]
OPERATIONS = "fubble_operation_duration_seconds_count"
ERRORS = "fubble_operation_errors_total"
EVENTS = "fubble_usage_events_total"


@pytest.fixture(autouse=True)
def _no_names_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are kept for good, by the process: a test must not use up those of the others."""
    monkeypatch.setattr(operations, "_names", defaultdict(set))


async def metrics(api: Api) -> Counted:
    return counted(await api.http.get("/metrics"))


def told(logs: Sequence[EventDict]) -> list[EventDict]:
    return [entry for entry in logs if entry["event"] == "operation"]


async def test_an_operation_is_counted_by_its_name_and_kind(sqlite_api: Api) -> None:
    before = await metrics(sqlite_api)
    await sqlite_api.ask("query Who { viewer { role } }")
    await sqlite_api.ask("{ viewer { role } }")
    after = await metrics(sqlite_api)
    for name in ("Who", "(anonymous)"):
        labels = {"operation": name, "kind": "query"}
        assert after.of(OPERATIONS, **labels) - before.of(OPERATIONS, **labels) == 1


async def test_errors_are_counted_by_code_wherever_they_stand(sqlite_api: Api) -> None:
    before = await metrics(sqlite_api)
    await sqlite_api.errors("query Wrong { nothing }")
    nowhere = {"key": "x", "name": "X", "currency": "EUR", "timezone": "Nowhere"}
    await sqlite_api.ask(CREATE_CUSTOMER.replace("mutation", "mutation Make", 1), input=nowhere)
    await sqlite_api.post(b"nonsense")
    after = await metrics(sqlite_api)
    for name in ("Wrong", "Make", "(unread)"):
        labels = {"operation": name, "code": "INVALID"}
        assert after.of(ERRORS, **labels) - before.of(ERRORS, **labels) == 1


async def test_events_and_previews_are_counted(api: Api) -> None:
    await a_metric(api)
    await a_customer(api)
    before = await metrics(api)
    sent = [("acme", "1"), ("acme", "2"), ("acme", "1"), ("nobody", "3")]
    await record(api, *(event(key=key, customer=who) for who, key in sent))
    await api.ask('{ customer(key: "acme") { invoicePreview { total { amount } } } }')
    after = await metrics(api)
    for status, count in {"accepted": 2, "duplicate": 1, "rejected": 1}.items():
        assert after.of(EVENTS, status=status) - before.of(EVENTS, status=status) == count
    previews = "fubble_invoice_previews_total"
    assert after.of(previews) - before.of(previews) == 1


async def test_connections_are_counted_while_they_are_used(postgres_api: Api) -> None:
    async def while_held(_: object) -> Counted:
        return await metrics(postgres_api)

    before = await metrics(postgres_api)
    during = await postgres_api.connection.transaction(while_held)
    after = await metrics(postgres_api)
    in_use = "fubble_database_pool_in_use"
    assert [one.of(in_use) - before.of(in_use) for one in (during, after)] == [1, 0]
    assert before.of("fubble_database_pool_size") >= 10
    assert after.of("fubble_database_pool_waiting") == before.of("fubble_database_pool_waiting")


async def test_only_so_many_names_are_kept_and_strangers_name_nothing(sqlite_api: Api) -> None:
    labels = (await metrics(sqlite_api)).label(OPERATIONS, "operation")
    for number in range(operations.NAMES_MAX + 5):
        await sqlite_api.ask(f"query Flood{number} {{ __typename }}")
    await sqlite_api.ask(f"query {'L' * 65} {{ __typename }}")
    await sqlite_api.http.post(
        "/graphql",
        json={"query": "query Stranger { __typename }"},
        headers={"Authorization": "Bearer none"},
    )
    seen = (await metrics(sqlite_api)).label(OPERATIONS, "operation") - labels
    assert seen <= {*(f"Flood{number}" for number in range(operations.NAMES_MAX)), "(other)"}
    assert "(other)" in seen | labels


async def test_each_operation_is_one_line(sqlite_api: Api) -> None:
    with capture_logs() as logs:
        await sqlite_api.ask("query Who { viewer { role } }")
        await sqlite_api.post(b"{}", **{"X-Request-Id": "mine"})
    first, second = told(logs)
    assert first.pop("duration_ms") >= 0
    assert len(first.pop("request_id")) == 36
    assert first == {
        "event": "operation",
        "log_level": "info",
        "operation": "Who",
        "kind": "query",
        "status": 200,
        "codes": [],
        "viewer": "OPERATOR",
    }
    assert (second["request_id"], second["status"], second["codes"]) == ("mine", 400, ["INVALID"])


async def test_a_crash_is_one_line_too() -> None:
    with capture_logs() as logs:
        await post({"query": "{ echo }"}, key="crash")
    (line,) = told(logs)
    assert (line["status"], line["codes"]) == (500, ["INTERNAL"])


async def test_a_document_beside_the_graph_counts_too(sqlite_api: Api) -> None:
    before = await metrics(sqlite_api)
    with capture_logs() as logs:
        answer = await sqlite_api.http.get("/invoices/inv_none.pdf")
    after = await metrics(sqlite_api)
    (line,) = told(logs)
    assert line["operation"] == "invoicePdf"
    assert line["codes"] == ["NOT_FOUND"]
    assert line["request_id"] == answer.headers["X-Request-Id"]
    labels = {"operation": "invoicePdf", "kind": "document"}
    assert after.of(OPERATIONS, **labels) - before.of(OPERATIONS, **labels) == 1


async def test_what_is_refused_for_lack_of_room_is_counted(sqlite_api: Api) -> None:
    before = await metrics(sqlite_api)
    full = Admission(Limits(requests_max=0, body_bytes_max=1))
    with full.share() as share:
        with pytest.raises(Refusal):
            share.begin()
        with pytest.raises(Refusal):
            full.require_room(2)
    after = await metrics(sqlite_api)
    for setting in ("requests_max", "inflight_bytes_max"):
        refused = "fubble_requests_refused_total"
        assert after.of(refused, setting=setting) - before.of(refused, setting=setting) == 1
    assert after.of("fubble_requests_running") == before.of("fubble_requests_running")


async def test_a_subscription_is_counted_while_it_runs_and_told_of_when_it_ends(
    sqlite_place: Place,
) -> None:
    api, running = sqlite_place.api, "fubble_subscriptions_running"
    before = await metrics(api)
    await a_customer(api)
    with capture_logs() as logs:
        async with sqlite_place.dial() as line:
            await line.subscribe(WATCH)
            await sqlite_place.watched_by(1)
            during = await metrics(api)
            failed = await line.subscribe("subscription Bad { nothing }")
            assert await line.error(failed) == ("INVALID", [])
        while (await metrics(api)).of(running) != before.of(running):
            pass
    assert during.of(running) - before.of(running) == 1
    ended = [entry for entry in logs if entry["event"] == "subscription ended"]
    assert [(one["operation"], one["viewer"], one["codes"]) for one in ended] == [
        ("Bad", "OPERATOR", ["INVALID"]),
        ("Watch", "OPERATOR", []),
    ]


WATCH = 'subscription Watch { invoiceChanged(customer: { key: "acme" }) { id } }'


@pytest.mark.parametrize("document", ["query Mine { viewer { role } }", "query Mine { nothing }"])
async def test_a_revoked_key_is_logged_as_nobodys(sqlite_api: Api, document: str) -> None:
    api = sqlite_api
    await a_customer(api)
    await api.answer("{ viewer { role } }")
    await keys.revoke(api.connection, api.key.split("_")[2], api.clock())

    with capture_logs() as logs:
        await api.answer(document)

    (told,) = [entry for entry in logs if entry["event"] == "operation"]
    assert (told["status"], told["viewer"], told["codes"], told["operation"]) == (
        401,
        None,
        ["UNAUTHENTICATED"],
        "(other)",
    )
