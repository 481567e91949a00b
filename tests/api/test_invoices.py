"""Draft invoices: what they are made for, what they hold, how they are rated anew."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.builders import (
    CANCEL,
    MAY,
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    amounts,
    asked,
    counted_rows,
    event,
    fee,
    made,
    per_unit,
    used,
)
from tests.api.conftest import Api
from tests.api.invoicing import (
    APRIL,
    CREATE,
    JULY,
    JUNE,
    REFRESH,
    a_draft,
    a_grant,
    added,
    billed,
    finalized,
    found,
    invoicing,
    money,
    refreshed,
    the_usual,
    voided,
    why_no_draft,
)

PERIODS = """
query ($id: ID!) {
  planSubscription(id: $id) {
    periods(first: 50) { nodes { period { start } isClosed invoice { id status } } }
  }
}
"""
NODE = "query ($id: ID!) { node(id: $id) { __typename id ... on Invoice { status } } }"
NO_INVOICE = "inv_" + "0" * 32
NO_SUBSCRIPTION = "sub_" + "0" * 32
NO_GRANT = "crd_" + "0" * 32


async def message(api: Api, **more: Any) -> str:  # noqa: ANN401 - JSON
    """What a refused draft's only error says."""
    payload = await asked(api, CREATE, input=invoicing(**more))
    (error,) = payload["errors"]
    assert payload["invoice"] is None
    text = error["message"]
    assert isinstance(text, str)
    return text


async def periods(api: Api, subscription: Json) -> list[tuple[str, bool, str | None]]:
    """The months of a subscription: whether they are closed, and what holds them."""
    nodes = (await asked(api, PERIODS, id=subscription["id"]))["periods"]["nodes"]
    return [
        (
            node["period"]["start"][:7],
            node["isClosed"],
            node["invoice"] and node["invoice"]["status"],
        )
        for node in nodes
    ]


async def test_a_draft_bills_one_closed_period_of_a_subscription(api: Api) -> None:
    subscription = await the_usual(api)
    api.clock.set("2026-06-02T08:00:00Z")
    await used(api, event("12"), event("7", eventTime="2026-06-01T00:00:00Z"))

    draft = await a_draft(api, subscription, notes="Thank you.")

    assert draft["status"] == "DRAFT"
    assert draft["period"] == MAY
    assert amounts(draft) == [("FEE", "fee", "30.00"), ("USAGE", "usage", "12.00")]
    assert draft["subtotal"] == draft["total"] == {"amount": "42.00", "currency": "USD"}
    assert draft["amountDue"] == {"amount": "0.00"}
    assert draft["asOf"] == draft["createdAt"] == "2026-06-02T08:00:00Z"
    assert (draft["currency"], draft["customer"]) == ("USD", {"key": "acme"})
    assert draft["notes"] == "Thank you."
    unset = "number issuedAt dueAt paidAt failedAt failureReason voidedAt voidReason billTo pdfUrl"
    assert {name: draft[name] for name in unset.split()} == dict.fromkeys(unset.split())
    assert draft["isOverdue"] is False
    assert await found(api, draft) == draft


async def test_a_draft_bills_every_open_period_inside_a_span(api: Api) -> None:
    subscription = await the_usual(api, startAt="2026-04-01T00:00:00Z")
    await a_plan(api, fee("7", "seat"), key="seats")
    await a_subscription(api, plan="seats")
    api.clock.set("2026-07-15T00:00:00Z")
    await a_draft(api, subscription, JUNE)

    # April lies outside, June is taken, and July has not ended.
    draft = await a_draft(api, period={"start": MAY["start"], "end": JULY["end"]})

    assert amounts(draft) == [
        ("FEE", "fee", "30.00"),
        ("USAGE", "usage", "0.00"),
        ("FEE", "seat", "7.00"),
        ("FEE", "seat", "7.00"),
    ]
    assert [start for _, start, _ in billed(draft)] == ["2026-05", "2026-05", "2026-05", "2026-06"]
    assert draft["period"] == {"start": MAY["start"], "end": JUNE["end"]}


async def test_a_draft_without_periods_is_for_lines_by_hand(api: Api) -> None:
    await the_usual(api)
    api.clock.set("2026-06-02T08:00:00Z")

    first, second = await a_draft(api), await a_draft(api)

    assert first["id"] != second["id"]
    assert (first["lines"], money(first)) == ([], ("0.00", "0.00", "0.00"))
    assert first["period"] == JUNE  # the month that it was made in


async def test_the_month_of_a_draft_by_hand_is_the_customers_own(api: Api) -> None:
    await a_customer(api, timezone="Asia/Tokyo")
    api.clock.set("2026-05-31T15:00:00Z")

    draft = await a_draft(api)

    assert draft["period"] == {"start": "2026-05-31T15:00:00Z", "end": "2026-06-30T15:00:00Z"}


