"""Where a customer's own graph ends: PDFs, cursors, others' plans, what is for operators."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from fubble_gql.api.context import Context, Viewer
from fubble_gql.api.enums import Role
from fubble_gql.api.errors import with_code
from fubble_gql.api.schema import build_schema
from tests.api.builders import (
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    event,
    per_unit,
    preview_of,
    used,
)
from tests.api.changing import change
from tests.api.conftest import NOW, Api
from tests.api.graph import fields_of, operators_only, schema
from tests.api.portal import as_customer, code, sent
from tests.api.probes import malformed_ids, required, unknown_id
from tests.api.two_customers import DEACTIVATE, UPDATE_PLAN, two_customers

INVOICES = """
query ($after: String, $before: String) {
  invoices(after: $after, before: $before) { totalCount edges { cursor node { id } } }
}
"""
PLANS = """
{ plans(filter: {allVersions: true}) { totalCount nodes { key version } }
  metrics { totalCount nodes { key } } }
"""


@pytest.fixture(autouse=True)
def _seller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUBBLE_SELLER_NAME", "Test Seller Ltd")


async def test_a_pdf_is_for_the_customer_that_it_was_issued_to(api: Api) -> None:
    acme, rival = await two_customers(api)
    portal = await as_customer(api, "acme")
    hidden = [rival.invoice["id"], rival.draft["id"], rival.customer["id"]]
    answers = []

    for id in (unknown_id("inv"), *malformed_ids("inv"), "x", *hidden):
        with api.statements() as statements:
            response = await portal.http.get(f"/invoices/{id}.pdf")
        headers = {name for name in response.headers.items() if name[0] != "x-request-id"}
        answers.append((response.status_code, response.content, headers, statements))

    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0] == 404
    assert len(answers[0][3]) == 1
    assert (await api.http.get(f"/invoices/{rival.invoice['id']}.pdf")).status_code == 200
    # Its own, the same to the byte as the operator's.
    own = f"/invoices/{acme.invoice['id']}.pdf"
    theirs = await portal.http.get(own)
    assert theirs.status_code == 200
    assert theirs.content == (await api.http.get(own)).content
    api.clock.set("2026-07-10T12:15:00Z")
    assert (await portal.http.get(own)).status_code == 401


async def test_cursors_of_all_customers_lists_lead_to_its_own_alone(api: Api) -> None:
    await two_customers(api)
    portal = await as_customer(api, "acme")
    every = (await api.ask(INVOICES))["invoices"]
    own = (await portal.ask(INVOICES))["invoices"]
    ids = [edge["node"]["id"] for edge in own["edges"]]
    assert (own["totalCount"], every["totalCount"]) == (len(ids), 2 * len(ids))

    for edge in every["edges"]:
        for argument in ("after", "before"):
            found = (await portal.ask(INVOICES, **{argument: edge["cursor"]}))["invoices"]
            assert found["totalCount"] == len(ids)
            assert [one for one in found["edges"] if one["node"]["id"] not in ids] == []


async def test_the_plans_of_a_portal_are_the_active_ones_and_those_it_was_on(api: Api) -> None:
    await a_customer(api)
    for key in ("first", "second", "third", "hidden"):
        await a_metric(api, f"of-{key}")
        await a_plan(api, per_unit("1", f"of-{key}"), key=key)
    await a_metric(api, "of-nobody")
    subscription = await a_subscription(api, plan="first")
    await change(api, subscription, "second")
    await change(api, subscription, "third", "PERIOD_END")
    for key in ("first", "second", "third", "hidden"):
        await api.ask(UPDATE_PLAN, key=key, input={"name": "Dearer"})
        await api.ask(DEACTIVATE, key=key)
    await a_plan(api, key="open")
    await api.ask(UPDATE_PLAN, key="open", input={"name": "Dearer"})
    await used(api, event(1, "of-nobody"))
    portal = await as_customer(api)

    seen = await portal.ask(PLANS)

    plans = [(plan["key"], plan["version"]) for plan in seen["plans"]["nodes"]]
    assert plans == [("first", 1), ("second", 1), ("third", 1), ("open", 2)]
    assert seen["plans"]["totalCount"] == len(plans)
    metrics = [metric["key"] for metric in seen["metrics"]["nodes"]]
    assert metrics == ["of-first", "of-second", "of-third", "of-nobody"]
    assert seen["metrics"]["totalCount"] == len(metrics)


async def test_what_a_formula_names_is_seen_with_it_and_nothing_like_it(api: Api) -> None:
    await a_customer(api)
    hidden = ("In_Tokens", "tokens", "min", "2", "stray", "if")
    for key in ("in_tokens", "out_tokens", "max", *hidden):
        await a_metric(api, key)
    formula = "min(in_tokens,2)*2 if\tin_tokens>2 else -out_tokens"
    await a_metric(api, "score", type="COMPOSITE", formula=formula)
    await a_metric(api, "hidden_score", type="COMPOSITE", formula="stray + tokens")
    await a_metric(api, "peak", type="COMPOSITE", formula="max+1")
    await a_plan(api, per_unit("1", "score"), per_unit("1", "peak", "peak"))
    subscription = await a_subscription(api)
    portal = await as_customer(api)

    seen = (await portal.ask("{ metrics { nodes { key } } }"))["metrics"]["nodes"]

    keys = [metric["key"] for metric in seen]
    assert keys == ["in_tokens", "out_tokens", "max", "score", "peak"]
    assert await preview_of(portal, subscription) == await preview_of(api, subscription)


FIELDS = "{ metadata paymentMethodId }"


@pytest.mark.parametrize(
    "path",
    [
        'customer(key: "acme") #',
        "customers { nodes # }",
        "viewer { customer # }",
        "invoices(first: 1) { nodes { customer # } }",
        'customer(key: "acme") { invoicePreview { customer # } }',
        'customer(key: "acme") { subscriptions(first: 1) { nodes { customer # } } }',
    ],
)
async def test_metadata_and_payment_method_are_for_operators(sqlite_api: Api, path: str) -> None:
    await a_customer(sqlite_api, paymentMethodId="pm_1", metadata={"churn": "likely"})
    await a_plan(sqlite_api)
    await a_subscription(sqlite_api)
    await sqlite_api.ask(
        'mutation { createInvoice(input: {customer: {key: "acme"}}) { errors { code } } }'
    )
    portal = await as_customer(sqlite_api)
    document = f"{{ {path.replace('#', FIELDS)} }}"

    seen, seen_by_operators = await portal.ask(document), await sqlite_api.ask(document)

    assert innermost(seen) == {"metadata": {}, "paymentMethodId": None}
    if "viewer" not in path:
        shown = {"metadata": {"churn": "likely"}, "paymentMethodId": "pm_1"}
        assert innermost(seen_by_operators) == shown


def innermost(value: Any) -> Any:  # noqa: ANN401 - JSON
    """What single fields and lists of one lead to."""
    while isinstance(value, list) or len(value) == 1:
        (value,) = value if isinstance(value, list) else value.values()
    return value


async def test_questions_about_all_customers_are_refused(sqlite_api: Api) -> None:
    await a_customer(sqlite_api)
    portal = await as_customer(sqlite_api)
    query = schema().type_map["Query"]

    for name in operators_only():
        field = fields_of(query)[name]
        with sqlite_api.statements() as statements:
            response = await sent(portal, f"{{ {name}({required(field.args)}) {{ __typename }} }}")
        assert code(response) == "FORBIDDEN", name
        assert statements == []


async def test_no_mutation_runs_even_where_the_endpoint_does_not_look(sqlite_api: Api) -> None:
    viewer = Viewer(Role.PORTAL, customer_id=UUID(int=1), expires_at=NOW)
    context = Context(sqlite_api.connection.only(UUID(int=1)), sqlite_api.clock, viewer)
    whole, mutations = build_schema(), fields_of(schema().type_map["Mutation"])

    for name, field in mutations.items():
        arguments = required(field.args)
        called = f"{name}({arguments})" if arguments else name
        with sqlite_api.statements() as statements:
            result = await whole.execute(
                f"mutation {{ {called} {{ __typename }} }}", context_value=context
            )
        assert result.errors, name
        coded = [with_code(error) for error in result.errors]
        assert [one and one.extensions for one in coded] == [{"code": "FORBIDDEN"}], name
        assert statements == []
    assert len(mutations) > 25
