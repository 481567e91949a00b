"""Two customers with everything that a customer can have, none of it shared but the open plan."""

from __future__ import annotations

from dataclasses import dataclass

from tests.api.builders import (
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    dimensions,
    event,
    fee,
    per_unit,
    price,
    used,
)
from tests.api.changing import change, commit
from tests.api.conftest import Api
from tests.api.invoicing import (
    JUNE,
    a_draft,
    a_grant,
    added,
    failed,
    issued,
    paid,
    voided,
)

UPDATE_PLAN = """
mutation ($key: String!, $input: UpdatePlanInput!) {
  updatePlan(plan: {key: $key}, input: $input) { plan { id } errors { message } }
}
"""
DEACTIVATE = "mutation ($key: String!) { deactivatePlan(plan: {key: $key}) { errors { message } } }"
VOID = """
mutation ($customer: String!, $key: String!) {
  voidUsageEvent(customer: {key: $customer}, idempotencyKey: $key, reason: $key) {
    errors { message }
  }
}
"""


@dataclass
class Own:
    """What tests name of one customer."""

    key: str
    customer: Json
    subscription: Json
    invoice: Json
    draft: Json
    plan: Json  # deactivated; the subscription is on this version of it
    newest: str  # its newest version, which nobody is on
    metric: Json  # nobody else uses it


async def two_customers(api: Api) -> tuple[Own, Own]:
    """Acme and Rival, in July 2026. Every text of Rival's has its name in it."""
    api.clock.set("2026-05-10T12:00:00Z")
    await a_metric(api, "calls")
    await a_plan(api, fee(), per_unit(), key="open")
    return await _one(api, "acme"), await _one(api, "rival")


async def _one(api: Api, key: str) -> Own:
    api.clock.set("2026-05-10T12:00:00Z")
    customer = await a_customer(
        api,
        key,
        email=f"{key}@example.com",
        companyName=f"{key} Ltd",
        billingAddress=f"{key} Street",
        paymentMethodId=f"pm_{key}",
        metadata={"owner": f"{key}'s keeper"},
    )
    metric = await a_metric(
        api,
        f"{key}_used",
        description=f"Of {key}",
        dimensions=dimensions(**{f"{key}_region": "STRING"}),
    )
    await a_metric(api, f"{key}_extra")
    await a_metric(api, f"{key}_stray")
    await a_metric(api, f"{key}_sum", type="COMPOSITE", formula=f"{key}_used + {key}_extra")
    plan = await a_plan(
        api,
        fee(),
        per_unit("2", f"{key}_used", f"{key}-used"),
        price({"perUnit": {"unitPrice": "3"}}, f"{key}_sum", f"{key}-sum"),
        key=f"{key}-plan",
        description=f"For {key} alone",
    )
    subscription = await a_subscription(api, key, f"{key}-plan")
    newest = await api.ask(UPDATE_PLAN, key=f"{key}-plan", input={"name": f"{key} dearer"})
    await api.ask(DEACTIVATE, key=f"{key}-plan")
    await a_subscription(api, key, "open")
    await commit(api, subscription, metric=f"{key}_used", committedQuantity="5", rate="1")
    await a_grant(api, "7", key, description=f"Hello {key}")
    named = {"subscriptionId": subscription["id"]}
    await used(
        api, *_events(key, "05"), event(2, f"{key}_used", f"{key}-named", **at(key), **named)
    )
    await api.ask(VOID, customer=key, key=f"{key}-05-void")

    api.clock.set("2026-06-10T12:00:00Z")
    invoice = await issued(api, subscription, customer=key)
    await paid(api, await issued(api, await _second(api, key), customer=key))
    await used(api, event(9, f"{key}_extra", f"{key}-late", customer=key))
    await used(api, *_events(key, "06"))
    draft = await added(api, await a_draft(api, customer=key, notes=f"To {key}"), "10")

    api.clock.set("2026-07-10T12:00:00Z")
    await failed(api, await issued(api, subscription, JUNE, customer=key), f"{key} is broke")
    taken_back = await issued(api, await _second(api, key), JUNE, customer=key)
    await voided(api, taken_back, reason=f"{key} asked")
    await used(api, *_events(key, "07"))
    await change(api, subscription, "open", "PERIOD_END")
    return Own(
        key,
        customer,
        subscription,
        invoice,
        draft,
        plan,
        newest["updatePlan"]["plan"]["id"],
        metric,
    )


def _events(key: str, month: str) -> list[Json]:
    """Of every metric that the customer has."""
    when = at(key, month)
    return [
        event(20, f"{key}_used", f"{key}-{month}-used", **when),
        event(4, f"{key}_used", f"{key}-{month}-void", **when),
        event(3, f"{key}_extra", f"{key}-{month}-extra", **when),
        event(2, f"{key}_stray", f"{key}-{month}-stray", **when),
        event(1, "calls", f"{key}-{month}-calls", **when),
    ]


def at(key: str, month: str = "05") -> Json:
    """Whose an event is, from where, and when."""
    region = {f"{key}_region": f"{key}-land"}
    return {"customer": key, "eventTime": f"2026-{month}-05T12:00:00Z", "properties": region}


async def _second(api: Api, key: str) -> Json:
    """The customer's subscription to the open plan."""
    document = "query ($key: String!) { customer(key: $key) { subscriptions { nodes { id plan { key } } } } }"
    nodes: list[Json] = (await api.ask(document, key=key))["customer"]["subscriptions"]["nodes"]
    return next(node for node in nodes if node["plan"]["key"] == "open")
