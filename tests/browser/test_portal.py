"""The portal as a customer meets it: the bill changes while it is looked at, and explains itself."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Route, expect

from tests.browser import portal
from tests.browser.conftest import Demo, Watched
from tests.browser.portal import CUSTOMER, PAGES, dollars, go_to, open_portal, row_of, unfold

SUBSCRIPTIONS = """
    subscriptions { nodes { id plan { name }
        invoicePreview {
            subtotal { amount }
            lines { description amount { amount } steps { label amount } }
        }
    } }
"""


def subscription(demo: Demo, plan: str) -> dict[str, object]:
    """The customer's subscription to a plan, with its preview, as an operator sees it."""
    found = portal.asked(demo, f'{{ customer(key: "{CUSTOMER}") {{ {SUBSCRIPTIONS} }} }}')
    nodes = found["customer"]["subscriptions"]["nodes"]
    (one,) = [node for node in nodes if node["plan"]["name"] == plan]
    return dict(one)


def so_far(demo: Demo, plan: str) -> str:
    preview = subscription(demo, plan)["invoicePreview"]
    assert isinstance(preview, dict)
    return dollars(preview["subtotal"]["amount"])


def record(demo: Demo, metric: str, quantity: str) -> None:
    event = f'customer: "{CUSTOMER}", metric: "{metric}", quantity: "{quantity}"'
    done = portal.asked(
        demo,
        f'mutation {{ recordUsage(events: [{{ {event}, idempotencyKey: "{uuid4()}" }}]) '
        "{ accepted } }",
    )
    assert done["recordUsage"]["accepted"] == 1


def assert_calm(watched: Watched) -> None:
    """Nothing was asked of another host, and nothing was complained of."""
    assert watched.outside == []
    assert watched.complaints == []


def test_the_bill_changes_on_the_page_while_usage_is_recorded(
    served_demo: Demo, watched: Watched
) -> None:
    page = watched.page
    open_portal(page, served_demo)
    page.get_by_label("Subscription").select_option(label="AI plan")
    amount = page.get_by_test_id("so-far")
    expect(page.locator(".status")).to_contain_text("Live", timeout=portal.SETTLE_MS)
    expect(amount).to_have_text(so_far(served_demo, "AI"))
    compute = row_of(page, "The bill so far", "Compute time")
    unfold(compute)
    page.evaluate("window.isTheSamePage = true")
    before = amount.inner_text()
    for _ in range(2):
        record(served_demo, "compute_seconds", "360000.5")
        after = so_far(served_demo, "AI")
        assert after != before
        expect(amount).to_have_text(after, timeout=portal.SETTLE_MS)
        before = after
    expect(page.locator("[aria-live=polite]", has_text=before)).to_be_attached()
    expect(compute.get_by_role("table")).to_be_visible()  # what was open stays open
    assert page.evaluate("window.isTheSamePage") is True
    assert_calm(watched)


def test_each_amount_opens_to_the_steps_that_it_was_computed_by(
    served_demo: Demo, watched: Watched
) -> None:
    page = watched.page
    open_portal(page, served_demo)
    preview = subscription(served_demo, "Team")["invoicePreview"]
    assert isinstance(preview, dict)
    (seats,) = [line for line in preview["lines"] if line["description"] == "Seats"]
    row = row_of(page, "The bill so far", "Seats")
    expect(row).to_contain_text(dollars(seats["amount"]["amount"]))
    row.get_by_role("button").focus()
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    page.keyboard.press("Enter")
    steps = row.get_by_role("table", name="How Seats is computed")
    expect(steps.locator("tbody tr")).to_have_count(len(seats["steps"]))
    for step in seats["steps"]:
        shown = steps.locator("tbody tr", has_text=step["label"])
        expect(shown).to_contain_text(dollars(f"{Decimal(step['amount']):.2f}"))
    assert_calm(watched)


