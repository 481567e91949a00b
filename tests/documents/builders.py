"""A small invoice, and what can be read in the PDF of one."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO

from pypdf import PdfReader

from fubble_gql.documents.invoice import (
    Credit,
    Document,
    Group,
    Line,
    LineKind,
    Recipient,
    Seller,
    Step,
)
from fubble_gql.documents.render import render
from fubble_gql.pricing.period import Period
from tests.pricing.builders import d

SELLER = Seller(
    name="Fubble Cloud Ltd.",
    address="12 Example Street\nLondon EC1A 1AA",
    tax_id="GB 123 4567 89",
    payment_terms="Payable within 30 days of issue.",
)
ACME = Recipient(
    name="Erika Mustermann",
    company_name="Acme GmbH",
    email="billing@acme.example",
    billing_address="Friedrichstraße 100\n10117 Berlin",
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


MAY = Period(at("2026-05-01T00:00+02:00"), at("2026-06-01T00:00+02:00"))
PRO = Group("Pro", MAY)
TIERS = (
    Step("Tier 1", d("1000"), d("0.02"), d("20"), d("0"), d("0"), d("1000")),
    Step("Tier 2", d("250.5"), d("0.01"), d("7.505"), d("5"), d("1000"), None),
)


def line(description: str = "Support", amount: str = "10.00", **changes: object) -> Line:
    """One unit at its amount, in no group."""
    plain = Line(LineKind.MANUAL, description, d("1"), d(amount), unit_price=d(amount))
    return replace(plain, **changes)  # type: ignore[arg-type] # the names are checked by replace


def usage(description: str = "Tokens", amount: str = "27.51", **changes: object) -> Line:
    """Two tiers of a plan in May."""
    plain = line(
        description,
        amount,
        kind=LineKind.USAGE,
        quantity=d("1250.5"),
        steps=TIERS,
        period=MAY,
        group=PRO,
    )
    return replace(plain, **changes)  # type: ignore[arg-type] # as above


def invoice(*lines: Line, credit: tuple[Credit, ...] = (), **changes: object) -> Document:
    """An invoice of those lines in euros, issued in Berlin on 1 June 2026."""
    lines = lines or (line(),)
    subtotal = sum((each.amount for each in lines), Decimal(0))
    applied = sum((each.amount for each in credit), Decimal(0))
    document = Document(
        seller=SELLER,
        bill_to=ACME,
        number="FUB-000042",
        issued_at=at("2026-06-01T08:15:00+02:00"),
        due_at=at("2026-07-01T08:15:00+02:00"),
        timezone="Europe/Berlin",
        currency="EUR",
        lines=lines,
        subtotal=subtotal,
        credits=credit,
        credits_applied=applied,
        total=max(Decimal(0), subtotal - applied),
        period=MAY,
    )
    return replace(document, **changes)  # type: ignore[arg-type] # as above


def pages(document: Document) -> list[str]:
    """The text of each page, its lines joined."""
    reader = PdfReader(BytesIO(render(document)))
    return [" ".join(page.extract_text().split()) for page in reader.pages]


def text_of(document: Document) -> str:
    return " ".join(pages(document))


def letters_of(document: Document) -> str:
    """All that is written, without the spaces and line ends between."""
    return "".join(text_of(document).split())
