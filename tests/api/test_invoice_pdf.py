"""The PDF of an invoice over HTTP: complete, the caller's own, and the same for ever."""

from __future__ import annotations

import asyncio
from io import BytesIO

import pytest
from pypdf import PdfReader

from fubble_gql.db.sql import sql
from tests.api.builders import Json, asked, event, made, price, tiers, used
from tests.api.conftest import Api
from tests.api.invoicing import ADD, FINALIZE, GRANT, a_draft, the_usual


@pytest.fixture(autouse=True)
def _seller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who issues the invoices."""
    monkeypatch.setenv("FUBBLE_SELLER_NAME", "Test Seller Ltd")
    monkeypatch.setenv("FUBBLE_SELLER_ADDRESS", "1 High Street")
    monkeypatch.setenv("FUBBLE_SELLER_TAX_ID", "GB123")


async def an_invoice(api: Api) -> Json:
    """An issued one with tiers, a manual line and credit."""
    graduated = price({"graduated": tiers(("10", "1", "0"), (None, "0.5", "2"))})
    subscription = await the_usual(api, graduated)
    await made(api, GRANT, input={"customer": {"key": "acme"}, "amount": "5"})
    await used(api, event("30", eventTime="2026-05-09T00:00:00Z"))
    api.clock.set("2026-06-02T10:00:00+00:00")
    draft = await a_draft(api, subscription, notes="Thank you.")
    line = {"description": "*Setup* #[x] $1$", "unitPrice": "7.25"}
    await made(api, ADD, id=draft["id"], input=line)
    return await made(api, FINALIZE, id=draft["id"])


def text_in(pdf: bytes) -> str:
    """All its text, in one line."""
    pages = PdfReader(BytesIO(pdf)).pages
    return " ".join(" ".join(page.extract_text().split()) for page in pages)


async def pdf_at(api: Api, url: str) -> bytes:
    """What the link serves."""
    response = await api.http.get(url)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/pdf"
    return response.content


async def test_the_link_serves_everything_that_was_billed(api: Api) -> None:
    invoice = await an_invoice(api)

    text = text_in(await pdf_at(api, invoice["pdfUrl"]))

    for part in (
        "Test Seller Ltd",
        "1 High Street",
        "GB123",
        "INV-000001",
        "Acme",
        "2 June 2026",
        "2 July 2026",
        "*Setup* #[x] $1$",
        "USD 7.25",
        "USD 22.00",  # 10 x 1 + 20 x 0.5 + 2
        "USD 29.25",
        "USD −5.00",
        "USD 24.25",
        "Thank you.",
    ):
        assert part in text, (part, text)


async def test_it_stays_the_same_to_the_byte(api: Api) -> None:
    invoice = await an_invoice(api)
    first = await pdf_at(api, invoice["pdfUrl"])
    await asked(
        api,
        'mutation { updateCustomer(customer: {key: "acme"}, input: {name: "Zenith"}) '
        "{ errors { code } } }",
    )
    await asked(
        api,
        "mutation ($id: ID!) { payInvoice(invoiceId: $id) { errors { code } } }",
        id=invoice["id"],
    )

    again = await pdf_at(api, invoice["pdfUrl"])

    assert again == first


async def test_it_needs_a_key_and_an_issued_invoice(api: Api) -> None:
    await the_usual(api)
    draft = await a_draft(api)
    url = f"/invoices/{draft['id']}.pdf"

    anonymous = await api.http.get(url, headers={"Authorization": ""})
    early = await api.http.get(url)
    unknown = await api.http.get(f"/invoices/inv_{'0' * 32}.pdf")
    malformed = await api.http.get("/invoices/x.pdf")

    assert draft["pdfUrl"] is None
    assert (anonymous.status_code, early.status_code) == (401, 409)
    assert (unknown.status_code, malformed.status_code) == (404, 404)
    assert unknown.json() == malformed.json()


async def test_a_character_without_a_glyph_is_named(api: Api) -> None:
    await the_usual(api)
    draft = await a_draft(api, notes="漢")
    invoice = await made(api, FINALIZE, id=draft["id"])

    response = await api.http.get(invoice["pdfUrl"])

    assert response.status_code == 422
    assert "U+6F22" in response.json()["message"]


async def test_two_who_ask_first_get_the_same(postgres_api: Api) -> None:
    api = postgres_api
    invoice = await an_invoice(api)

    served = await asyncio.gather(*(pdf_at(api, invoice["pdfUrl"]) for _ in range(5)))

    kept = await api.connection.fetch(sql("select count(*) from invoice_document"))
    assert int(kept[0][0]) == 1
    assert len(set(served)) == 1