def test_the_chart_shows_each_day_and_has_a_table_of_the_same(
    served_demo: Demo, watched: Watched
) -> None:
    page = watched.page
    open_portal(page, served_demo)
    id = subscription(served_demo, "Team")["id"]
    days = portal.asked(
        served_demo,
        f'{{ planSubscription(id: "{id}") {{ costSeries {{ cumulativeAmount {{ amount }} }} }} }}',
    )["planSubscription"]["costSeries"]
    chart = page.get_by_test_id("cost-chart")
    assert chart.locator(".recharts-bar-rectangle path").count() >= len(days)
    chart.locator(".recharts-surface").first.focus()
    page.keyboard.press("ArrowRight")
    expect(chart.locator(".tip")).to_contain_text("In total")
    page.get_by_label("Table").check(force=True)
    rows = page.get_by_role("table", name="Cost of each day").locator("tbody tr")
    expect(rows).to_have_count(len(days))
    expect(rows.last).to_contain_text(dollars(days[-1]["cumulativeAmount"]["amount"]))
    page.get_by_label("In total").check(force=True)
    expect(chart.locator(".recharts-area")).to_be_visible()
    assert_calm(watched)


def test_usage_is_told_apart_by_the_values_of_its_dimensions(
    served_demo: Demo, watched: Watched
) -> None:
    page = watched.page
    open_portal(page, served_demo)
    page.get_by_label("Subscription").select_option(label="AI plan")
    go_to(page, "Usage")
    row = row_of(page, "Usage by metric", "GPU jobs")
    unfold(row)
    groups = row.get_by_role("table", name="by group").locator("tbody tr")
    expect(groups.first).to_be_visible()
    by_one = groups.count()
    row.get_by_role("button", name="priority").click()
    expect(groups.first).to_contain_text("·")
    assert groups.count() >= by_one
    assert_calm(watched)


def test_plans_are_compared_by_what_the_same_usage_would_have_cost(
    served_demo: Demo, watched: Watched
) -> None:
    page = watched.page
    open_portal(page, served_demo)
    go_to(page, "Plans")
    active = portal.asked(
        served_demo,
        '{ plans(first: 100, filter: { search: "-usd", isActive: true }) { nodes { key } } }',
    )["plans"]["nodes"]
    id = subscription(served_demo, "Team")["id"]
    other = portal.asked(
        served_demo,
        f'{{ planSubscription(id: "{id}") {{ whatIf(plan: {{ key: "ai-usd" }}) '
        "{ subtotal { amount } } } }",
    )["planSubscription"]["whatIf"]["subtotal"]["amount"]
    rows = page.get_by_role("table", name="The same usage on each plan").locator("tbody.fold")
    expect(rows).to_have_count(len(active))
    ai = row_of(page, "The same usage on each plan", "AI")
    expect(ai).to_contain_text(dollars(other))
    expect(rows.filter(has_text="Your plan")).to_have_count(1)
    costs = [row.locator("td.number").first.inner_text() for row in rows.all()]
    assert costs == sorted(costs, key=lambda cost: Decimal(cost[1:].replace(",", "")))
    unfold(ai)
    expect(ai.get_by_role("table", name="The bill on AI")).to_be_visible()
    assert_calm(watched)


def test_an_invoice_opens_to_its_lines_and_comes_as_a_pdf(
    served_demo: Demo, watched: Watched, tmp_path: Path
) -> None:
    page = watched.page
    open_portal(page, served_demo)
    go_to(page, "Invoices")
    oldest = page.get_by_role("table", name="Invoices").locator("tbody.fold").last
    number = oldest.locator("th button").inner_text().splitlines()[0]
    row = row_of(page, "Invoices", number)
    unfold(row)
    expect(row.get_by_role("table", name=f"Lines of {number}")).to_contain_text("Total")
    button = row.get_by_role("button", name=f"Download {number} as PDF")
    with page.expect_download() as download:
        button.click()
    assert download.value.suggested_filename == f"{number}.pdf"
    download.value.save_as(tmp_path / "invoice.pdf")
    assert (tmp_path / "invoice.pdf").read_bytes().startswith(b"%PDF-")
    assert_calm(watched)
    refused = {"status": 503, "headers": {"X-Request-Id": "0198-def"}}
    page.route("**/invoices/*.pdf", lambda route: route.fulfill(**refused))
    button.click()
    expect(row.get_by_role("alert")).to_contain_text("0198-def")


