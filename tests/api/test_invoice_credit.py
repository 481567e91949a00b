"""What credit pays of invoices, what comes back of it, and what invoices below zero leave."""

from __future__ import annotations

from tests.api.builders import (
    Json,
    a_customer,
    asked,
    event,
    made,
    used,
)
from tests.api.conftest import Api
from tests.api.invoicing import (
    VOID,
    a_draft,
    a_grant,
    added,
    charged,
    codes,
    credit_of,
    finalized,
    found,
    issued,
    money,
    paid,
    the_usual,
    voided,
)

CANCEL = """
mutation ($id: ID!) {
  cancelCredit(creditGrantId: $id) { creditGrant { id } errors { code message path } }
}
"""


async def remaining(api: Api) -> list[tuple[str, str, str]]:
    """What remains of acme's grants: type, status, amount."""
    return [
        (grant["type"], grant["status"], grant["remaining"]["amount"])
        for grant in (await credit_of(api))["creditGrants"]["nodes"]
    ]


async def entries(api: Api, place: int = 0) -> list[tuple[str, str | None]]:
    """The entries of one of acme's grants: amounts, and the number of the invoice."""
    grant = (await credit_of(api))["creditGrants"]["nodes"][place]
    return [
        (one["amount"]["amount"], one["invoice"] and one["invoice"]["number"])
        for one in grant["transactions"]
    ]


async def balance(api: Api) -> str:
    """What acme can spend."""
    amount = (await credit_of(api))["creditBalance"]["amount"]
    assert isinstance(amount, str)
    return amount


async def below_zero(api: Api, amount: str = "-25") -> Json:
    """An issued invoice that owes acme something."""
    return await charged(api, amount)


async def test_finalising_draws_on_credit(api: Api) -> None:
    subscription = await the_usual(api)
    await a_grant(api, "25")
    api.clock.set("2026-06-02T00:00:00Z")
    draft = await a_draft(api, subscription)
    assert money(draft) == ("30.00", "25.00", "5.00")
    assert await balance(api) == "25.00"  # a draft only shows it

    invoice = await finalized(api, draft)

    assert money(invoice) == ("30.00", "25.00", "5.00")
    assert (invoice["status"], invoice["amountDue"]) == ("PENDING", {"amount": "5.00"})
    assert await remaining(api) == [("PREPAID", "CONSUMED", "0.00")]
    assert await entries(api) == [("25.00", None), ("-25.00", "INV-000001")]


async def test_credit_that_covers_an_invoice_pays_it_at_once(api: Api) -> None:
    await a_customer(api)
    await a_grant(api, "25")

    invoice = await charged(api)

    assert money(invoice) == ("10.00", "10.00", "0.00")
    assert (invoice["status"], invoice["paidAt"]) == ("PAID", invoice["issuedAt"])
    assert await balance(api) == "15.00"


async def test_a_draft_shows_credit_as_if_finalised_alone(api: Api) -> None:
    await a_customer(api)
    await a_grant(api, "10")
    drafts = [await added(api, await a_draft(api), "10") for _ in range(2)]
    assert [money(draft) for draft in drafts] == [("10.00", "10.00", "0.00")] * 2

    assert money(await finalized(api, drafts[1])) == ("10.00", "10.00", "0.00")
    assert money(await finalized(api, drafts[0])) == ("10.00", "0.00", "10.00")


async def test_named_grants_pay_first_in_the_order_of_their_names(api: Api) -> None:
    await a_customer(api)
    early = await a_grant(api, "10", priority=1)
    late, latest = [await a_grant(api, "10", priority=90) for _ in range(2)]
    draft = await a_draft(api, creditGrantIds=[latest["id"], late["id"]])

    invoice = await finalized(api, await added(api, draft, "15"))

    assert money(invoice) == ("15.00", "15.00", "0.00")
    left = {
        grant["id"]: grant["remaining"]["amount"]
        for grant in (await credit_of(api))["creditGrants"]["nodes"]
    }
    assert left == {early["id"]: "10.00", late["id"]: "5.00", latest["id"]: "0.00"}


async def test_others_pay_what_named_grants_leave(api: Api) -> None:
    await a_customer(api)
    await a_grant(api, "10")
    named = await a_grant(api, "10", priority=90)

    draft = await added(api, await a_draft(api, creditGrantIds=[named["id"]]), "25")

    assert money(await finalized(api, draft)) == ("25.00", "20.00", "5.00")


