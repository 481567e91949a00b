"""Finding invoices: one by id or number, lists of all and of a customer, filtered and paged."""

from __future__ import annotations

import pytest

from tests.api.builders import (
    MAY,
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    asked,
    fee,
    per_unit,
)
from tests.api.conftest import Api
from tests.api.invoicing import (
    FIND,
    a_draft,
    added,
    charged,
    failed,
    finalized,
    found,
    issued,
    paid,
    the_usual,
    voided,
)

LIST = """
query ($first: Int, $after: String, $last: Int, $before: String, $filter: InvoiceFilter) {
  invoices(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
    nodes { id status } edges { cursor node { id } } totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
OWN = """
query ($key: String!, $filter: InvoiceFilter) {
  customer(key: $key) { invoices(filter: $filter) { nodes { id } totalCount } }
}
"""
NESTED = """
query ($first: Int) {
  customers(first: $first) {
    nodes {
      key
      invoices {
        totalCount
        nodes {
          number total { amount }
          lines {
            amount { amount } steps { amount } component { key } metric { key }
            subscription { id }
          }
        }
      }
    }
  }
}
"""
PERIODS = """
query ($first: Int) {
  customers(first: $first) {
    nodes {
      subscriptions {
        nodes { periods { nodes { period { start } invoice { number } } } }
      }
    }
  }
}
"""
NO_INVOICE = "inv_" + "0" * 32
NO_CUSTOMER = "cus_" + "0" * 32


async def listed(api: Api, **filter: object) -> list[str]:
    """The ids of the invoices that a filter leaves; the count agrees."""
    page = await asked(api, LIST, filter=filter)
    ids = [node["id"] for node in page["nodes"]]
    assert page["totalCount"] == len(ids)
    return ids


async def one_of_each(api: Api) -> dict[str, Json]:
    """An invoice of acme's in each state, a day apart, the draft first."""
    await a_customer(api)
    made: dict[str, Json] = {}
    for day, state in enumerate(("DRAFT", "PENDING", "PAID", "FAILED", "VOID"), start=11):
        api.clock.set(f"2026-05-{day}T00:00:00Z")
        draft = await added(api, await a_draft(api))
        made[state] = draft if state == "DRAFT" else await finalized(api, draft)
    await paid(api, made["PAID"])
    await failed(api, made["FAILED"])
    await voided(api, made["VOID"])
    return made


async def test_an_invoice_is_found_by_id_and_by_number(api: Api) -> None:
    await a_customer(api)
    invoice, draft = await charged(api), await a_draft(api)

    assert await asked(api, FIND, number="INV-000001") == invoice
    assert await asked(api, FIND, id=draft["id"]) == draft
    for unknown in ({"number": "INV-000002"}, {"number": "inv-000001"}, {"id": NO_INVOICE}):
        assert await api.ask(FIND, **unknown) == {"invoice": None}


async def test_an_invoice_is_asked_for_by_exactly_one_of_the_two(api: Api) -> None:
    for given in ({}, {"id": NO_INVOICE, "number": "INV-000001"}, {"id": NO_CUSTOMER}):
        (error,) = await api.errors(FIND, **given)
        assert (error["extensions"]["code"], error["extensions"]["path"]) == ("INVALID", ["id"])


async def test_invoices_are_listed_newest_first(api: Api) -> None:
    await a_customer(api)
    await a_customer(api, "zeta")
    oldest = await a_draft(api)
    api.clock.set("2026-05-11T00:00:00Z")
    middle = await charged(api, customer="zeta")
    api.clock.set("2026-05-12T00:00:00Z")
    newest = await a_draft(api)
    await finalized(api, oldest)  # made first all the same

    assert await listed(api) == [newest["id"], middle["id"], oldest["id"]]