def test_an_invoice_is_paid_on_the_page_when_its_payment_is_noted(
    served_demo: Demo, watched: Watched
) -> None:
    page = watched.page
    (invoice,) = portal.asked(
        served_demo,
        "{ invoices(first: 1, filter: { statuses: [PENDING] }) "
        "{ nodes { id number customer { key } } } }",
    )["invoices"]["nodes"]
    page.goto(portal.session(served_demo, invoice["customer"]["key"]))
    go_to(page, "Invoices")
    state = row_of(page, "Invoices", invoice["number"]).locator("td .badge")
    expect(state).to_have_text("To pay")
    paid = f'mutation {{ payInvoice(invoiceId: "{invoice["id"]}") {{ invoice {{ status }} }} }}'
    assert portal.asked(served_demo, paid)["payInvoice"]["invoice"]["status"] == "PAID"
    expect(state).to_have_text("Paid", timeout=portal.SETTLE_MS)
    assert_calm(watched)


def test_credit_is_shown_with_every_entry_of_its_ledger(
    served_demo: Demo, watched: Watched
) -> None:
    page = watched.page
    open_portal(page, served_demo)
    go_to(page, "Credits")
    grant = portal.asked(
        served_demo,
        f'{{ customer(key: "{CUSTOMER}") {{ creditBalance {{ amount }} creditGrants(first: 1) '
        "{ nodes { description remaining { amount } transactions { id } } } } }",
    )["customer"]
    (oldest,) = grant["creditGrants"]["nodes"]
    expect(page.locator(".amount")).to_have_text(dollars(grant["creditBalance"]["amount"]))
    row = row_of(page, "Grants of credit", oldest["description"])
    expect(row).to_contain_text(dollars(oldest["remaining"]["amount"]))
    unfold(row)
    entries = row.get_by_role("table").locator("tbody tr")
    expect(entries).to_have_count(len(oldest["transactions"]))
    expect(entries.last).to_contain_text(dollars(oldest["remaining"]["amount"]))
    assert_calm(watched)


def test_the_start_page_opens_the_portal_of_whom_one_chooses(
    served_demo: Demo, watched: Watched
) -> None:
    page = watched.page
    page.goto(portal.base(served_demo))
    expect(page.get_by_role("link", name="GraphiQL")).to_have_attribute("href", "/graphql")
    page.get_by_role("button", name="Polderlicht").click()
    expect(page.locator("header strong")).to_have_text("Polderlicht B.V.")
    assert page.url == f"{portal.base(served_demo)}/portal/"
    page.reload()
    expect(page.locator("header strong")).to_have_text("Polderlicht B.V.")
    assert page.evaluate("JSON.stringify(localStorage)") == "{}"
    assert_calm(watched)


def test_a_trial_has_no_invoice_to_come_and_no_plans_to_compare(
    served_demo: Demo, watched: Watched
) -> None:
    page = watched.page
    page.goto(portal.session(served_demo, "quillwork-press"))
    expect(page.get_by_role("list", name="Terms")).to_contain_text("Your trial ends on")
    expect(page.get_by_text("Invoiced after")).to_have_count(0)
    go_to(page, "Plans")
    expect(page.get_by_role("main")).to_contain_text("A trial costs nothing on any plan.")
    assert_calm(watched)


