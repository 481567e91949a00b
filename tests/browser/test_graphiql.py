"""GraphiQL as people meet it: examples run at the first click, and nothing comes from elsewhere."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Demo, Example, Watched
from tests.cli.running import ask


def open_page(page: Page, demo: Demo) -> None:
    page.goto(demo.url)
    await_editors(page)


def await_editors(page: Page) -> None:
    expect(page.locator(".graphiql-editors .view-lines")).to_have_count(3, timeout=30_000)
    expect(page.locator(".graphiql-explorer-root")).to_contain_text("Add new", timeout=30_000)


def execute(page: Page, answer: str) -> None:
    page.locator(".graphiql-execute-button").click()
    expect(page.locator(".result-window .view-lines")).to_contain_text(answer, timeout=15_000)


def run(page: Page, example: Example) -> None:
    page.get_by_role("tab", name=example.name).click()
    expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text(example.name)
    execute(page, example.answer)


def test_the_first_click_on_each_example_works(
    served_demo: Demo, watched: Watched, pictures: Path
) -> None:
    page = watched.page
    open_page(page, served_demo)
    assert page.title() == "fubble"
    execute(page, served_demo.query.answer)
    run(page, served_demo.mutation)
    run(page, served_demo.query)
    page.wait_for_timeout(500)
    page.screenshot(path=pictures / "graphiql.png")
    assert watched.outside == []
    assert watched.complaints == []


def test_the_key_is_not_kept_and_a_reload_still_works(served_demo: Demo, watched: Watched) -> None:
    page = watched.page
    open_page(page, served_demo)
    run(page, served_demo.query)
    page.wait_for_timeout(1_000)
    kept = page.evaluate("JSON.stringify(localStorage)")
    assert served_demo.query.name in kept
    assert served_demo.key not in kept
    page.reload()
    await_editors(page)
    run(page, served_demo.mutation)
    page.get_by_role("button", name="Show History").click()
    page.locator(".graphiql-history-item-label", has_text=served_demo.query.name).first.click()
    execute(page, served_demo.query.answer)
    assert watched.outside == []
    assert watched.complaints == []


def test_what_is_watched_changes_by_itself(served_demo: Demo, watched: Watched) -> None:
    page = watched.page
    open_page(page, served_demo)
    run(page, served_demo.subscription)
    before = quantity_shown(page)
    for number in range(2):
        record_an_hour(served_demo, f"watched-{number}")
        shown = f'"quantity": "{before + number + 1}"'
        expect(page.locator(".result-window .view-lines")).to_contain_text(shown, timeout=15_000)
    page.locator(".graphiql-execute-button").click()  # it has become the button that stops
    assert watched.outside == []
    assert watched.complaints == []


def quantity_shown(page: Page) -> Decimal:
    found = re.search(r'"quantity":\s*"([0-9.]+)"', page.inner_text(".result-window .view-lines"))
    assert found is not None
    return Decimal(found[1])


def record_an_hour(demo: Demo, key: str) -> None:
    event = f'''{{customer: "aurora-analytics", metric: "gpu_hours", quantity: "1",
      properties: {{gpus: 1, priority: 1}}, idempotencyKey: "{key}"}}'''
    document = "mutation { recordUsage(events: [" + event + "]) { accepted } }"
    assert ask(demo.url, demo.key, document)["data"] == {"recordUsage": {"accepted": 1}}
