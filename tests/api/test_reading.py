"""Reading: pages everywhere, any object by its id, and a number of statements that never grows."""

from __future__ import annotations

import gc

import pytest

from tests.api.builders import (
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    asked,
    event,
    fee,
    per_unit,
    price,
    used,
)
from tests.api.conftest import Api
from tests.api.invoicing import charged

STATEMENTS_MAX = 8
NESTED = """
query ($first: Int) {
  customers(first: $first) {
    nodes {
      key
      subscriptions {
        nodes {
          status
          plan { key priceComponents { key pricing { __typename } metric { key } } }
        }
      }
    }
  }
}
"""
CONNECTIONS = {
    "customers": "query (ARGS) { customers(USE) { nodes { key } } }",
    "metrics": "query (ARGS) { metrics(USE) { nodes { key } } }",
    "plans": "query (ARGS) { plans(USE) { nodes { key } } }",
    "subscriptions": (
        'query (ARGS) { customer(key: "acme") { subscriptions(USE) { nodes { id } } } }'
    ),
    "usageEvents": 'query (ARGS) { customer(key: "acme") { usageEvents(USE) { nodes { id } } } }',
}
BOTH = "$first: Int, $after: String, $last: Int, $before: String"
NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"


def paged(name: str) -> str:
    """The document that reads one connection."""
    use = "first: $first, after: $after, last: $last, before: $before"
    return CONNECTIONS[name].replace("ARGS", BOTH).replace("USE", use)


async def one_of_each(api: Api) -> dict[str, str]:
    """An id of each type that can be fetched by its id."""
    customer = await a_customer(api)
    metric = await a_metric(api)
    plan = await a_plan(api, per_unit())
    subscription = await a_subscription(api)
    await used(api, event())
    events = await asked(api, '{ customer(key: "acme") { usageEvents { nodes { id } } } }')
    return {
        "Customer": customer["id"],
        "Metric": metric["id"],
        "Plan": plan["id"],
        "PlanSubscription": subscription["id"],
        "UsageEvent": events["usageEvents"]["nodes"][0]["id"],
    }


def nodes_of(data: Json) -> list[Json]:
    """The nodes, wherever the connection is."""
    (inner,) = data.values()
    return inner["nodes"] if "nodes" in inner else nodes_of(inner)


async def test_a_page_has_20_objects_unless_said(api: Api) -> None:
    for n in range(21):
        await a_customer(api, f"c{n:02}")
        await a_metric(api, f"m{n:02}")
        await a_plan(api, key=f"p{n:02}")
    await a_customer(api)
    for _ in range(21):
        await a_subscription(api, plan="p00")
    await used(api, *(event("1", "m00") for _ in range(101)))

    for name in CONNECTIONS:
        assert len(nodes_of(await api.ask(paged(name)))) == 20, name
    assert len(nodes_of(await api.ask(paged("usageEvents"), first=100))) == 100
    assert len(nodes_of(await api.ask(paged("usageEvents"), last=100))) == 100


@pytest.mark.parametrize("name", CONNECTIONS)
async def test_a_page_of_a_wrong_size_is_refused(sqlite_api: Api, name: str) -> None:
    await a_customer(sqlite_api)

    async def why(**arguments: object) -> tuple[str, list[str]]:
        (error,) = await sqlite_api.errors(paged(name), **arguments)
        assert error["message"]
        assert error["path"][-1] == name
        return error["extensions"]["code"], error["extensions"]["path"]

    assert await why(first=101) == ("LIMIT_EXCEEDED", ["first"])
    assert await why(last=101) == ("LIMIT_EXCEEDED", ["last"])
    assert await why(first=0) == ("INVALID", ["first"])
    assert await why(first=-1) == ("INVALID", ["first"])
    assert await why(last=0) == ("INVALID", ["last"])
    assert await why(first=1, last=1) == ("INVALID", ["last"])