async def test_a_grant_that_expired_pays_nothing(api: Api) -> None:
    await a_customer(api)
    await a_grant(api, "10", expiresAt="2026-05-11T00:00:00Z")
    draft = await added(api, await a_draft(api), "10")
    assert money(draft) == ("10.00", "10.00", "0.00")

    api.clock.set("2026-05-11T00:00:00Z")

    assert money(await finalized(api, draft)) == ("10.00", "0.00", "10.00")


async def test_voiding_returns_what_was_drawn(api: Api) -> None:
    await a_customer(api)
    await a_grant(api, "25")
    invoice = await charged(api, "30")
    assert await balance(api) == "0.00"

    gone = await voided(api, invoice)

    assert money(gone) == ("30.00", "25.00", "5.00")  # what it was
    assert await balance(api) == "25.00"
    assert await entries(api) == [
        ("25.00", None),
        ("-25.00", "INV-000001"),
        ("25.00", "INV-000001"),
    ]
    await voided(api, invoice)
    assert await balance(api) == "25.00"


async def test_an_invoice_paid_by_credit_alone_can_be_voided(api: Api) -> None:
    await a_customer(api)
    await a_grant(api, "25")
    invoice = await charged(api, "25")
    assert invoice["status"] == "PAID"

    assert (await voided(api, invoice))["status"] == "VOID"
    assert await balance(api) == "25.00"


async def test_what_came_from_a_grant_that_is_gone_returns_as_a_refund(api: Api) -> None:
    await a_customer(api)
    await a_grant(api, "25", expiresAt="2026-05-11T00:00:00Z", priority=7)
    cancelled = await a_grant(api, "25", priority=8)
    invoice = await charged(api, "40")
    await made(api, CANCEL, id=cancelled["id"])
    api.clock.set("2026-05-12T00:00:00Z")

    await voided(api, invoice)

    assert await remaining(api) == [
        ("PREPAID", "CONSUMED", "0.00"),
        ("PREPAID", "CANCELLED", "0.00"),
        ("REFUND", "ACTIVE", "25.00"),
        ("REFUND", "ACTIVE", "15.00"),
    ]
    assert await entries(api, 2) == [("25.00", "INV-000001")]
    assert await balance(api) == "40.00"


async def test_an_invoice_below_zero_leaves_credit(api: Api) -> None:
    await a_customer(api)

    invoice = await below_zero(api)

    assert money(invoice) == ("-25.00", "0.00", "0.00")
    assert invoice["status"] == "PAID"
    assert await remaining(api) == [("ADJUSTMENT", "ACTIVE", "25.00")]
    assert await entries(api) == [("25.00", "INV-000001")]
    assert money(await charged(api, "10")) == ("10.00", "10.00", "0.00")


async def test_an_invoice_below_zero_draws_no_credit(api: Api) -> None:
    await a_customer(api)
    await a_grant(api, "10")

    await below_zero(api)

    assert await balance(api) == "35.00"


async def test_voiding_an_invoice_below_zero_takes_its_credit_back(api: Api) -> None:
    await a_customer(api)
    invoice = await below_zero(api)

    await voided(api, invoice)

    assert await remaining(api) == [("ADJUSTMENT", "CANCELLED", "0.00")]
    assert await balance(api) == "0.00"


async def test_an_invoice_whose_credit_is_spent_cannot_be_voided(api: Api) -> None:
    await a_customer(api)
    invoice = await below_zero(api)
    spender = await charged(api, "10")

    payload = await asked(api, VOID, id=invoice["id"])

    assert codes(payload) == [("INVALID_STATE", "invoiceId")]
    assert await found(api, invoice) == invoice
    assert await balance(api) == "15.00"
    await voided(api, spender)
    assert (await voided(api, invoice))["status"] == "VOID"
    assert await balance(api) == "0.00"


async def test_a_paid_invoice_keeps_the_credit_that_it_drew(api: Api) -> None:
    subscription = await the_usual(api)
    await used(api, event("10"))
    await a_grant(api, "25")
    api.clock.set("2026-06-02T00:00:00Z")
    invoice = await paid(api, await issued(api, subscription))

    payload = await asked(api, VOID, id=invoice["id"])

    assert codes(payload) == [("INVALID_STATE", "invoiceId")]
    assert await balance(api) == "0.00"
