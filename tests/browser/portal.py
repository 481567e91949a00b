"""The portal in a browser: opened by a session, looked into by what it says."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Demo
from tests.cli.running import PATIENCE_SECONDS, ask

SOURCE = Path(__file__).parents[2] / "examples" / "portal"
AXE = SOURCE / "node_modules" / "axe-core" / "axe.min.js"
PAGES = ("Overview", "Usage", "Plans", "Invoices", "Credits")
SETTLE_MS = 20_000
# Two subscriptions, one of them without a price that changes as time goes by; invoices; credit.
CUSTOMER = "aurora-analytics"


def base(demo: Demo) -> str:
    """Where the demo's own pages are."""
    return demo.url.removesuffix("/graphql")


def session(demo: Demo, customer: str = CUSTOMER) -> str:
    """The address of the portal with a session, as the start page sends a browser there."""
    answer = httpx.post(f"{base(demo)}/sessions/{customer}", timeout=PATIENCE_SECONDS)
    return base(demo) + answer.headers["location"]


def open_portal(page: Page, demo: Demo, customer: str = CUSTOMER) -> None:
    """The overview, with all that it has to say."""
    page.goto(session(demo, customer))
    expect(page.get_by_role("table", name="The bill so far")).to_be_visible(timeout=SETTLE_MS)
    expect(page.get_by_test_id("cost-chart")).to_be_visible(timeout=SETTLE_MS)


def go_to(page: Page, name: str) -> None:
    """One of the pages, by its tab, once nothing is loading."""
    page.get_by_role("navigation").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1, name=name)).to_be_attached()
    expect(page.locator(".card").first).to_be_visible()
    expect(page.locator(".skeleton")).to_have_count(0, timeout=SETTLE_MS)
    expect(page.locator("[aria-busy=true]")).to_have_count(0, timeout=SETTLE_MS)


def unfold(row: Locator) -> None:
    """Open a table's row."""
    row.get_by_role("button").first.click()


def row_of(page: Page, table: str, name: str) -> Locator:
    """The row of a table that opens by this name, with what is inside it."""
    rows = page.get_by_role("table", name=table).locator("> tbody.fold")
    button = page.get_by_role("button", name=re.compile(f"^{re.escape(name)}"))
    return rows.filter(has=button).first


def asked(demo: Demo, document: str) -> Any:  # noqa: ANN401 - JSON
    """What the graph answers an operator."""
    answer = ask(demo.url, demo.key, document)
    assert "errors" not in answer, answer
    return answer["data"]


def dollars(amount: str) -> str:
    """As the page writes an amount in US dollars."""
    value = Decimal(amount)
    return f"{'-' if value < 0 else ''}${abs(value):,}"


def blemishes(page: Page, *rules: str) -> list[str]:
    """What axe finds serious or critical on the page as it is now, by some of its rules or all."""
    page.evaluate(AXE.read_text("utf-8"))
    options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
    found = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{one['id']}: {json.dumps([node['html'][:200] for node in one['nodes']])}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
