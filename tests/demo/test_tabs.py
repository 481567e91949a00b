"""GraphiQL's examples: each works on the demo's data at the first click, and at the second."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from fubble_gql.api.ide import Tab
from fubble_gql.demo import money_tabs, tabs
from fubble_gql.demo.examples import examples
from tests.demo.conftest import Demo

Json = dict[str, Any]

# In the order in which GraphiQL shows them.
NAMES = (
    "BillSoFar",
    "Invoice",
    "Customers",
    "UsageByDayAndRegion",
    "Credits",
    "Invoices",
    "PlanChange",
    "Plans",
    "Estimate",
    "RecordUsage",
    "LiveUsage",
    "FromNothing",
    "UnbilledUsage",
)


def name_of(tab: Tab) -> str:
    """The name of its operation."""
    line = next(line for line in tab.query.splitlines() if not line.startswith("#"))
    return line.split()[1].partition("(")[0]


async def clicked(demo: Demo, tab: Tab) -> Json:
    """What a click on it answers."""
    answer: Json = await demo.ask(tab.query, **json.loads(tab.variables or "{}"))
    return answer


def refusals(answer: object) -> Iterator[object]:
    """Every error that mutations returned, at any depth."""
    if isinstance(answer, dict):
        yield from answer.get("errors") or ()
        for value in answer.values():
            yield from refusals(value)
    elif isinstance(answer, list):
        for value in answer:
            yield from refusals(value)


async def tab_named(demo: Demo, name: str) -> Tab:
    """One of those that the demo opens with."""
    (found,) = [tab for tab in await examples(demo.connection) if name_of(tab) == name]
    return found


async def test_the_tabs_come_in_their_order_and_say_what_they_show(demo: Demo) -> None:
    found = await examples(demo.connection)
    assert [name_of(tab) for tab in found] == list(NAMES)
    assert all(tab.query.startswith("# ") for tab in found)


# What is watched runs in a browser: tests/browser.
@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("Live")])
async def test_every_tab_works_at_every_click(name: str, demo: Demo) -> None:
    tab = await tab_named(demo, name)
    for _ in range(2):
        answer = await clicked(demo, tab)
        assert all(answer.values()), answer
        assert list(refusals(answer)) == []


async def test_an_invoice_explains_itself_down_to_the_events(demo: Demo) -> None:
    (invoice,) = (await clicked(demo, money_tabs.INVOICE))["customer"]["invoices"]["nodes"]
    assert invoice["verification"] == {"matches": True, "differences": []}
    assert invoice["billTo"]["companyName"] == "Polderlicht B.V."
    assert {line["kind"] for line in invoice["lines"]} == {"USAGE", "ADJUSTMENT"}
    assert Decimal(invoice["creditsApplied"]["amount"]) == 25
    usage = [line for line in invoice["lines"] if line["kind"] == "USAGE"]
    assert all(line["steps"] and line["usageEvents"]["nodes"] for line in usage)
    assert sum(Decimal(line["amount"]["amount"]) for line in invoice["lines"]) == Decimal(
        invoice["subtotal"]["amount"]
    )


async def test_the_ledger_sums_to_what_remains(demo: Demo) -> None:
    customer = (await clicked(demo, money_tabs.CREDITS))["customer"]
    grants = customer["creditGrants"]["nodes"]
    for grant in grants:
        entries = [Decimal(entry["amount"]["amount"]) for entry in grant["transactions"]]
        assert sum(entries) == Decimal(grant["remaining"]["amount"])
    spendable = [one for one in grants if one["status"] == "ACTIVE"]
    assert sum(Decimal(one["remaining"]["amount"]) for one in spendable) == Decimal(
        customer["creditBalance"]["amount"]
    )
    assert Decimal(customer["creditBalance"]["amount"]) > 0
    assert any(entry["invoice"] for one in grants for entry in one["transactions"])


async def test_unsettled_invoices_are_listed_with_what_is_due(demo: Demo) -> None:
    found = (await clicked(demo, money_tabs.INVOICES))["invoices"]
    assert found["totalCount"] > 10
    assert {one["status"] for one in found["nodes"]} == {"PENDING", "FAILED"}
    assert all(Decimal(one["amountDue"]["amount"]) > 0 for one in found["nodes"])


async def test_a_rehearsed_change_shows_both_bills_and_writes_nothing(demo: Demo) -> None:
    tab = await tab_named(demo, "PlanChange")
    first, second = [(await clicked(demo, tab))["changePlan"] for _ in range(2)]
    assert first["preview"]["total"] == second["preview"]["total"]
    spans = {line["period"]["start"] for line in first["preview"]["lines"]}
    assert len(spans) == 2
    supposed = {line["description"] for line in first["subscription"]["whatIf"]["lines"]}
    assert {"API calls", "Data transfer"} <= supposed
    stays = first["subscription"]["staysAsItIs"]["total"]
    assert stays == second["subscription"]["staysAsItIs"]["total"]
    assert stays != first["subscription"]["whatIf"]["total"]


async def test_usage_comes_by_day_and_region(demo: Demo) -> None:
    (rows,) = (await clicked(demo, tabs.USAGE)).values()
    assert {row["group"][0]["value"] for row in rows["usage"]} == {"eu", "us", "apac"}
    assert all(len(row["series"]) >= 28 for row in rows["usage"])


async def test_the_plans_show_all_models(demo: Demo) -> None:
    answer = await clicked(demo, tabs.PLANS)
    kinds = {
        component["pricing"]["__typename"]
        for plan in answer["plans"]["nodes"]
        for component in plan["priceComponents"]
    }
    assert len(kinds) == 13


async def test_recording_twice_is_a_duplicate(demo: Demo) -> None:
    first, second = [(await clicked(demo, tabs.RECORD))["recordUsage"] for _ in range(2)]
    assert (first["accepted"], first["duplicates"], first["rejected"]) == (2, 0, 0)
    assert (second["accepted"], second["duplicates"], second["rejected"]) == (0, 2, 0)
    assert [receipt["status"] for receipt in second["receipts"]] == ["DUPLICATE"] * 2


async def test_unbilled_usage_is_shown_with_its_events(demo: Demo) -> None:
    customer = (await clicked(demo, tabs.UNBILLED))["customer"]
    assert [row["metric"]["displayName"] for row in customer["unbilledUsage"]] == ["Compute time"]
    assert customer["usageEvents"]["nodes"]
