"""The seed's invoices, with commitments and credits, issued over GraphQL.

The seed's periods include both ends: its January is the billing period that begins on the first.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.api.builders import (
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    event,
    per_unit,
    price,
    used,
)
from tests.api.conftest import Api
from tests.api.invoicing import a_grant, credit_of, issued
from tests.conformance.corpus import Case, Record, cases, instant, unsupported

JANUARY = {"start": "2023-01-01T00:00:00Z", "end": "2023-02-01T00:00:00Z"}
LISTED = {each for ids in unsupported().values() for each in ids}
RUN = [case for case in cases("seed") if case.has_answer() and case.id not in LISTED]
INVOICES = [case for case in RUN if case.model in {"invoice", "credits"}]
COMMITMENTS = [case for case in RUN if case.model == "commitment"]


@pytest.mark.parametrize("case", INVOICES, ids=lambda case: case.id)
async def test_an_invoice_comes_to_what_the_seed_promises(api: Api, case: Case) -> None:
    given, expected = case.record("input"), case.answer()
    assert given.instant("from") == instant(JANUARY["start"])
    components = given.records("components")
    for name in {one.text("metric") for one in components if not is_fee(one)}:
        await a_metric(api, name)
    await a_plan(api, *(component(one) for one in components))
    await a_customer(api)
    grants = await granted(api, given.records("credits") if "credits" in given else [])
    api.clock.set(JANUARY["end"])
    subscription = await a_subscription(api, startAt=JANUARY["start"])
    await used(api, *(as_event(one) for one in given.records("events")))

    invoice = await issued(api, subscription, JANUARY)

    assert Decimal(invoice["total"]["amount"]) == expected.decimal("total")
    assert len(invoice["lines"]) == len(components)
    if grants:
        balances = expected.record("balances")
        left = {name: await remaining(api, id) for name, id in grants.items()}
        assert left == {name: balances.decimal(name) for name in balances.fields}


@pytest.mark.parametrize("case", COMMITMENTS, ids=lambda case: case.id)
async def test_a_commitment_charges_what_the_seed_promises(api: Api, case: Case) -> None:
    """All of it in place of usage that would cost less at its rates, else nothing on its account.

    Both are asked of the product: what a customer pays who is committed, and what one pays for
    the same usage who is not.
    """
    given = case.record("input")
    usage = given.record("usage")
    assert given.instant("from") == instant(JANUARY["start"])
    (name,) = (metric.text("name") for metric in given.records("metrics"))
    (commitment,) = given.records("commitments")
    await a_metric(api, name)
    await a_plan(api, per_unit(commitment.text("rate"), name), key="plain")
    await a_plan(api, price(at_its_rates(commitment), name), key="alone")
    api.clock.set(JANUARY["end"])

    committed = await paid_for(api, usage, "plain", commitments=[agreed(commitment, name)])
    alone = await paid_for(api, usage, "alone")

    assert committed >= alone
    charged = committed if committed > alone else Decimal(0)
    assert charged == case.answer().decimal("commitment_charge")


async def paid_for(api: Api, usage: Record, plan: str, **more: object) -> Decimal:
    """What a customer, called as the plan is, pays for January with all of the usage."""
    await a_customer(api, plan)
    subscription = await a_subscription(api, plan, plan, startAt=JANUARY["start"], **more)
    (name,) = usage.fields
    await used(api, event(usage.text(name), name, customer=plan, eventTime=JANUARY["start"]))
    invoice = await issued(api, subscription, JANUARY, plan)
    return Decimal(invoice["total"]["amount"])


async def granted(api: Api, given: list[Record]) -> dict[str, str]:
    """The ids of the credits under the seed's names, granted in time to be spent by some."""
    api.clock.set("2019-12-01T00:00:00Z")
    ids = {}
    for one in given:
        ends = {"expiresAt": f"{one.instant('expires_at'):%FT%TZ}"} if "expires_at" in one else {}
        ids[one.text("id")] = (await a_grant(api, one.text("amount"), **ends))["id"]
    return ids


async def remaining(api: Api, id: str) -> Decimal:
    """What was neither spent nor cancelled of a grant."""
    nodes = (await credit_of(api))["creditGrants"]["nodes"]
    (found,) = (node["remaining"]["amount"] for node in nodes if node["id"] == id)
    return Decimal(found)


def agreed(commitment: Record, metric: str) -> Json:
    """The seed's commitment in our words."""
    return {
        "metric": metric,
        "committedQuantity": commitment.text("amount"),
        "rate": commitment.text("rate"),
        "overageRate": commitment.text("overage_rate"),
    }


def at_its_rates(commitment: Record) -> Json:
    """The commitment's rates for usage alone: what is above it costs the overage rate."""
    return {
        "graduated": {
            "tiers": [
                {"upTo": commitment.text("amount"), "unitPrice": commitment.text("rate")},
                {"unitPrice": commitment.text("overage_rate")},
            ]
        }
    }


def is_fee(one: Record) -> bool:
    """Whether it prices no usage; the seed gives even a fee a metric."""
    return one.text("pricing_type") in {"flat", "subscription"}


def as_event(one: Record) -> Json:
    """An event at its instant, in UTC."""
    at = one.instant("t")
    return event(one.text("quantity"), one.text("metric"), eventTime=at.isoformat())


def component(one: Record) -> Json:
    """The seed's price in our words."""
    name = one.text("metric")
    return price(pricing(one), None if is_fee(one) else name, name)


def pricing(one: Record) -> Json:
    """The seed's model in our words: its tiers say where they start, ours where they end."""
    details = one.record("details")
    match one.text("pricing_type"):
        case "flat" | "subscription" as model:
            return {model: {"amount": details.text("amount")}}
        case "tiered":
            return {"graduated": tiers(details)}
        case "volume":
            return {"volume": tiers(details)}
        case "usage_based_subscription":
            return {
                "usageSubscription": {
                    "baseFee": details.text("base_fee"),
                    "unitPrice": details.text("usage_price"),
                }
            }
        case other:
            raise AssertionError(f"No price for {other}.")


def tiers(details: Record) -> Json:
    """Each tier ends where the next one starts."""
    found = sorted(details.records("tiers"), key=lambda tier: tier.decimal("start"))
    ends: list[str | None] = [tier.text("start") for tier in found[1:]]
    return {
        "tiers": [
            {"upTo": end, "unitPrice": tier.text("price")}
            for tier, end in zip(found, [*ends, None], strict=True)
        ]
    }


def test_every_invoice_commitment_and_credit_of_the_core_is_run() -> None:
    assert [case.id for case in INVOICES + COMMITMENTS] == [
        "seed-invoice-01",
        "seed-invoice-06",
        "seed-credits-02",
        "seed-credits-04",
        "seed-credits-05",
        "seed-commitment-02",
        "seed-commitment-05",
    ]
