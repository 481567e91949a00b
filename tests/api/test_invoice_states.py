"""The life of an invoice: issued once, paid, failed, taken back, and nothing out of order."""

from __future__ import annotations

import asyncio

import pytest

from tests.api.builders import (
    MAY,
    Json,
    a_customer,
    amounts,
    asked,
    counted_rows,
    event,
    made,
    used,
)
from tests.api.conftest import Api, running
from tests.api.invoicing import (
    ADD,
    CREATE,
    FAIL,
    FINALIZE,
    PAY,
    REFRESH,
    VOID,
    a_draft,
    added,
    charged,
    codes,
    failed,
    finalized,
    found,
    invoicing,
    issued,
    money,
    paid,
    the_usual,
    voided,
)

NO_INVOICE = "inv_" + "0" * 32
UPDATE = """
mutation ($input: UpdateCustomerInput!) {
  updateCustomer(customer: {key: "acme"}, input: $input) {
    customer { name } errors { code message path }
  }
}
"""
MOVES = {"PENDING": FINALIZE, "PAID": PAY, "FAILED": FAIL, "VOID": VOID}
# What each state may become. PAID is of an invoice with something to pay.
NEXT = {
    "DRAFT": {"PENDING", "VOID"},
    "PENDING": {"PAID", "FAILED", "VOID"},
    "PAID": set[str](),
    "FAILED": {"PAID", "VOID"},
    "VOID": set[str](),
}
# Moves that find nothing to do, beside those to the same state.
DONE = {("PENDING", "PENDING"), ("PAID", "PENDING"), ("FAILED", "PENDING")}


async def in_state(api: Api, state: str) -> Json:
    """An invoice of 10.00 in a state."""
    draft = await added(api, await a_draft(api), "10")
    if state == "DRAFT":
        return draft
    if state == "VOID":
        return await voided(api, await finalized(api, draft))
    invoice = await finalized(api, draft)
    if state == "PAID":
        return await paid(api, invoice)
    return await failed(api, invoice, "No funds.") if state == "FAILED" else invoice


async def test_finalising_issues_a_draft(api: Api) -> None:
    subscription = await the_usual(api)
    await used(api, event("12"))
    api.clock.set("2026-06-02T00:00:00Z")
    draft = await a_draft(api, subscription, notes="May")
    await used(api, event("3"))  # known before it is finalised
    api.clock.set("2026-06-03T10:00:00Z")

    invoice = await finalized(api, draft)

    assert (invoice["number"], invoice["status"]) == ("INV-000001", "PENDING")
    assert amounts(invoice) == [("FEE", "fee", "30.00"), ("USAGE", "usage", "15.00")]
    assert invoice["asOf"] == invoice["issuedAt"] == "2026-06-03T10:00:00Z"
    assert invoice["dueAt"] == "2026-07-03T10:00:00Z"
    assert invoice["amountDue"] == {"amount": "45.00"}
    assert invoice["paidAt"] is None
    assert (invoice["id"], invoice["createdAt"]) == (draft["id"], draft["createdAt"])
    assert (invoice["notes"], invoice["period"]) == ("May", MAY)
    assert invoice["pdfUrl"] == f"/invoices/{invoice['id']}.pdf"
    assert await found(api, invoice) == invoice


async def test_finalising_again_changes_nothing(api: Api) -> None:
    subscription = await the_usual(api)
    api.clock.set("2026-06-02T00:00:00Z")
    invoice = await issued(api, subscription)
    before = await counted_rows(api)
    await used(api, event("3"))
    api.clock.set("2026-06-05T00:00:00Z")

    assert await finalized(api, invoice) == invoice
    assert await finalized(api, await paid(api, invoice)) == await found(api, invoice)
    after = await counted_rows(api)
    assert after == {**before, "usage_event": before["usage_event"] + 1}


async def test_numbers_are_gapless_and_in_order(api: Api) -> None:
    await a_customer(api)
    drafts = [await added(api, await a_draft(api), "1") for _ in range(4)]
    await voided(api, drafts[1])  # a draft never had one

    numbers = [(await finalized(api, drafts[n]))["number"] for n in (2, 0, 3)]

    assert numbers == ["INV-000001", "INV-000002", "INV-000003"]
    await voided(api, drafts[3])
    assert (await charged(api))["number"] == "INV-000004"  # a void one keeps its own


async def test_a_refused_finalisation_uses_up_no_number(api: Api) -> None:
    await a_customer(api)
    payload = await asked(api, FINALIZE, id=NO_INVOICE)
    assert codes(payload) == [("NOT_FOUND", "invoiceId")]
    assert codes(await asked(api, FINALIZE, id="cus_" + "0" * 32)) == [("INVALID", "invoiceId")]

    assert (await charged(api))["number"] == "INV-000001"


async def test_twenty_callers_finalise_an_invoice_once(postgres_api: Api) -> None:
    subscription = await the_usual(postgres_api)
    await used(postgres_api, event("12"))
    postgres_api.clock.set("2026-06-02T00:00:00Z")
    draft = await a_draft(postgres_api, subscription)
    before = await counted_rows(postgres_api)

    answers = await asyncio.gather(*(finalized(postgres_api, draft) for _ in range(20)))

    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["number"] == "INV-000001"
    assert await counted_rows(postgres_api) == before


