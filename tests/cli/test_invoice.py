"""`fubble invoice export`: the PDF that the link serves, or its content as JSON."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.api.builders import event, used
from tests.api.conftest import running
from tests.api.invoicing import issued, the_usual
from tests.cli.running import run

SELLER = {"SELLER_NAME": "Test Seller Ltd"}


def an_invoice(url: str) -> bytes:
    """An issued invoice; its PDF as the link serves it."""

    async def work() -> bytes:
        async with running(url, seller_name="Test Seller Ltd") as api:
            subscription = await the_usual(api)
            await used(api, event("3", eventTime="2026-05-09T00:00:00Z"))
            api.clock.set("2026-06-02T10:00:00+00:00")
            invoice = await issued(api, subscription)
            return (await api.http.get(invoice["pdfUrl"])).content

    return asyncio.run(work())


def test_the_pdf_is_the_one_that_the_link_serves(database_url: str, tmp_path: Path) -> None:
    served = an_invoice(database_url)

    done = run(
        "invoice", "export", "INV-000001", folder=tmp_path, DATABASE_URL=database_url, **SELLER
    )

    assert (done.returncode, done.stdout) == (0, "")
    assert (tmp_path / "INV-000001.pdf").read_bytes() == served


def test_the_json_has_the_same_content(sqlite_url: str, tmp_path: Path) -> None:
    an_invoice(sqlite_url)

    done = run(
        *("invoice", "export", "INV-000001", "--json", "--output", "-"),
        folder=tmp_path,
        DATABASE_URL=sqlite_url,
        **SELLER,
    )

    found = json.loads(done.stdout)
    assert found["number"] == "INV-000001"
    assert found["billTo"]["name"] == "Acme"
    assert found["seller"]["name"] == "Test Seller Ltd"
    assert [line["amount"] for line in found["lines"]] == ["30.00", "3.00"]
    assert found["total"] == "33.00"
    assert found["issuedAt"] == "2026-06-02T10:00:00Z"


def test_an_unknown_number_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    done = run("invoice", "export", "INV-9", folder=tmp_path, DATABASE_URL=sqlite_url)

    assert done.returncode == 1
    assert done.stderr == "There is no such invoice.\n"
    assert list(tmp_path.glob("*.pdf")) == []
