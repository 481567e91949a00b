"""Previews beside invoices: what is invoiced already is not in the next bill again."""

from __future__ import annotations

from tests.api.builders import (
    CANCEL,
    a_customer,
    a_plan,
    a_subscription,
    asked,
    fee,
    made,
    preview_of,
)
from tests.api.conftest import Api
from tests.api.invoicing import GRANT, issued

CUSTOMER = """
{ customer(key: "acme") { invoicePreview {
    total { amount } creditsApplied { amount } lines { subscription { id } }
} } }
"""


async def test_a_part_that_was_invoiced_is_not_in_the_customers_next_bill(api: Api) -> None:
    await a_customer(api)
    await a_plan(api, fee("31"))
    ended = await a_subscription(api)
    running = await a_subscription(api)
    await made(api, GRANT, input={"customer": {"key": "acme"}, "amount": "5"})
    api.clock.set("2026-05-11T00:00:00+00:00")
    await made(api, CANCEL, id=ended["id"], effective="NOW")
    stub = {"start": "2026-05-01T00:00:00Z", "end": "2026-05-11T00:00:00Z"}

    before = (await asked(api, CUSTOMER))["invoicePreview"]
    await issued(api, ended, stub)
    after = (await asked(api, CUSTOMER))["invoicePreview"]

    assert before["total"]["amount"] == "36.00"  # 10 + 31 - 5
    assert after["total"]["amount"] == "31.00"
    assert {line["subscription"]["id"] for line in after["lines"]} == {running["id"]}
    assert after["creditsApplied"]["amount"] == "0.00"  # spent on the first


async def test_an_invoiced_period_is_previewed_without_credit(api: Api) -> None:
    await a_customer(api)
    await a_plan(api, fee("31"))
    subscription = await a_subscription(api)
    api.clock.set("2026-06-02T00:00:00+00:00")
    await issued(api, subscription)
    await made(api, GRANT, input={"customer": {"key": "acme"}, "amount": "5"})
    may = {"start": "2026-05-01T00:00:00Z", "end": "2026-06-01T00:00:00Z"}

    invoiced = await preview_of(api, subscription, period=may)
    running = await preview_of(api, subscription)

    assert invoiced["creditsApplied"]["amount"] == "0.00"
    assert running["creditsApplied"]["amount"] == "5.00"