async def test_twenty_invoices_finalised_at_once_have_twenty_numbers(postgres_api: Api) -> None:
    drafts = []
    for n in range(20):
        await a_customer(postgres_api, f"c{n}")
        drafts.append(await added(postgres_api, await a_draft(postgres_api, customer=f"c{n}")))

    answers = await asyncio.gather(*(finalized(postgres_api, draft) for draft in drafts))

    numbers = sorted(answer["number"] for answer in answers)
    assert numbers == [f"INV-{n:06d}" for n in range(1, 21)]


async def test_twenty_callers_who_draft_one_period_get_one_draft(postgres_api: Api) -> None:
    subscription = await the_usual(postgres_api)
    postgres_api.clock.set("2026-06-02T00:00:00Z")

    answers = await asyncio.gather(
        *(a_draft(postgres_api, subscription, idempotencyKey="may") for _ in range(20))
    )

    assert all(answer == answers[0] for answer in answers)


async def test_an_invoice_keeps_whom_it_was_issued_to(api: Api) -> None:
    await a_customer(
        api, email="a@acme.test", companyName="Acme Inc.", billingAddress="1 Main Street"
    )
    invoice = await charged(api)
    assert invoice["billTo"] == {
        "name": "Acme",
        "companyName": "Acme Inc.",
        "email": "a@acme.test",
        "billingAddress": "1 Main Street",
    }

    await made(api, UPDATE, input={"name": "New", "email": None, "billingAddress": "2 High Street"})

    assert await found(api, invoice) == invoice
    assert (await charged(api))["billTo"]["billingAddress"] == "2 High Street"


async def test_an_invoice_is_due_by_the_sellers_terms(sqlite_url: str) -> None:
    async with running(sqlite_url, payment_terms_days=14) as api:
        await a_customer(api)
        assert (await charged(api))["dueAt"] == "2026-05-24T12:00:00Z"


async def test_an_invoice_due_at_once_is_overdue_only_later(sqlite_url: str) -> None:
    async with running(sqlite_url, payment_terms_days=0) as api:
        await a_customer(api)
        invoice = await charged(api)
        assert (invoice["dueAt"], invoice["isOverdue"]) == (invoice["issuedAt"], False)

        api.clock.set("2026-05-10T12:00:00.000001Z")
        assert (await found(api, invoice))["isOverdue"] is True
        assert (await paid(api, invoice))["isOverdue"] is False


@pytest.mark.parametrize("state", NEXT)
async def test_an_invoice_moves_as_its_state_allows(api: Api, state: str) -> None:
    await a_customer(api)
    for to, document in MOVES.items():
        invoice = await in_state(api, state)
        assert invoice["status"] == state
        before = await counted_rows(api)

        payload = await asked(api, document, id=invoice["id"])

        if to in NEXT[state]:
            assert (payload["errors"], payload["invoice"]["status"]) == ([], to)
            continue
        assert await found(api, invoice) == invoice
        assert await counted_rows(api) == before
        if to == state or (state, to) in DONE:
            assert (payload["errors"], payload["invoice"]) == ([], invoice)
        else:
            assert codes(payload) == [("INVALID_STATE", "invoiceId")]
            assert payload["invoice"] is None
            assert state in payload["errors"][0]["message"]
            assert to in payload["errors"][0]["message"]


@pytest.mark.parametrize("document", [*MOVES.values(), REFRESH])
async def test_an_invoice_that_is_not_there_is_not_found(api: Api, document: str) -> None:
    assert codes(await asked(api, document, id=NO_INVOICE)) == [("NOT_FOUND", "invoiceId")]
    assert codes(await asked(api, document, id="INV-000001")) == [("INVALID", "invoiceId")]


async def test_a_paid_invoice_says_when(api: Api) -> None:
    await a_customer(api)
    invoice = await charged(api)
    api.clock.set("2026-05-20T00:00:00Z")

    payment = await paid(api, invoice, paidAt="2026-05-15T00:00:00Z")

    assert payment == {
        **invoice,
        "status": "PAID",
        "paidAt": "2026-05-15T00:00:00Z",
        "amountDue": {"amount": "0.00"},
    }
    assert await paid(api, invoice, paidAt="2026-05-16T00:00:00Z") == payment
    assert (await paid(api, await charged(api)))["paidAt"] == "2026-05-20T00:00:00Z"


async def test_an_invoice_is_paid_neither_before_it_was_issued_nor_in_the_future(api: Api) -> None:
    await a_customer(api)
    invoice = await charged(api)
    api.clock.set("2026-05-20T00:00:00Z")

    for instant in ("2026-05-10T11:59:59.999999Z", "2026-05-20T00:00:00.000001Z"):
        payload = await asked(api, PAY, id=invoice["id"], paidAt=instant)
        assert codes(payload) == [("INVALID", "paidAt")]
    assert await found(api, invoice) == invoice
    assert (await paid(api, invoice, paidAt=invoice["issuedAt"]))["status"] == "PAID"