@pytest.mark.parametrize(
    ("states", "left"),
    [
        (["DRAFT"], ["DRAFT"]),
        (["PAID", "PENDING"], ["PAID", "PENDING"]),
        (["VOID", "FAILED", "PENDING"], ["VOID", "FAILED", "PENDING"]),
        ([], []),
        (None, ["VOID", "FAILED", "PAID", "PENDING", "DRAFT"]),
    ],
)
async def test_invoices_are_filtered_by_state(
    api: Api, states: list[str] | None, left: list[str]
) -> None:
    made = await one_of_each(api)

    assert await listed(api, statuses=states) == [made[state]["id"] for state in left]


async def test_an_unpaid_invoice_is_overdue_after_its_due_date(api: Api) -> None:
    made = await one_of_each(api)
    pending, failure = made["PENDING"]["id"], made["FAILED"]["id"]
    assert made["PENDING"]["dueAt"] == "2026-06-11T00:00:00Z"

    async def overdue_at(instant: str) -> list[str]:
        api.clock.set(instant)
        ids = await listed(api, overdue=True)
        assert set(ids) | set(await listed(api, overdue=False)) == set(await listed(api))
        assert not set(ids) & set(await listed(api, overdue=False))
        for invoice in made.values():
            assert (await found(api, invoice))["isOverdue"] == (invoice["id"] in ids)
        return ids

    assert await overdue_at("2026-06-11T00:00:00Z") == []
    assert await overdue_at("2026-06-11T00:00:00.000001Z") == [pending]
    assert await overdue_at("2026-06-30T00:00:00Z") == [failure, pending]
    await paid(api, made["PENDING"])
    assert await listed(api, overdue=True) == [failure]


async def test_invoices_are_filtered_by_when_they_were_issued(api: Api) -> None:
    made = await one_of_each(api)
    second, third = made["PENDING"]["issuedAt"], made["PAID"]["issuedAt"]
    ids = {state: invoice["id"] for state, invoice in made.items()}

    assert await listed(api, issuedAfter=third) == [ids["VOID"], ids["FAILED"], ids["PAID"]]
    assert await listed(api, issuedBefore=third) == [ids["PENDING"]]
    assert await listed(api, issuedAfter=second, issuedBefore=third) == [ids["PENDING"]]
    assert await listed(api, issuedAfter=second, issuedBefore=second) == []
    assert await listed(api, issuedAfter=second, statuses=["FAILED", "DRAFT"]) == [ids["FAILED"]]


async def test_invoices_are_filtered_by_customer(api: Api) -> None:
    acme, zeta = await a_customer(api), await a_customer(api, "zeta")
    own, other = await a_draft(api), await a_draft(api, customer="zeta")

    assert await listed(api, customer={"key": "acme"}) == [own["id"]]
    assert await listed(api, customer={"id": acme["id"]}) == [own["id"]]
    assert await listed(api, customer={"id": zeta["id"]}) == [other["id"]]
    assert await listed(api, customer={"key": "nobody"}) == []
    assert await listed(api, customer={"id": NO_CUSTOMER}) == []
    (error,) = await api.errors(LIST, filter={"customer": {"id": NO_INVOICE}})
    assert error["extensions"]["path"] == ["filter", "customer", "id"]


async def test_a_customer_has_its_own_invoices(api: Api) -> None:
    await a_customer(api)
    await a_customer(api, "zeta")
    own = await a_draft(api)
    other = await charged(api, customer="zeta")

    async def ids(key: str, **filter: object) -> list[str]:
        page = (await asked(api, OWN, key=key, filter=filter))["invoices"]
        assert page["totalCount"] == len(page["nodes"])
        return [node["id"] for node in page["nodes"]]

    assert await ids("acme") == [own["id"]]
    assert await ids("zeta") == [other["id"]]
    assert await ids("zeta", statuses=["DRAFT"]) == []
    assert await ids("zeta", issuedAfter=other["issuedAt"]) == [other["id"]]


