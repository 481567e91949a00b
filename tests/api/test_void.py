"""Voiding usage: it counts no more from then on, and nothing of it is lost."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import pytest

from tests.api.builders import (
    MAY,
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    asked,
    event,
    made,
    per_unit,
    preview_of,
    record,
    refused,
    used,
)
from tests.api.conftest import Api
from tests.usage.builders import finalise

VOID = """
mutation ($customer: CustomerRef!, $key: String!, $reason: String) {
  voidUsageEvent(customer: $customer, idempotencyKey: $key, reason: $reason) {
    event { id idempotencyKey quantity recordedAt voidedAt voidReason customer { key } }
    errors { code message path }
  }
}
"""
VOID_MANY = """
mutation ($customer: CustomerRef!, $keys: [String!]!, $reason: String) {
  voidUsageEvents(customer: $customer, idempotencyKeys: $keys, reason: $reason) {
    voided
    receipts { idempotencyKey voided error { code message path } }
    errors { code message path }
  }
}
"""
EVENTS = """
query ($filter: UsageEventFilter) {
  customer(key: "acme") {
    usageEvents(filter: $filter) { nodes { idempotencyKey voidedAt voidReason } }
  }
}
"""
USAGE = """
query ($period: PeriodInput) {
  customer(key: "acme") { usage(period: $period) { quantity eventCount } }
}
"""
ACME = {"key": "acme"}
NOW = "2026-05-10T12:00:00Z"


async def voided(api: Api, key: str, reason: str | None = None) -> Json:
    """One of acme's events, voided."""
    return await made(api, VOID, customer=ACME, key=key, reason=reason)


async def void_many(api: Api, *keys: str, **more: object) -> Json:
    """What became of acme's events of these keys."""
    return await asked(api, VOID_MANY, **{"customer": ACME, "keys": keys, **more})


def receipts(payload: Json) -> list[tuple[str, bool, str | None, str | None]]:
    """Each receipt's key, whether it is voided, and why not: code and path."""
    return [
        (
            one["idempotencyKey"],
            one["voided"],
            one["error"] and one["error"]["code"],
            one["error"] and ".".join(one["error"]["path"]),
        )
        for one in payload["receipts"]
    ]


async def some_usage(api: Api, *keys: str) -> Json:
    """A subscription to a unit price of 1, and an event of quantity 1 for each key."""
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, per_unit("1"))
    subscription = await a_subscription(api)
    await used(api, *(event("1", key=key) for key in keys))
    return subscription


async def total(api: Api, subscription: Json, **arguments: object) -> str:
    """What the bill comes to."""
    amount: str = (await preview_of(api, subscription, **arguments))["total"]["amount"]
    return amount


async def quantity(api: Api) -> tuple[str, str]:
    """What was used in May, and in how many events."""
    [row] = (await asked(api, USAGE, period=MAY))["usage"]
    return row["quantity"], row["eventCount"]


async def test_a_voided_event_shows_when_and_why(api: Api) -> None:
    await some_usage(api, "k1")
    api.clock.set("2026-05-11T00:00:00Z")

    shown = await voided(api, "k1", "sent twice")

    assert shown.pop("id").startswith("evt_")
    assert shown == {
        "idempotencyKey": "k1",
        "quantity": "1",
        "recordedAt": NOW,
        "voidedAt": "2026-05-11T00:00:00Z",
        "voidReason": "sent twice",
        "customer": {"key": "acme"},
    }


async def test_a_voided_event_counts_no_more(api: Api) -> None:
    subscription = await some_usage(api, "k1", "k2", "k3")
    assert await total(api, subscription) == "3.00"

    await voided(api, "k1")

    assert await total(api, subscription) == "2.00"
    assert await quantity(api) == ("2", "2")


async def test_a_preview_as_of_before_the_void_still_counts_the_event(api: Api) -> None:
    subscription = await some_usage(api, "k1", "k2")
    api.clock.set("2026-05-11T00:00:00Z")

    await voided(api, "k1")

    assert await total(api, subscription, asOf="2026-05-10T23:59:59.999999Z") == "2.00"
    assert await total(api, subscription, asOf="2026-05-11T00:00:00Z") == "1.00"


async def test_voiding_again_changes_nothing(api: Api) -> None:
    await some_usage(api, "k1")
    first = await voided(api, "k1", "the first reason")
    api.clock.set("2026-05-11T00:00:00Z")

    assert await voided(api, "k1", "another reason") == first
    payload = await void_many(api, "k1", "k1", reason="a third")

    assert (payload["voided"], payload["errors"]) == (2, [])
    assert receipts(payload) == [("k1", True, None, None), ("k1", True, None, None)]
    assert await voided(api, "k1") == first


async def test_each_key_gets_its_receipt_in_the_order_given(api: Api) -> None:
    await some_usage(api, "a", "b", "c")
    await a_customer(api, "globex")
    await used(api, event(customer="globex", key="theirs"))
    await voided(api, "b")

    payload = await void_many(api, "c", "none", "b", "theirs", "", "k" * 300, "c")

    assert (payload["voided"], payload["errors"]) == (3, [])
    assert receipts(payload) == [
        ("c", True, None, None),
        ("none", False, "NOT_FOUND", "idempotencyKeys.1"),
        ("b", True, None, None),
        ("theirs", False, "NOT_FOUND", "idempotencyKeys.3"),
        ("", False, "NOT_FOUND", "idempotencyKeys.4"),
        ("k" * 300, False, "NOT_FOUND", "idempotencyKeys.5"),
        ("c", True, None, None),
    ]
    assert await quantity(api) == ("1", "1")


