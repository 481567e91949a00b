"""GraphiQL as people meet it: examples run at the first click, and nothing comes from elsewhere."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Demo, Example, Watched


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
