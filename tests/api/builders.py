"""Customers, metrics, plans, subscriptions and usage, made with the least said, over GraphQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from fubble_gql.db.sql import sql
from tests.api.conftest import Api

# A JSON object that is sent or that came back.
Json = dict[str, Any]
MAY = {"start": "2026-05-01T00:00:00Z", "end": "2026-06-01T00:00:00Z"}
MAY_FIRST = "2026-05-01T00:00:00Z"

_numbers = count(1)

PRICING = """
pricing {
  __typename
  ... on FlatPricing { amount }
  ... on SubscriptionPricing { amount }
  ... on PerUnitPricing { unitPrice freeUnits }
  ... on GraduatedPricing { tiers { upTo unitPrice flatFee } }
  ... on VolumePricing { tiers { upTo unitPrice flatFee } }
  ... on PackagePricing { size price freeUnits }
  ... on ThresholdPricing { mode thresholds { threshold price } }
  ... on PercentagePricing { rate fixedFee freeEvents freeAmount }
  ... on UsageSubscriptionPricing { baseFee includedUnits unitPrice }
  ... on TimePricing { rate rateUnit metricUnit }
  ... on DimensionPricing { baseRate dimensions { property multiplier } }
  ... on MatrixPricing { properties cells { values unitPrice } defaultUnitPrice }
  ... on DynamicPricing { baseRate formula variables }
}
"""
BILL = """
fragment bill on InvoicePreview {
  customer { key } currency period { start end } asOf
  subtotal { amount currency } creditsApplied { amount } total { amount currency }
  lines {
    id kind description quantity unitPrice amount { amount currency } period { start end }
    metric { key } component { key } subscription { id }
    steps { label quantity unitPrice flatFee amount from upTo }
  }
}
"""


async def made(api: Api, document: str, **variables: object) -> Json:
    """The object that a mutation made; it must not have been refused."""
    payload = await asked(api, document, **variables)
    assert payload["errors"] == [], payload["errors"]
    found = next(value for name, value in payload.items() if name != "errors")
    assert isinstance(found, dict)
    return found


async def refused(api: Api, document: str, **variables: object) -> list[tuple[str, str]]:
    """Why a mutation did nothing: the codes and the paths, each path as one text."""
    payload = await asked(api, document, **variables)
    assert all(value is None for name, value in payload.items() if name != "errors"), payload
    assert all(error["message"] for error in payload["errors"])
    return [(error["code"], ".".join(error["path"])) for error in payload["errors"]]


async def asked(api: Api, document: str, **variables: object) -> Json:
    """The answer of the only root field of a document."""
    (answer,) = (await api.ask(document, **variables)).values()
    assert isinstance(answer, dict)
    return answer


CREATE_CUSTOMER = """
mutation ($input: CreateCustomerInput!) {
  createCustomer(input: $input) {
    customer {
      id key name email companyName billingAddress paymentMethodId currency timezone metadata
      createdAt updatedAt archivedAt
    }
    errors { code message path }
  }
}
"""


async def a_customer(api: Api, key: str = "acme", **more: object) -> Json:
    """A customer, in USD and UTC unless said."""
    return await made(api, CREATE_CUSTOMER, input={"key": key, "name": key.title(), **more})


CREATE_METRIC = """
mutation ($input: CreateMetricInput!) {
  createMetric(input: $input) {
    metric {
      id key displayName description unit type aggregation percentile property
      dimensions { property kind } formula decimals createdAt archivedAt
    }
    errors { code message path }
  }
}
"""


async def a_metric(api: Api, key: str = "calls", **more: object) -> Json:
    """A metric, a COUNTER unless said."""
    values = {"key": key, "displayName": key.title(), "type": "COUNTER", **more}
    return await made(api, CREATE_METRIC, input=values)


def dimensions(**kinds: str) -> list[Json]:
    """dimensions(region="STRING", size="NUMBER")."""
    return [{"property": name, "kind": kind} for name, kind in kinds.items()]


def price(pricing: Json, metric: str | None = "calls", key: str = "usage", **more: object) -> Json:
    """A price component, of calls unless said."""
    named = {} if metric is None else {"metric": metric}
    return {"key": key, "displayName": key.title(), "pricing": pricing, **named, **more}


def fee(amount: str = "30", key: str = "fee", model: str = "subscription", **more: object) -> Json:
    """A fee, prorated unless said."""
    return price({model: {"amount": amount}}, None, key, **more)


def per_unit(unit_price: str = "1", metric: str = "calls", key: str = "usage") -> Json:
    """A price for each unit."""
    return price({"perUnit": {"unitPrice": unit_price}}, metric, key)


def tiers(*rows: tuple[str | None, str, str]) -> Json:
    """Rows of upTo, unit price and flat fee."""
    return {
        "tiers": [
            {"upTo": up_to, "unitPrice": unit_price, "flatFee": flat_fee}
            for up_to, unit_price, flat_fee in rows
        ]
    }


PLAN = (
    "id key version name description currency billingFrequency trialDays isActive isLatest "
    "minimum createdAt priceComponents { id key displayName minimum maximum metric { key }"
    + PRICING
    + "}"
)
CREATE_PLAN = (
    "mutation ($input: CreatePlanInput!) { createPlan(input: $input) { plan {"
    + PLAN
    + "} errors { code message path } } }"
)


async def a_plan(api: Api, *components: Json, key: str = "pro", **more: object) -> Json:
    """A plan, monthly and in USD unless said, with a fee of 30 when nothing else is given."""
    values = {
        "key": key,
        "name": key.title(),
        "billingFrequency": "MONTHLY",
        "priceComponents": list(components) or [fee()],
        **more,
    }
    return await made(api, CREATE_PLAN, input=values)


SUBSCRIBE = """
mutation ($input: SubscribeInput!) {
  subscribe(input: $input) {
    subscription {
      id startAt endAt trialEndAt timezone billingAnchor status
      customer { key } plan { id key version } currentPeriod { start end }
    }
    errors { code message path }
  }
}
"""


def subscribing(customer: str = "acme", plan: str = "pro", **more: object) -> Json:
    """The input that puts a customer on a plan."""
    return {"customer": {"key": customer}, "plan": {"key": plan}, **more}


async def a_subscription(
    api: Api, customer: str = "acme", plan: str = "pro", **more: object
) -> Json:
    """A subscription since the first of May unless said."""
    values = {"startAt": MAY_FIRST, **more}
    return await made(api, SUBSCRIBE, input=subscribing(customer, plan, **values))


CANCEL = """
mutation ($id: ID!, $effective: Effective) {
  cancelSubscription(subscriptionId: $id, effective: $effective) {
    subscription { id status endAt currentPeriod { start end } }
    errors { code message path }
  }
}
"""

RECORD = """
mutation ($events: [UsageEventInput!]!) {
  recordUsage(events: $events) {
    accepted duplicates rejected
    receipts { index idempotencyKey status error { code message path } }
    errors { code message path }
  }
}
"""


def event(quantity: object = "1", metric: str = "calls", key: str = "", **more: object) -> Json:
    """One use by acme, of calls, on 5 May at noon, under a key of its own, unless said."""
    return {
        "customer": "acme",
        "metric": metric,
        "quantity": quantity,
        "eventTime": "2026-05-05T12:00:00Z",
        "idempotencyKey": key or f"event-{next(_numbers)}",
        **more,
    }


async def record(api: Api, *events: Json) -> Json:
    """What became of events."""
    return await asked(api, RECORD, events=list(events))


async def used(api: Api, *events: Json) -> None:
    """Record events, and be sure that each of them counts."""
    for start in range(0, len(events), 5_000):
        payload = await record(api, *events[start : start + 5_000])
        failed = [one for one in payload["receipts"] if one["status"] != "ACCEPTED"]
        assert (failed, payload["errors"]) == ([], [])


async def preview(api: Api, customer: str = "acme", **arguments: object) -> Json:
    """The bill of a customer as it stands."""
    document = """
    query ($key: String!, $period: PeriodInput, $asOf: DateTime) {
      customer(key: $key) { invoicePreview(period: $period, asOf: $asOf) { ...bill } }
    }
    """
    found = await asked(api, document + BILL, key=customer, **arguments)
    bill = found["invoicePreview"]
    assert isinstance(bill, dict)
    return bill


async def preview_of(api: Api, subscription: Json, **arguments: object) -> Json:
    """The bill of one subscription as it stands."""
    document = """
    query ($id: ID!, $period: PeriodInput, $asOf: DateTime) {
      planSubscription(id: $id) { invoicePreview(period: $period, asOf: $asOf) { ...bill } }
    }
    """
    found = await asked(api, document + BILL, id=subscription["id"], **arguments)
    bill = found["invoicePreview"]
    assert isinstance(bill, dict)
    return bill


def amounts(bill: Json) -> list[tuple[str, str | None, str]]:
    """The lines of a bill: kind, the component's key, amount."""
    return [
        (line["kind"], (line["component"] or {}).get("key"), line["amount"]["amount"])
        for line in bill["lines"]
    ]


async def counted_rows(api: Api) -> Mapping[str, int]:
    """How many rows each table has, but for the sums that follow from the events."""
    if api.connection.dialect == "sqlite":
        names = "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'"
    else:
        names = "select tablename from pg_tables where schemaname = 'public'"
        names += " and tablename <> 'usage_rollup'"
    tables = sorted(str(row[0]) for row in await api.connection.fetch(sql(names)))
    found: dict[str, int] = {}
    for table in tables:
        rows: Sequence[Any] = await api.connection.fetch(sql(f'select count(*) from "{table}"'))  # noqa: S608
        found[table] = int(rows[0][0])
    return found