async def test_a_period_can_be_invoiced_in_the_instant_that_it_ends(api: Api) -> None:
    subscription = await the_usual(api)
    api.clock.set("2026-05-31T23:59:59.999999Z")

    assert await why_no_draft(api, subscriptionId=subscription["id"], period=MAY) == [
        ("INVALID", "input.period")
    ]
    assert "has not ended" in await message(api, subscriptionId=subscription["id"], period=MAY)

    api.clock.set("2026-06-01T00:00:00Z")
    assert (await a_draft(api, subscription))["status"] == "DRAFT"


async def test_a_span_that_is_no_billing_period_is_told_the_nearest(api: Api) -> None:
    subscription = await the_usual(api)
    api.clock.set("2026-07-02T00:00:00Z")
    may, june = "2026-05-01T00:00:00Z to 2026-06-01", "2026-06-01T00:00:00Z to 2026-07-01"

    for start, end, nearest in (
        ("2026-05-02T00:00:00Z", MAY["end"], may),
        (MAY["start"], "2026-05-31T00:00:00Z", may),
        (MAY["start"], JUNE["end"], may),
        ("2026-06-15T00:00:00Z", JULY["end"], june),
        ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", may),  # before it began
    ):
        span = {"subscriptionId": subscription["id"], "period": {"start": start, "end": end}}
        assert await why_no_draft(api, **span) == [("INVALID", "input.period")]
        assert nearest in await message(api, **span)


async def test_a_subscription_without_a_period_is_told_the_earliest(api: Api) -> None:
    subscription = await the_usual(api)
    api.clock.set("2026-07-02T00:00:00Z")
    await a_draft(api, subscription)

    assert await why_no_draft(api, subscriptionId=subscription["id"]) == [
        ("INVALID", "input.period")
    ]
    assert "2026-06-01T00:00:00Z to 2026-07-01" in await message(
        api, subscriptionId=subscription["id"]
    )


async def test_a_span_without_open_periods_is_told_the_nearest(api: Api) -> None:
    await the_usual(api)

    assert await why_no_draft(api, period=MAY) == [("INVALID", "input.period")]
    assert "there is none at all" in await message(api, period=MAY)

    api.clock.set("2026-06-02T00:00:00Z")
    for span in (APRIL, JUNE, {"start": "2026-05-02T00:00:00Z", "end": JUNE["end"]}):
        assert await why_no_draft(api, period=span) == [("INVALID", "input.period")]
        assert "2026-05-01T00:00:00Z to 2026-06-01" in await message(api, period=span)


async def test_a_period_on_an_invoice_cannot_be_on_another(api: Api) -> None:
    subscription = await the_usual(api)
    api.clock.set("2026-06-02T00:00:00Z")
    draft = await a_draft(api, subscription)
    before = await counted_rows(api)
    span = {"subscriptionId": subscription["id"], "period": MAY}

    assert await why_no_draft(api, **span) == [("CONFLICT", "input.period")]
    assert "is on a draft" in await message(api, **span)
    await finalized(api, draft)
    assert await why_no_draft(api, **span) == [("CONFLICT", "input.period")]
    assert "is on invoice INV-000001" in await message(api, **span)
    assert await counted_rows(api) == before


async def test_a_period_wholly_in_trial_has_no_invoice(api: Api) -> None:
    await a_customer(api)
    await a_plan(api)
    subscription = await a_subscription(
        api, trialDays=31, billingAnchor="2026-05-01T00:00:00Z", startAt=MAY["start"]
    )
    api.clock.set("2026-07-02T00:00:00Z")
    span = {"subscriptionId": subscription["id"], "period": MAY}

    assert await why_no_draft(api, **span) == [("INVALID", "input.period")]
    assert "wholly in trial" in await message(api, **span)
    draft = await a_draft(api, period={"start": MAY["start"], "end": JUNE["end"]})
    assert draft["period"] == JUNE
    assert await periods(api, subscription) == [
        ("2026-05", True, None),
        ("2026-06", True, "DRAFT"),
        ("2026-07", False, None),
    ]


async def test_a_period_partly_in_trial_bills_the_rest(api: Api) -> None:
    await a_customer(api)
    await a_plan(api, fee("31"))
    subscription = await a_subscription(api, trialDays=11, billingAnchor=MAY["start"])
    api.clock.set("2026-06-02T00:00:00Z")

    draft = await a_draft(api, subscription)

    assert money(draft) == ("20.00", "0.00", "20.00")
    assert draft["period"] == MAY


