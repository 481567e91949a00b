"""GraphiQL's examples: each works on the demo's data at the first click, and at the second."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from fubble_gql.api.ide import Tab
from fubble_gql.demo import tabs
from tests.demo.conftest import Demo

Json = dict[str, Any]


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


@pytest.mark.parametrize("tab", tabs.EXAMPLES, ids=name_of)
async def test_every_tab_works_at_every_click(tab: Tab, demo: Demo) -> None:
    for _ in range(2):
        answer = await clicked(demo, tab)
        assert all(answer.values()), answer
        assert list(refusals(answer)) == []


@pytest.mark.parametrize("tab", tabs.EXAMPLES, ids=name_of)
def test_every_tab_says_what_it_shows(tab: Tab) -> None:
    assert tab.query.startswith("# ")


async def test_the_bill_spans_both_subscriptions_and_explains_itself(demo: Demo) -> None:
    answer = await clicked(demo, tabs.BILL)
    lines = answer["customer"]["invoicePreview"]["lines"]
    assert {"Seats", "AI units"} <= {line["description"] for line in lines}
    assert all(line["steps"] for line in lines if line["kind"] in ("FEE", "USAGE"))


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
