"""What subscribers are told: the value now, and every one that a change makes."""

from __future__ import annotations

import pytest

from tests.api.builders import (
    CANCEL,
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    event,
    fee,
    made,
    per_unit,
    used,
)
from tests.api.conftest import Api
from tests.api.invoicing import ADD, CREATE, FINALIZE, VOID
from tests.api.portal import a_session
from tests.live.conftest import Place

USAGE = """
subscription ($customer: CustomerRef!, $metric: String!) {
  usage(customer: $customer, metric: $metric) {
    quantity eventCount period { start end } metric { key }
  }
}
"""
PREVIEW = """
subscription ($id: ID!) {
  invoicePreview(subscriptionId: $id) {
    total { amount } period { start end } asOf lines { kind amount { amount } component { key } }
  }
}
"""
CHANGED = """
subscription ($customer: CustomerRef) {
  invoiceChanged(customer: $customer) {
    id status number customer { key } lines { description } total { amount }
  }
}
"""
ACME = {"key": "acme"}
VOID_EVENT = """
mutation ($key: String!) {
  voidUsageEvent(customer: {key: "acme"}, idempotencyKey: $key) {
    event { id } errors { code message path }
  }
}
"""
GRANT = """
mutation ($input: GrantCreditInput!) {
  grantCredit(input: $input) { creditGrant { id } errors { code message path } }
}
"""


async def a_business(api: Api, customer: str = "acme") -> Json:
    """A customer whose calls cost 1 each beside a fee of 30; its subscription."""
    if customer == "acme":
        await a_metric(api)
        await a_plan(api, fee(), per_unit())
    await a_customer(api, customer)
    return await a_subscription(api, customer)


async def a_draft(api: Api, customer: str = "acme", **more: object) -> Json:
    """A draft for lines by hand."""
    return await made(api, CREATE, input={"customer": {"key": customer}, **more})


async def test_usage_begins_with_its_value_and_follows_every_change(place: Place) -> None:
    await a_business(place.api)
    await used(place.api, event("2"))
    async with place.dial() as line:
        id = await line.subscribe(USAGE, customer=ACME, metric="calls")
        assert await line.value(id) == {
            "quantity": "2",
            "eventCount": "1",
            "period": {"start": "2026-05-01T00:00:00Z", "end": "2026-06-01T00:00:00Z"},
            "metric": {"key": "calls"},
        }
        await used(place.api, event("0.5", key="half"))
        assert (await line.value(id))["quantity"] == "2.5"
        await made(place.api, VOID_EVENT, key="half")
        assert (await line.value(id))["quantity"] == "2"


async def test_a_composite_metric_changes_with_what_its_formula_names(place: Place) -> None:
    await a_business(place.api)
    await a_metric(place.api, "double", type="COMPOSITE", formula="calls * 2")
    async with place.dial() as line:
        id = await line.subscribe(USAGE, customer=ACME, metric="double")
        assert (await line.value(id))["quantity"] == "0"
        await used(place.api, event("4"))
        assert (await line.value(id))["quantity"] == "8"


async def test_what_changes_nothing_for_a_subscriber_sends_nothing(place: Place) -> None:
    await a_business(place.api)
    await a_business(place.api, "other")
    await a_metric(place.api, "bytes")
    async with place.dial() as line:
        id = await line.subscribe(USAGE, customer=ACME, metric="calls")
        await line.value(id)
        await used(place.api, event("7", metric="bytes"), event("5", customer="other"))
        await used(place.api, event("1"))
        assert (await line.value(id))["quantity"] == "1"


async def test_many_quick_changes_are_one_value_that_knows_them_all(place: Place) -> None:
    await a_business(place.api)
    place.pace.hold()
    async with place.dial() as line:
        id = await line.subscribe(USAGE, customer=ACME, metric="calls")
        assert (await line.value(id))["quantity"] == "0"
        for _ in range(50):
            await used(place.api, event("1"))
        assert await line.is_quiet()
        place.pace.release()
        assert (await line.value(id))["quantity"] == "50"
        assert await line.is_quiet()


async def test_a_preview_follows_usage_credit_and_agreement(place: Place) -> None:
    subscription = await a_business(place.api)
    async with place.dial() as line:
        id = await line.subscribe(PREVIEW, id=subscription["id"])
        first = await line.value(id)
        assert (first["total"]["amount"], first["period"]["end"]) == (
            "30.00",
            "2026-06-01T00:00:00Z",
        )
        place.api.clock.set("2026-05-10T13:00:00Z")
        await used(place.api, event("4"))
        second = await line.value(id)
        assert second["total"]["amount"] == "34.00"
        assert second["asOf"] == "2026-05-10T13:00:00Z"
        assert [entry["component"]["key"] for entry in second["lines"]] == ["fee", "usage"]
        await made(
            place.api, GRANT, input={"customer": ACME, "amount": "10", "type": "PROMOTIONAL"}
        )
        assert (await line.value(id))["total"]["amount"] == "24.00"
        await made(place.api, CANCEL, id=subscription["id"], effective="NOW")
        assert (await line.value(id))["period"]["end"] == "2026-05-10T13:00:00Z"