async def test_voided_events_are_listed_when_asked_for(api: Api) -> None:
    await some_usage(api, "a", "b")
    await voided(api, "a", "why")

    async def listed(**filter_: object) -> list[Json]:
        nodes: list[Json] = (await asked(api, EVENTS, filter=filter_))["usageEvents"]["nodes"]
        return nodes

    assert [node["idempotencyKey"] for node in await listed()] == ["b"]
    assert await listed(includeVoided=True) == [
        {"idempotencyKey": "b", "voidedAt": None, "voidReason": None},
        {"idempotencyKey": "a", "voidedAt": NOW, "voidReason": "why"},
    ]


async def test_a_voided_key_stays_taken(api: Api) -> None:
    await some_usage(api, "k1")
    await voided(api, "k1")

    payload = await record(api, event("1", key="k1"), event("2", key="k1"), event("2", key="k2"))

    statuses = [receipt["status"] for receipt in payload["receipts"]]
    assert statuses == ["DUPLICATE", "REJECTED", "ACCEPTED"]
    assert await quantity(api) == ("2", "1")


async def test_a_customer_may_be_named_by_id(api: Api) -> None:
    await some_usage(api, "k1")
    customer = await asked(api, '{ customer(key: "acme") { id } }')

    shown = await made(api, VOID, customer={"id": customer["id"]}, key="k1")

    assert shown["voidedAt"] == NOW


async def test_an_archived_customers_usage_can_be_corrected(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await used(api, event(key="k1"))
    await made(
        api,
        'mutation { archiveCustomer(customer: {key: "acme"}) { customer { id } errors { code } } }',
    )

    assert (await voided(api, "k1"))["voidedAt"] == NOW


async def test_what_is_not_there_cannot_be_voided(api: Api) -> None:
    await some_usage(api, "k1")
    nobody = {"key": "nobody"}

    assert await refused(api, VOID, customer=ACME, key="none") == [("NOT_FOUND", "idempotencyKey")]
    assert await refused(api, VOID, customer=ACME, key="") == [("NOT_FOUND", "idempotencyKey")]
    assert await refused(api, VOID, customer=nobody, key="k1") == [("NOT_FOUND", "customer")]
    assert await refused(api, VOID, customer={"id": "met_" + "0" * 32}, key="k1") == [
        ("INVALID", "customer.id")
    ]
    assert await refused(api, VOID, customer=ACME, key="k1", reason="x" * 10_001) == [
        ("INVALID", "reason")
    ]
    assert await quantity(api) == ("1", "1")


@pytest.mark.parametrize(
    ("sent", "code", "path"),
    [
        ({"keys": []}, "INVALID", "idempotencyKeys"),
        ({"keys": [str(n) for n in range(5_001)]}, "LIMIT_EXCEEDED", "idempotencyKeys"),
        ({"reason": "x" * 10_001}, "INVALID", "reason"),
        ({"customer": {"key": "nobody"}}, "NOT_FOUND", "customer"),
        ({"customer": {"id": "cus_" + "0" * 32}}, "NOT_FOUND", "customer"),
        ({"customer": {"id": "nonsense"}}, "INVALID", "customer.id"),
    ],
)
async def test_a_call_that_cannot_be_done_voids_nothing(
    api: Api, sent: Json, code: str, path: str
) -> None:
    await some_usage(api, "k1")

    payload = await void_many(api, "k1", **sent)

    assert (payload["voided"], payload["receipts"]) == (0, [])
    assert [(one["code"], ".".join(one["path"])) for one in payload["errors"]] == [(code, path)]
    assert await quantity(api) == ("1", "1")


async def test_a_call_voids_5000_events(api: Api) -> None:
    keys = [f"k{n}" for n in range(5_000)]
    await some_usage(api, *keys)

    payload = await void_many(api, *keys, reason="a bad import")

    assert (payload["voided"], payload["errors"]) == (5_000, [])
    assert [one["idempotencyKey"] for one in payload["receipts"]] == keys


async def test_the_statements_of_a_call_do_not_grow_with_its_keys(api: Api) -> None:
    await some_usage(api, *(f"k{n}" for n in range(60)))

    with api.statements() as few:
        await void_many(api, "k0", "none")
    with api.statements() as many:
        await void_many(api, *(f"k{n}" for n in range(100)))

    assert len(few) == len(many)


async def test_a_clock_that_stands_still_never_stamps_before_an_invoice(api: Api) -> None:
    await some_usage(api, "k1")
    customer = await asked(api, '{ customer(key: "acme") { id } }')
    customer_id = UUID(customer["id"].removeprefix("cus_"))
    await finalise(
        api.connection, customer_id, api.clock(), datetime.fromisoformat("2026-05-06T00:00:00Z")
    )

    shown = await voided(api, "k1")
    await used(api, event(key="k2"))

    assert (shown["recordedAt"], shown["voidedAt"]) == (NOW, "2026-05-10T12:00:00.000001Z")
    [node] = (
        await asked(api, '{ customer(key: "acme") { usageEvents { nodes { recordedAt } } } }')
    )["usageEvents"]["nodes"]
    assert node["recordedAt"] == "2026-05-10T12:00:00.000001Z"


async def test_the_longest_keys_fit_into_one_call(sqlite_api: Api) -> None:
    api = sqlite_api
    await a_customer(api)
    keys = [f"{n:0255}" for n in range(5_000)]

    payload = await asked(api, VOID_MANY, customer={"key": "acme"}, keys=keys, reason=None)

    assert len(payload["receipts"]) == 5_000
    assert {one["error"]["code"] for one in payload["receipts"]} == {"NOT_FOUND"}
