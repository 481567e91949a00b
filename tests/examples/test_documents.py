"""A document for each job: each is valid, and all of them together are a story that runs."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from graphql import OperationDefinitionNode, build_schema, parse, validate

from tests.examples.story import DOCUMENTS, EXAMPLES, Example
from tests.live.conftest import Place, served

SCHEMA = build_schema((EXAMPLES.parent / "schema" / "schema.graphql").read_text("utf-8"))


@pytest_asyncio.fixture
async def told(database_url: str) -> dict[str, Any]:
    """What every document answered, in their order, by its name."""
    answers: dict[str, Any] = {}
    told: dict[str, Any] = {}
    async with served(database_url) as place:
        for one in DOCUMENTS:
            told[one.name] = await answered(place, one, one.variables(answers))
            if not one.is_watched:
                answers |= told[one.name]
    return told


async def answered(place: Place, one: Example, variables: dict[str, Any]) -> Any:  # noqa: ANN401
    """The data of its answer; of a subscription the first value, which a change may have to bring."""
    if not one.is_watched:
        return await place.api.ask(one.text, **variables)
    async with place.dial() as line:
        id = await line.subscribe(one.text, **variables)
        await place.watched_by(1)
        if "invoiceChanged" in one.text:
            another = {"customer": {"key": "acme"}, "notes": "Another draft"}
            await place.api.ask(named("19-draft-invoice").text, input=another)
        (field,) = re.findall(r"^  (\w+)\(", one.text, re.MULTILINE)
        return {field: await line.value(id)}


def named(name: str) -> Example:
    return next(one for one in DOCUMENTS if one.name == name)


async def test_the_story_runs_from_a_metric_to_the_end_of_a_subscription(
    told: dict[str, Any],
) -> None:
    for name, answer in told.items():
        for field, found in answer.items():
            assert found is not None, name
            if isinstance(found, dict):
                assert found.get("errors", []) == [], (name, field)

    preview = told["09-preview-invoice"]["customer"]["invoicePreview"]
    assert preview["total"] == {"amount": "51.90", "currency": "EUR"}
    days = told["10-cost-by-day"]["planSubscription"]["costSeries"]
    assert sum(Decimal(day["amount"]["amount"]) for day in days) == Decimal("51.90")
    here = told["11-compare-plans"]["planSubscription"]
    assert here["invoicePreview"]["total"]["amount"] == "51.90"
    assert here["whatIf"]["total"]["amount"] == "103.80"
    assert told["12-estimate-plan"]["plan"]["estimate"]["total"]["amount"] == "64.90"
    assert told["15-run-billing"]["runBilling"]["finalized"] == 1
    invoice = told["16-read-invoice"]["invoice"]
    assert (invoice["subtotal"]["amount"], invoice["amountDue"]["amount"]) == ("47.90", "27.90")
    assert invoice["verification"] == {"matches": True, "differences": []}
    behind = told["17-events-behind-a-line"]["invoice"]["lines"]
    keys = [event["idempotencyKey"] for line in behind for event in line["usageEvents"]["nodes"]]
    assert keys == ["req-1"]
    assert told["18-pay-invoice"]["payInvoice"]["invoice"]["status"] == "PAID"
    assert told["22-void-invoice"]["voidInvoice"]["invoice"]["status"] == "VOID"
    assert told["30-top-customers"]["topCustomers"][0]["quantity"] == "1200"
    assert told["33-watch-usage"]["usage"]["quantity"] == "1200"
    watched = told["34-watch-preview"]["invoicePreview"]["total"]
    # It began with the commitment by then: 5,000 tokens at 0.008, for what was left of the month.
    assert watched == told["23-commit"]["addCommitment"]["preview"]["total"]
    assert told["35-watch-invoices"]["invoiceChanged"]["status"] == "DRAFT"
    assert told["31-portal-session"]["createPortalSession"]["token"]


@pytest.mark.parametrize("one", DOCUMENTS, ids=lambda one: one.name)
def test_a_document_is_one_named_operation_that_is_valid_and_says_why(one: Example) -> None:
    document = parse(one.text)
    assert validate(SCHEMA, document) == []
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    assert operation.name is not None
    words = one.name.split("-")[1:]
    assert operation.name.value.lower() == "".join(words)
    assert one.text.startswith("# ")
    declared = {variable.variable.name.value for variable in operation.variable_definitions or ()}
    given = json.loads(one.path.with_suffix(".json").read_text())
    assert set(given) <= declared


def test_every_document_has_its_line_in_the_index() -> None:
    index = (EXAMPLES / "README.md").read_text("utf-8")
    for one in DOCUMENTS:
        assert f"documents/{one.path.name}" in index


def test_every_root_of_the_graph_but_these_has_a_document() -> None:
    asked = " ".join(one.text for one in DOCUMENTS)
    roots = {
        *(SCHEMA.query_type.fields if SCHEMA.query_type else ()),
        *(SCHEMA.mutation_type.fields if SCHEMA.mutation_type else ()),
        *(SCHEMA.subscription_type.fields if SCHEMA.subscription_type else ()),
    }
    assert {root for root in roots if f"{root}(" not in asked} == WITHOUT


# They undo or vary what has one, or are for tools.
WITHOUT = {
    *("viewer", "node", "nodes", "metric", "metrics", "plans"),
    *("updateCustomer", "archiveCustomer", "updateMetric", "archiveMetric"),
    *("deactivatePlan", "addPriceComponent", "removePriceComponent"),
    *("cancelScheduledChange", "removeCommitment", "voidUsageEvents"),
    *("removeInvoiceLine", "refreshInvoice", "failInvoice", "cancelCredit"),
}