def test_a_plan_ended_on_the_last_day_that_its_invoice_bills(
    served_demo: Demo, watched: Watched
) -> None:
    page = watched.page
    page.goto(portal.session(served_demo, "farpoint-logistics"))
    told = page.get_by_text("Your Enterprise plan ended on")
    expect(told).to_be_visible(timeout=portal.SETTLE_MS)
    last_day = told.inner_text().split("ended on ")[1].split(". ")[0]
    go_to(page, "Invoices")
    newest = page.get_by_role("table", name="Invoices").locator("tbody.fold").first
    expect(newest).to_contain_text(f" – {last_day}")
    assert_calm(watched)


@pytest.mark.parametrize(
    ("fragment", "title"), [("", "Open the portal"), ("#token=a.b.c", "expired")]
)
def test_without_a_session_the_page_says_what_to_do(
    served_demo: Demo, watched: Watched, fragment: str, title: str
) -> None:
    page = watched.page
    page.goto(f"{portal.base(served_demo)}/portal/{fragment}")
    expect(page.get_by_role("heading")).to_contain_text(title, timeout=portal.SETTLE_MS)
    assert page.url.endswith("/portal/")
    assert page.evaluate("JSON.stringify(sessionStorage)") == "{}"
    assert watched.outside == []


def test_a_failure_tells_its_request_and_can_be_tried_again(
    served_demo: Demo, watched: Watched
) -> None:
    page = watched.page
    problem = {"code": "SERVICE_UNAVAILABLE", "requestId": "0198-abc"}

    def fail(route: Route) -> None:
        if "CostSeries" in (route.request.post_data or ""):
            route.fulfill(json={"errors": [{"message": "No.", "extensions": problem}]})
        else:
            route.fallback()

    page.route("**/graphql", fail)
    page.goto(portal.session(served_demo))
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("0198-abc", timeout=portal.SETTLE_MS)
    page.unroute("**/graphql")
    alert.get_by_role("button", name="Try again").click()
    expect(page.get_by_test_id("cost-chart")).to_be_visible(timeout=portal.SETTLE_MS)
    assert_calm(watched)


def test_it_is_whole_on_a_phone_and_in_either_light(
    served_demo: Demo, watched: Watched, pictures: Path
) -> None:
    page = watched.page
    page.set_viewport_size({"width": 1180, "height": 1100})
    open_portal(page, served_demo, "polderlicht")
    unfold(row_of(page, "The bill so far", "Peak connections"))
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(ground)
    page.screenshot(path=pictures / "light.png")
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(ground)
    assert dark != light
    page.screenshot(path=pictures / "dark.png")
    page.set_viewport_size({"width": 375, "height": 1100})
    page.emulate_media(color_scheme="light")
    for name in PAGES:
        go_to(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") == 375, name
        if name == "Overview":
            page.screenshot(path=pictures / "phone.png")
        page.locator(".fold-button").first.click()
        expect(page.locator(".fold-inside").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == 375, name
    page.get_by_role("button", name="Use dark theme").click()
    page.reload()
    assert page.evaluate(ground) == dark
    assert_calm(watched)


def test_axe_finds_nothing_serious_on_any_page(served_demo: Demo, watched: Watched) -> None:
    if not portal.AXE.exists():
        if os.environ.get("CI") == "true":
            pytest.fail("axe is missing: npm ci in examples/portal")
        pytest.skip("axe is not installed: npm ci in examples/portal")
    page = watched.page
    open_portal(page, served_demo)
    for name in PAGES:
        go_to(page, name)
        page.locator(".fold-button").first.click()
        expect(page.locator(".skeleton")).to_have_count(0)
        assert portal.blemishes(page) == [], name
        page.emulate_media(color_scheme="dark")
        assert portal.blemishes(page, "color-contrast") == [], name
        page.emulate_media(color_scheme="light")
    page.goto(f"{portal.base(served_demo)}/portal/#token=a.b.c")
    expect(page.get_by_role("heading")).to_contain_text("expired")
    assert portal.blemishes(page) == []
    page.goto(portal.base(served_demo))
    assert portal.blemishes(page) == []
    assert watched.outside == []