async def test_a_failed_invoice_says_why_and_is_still_due(api: Api) -> None:
    await a_customer(api)
    invoice = await charged(api)
    api.clock.set("2026-05-20T00:00:00Z")

    failure = await failed(api, invoice, "No funds.")

    assert failure == {
        **invoice,
        "status": "FAILED",
        "failedAt": "2026-05-20T00:00:00Z",
        "failureReason": "No funds.",
    }
    assert failure["amountDue"] == {"amount": "10.00"}
    api.clock.set("2026-05-21T00:00:00Z")
    assert await failed(api, invoice, "Other.") == failure
    payment = await paid(api, invoice)
    assert payment == {
        **failure,
        "status": "PAID",
        "paidAt": "2026-05-21T00:00:00Z",
        "amountDue": {"amount": "0.00"},
    }


async def test_a_void_invoice_says_why_and_keeps_what_it_was(api: Api) -> None:
    await a_customer(api)
    invoice = await charged(api)
    api.clock.set("2026-05-20T00:00:00Z")

    gone = await voided(api, invoice, reason="A mistake.")

    assert gone == {
        **invoice,
        "status": "VOID",
        "voidedAt": "2026-05-20T00:00:00Z",
        "voidReason": "A mistake.",
        "amountDue": {"amount": "0.00"},
    }
    api.clock.set("2026-05-21T00:00:00Z")
    assert await voided(api, invoice, reason="Other.") == gone


@pytest.mark.parametrize("document", [FAIL, VOID])
async def test_a_reason_has_a_length(api: Api, document: str) -> None:
    await a_customer(api)
    invoice = await charged(api)

    payload = await asked(api, document, id=invoice["id"], reason="x" * 10_001)

    assert codes(payload) == [("INVALID", "reason")]
    assert await found(api, invoice) == invoice


async def test_an_invoice_with_nothing_to_pay_is_issued_and_paid_at_once(api: Api) -> None:
    await a_customer(api)

    invoice = await finalized(api, await a_draft(api))

    assert (invoice["status"], invoice["number"]) == ("PAID", "INV-000001")
    assert invoice["paidAt"] == invoice["issuedAt"]
    assert money(invoice) == ("0.00", "0.00", "0.00")
    gone = await voided(api, invoice)
    assert (gone["status"], gone["paidAt"]) == ("VOID", invoice["paidAt"])


async def test_a_draft_of_a_later_change_cannot_be_finalised_before_its_period_ends(
    api: Api,
) -> None:
    subscription = await the_usual(api)
    api.clock.set("2026-06-02T00:00:00Z")
    draft = await a_draft(api, subscription)
    api.clock.set("2026-05-20T00:00:00Z")  # a clock that was set back

    payload = await asked(api, FINALIZE, id=draft["id"])

    assert codes(payload) == [("INVALID_STATE", "invoiceId")]
    assert "2026-06-01T00:00:00" in payload["errors"][0]["message"]
    assert await found(api, draft) == draft


async def test_callers_who_draft_one_period_at_once_get_one_draft(postgres_api: Api) -> None:
    subscription = await the_usual(postgres_api)
    postgres_api.clock.set("2026-06-02T00:00:00Z")
    one = invoicing(subscriptionId=subscription["id"], period=MAY)
    all_ = invoicing(period=MAY)

    payloads = await asyncio.gather(
        *(asked(postgres_api, CREATE, input=input) for input in [one, all_] * 10)
    )

    made_ = [payload["invoice"] for payload in payloads if payload["invoice"]]
    refusals = [codes(payload) for payload in payloads if not payload["invoice"]]
    assert [invoice["status"] for invoice in made_] == ["DRAFT"]
    assert {code for ((code, _),) in refusals} <= {"CONFLICT", "INVALID"}
    assert {path for ((_, path),) in refusals} == {"input.period"}


async def test_callers_who_meet_over_one_invoice_leave_it_whole(postgres_api: Api) -> None:
    subscription = await the_usual(postgres_api)
    await used(postgres_api, event("12"))
    postgres_api.clock.set("2026-06-02T00:00:00Z")
    for _ in range(5):
        draft = await a_draft(postgres_api, subscription)
        line = {"description": "Support", "unitPrice": "10"}

        payloads = await asyncio.gather(
            *(asked(postgres_api, ADD, id=draft["id"], input=line) for _ in range(5)),
            *(asked(postgres_api, REFRESH, id=draft["id"]) for _ in range(3)),
            *(asked(postgres_api, FINALIZE, id=draft["id"]) for _ in range(3)),
            *(asked(postgres_api, VOID, id=draft["id"]) for _ in range(2)),
        )

        refusals = {code for payload in payloads for code, _ in codes(payload)}
        assert refusals <= {"INVALID_STATE"}
        invoice = await found(postgres_api, draft)
        assert invoice["status"] == "VOID"
        added_ = sum(not payload["errors"] for payload in payloads[:5])
        assert money(invoice)[0] == f"{42 + 10 * added_}.00"
        assert [kind for kind, _, _ in amounts(invoice)] == ["FEE", "USAGE"] + ["MANUAL"] * added_
