"""A portal token sees its own customer's graph, all of it, and nothing of anybody else's."""

from __future__ import annotations

from typing import Any

from tests.api.conftest import Api
from tests.api.graph import LISTS, Walk, all_edges, fields_of, operators_only, schema
from tests.api.portal import as_customer
from tests.api.two_customers import two_customers

CATALOG = ("Plan", "Metric")
# Roots that find one object by what is given: the probes are for these.
LOOKUPS = {"node", "nodes", "customer", "metric", "plan", "planSubscription", "invoice"}
# Roots of the live graph read through the same connection; their own tests try them.
LIVE = {"usage", "invoicePreview", "invoiceChanged"}


def without_hidden(data: dict[str, Any]) -> dict[str, Any]:
    """An object as an operator sees it, without what is for operators alone."""
    return {key: value for key, value in data.items() if key not in ("metadata", "paymentMethodId")}


async def test_the_whole_graph_of_a_customer_is_its_own_and_complete(api: Api) -> None:
    acme, rival = await two_customers(api)
    of_acme = await Walk(api).from_object("Customer", acme.customer["id"], but=CATALOG)
    of_rival = await Walk(api).from_object("Customer", rival.customer["id"], but=CATALOG)
    seen_by_operators = await Walk(api).from_lists()
    assert not set(of_acme.objects) & set(of_rival.objects)
    assert len(of_acme.objects) == len(of_rival.objects) > 20

    seen = await Walk(await as_customer(api, "acme")).from_lists()

    catalog = {id for id in seen.objects if id.split("_")[0] in ("met", "plan")}
    assert set(seen.objects) - catalog == set(of_acme.objects)
    assert "rival" not in seen.text.lower()
    assert "rival" in seen_by_operators.text.lower()
    # Every edge of the schema led somewhere, so none escaped what was just said.
    assert all_edges() - seen.edges - lookups() == set()
    assert all_edges() - seen_by_operators.edges - lookups() - {"Viewer.customer"} == set()
    assert "pm_acme" not in seen.text
    assert "acme's keeper" not in seen.text
    for id, data in seen.objects.items():
        assert without_hidden(data) == without_hidden(seen_by_operators.objects[id])


def lookups() -> set[str]:
    return {f"Query.{name}" for name in LOOKUPS}


def test_every_root_is_known_to_be_scoped_or_is_for_operators_alone() -> None:
    assert set(fields_of(schema().type_map["Query"])) == LOOKUPS | set(LISTS) | operators_only()
    live = schema().subscription_type
    assert set(live.fields if live else ()) <= LIVE