async def test_what_a_draft_refers_to_must_be_there(api: Api) -> None:
    subscription = await the_usual(api)
    await a_customer(api, "zeta")
    grant = await a_grant(api, "5", "zeta")
    api.clock.set("2026-06-02T00:00:00Z")
    before = await counted_rows(api)

    assert await why_no_draft(api, "nobody") == [("NOT_FOUND", "input.customer")]
    foreign = {"subscriptionId": subscription["id"], "period": MAY}
    unknown = {"subscriptionId": NO_SUBSCRIPTION, "period": MAY}
    assert await why_no_draft(api, "zeta", **foreign) == [("NOT_FOUND", "input.subscriptionId")]
    assert await why_no_draft(api, "zeta", **unknown) == [("NOT_FOUND", "input.subscriptionId")]
    assert await why_no_draft(api, creditGrantIds=[grant["id"], NO_GRANT]) == [
        ("NOT_FOUND", "input.creditGrantIds.0"),
        ("NOT_FOUND", "input.creditGrantIds.1"),
    ]
    assert await counted_rows(api) == before


async def test_what_is_malformed_is_refused_where_it_is(api: Api) -> None:
    subscription = await the_usual(api)
    api.clock.set("2026-06-02T00:00:00Z")
    backwards = {"start": MAY["end"], "end": MAY["start"]}

    assert await why_no_draft(api, subscriptionId="cus_1") == [("INVALID", "input.subscriptionId")]
    assert await why_no_draft(api, subscriptionId=NO_INVOICE) == [
        ("INVALID", "input.subscriptionId")
    ]
    assert await why_no_draft(api, subscriptionId=subscription["id"], period=backwards) == [
        ("INVALID", "input.period.end")
    ]
    assert await why_no_draft(api, creditGrantIds=[NO_GRANT, "x"]) == [
        ("INVALID", "input.creditGrantIds.1")
    ]
    assert await why_no_draft(api, notes="x" * 10_001, creditGrantIds=[NO_GRANT] * 101) == [
        ("INVALID", "input.notes"),
        ("INVALID", "input.creditGrantIds"),
    ]
    assert await why_no_draft(api, idempotencyKey="") == [("INVALID", "input.idempotencyKey")]


async def test_an_archived_customer_gets_no_draft(api: Api) -> None:
    await a_customer(api)
    document = """mutation { archiveCustomer(customer: {key: "acme"}) {
      customer { key } errors { code message path } } }"""
    await made(api, document)

    assert await why_no_draft(api) == [("INVALID_STATE", "input.customer")]


async def test_the_same_idempotency_key_gives_the_same_draft(api: Api) -> None:
    subscription = await the_usual(api)
    api.clock.set("2026-06-02T00:00:00Z")
    sent: Json = {"notes": "May", "idempotencyKey": "may"}
    draft = await a_draft(api, subscription, **sent)
    issued = await finalized(api, draft)
    before = await counted_rows(api)

    api.clock.set("2026-06-03T00:00:00Z")
    assert await a_draft(api, subscription, **sent) == issued  # as it is now
    assert await why_no_draft(api, subscriptionId=subscription["id"], period=JUNE, **sent) == [
        ("IDEMPOTENCY_MISMATCH", "input.period")
    ]
    assert await why_no_draft(
        api, subscriptionId=subscription["id"], period=MAY, notes="other", idempotencyKey="may"
    ) == [("IDEMPOTENCY_MISMATCH", "input.notes")]
    assert await counted_rows(api) == before


async def test_a_refused_draft_leaves_its_idempotency_key_free(api: Api) -> None:
    subscription = await the_usual(api)
    span = {"subscriptionId": subscription["id"], "period": MAY, "idempotencyKey": "may"}
    assert await why_no_draft(api, **span) == [("INVALID", "input.period")]

    api.clock.set("2026-06-02T00:00:00Z")
    assert (await a_draft(api, subscription, idempotencyKey="may"))["status"] == "DRAFT"


async def test_a_billing_period_shows_what_holds_it(api: Api) -> None:
    subscription = await the_usual(api)
    api.clock.set("2026-08-01T00:00:00Z")
    may = await a_draft(api, subscription)
    june = await a_draft(api, subscription, JUNE)
    await finalized(api, june)

    assert await periods(api, subscription) == [
        ("2026-05", True, "DRAFT"),
        ("2026-06", True, "PENDING"),
        ("2026-07", True, None),
        ("2026-08", False, None),
    ]
    await voided(api, may)
    await voided(api, june, rebill=False)
    assert await periods(api, subscription) == [
        ("2026-05", True, None),
        ("2026-06", True, "VOID"),  # settled at zero
        ("2026-07", True, None),
        ("2026-08", False, None),
    ]