async def test_a_preview_begins_anew_when_its_period_ends(sqlite_place: Place) -> None:
    place = sqlite_place
    place.api.clock.set("2026-05-31T23:59:59.900Z")
    subscription = await a_business(place.api)
    await used(place.api, event("4"))
    async with place.dial() as line:
        usage = await line.subscribe(USAGE, customer=ACME, metric="calls")
        assert (await line.value(usage))["quantity"] == "4"
        preview = await line.subscribe(PREVIEW, id=subscription["id"])
        assert (await line.value(preview))["total"]["amount"] == "34.00"
        place.api.clock.set("2026-06-01T00:00:00Z")
        told = [await line.receive(), await line.receive()]
        next_month = {one["id"]: one["payload"]["data"] for one in told}
        assert next_month[usage]["usage"]["period"]["start"] == "2026-06-01T00:00:00Z"
        assert next_month[usage]["usage"]["quantity"] == "0"
        assert next_month[preview]["invoicePreview"]["period"]["start"] == "2026-06-01T00:00:00Z"
        assert next_month[preview]["invoicePreview"]["total"]["amount"] == "30.00"


async def test_invoices_are_told_of_when_they_change(place: Place) -> None:
    await a_business(place.api)
    await a_business(place.api, "other")
    await a_draft(place.api)
    async with place.dial() as everybody, place.dial() as one:
        all_ = await everybody.subscribe(CHANGED)
        own = await one.subscribe(CHANGED, customer=ACME)
        await place.watched_by(2)
        draft = await a_draft(place.api)
        made_now = await one.value(own)
        assert (made_now["id"], made_now["status"]) == (draft["id"], "DRAFT")
        assert await everybody.value(all_) == made_now
        entry = {"description": "Setup", "quantity": "1", "unitPrice": "5"}
        await made(place.api, ADD, id=draft["id"], input=entry)
        changed = await one.value(own)
        assert changed["lines"] == [{"description": "Setup"}]
        assert await everybody.value(all_) == changed
        await a_draft(place.api, "other")
        assert (await everybody.value(all_))["customer"] == {"key": "other"}
        await made(place.api, FINALIZE, id=draft["id"])
        assert (await one.value(own))["status"] == "PENDING"
        await everybody.value(all_)
        await made(place.api, VOID, id=draft["id"])
        assert (await one.value(own))["status"] == "VOID"


async def test_invoices_that_change_meanwhile_are_each_told_once(place: Place) -> None:
    await a_business(place.api)
    async with place.dial() as line:
        id = await line.subscribe(CHANGED, customer=ACME)
        await place.watched_by(1)
        place.pace.hold()
        first = await a_draft(place.api)
        assert (await line.value(id))["id"] == first["id"]
        second = await a_draft(place.api)
        entry = {"description": "Setup", "quantity": "1", "unitPrice": "5"}
        for _ in range(3):
            await made(place.api, ADD, id=first["id"], input=entry)
        assert await line.is_quiet()
        place.pace.release()
        told = [await line.value(id), await line.value(id)]
        assert [(one["id"], len(one["lines"])) for one in told] == [
            (second["id"], 0),
            (first["id"], 3),
        ]
        assert await line.is_quiet()


@pytest.mark.parametrize(
    ("document", "variables", "code", "path"),
    [
        (USAGE, {"customer": {"key": "nobody"}, "metric": "calls"}, "NOT_FOUND", ["customer"]),
        (USAGE, {"customer": ACME, "metric": "nothing"}, "NOT_FOUND", ["metric"]),
        (USAGE, {"customer": {"id": "cus_1"}, "metric": "calls"}, "INVALID", ["customer", "id"]),
        (PREVIEW, {"id": "sub_" + "0" * 32}, "NOT_FOUND", ["subscriptionId"]),
        (CHANGED, {"customer": {"key": "nobody"}}, "NOT_FOUND", ["customer"]),
    ],
)
async def test_what_is_unknown_is_refused_as_elsewhere(
    document: str, variables: Json, code: str, path: list[str], sqlite_place: Place
) -> None:
    await a_business(sqlite_place.api)
    async with sqlite_place.dial() as line:
        id = await line.subscribe(document, **variables)
        assert await line.error(id) == (code, path)
        assert sqlite_place.changes.watches == {}


async def test_a_customer_watches_its_own_and_nothing_of_others(place: Place) -> None:
    own = await a_business(place.api)
    foreign = await a_business(place.api, "other")
    token = (await a_session(place.api))["token"]
    async with place.dial(token) as line:
        usage = await line.subscribe(USAGE, customer=ACME, metric="calls")
        assert (await line.value(usage))["quantity"] == "0"
        preview = await line.subscribe(PREVIEW, id=own["id"])
        assert (await line.value(preview))["total"]["amount"] == "30.00"
        other = await line.subscribe(USAGE, customer={"key": "other"}, metric="calls")
        assert await line.error(other) == ("NOT_FOUND", ["customer"])
        unknown = await line.subscribe(PREVIEW, id=foreign["id"])
        assert await line.error(unknown) == ("NOT_FOUND", ["subscriptionId"])
        changed = await line.subscribe(CHANGED)
        await place.watched_by(3)
        await a_draft(place.api, "other")
        mine = await a_draft(place.api)
        assert (await line.value(changed))["id"] == mine["id"]


async def test_what_cannot_be_worked_out_is_an_error_in_its_place(sqlite_place: Place) -> None:
    await a_business(sqlite_place.api)
    await a_metric(sqlite_place.api, "share", type="COMPOSITE", formula="10 / (calls - 3)")
    async with sqlite_place.dial() as line:
        id = await line.subscribe(USAGE, customer=ACME, metric="share")
        assert (await line.value(id))["quantity"] == "0"
        await used(sqlite_place.api, event("3"))
        failed = await line.payload(id)
        assert failed["data"] is None
        assert failed["errors"][0]["extensions"]["code"] == "FORMULA_FAILED"
        assert failed["errors"][0]["path"] == ["usage"]
        await used(sqlite_place.api, event("5"))
        assert (await line.value(id))["quantity"] == "2"