async def test_the_periods_of_a_subscription_are_paged_alike(api: Api) -> None:
    await a_customer(api)
    await a_plan(api, billingFrequency="DAILY")
    subscription = await a_subscription(api, startAt="2026-01-01T00:00:00Z")
    document = """query ($id: ID!, $first: Int) {
      planSubscription(id: $id) { periods(first: $first) { nodes { isClosed } } } }"""

    async def why(first: int) -> tuple[str, list[str]]:
        (error,) = await api.errors(document, id=subscription["id"], first=first)
        return error["extensions"]["code"], error["extensions"]["path"]

    assert await why(101) == ("LIMIT_EXCEEDED", ["first"])
    assert await why(0) == ("INVALID", ["first"])
    assert len(nodes_of(await api.ask(document, id=subscription["id"]))) == 20


async def test_a_nested_page_takes_as_many_statements_at_5_as_at_50(api: Api) -> None:
    await a_metric(api, "calls")
    await a_metric(api, "errors")
    for n in range(5):
        await a_plan(
            api,
            fee(),
            per_unit("1", "calls"),
            price({"flat": {"amount": "1"}}, None, "setup"),
            price({"perUnit": {"unitPrice": "2"}}, "errors", "errors"),
            key=f"plan-{n}",
        )
    for n in range(50):
        await a_customer(api, f"c{n:02}")
        await a_subscription(api, f"c{n:02}", f"plan-{n % 5}")
        await a_subscription(api, f"c{n:02}", f"plan-{(n + 1) % 5}")

    with api.statements() as at_5:
        few = await api.ask(NESTED, first=5)
    with api.statements() as at_50:
        many = await api.ask(NESTED, first=50)

    assert len(at_5) == len(at_50) <= STATEMENTS_MAX
    assert many["customers"]["nodes"][:5] == few["customers"]["nodes"]
    assert len(many["customers"]["nodes"]) == 50
    for customer in many["customers"]["nodes"]:
        subscriptions = customer["subscriptions"]["nodes"]
        assert [one["status"] for one in subscriptions] == ["ACTIVE"] * 2
        for one in subscriptions:
            assert one["plan"]["priceComponents"] == [
                {
                    "key": "fee",
                    "pricing": {"__typename": "SubscriptionPricing"},
                    "metric": None,
                },
                {
                    "key": "usage",
                    "pricing": {"__typename": "PerUnitPricing"},
                    "metric": {"key": "calls"},
                },
                {"key": "setup", "pricing": {"__typename": "FlatPricing"}, "metric": None},
                {
                    "key": "errors",
                    "pricing": {"__typename": "PerUnitPricing"},
                    "metric": {"key": "errors"},
                },
            ]


async def test_usage_of_many_customers_takes_as_many_statements_as_of_one(api: Api) -> None:
    await a_metric(api)
    for n in range(10):
        await a_customer(api, f"c{n}")
        await used(api, event("1", customer=f"c{n}"))
    document = """query ($first: Int) { customers(first: $first) { nodes {
      usage(granularity: DAY) { quantity series { quantity } }
      unbilledUsage { quantity }
      usageEvents(filter: {metrics: ["calls"]}) { nodes { metric { key } } }
    } } }"""

    with api.statements() as of_two:
        await api.ask(document, first=2)
    with api.statements() as of_ten:
        data = await api.ask(document, first=10)

    assert len(of_ten) == len(of_two)
    assert [one["usage"][0]["quantity"] for one in data["customers"]["nodes"]] == ["1"] * 10


async def test_a_page_of_children_is_each_parents_own(api: Api) -> None:
    await a_plan(api)
    for key, number in (("none", 0), ("one", 1), ("three", 3)):
        await a_customer(api, key)
        for _ in range(number):
            await a_subscription(api, key)

    data = await api.ask(
        """{ customers { nodes { key subscriptions(first: 2) {
          totalCount nodes { id } pageInfo { hasNextPage } } } } }"""
    )

    assert [
        (
            one["key"],
            one["subscriptions"]["totalCount"],
            len(one["subscriptions"]["nodes"]),
            one["subscriptions"]["pageInfo"]["hasNextPage"],
        )
        for one in data["customers"]["nodes"]
    ] == [("none", 0, 0, False), ("one", 1, 1, False), ("three", 3, 2, True)]


