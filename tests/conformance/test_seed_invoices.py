"""The seed's invoices that need neither commitments nor credits, as previews over GraphQL.

The seed's periods include both ends: its January is the billing period that begins on the first.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
import pytest_asyncio

from tests.api.builders import (
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    event,
    preview_of,
    price,
    used,
)
from tests.api.conftest import Api, running
from tests.conformance.corpus import Case, Record, cases, unsupported

LISTED = {each for ids in unsupported().values() for each in ids}
INVOICES = [
    case
    for case in cases("seed")
    if case.has_answer() and case.model == "invoice" and case.id not in LISTED
]


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[Api]:
    """A caller of the application on each kind of database."""
    async with running(database_url) as caller:
        yield caller


@pytest.mark.parametrize("case", INVOICES, ids=lambda case: case.id)
async def test_an_invoice_comes_to_what_the_seed_promises(api: Api, case: Case) -> None:
    given = case.record("input")
    start = given.instant("from")
    api.clock.now = start + timedelta(days=30)
    await a_customer(api)
    components = given.records("components")
    for name in {one.text("metric") for one in components if not is_fee(one)}:
        await a_metric(api, name)
    await a_plan(api, *(component(one) for one in components))
    subscription = await a_subscription(api, startAt=start.isoformat())
    await used(api, *(as_event(one) for one in given.records("events")))

    bill = await preview_of(api, subscription)

    assert bill["period"]["start"] == f"{start:%Y-%m-%dT%H:%M:%SZ}"
    assert Decimal(bill["total"]["amount"]) == case.answer().decimal("total")
    assert len(bill["lines"]) == len(components)


def is_fee(one: Record) -> bool:
    """Whether it prices no usage; the seed gives even a fee a metric."""
    return one.text("pricing_type") in {"flat", "subscription"}


def as_event(one: Record) -> Json:
    """An event at its instant, in UTC."""
    at: datetime = one.instant("t")
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


def test_both_invoices_of_the_core_are_run() -> None:
    assert [case.id for case in INVOICES] == ["seed-invoice-01", "seed-invoice-06"]
