"""Invoices of other systems' tests: agreed as plans, issued over GraphQL and paid from credit."""

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
    fee,
    per_unit,
    price,
    used,
)
from tests.api.conftest import Api
from tests.api.invoicing import a_grant, issued, money
from tests.conformance.corpus import Case, Record, to_answer

ABOUT_IT = frozenset(
    [
        "id",
        "source",
        "area",
        "model",
        "unit",
        "expected",
        "verified",
        "convention",
        "portable",
        "note",
        "tags",
        "verification",
        "scope",
        "upstream_asserted",
        "rounding_places",
    ]
)
TOLD = frozenset({"lines", "commitment", "prepaid_balance"})
LINE_TOLD = frozenset({"id", "type", "amount", "tax", "quantity", "tiers", "tier_mode"})


@pytest.mark.parametrize("case", to_answer("invoices"))
async def test_an_invoice_comes_to_what_the_standard_says(api: Api, case: Case) -> None:
    """One of the billing period in which everything that the case tells was so."""
    check_that_all_is_told(case)
    subscription = await agreed(api, case)
    if "prepaid_balance" in case:
        await a_grant(api, in_dollars(case, case.text("prepaid_balance")))
    api.clock.set("2026-06-01T00:00:00Z")

    invoice = await issued(api, subscription)

    answered, expected = answer(case, invoice), case.answer()
    for name in expected.fields:
        assert answered[name] == expected.decimal(name), name
    charges = [line for line in invoice["lines"] if line["kind"] != "MINIMUM"]
    for told, line in zip(case.records("lines"), charges, strict=True):
        if "amount" in told:
            assert in_unit(case, line["amount"]["amount"]) == told.decimal("amount")


def check_that_all_is_told(case: Case) -> None:
    """What a case says and this file does not tell the product would be ignored: it fails."""
    assert case.fields.keys() <= ABOUT_IT | TOLD
    for line in case.records("lines"):
        assert line.fields.keys() <= LINE_TOLD
        assert line.fields.get("tier_mode", "graduated") == "graduated"
        assert not any(line.decimals("tax") if "tax" in line else ())


async def agreed(api: Api, case: Case) -> Json:
    """A subscription to a plan with a price for each line, and what was used of it."""
    await a_customer(api)
    lines = {f"line-{place}": line for place, line in enumerate(case.records("lines"))}
    for key, line in lines.items():
        if is_usage(line):
            await a_metric(api, key)
    more = {}
    if "commitment" in case:
        more["minimum"] = in_dollars(case, case.text("commitment"))
    await a_plan(api, *(component(case, key, line) for key, line in lines.items()), **more)
    await used(
        api,
        *(event(quantity(case, line), key) for key, line in lines.items() if is_usage(line)),
    )
    return await a_subscription(api)


def component(case: Case, key: str, line: Record) -> Json:
    """Usage at its tiers, or else at 1 each; all else is a fee."""
    if "tiers" in line:
        rows = [
            {
                "upTo": tier.text("up_to") if "up_to" in tier else None,
                "unitPrice": in_dollars(case, tier.text("unit_price")),
            }
            for tier in line.records("tiers")
        ]
        return price({"graduated": {"tiers": rows}}, key, key)
    if is_usage(line):
        return per_unit("1", key, key)
    return fee(in_dollars(case, line.text("amount")), key)


def is_usage(line: Record) -> bool:
    return "quantity" in line or line.fields.get("type") == "usage"


def quantity(case: Case, line: Record) -> str:
    return line.text("quantity") if "quantity" in line else in_dollars(case, line.text("amount"))


def answer(case: Case, invoice: Json) -> dict[str, Decimal]:
    """What the invoice says to each question of a case, in the case's unit."""
    subtotal, drawn, total = (in_unit(case, each) for each in money(invoice))
    lines = [(line["kind"], in_unit(case, line["amount"]["amount"])) for line in invoice["lines"]]
    return {
        "subtotal": subtotal,
        "discount": sum((amount for _, amount in lines), Decimal(0)) - subtotal,
        "true_up": sum((amount for kind, amount in lines if kind == "MINIMUM"), Decimal(0)),
        "credits": drawn,
        "total": total,
    }


def in_dollars(case: Case, amount: str) -> str:
    return f"{Decimal(amount) / cents(case):f}"


def in_unit(case: Case, dollars: str) -> Decimal:
    return Decimal(dollars) * cents(case)


def cents(case: Case) -> int:
    """How many of the case's unit make a dollar."""
    return 100 if case.text("unit") == "minor" else 1