async def test_subscriptions_are_paged_in_both_directions(api: Api) -> None:
    await a_customer(api)
    await a_plan(api)
    ids = [
        (await a_subscription(api, startAt=f"2026-05-0{day}T00:00:00Z"))["id"]
        for day in (3, 1, 2, 1)
    ]
    in_order = [ids[1], ids[3], ids[2], ids[0]]
    document = paged("subscriptions").replace("nodes { id }", "nodes { id } edges { cursor }")

    everything = (await asked(api, document))["subscriptions"]
    cursors = [edge["cursor"] for edge in everything["edges"]]

    async def page(**arguments: object) -> list[str]:
        return [node["id"] for node in nodes_of(await api.ask(document, **arguments))]

    assert [node["id"] for node in everything["nodes"]] == in_order
    assert await page(first=2, after=cursors[0]) == in_order[1:3]
    assert await page(last=2, before=cursors[3]) == in_order[1:3]
    assert await page(last=1) == in_order[3:]
    assert await page(after=cursors[3]) == []


async def test_any_object_is_found_by_its_id(api: Api) -> None:
    ids = await one_of_each(api)

    for name, id_ in ids.items():
        assert await api.ask(NODE, id=id_) == {"node": {"__typename": name, "id": id_}}


async def test_objects_are_found_in_the_order_of_their_ids(api: Api) -> None:
    ids = await one_of_each(api)
    wanted = [*reversed(ids.values()), "cus_" + "0" * 32, ids["Plan"], "evt_999"]

    found = await api.ask(NODES, ids=wanted)

    assert [node and node["id"] for node in found["nodes"]] == [
        *reversed(ids.values()),
        None,
        ids["Plan"],
        None,
    ]
    assert await api.ask(NODES, ids=[]) == {"nodes": []}


async def test_objects_take_a_statement_for_each_type(api: Api) -> None:
    ids = list((await one_of_each(api)).values())

    with api.statements() as found:
        await api.ask(NODES, ids=ids * 20)

    assert len(found) == 1 + 5


async def test_at_most_100_objects_are_found_at_once(api: Api) -> None:
    customer = await a_customer(api)

    (error,) = await api.errors(NODES, ids=[customer["id"]] * 101)

    assert (error["extensions"]["code"], error["extensions"]["path"]) == (
        "LIMIT_EXCEEDED",
        ["ids"],
    )


async def test_the_viewer_of_a_key_is_an_operator(api: Api) -> None:
    assert await api.ask("{ viewer { role customer { key } } }") == {
        "viewer": {"role": "OPERATOR", "customer": None}
    }


async def test_an_error_beside_a_read_leaves_whoever_shares_it_alone(sqlite_api: Api) -> None:
    await a_customer(sqlite_api)
    await charged(sqlite_api)
    # The bad cursor ends `nodes`, which cancels the rest of it while `edges` waits for the same.
    document = """
    { invoices {
        nodes { verification { matches } customer { subscriptions(after: "x") { totalCount } } }
        edges { node { verification { matches } } }
    } }
    """

    answer = await sqlite_api.answer(document)

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INVALID"]
    assert answer["data"] is None


async def test_a_refusal_that_nobody_waits_for_any_more_is_no_noise(
    sqlite_api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    await a_customer(sqlite_api)
    # The bad cursor ends `nodes` while the usage is still looked for.
    usage = 'usage(metrics: ["nothing"]) { metric { key } }'
    document = "{ customers { nodes { %s } } }"
    both = document % f'subscriptions(after: "x") {{ totalCount }} {usage}'

    answer = await sqlite_api.answer(both)
    # Meanwhile the first one is found out.
    later = [await sqlite_api.answer(document % usage) for _ in range(3)]
    gc.collect()

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INVALID"]
    assert [error["extensions"]["code"] for error in later[-1]["errors"]] == ["NOT_FOUND"]
    assert "never retrieved" not in caplog.text