async def test_a_customers_invoices_are_filtered_by_no_other_customer(api: Api) -> None:
    acme, zeta = await a_customer(api), await a_customer(api, "zeta")
    own = await a_draft(api)

    for ref in ({"key": "acme"}, {"id": acme["id"]}):
        page = (await asked(api, OWN, key="acme", filter={"customer": ref}))["invoices"]
        assert page == {"nodes": [{"id": own["id"]}], "totalCount": 1}
    for ref in ({"key": "zeta"}, {"id": zeta["id"]}, {"key": "nobody"}, {"id": NO_CUSTOMER}):
        (error,) = await api.errors(OWN, key="acme", filter={"customer": ref})
        assert error["extensions"]["code"] == "INVALID"
        assert error["extensions"]["path"] == ["filter", "customer"]


async def test_invoices_are_paged_both_ways(api: Api) -> None:
    await a_customer(api)
    ids = [(await a_draft(api))["id"] for _ in range(5)]
    newest_first = ids[::-1]

    first = await asked(api, LIST, first=2)
    second = await asked(api, LIST, first=2, after=first["pageInfo"]["endCursor"])
    back = await asked(api, LIST, last=1, before=second["pageInfo"]["startCursor"])

    assert [node["id"] for node in first["nodes"]] == newest_first[:2]
    assert [node["id"] for node in second["nodes"]] == newest_first[2:4]
    assert [edge["node"]["id"] for edge in back["edges"]] == newest_first[1:2]
    assert first["totalCount"] == second["totalCount"] == 5
    assert (first["pageInfo"]["hasNextPage"], first["pageInfo"]["hasPreviousPage"]) == (True, False)
    for wrong in ({"first": 101}, {"first": 0}, {"first": 1, "last": 1}, {"after": "x"}):
        assert await api.errors(LIST, **wrong)


async def test_fifty_invoices_with_lines_take_as_many_statements_as_five(api: Api) -> None:
    await a_metric(api)
    await a_plan(api, fee(), per_unit())
    for n in range(50):
        await a_customer(api, f"c{n:02}")
        await a_subscription(api, f"c{n:02}")
    api.clock.set("2026-06-02T00:00:00Z")
    run = "mutation { runBilling(finalize: true) { created finalized remaining } }"
    assert await asked(api, run) == {"created": 50, "finalized": 50, "remaining": 0}

    counts: dict[str, list[int]] = {"nested": [], "periods": []}
    for first in (5, 50):
        with api.statements() as statements:
            nodes = (await asked(api, NESTED, first=first))["nodes"]
        assert [len(node["invoices"]["nodes"][0]["lines"]) for node in nodes] == [2] * first
        counts["nested"].append(len(statements))
        with api.statements() as statements:
            nodes = (await asked(api, PERIODS, first=first))["nodes"]
        assert all(
            [
                one["invoice"] is None
                for one in node["subscriptions"]["nodes"][0]["periods"]["nodes"]
            ]
            == [False, True]
            for node in nodes
        )
        counts["periods"].append(len(statements))

    # The key, customers, invoices, their counts, lines, components, metrics, subscriptions.
    assert counts["nested"] == [8, 8]
    # The key, customers, subscriptions, phases, plans, what is held, invoices.
    assert counts["periods"] == [7, 7]


async def test_a_bill_is_read_as_what_invoices_and_previews_have_in_common(api: Api) -> None:
    subscription = await the_usual(api)
    api.clock.set("2026-06-02T00:00:00Z")
    invoice = await issued(api, subscription)
    document = """
    fragment bill on Bill {
      customer { key } currency period { start end } lines { description }
      subtotal { amount } creditsApplied { amount } total { amount }
    }
    query ($id: ID!, $subscription: ID!, $period: PeriodInput) {
      invoice(id: $id) { ...bill }
      planSubscription(id: $subscription) { invoicePreview(period: $period) { ...bill } }
    }
    """

    answer = await api.ask(document, id=invoice["id"], subscription=subscription["id"], period=MAY)

    assert answer["invoice"] == answer["planSubscription"]["invoicePreview"]
    assert answer["invoice"]["total"] == {"amount": "30.00"}