async def test_a_voided_draft_frees_its_periods(api: Api) -> None:
    subscription = await the_usual(api)
    api.clock.set("2026-06-02T00:00:00Z")
    draft = await a_draft(api, subscription)

    gone = await voided(api, draft, reason="A mistake.")

    assert (gone["status"], gone["number"], gone["voidReason"]) == ("VOID", None, "A mistake.")
    assert gone["voidedAt"] == "2026-06-02T00:00:00Z"
    assert gone["lines"] == draft["lines"]
    again = await a_draft(api, subscription)
    assert again["id"] != draft["id"]
    assert (await finalized(api, again))["number"] == "INV-000001"


@pytest.mark.parametrize("rebill", [False, True])
async def test_a_settled_period_is_invoiced_no_more(api: Api, *, rebill: bool) -> None:
    subscription = await the_usual(api)
    api.clock.set("2026-07-02T00:00:00Z")
    await voided(api, await finalized(api, await a_draft(api, subscription)), rebill=rebill)
    span = {"start": MAY["start"], "end": JUNE["end"]}

    draft = await a_draft(api, period=span)

    months = [start for _, start, _ in billed(draft)]
    assert months == ["2026-05"] * 2 * rebill + ["2026-06"] * 2


async def test_refreshing_rates_a_draft_anew_and_keeps_lines_by_hand(api: Api) -> None:
    subscription = await the_usual(api)
    await used(api, event("12"))
    api.clock.set("2026-06-02T00:00:00Z")
    draft = await added(api, await a_draft(api, subscription, notes="May"), "5")
    await used(api, event("3", eventTime="2026-05-31T00:00:00Z"))
    assert (await found(api, draft))["lines"] == draft["lines"]

    api.clock.set("2026-06-03T00:00:00Z")
    fresh = await refreshed(api, draft)

    assert amounts(fresh) == [
        ("FEE", "fee", "30.00"),
        ("USAGE", "usage", "15.00"),
        ("MANUAL", None, "5.00"),
    ]
    assert fresh["lines"][-1] == draft["lines"][-1]
    assert (fresh["id"], fresh["notes"]) == (draft["id"], "May")
    assert (fresh["asOf"], fresh["createdAt"]) == ("2026-06-03T00:00:00Z", draft["createdAt"])


async def test_refreshing_a_draft_by_hand_keeps_its_month(api: Api) -> None:
    await a_customer(api)
    draft = await added(api, await a_draft(api), "5")
    api.clock.set("2026-06-03T00:00:00Z")

    fresh = await refreshed(api, draft)

    assert fresh == {**draft, "asOf": "2026-06-03T00:00:00Z"}


async def test_only_a_draft_can_be_refreshed(api: Api) -> None:
    await a_customer(api)
    issued = await finalized(api, await a_draft(api))
    for id, code in ((issued["id"], "INVALID_STATE"), (NO_INVOICE, "NOT_FOUND"), ("x", "INVALID")):
        payload = await asked(api, REFRESH, id=id)
        assert [(one["code"], one["path"]) for one in payload["errors"]] == [(code, ["invoiceId"])]


async def test_an_ended_subscription_has_a_last_shorter_period(api: Api) -> None:
    subscription = await the_usual(api, fee("31"), per_unit())
    api.clock.set("2026-05-11T00:00:00Z")
    await made(api, CANCEL, id=subscription["id"], effective="NOW")

    stub = {"start": MAY["start"], "end": "2026-05-11T00:00:00Z"}
    draft = await a_draft(api, subscription, stub)

    assert (draft["period"], money(draft)) == (stub, ("10.00", "0.00", "10.00"))


async def test_an_invoice_is_a_node(api: Api) -> None:
    await a_customer(api)
    draft = await a_draft(api)

    assert await asked(api, NODE, id=draft["id"]) == {
        "__typename": "Invoice",
        "id": draft["id"],
        "status": "DRAFT",
    }
    answer = await api.ask(NODE, id=NO_INVOICE)
    assert answer == {"node": None}


async def test_a_draft_that_has_no_amount_is_refused_by_its_formula(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_metric(api, "errors")
    await a_metric(api, "ratio", type="COMPOSITE", formula="calls / errors")
    await a_plan(api, per_unit("1", "ratio"))
    subscription = await a_subscription(api)
    await used(api, event("3"))
    api.clock.set("2026-06-02T00:00:00Z")

    refusals = await why_no_draft(api, subscriptionId=subscription["id"], period=MAY)

    assert refusals == [("FORMULA_FAILED", "")]
    assert await periods(api, subscription) == [("2026-05", True, None), ("2026-06", False, None)]
