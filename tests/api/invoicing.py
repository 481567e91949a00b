"""Invoices over GraphQL: made, changed, issued, paid, failed, voided, read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.api.builders import (
    MAY,
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    asked,
    fee,
    made,
    per_unit,
    refused,
)
from tests.api.conftest import Api

APRIL = {"start": "2026-04-01T00:00:00Z", "end": "2026-05-01T00:00:00Z"}
JUNE = {"start": "2026-06-01T00:00:00Z", "end": "2026-07-01T00:00:00Z"}
JULY = {"start": "2026-07-01T00:00:00Z", "end": "2026-08-01T00:00:00Z"}

_SUMS = ("subtotal", "creditsApplied", "total")

LINES = """
lines {
  id kind description quantity unitPrice amount { amount currency } period { start end }
  metric { key } component { key } subscription { id }
  steps { label quantity unitPrice flatFee amount from upTo }
}
"""
INVOICE = (
    """
fragment invoice on Invoice {
  id number status currency period { start end } customer { key }
  subtotal { amount currency } creditsApplied { amount } total { amount currency }
  amountDue { amount } isOverdue asOf issuedAt dueAt paidAt failedAt failureReason voidedAt
  voidReason billTo { name companyName email billingAddress } notes createdAt pdfUrl
"""
    + LINES
    + "}"
)
PAYLOAD = "{ invoice { ...invoice } errors { code message path } } }" + INVOICE
CREATE = "mutation ($input: CreateInvoiceInput!) { createInvoice(input: $input)" + PAYLOAD
ADD = (
    "mutation ($id: ID!, $input: ManualLineInput!) { addInvoiceLine(invoiceId: $id, input: $input)"
    + PAYLOAD
)
REMOVE = (
    "mutation ($id: ID!, $line: ID!) { removeInvoiceLine(invoiceId: $id, lineId: $line)" + PAYLOAD
)
REFRESH = "mutation ($id: ID!) { refreshInvoice(invoiceId: $id)" + PAYLOAD
FINALIZE = "mutation ($id: ID!) { finalizeInvoice(invoiceId: $id)" + PAYLOAD
PAY = "mutation ($id: ID!, $paidAt: DateTime) { payInvoice(invoiceId: $id, paidAt: $paidAt)" + (
    PAYLOAD
)
FAIL = "mutation ($id: ID!, $reason: String) { failInvoice(invoiceId: $id, reason: $reason)" + (
    PAYLOAD
)
VOID = (
    """
mutation ($id: ID!, $reason: String, $rebill: Boolean) {
  voidInvoice(invoiceId: $id, reason: $reason, rebill: $rebill)"""
    + PAYLOAD
)
FIND = "query ($id: ID, $number: String) { invoice(id: $id, number: $number) { ...invoice } }" + (
    INVOICE
)
VERIFY = "query ($id: ID!) { invoice(id: $id) { verification { matches differences } } }"
EVENTS = """
query ($id: ID!) {
  invoice(id: $id) {
    lines { kind component { key } period { start } usageEvents(first: 100) {
      nodes { idempotencyKey } } }
  }
}
"""
GRANT = """
mutation ($input: GrantCreditInput!) {
  grantCredit(input: $input) { creditGrant { id } errors { code message path } }
}
"""
CREDITS = """
query ($key: String!) {
  customer(key: $key) {
    creditBalance { amount }
    creditGrants {
      nodes {
        id type status remaining { amount }
        transactions { amount { amount } description invoice { id number } }
      }
    }
  }
}
"""
VOID_EVENT = """
mutation ($key: String!) {
  voidUsageEvent(customer: {key: "acme"}, idempotencyKey: $key) {
    event { id } errors { code message path }
  }
}
"""


async def the_usual(api: Api, *components: Json, **more: Any) -> Json:  # noqa: ANN401 - JSON
    """Acme on a plan since May, with a fee of 30 and calls at 1 each unless said."""
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, *(components or (fee(), per_unit())))
    return await a_subscription(api, **more)


def invoicing(customer: str = "acme", **more: object) -> Json:
    """The input of a draft for lines by hand, unless said."""
    return {"customer": {"key": customer}, **more}


async def a_draft(
    api: Api,
    subscription: Json | None = None,
    period: Json | None = None,
    customer: str = "acme",
    **more: object,
) -> Json:
    """A draft: of a subscription's May unless said, of a period, or for lines by hand."""
    given = dict(more)
    if subscription is not None:
        given |= {"subscriptionId": subscription["id"], "period": period or MAY}
    elif period is not None:
        given["period"] = period
    return await made(api, CREATE, input=invoicing(customer, **given))


async def why_no_draft(api: Api, customer: str = "acme", **more: object) -> list[tuple[str, str]]:
    """Why a draft was refused: codes and paths."""
    return await refused(api, CREATE, input=invoicing(customer, **more))


async def added(
    api: Api, invoice: Json, unit_price: object = "10", quantity: object = None, **more: object
) -> Json:
    """The draft with a line by hand more, for support unless said."""
    given = {"description": "Support", "unitPrice": unit_price, **more}
    if quantity is not None:
        given["quantity"] = quantity
    return await made(api, ADD, id=invoice["id"], input=given)


async def refreshed(api: Api, invoice: Json) -> Json:
    """The draft rated anew."""
    return await made(api, REFRESH, id=invoice["id"])


async def finalized(api: Api, invoice: Json) -> Json:
    """The invoice once it is issued."""
    return await made(api, FINALIZE, id=invoice["id"])


async def issued(
    api: Api, subscription: Json, period: Json | None = None, customer: str = "acme"
) -> Json:
    """An issued invoice of a subscription's May, unless said."""
    return await finalized(api, await a_draft(api, subscription, period, customer))


async def charged(api: Api, unit_price: str = "10", customer: str = "acme") -> Json:
    """An issued invoice of one line by hand."""
    return await finalized(api, await added(api, await a_draft(api, customer=customer), unit_price))


async def paid(api: Api, invoice: Json, **more: object) -> Json:
    """The invoice once it is paid."""
    return await made(api, PAY, id=invoice["id"], **more)


async def failed(api: Api, invoice: Json, reason: str | None = None) -> Json:
    """The invoice once collecting it has failed."""
    return await made(api, FAIL, id=invoice["id"], reason=reason)


async def voided(api: Api, invoice: Json, **more: object) -> Json:
    """The invoice once it is taken back."""
    return await made(api, VOID, id=invoice["id"], **more)


async def found(api: Api, invoice: Json) -> Json:
    """The invoice as it is read."""
    return await asked(api, FIND, id=invoice["id"])


async def differences(api: Api, invoice: Json) -> list[str]:
    """Where an issued invoice differs from what it is when rated again."""
    verification = (await asked(api, VERIFY, id=invoice["id"]))["verification"]
    assert verification["matches"] == (verification["differences"] == [])
    listed: list[str] = verification["differences"]
    return listed


async def events_behind(api: Api, invoice: Json) -> list[tuple[str, str | None, list[str]]]:
    """The keys of the events behind each line: the line's kind, its component, the keys."""
    lines = (await asked(api, EVENTS, id=invoice["id"]))["lines"]
    return [
        (
            line["kind"],
            (line["component"] or {}).get("key"),
            [event["idempotencyKey"] for event in line["usageEvents"]["nodes"]],
        )
        for line in lines
    ]


async def a_grant(api: Api, amount: str, customer: str = "acme", **more: object) -> Json:
    """Credit for a customer."""
    given = {"customer": {"key": customer}, "amount": amount, **more}
    return await made(api, GRANT, input=given)


async def credit_of(api: Api, customer: str = "acme") -> Json:
    """What a customer can spend, and its grants."""
    return await asked(api, CREDITS, key=customer)


async def void_event(api: Api, key: str) -> None:
    """Let an event of acme's count no more."""
    await made(api, VOID_EVENT, key=key)


def rated(bill: Json) -> list[Json]:
    """The lines of a bill without their ids: a preview's change with every instant."""
    return [{name: value for name, value in line.items() if name != "id"} for line in bill["lines"]]


def billed(bill: Json) -> list[tuple[str, str, str]]:
    """The lines of a bill: kind, month and amount."""
    return [
        (line["kind"], (line["period"] or {"start": ""})["start"][:7], line["amount"]["amount"])
        for line in bill["lines"]
    ]


def money(bill: Json) -> tuple[str, str, str]:
    """Subtotal, credits and total."""
    subtotal, paid_by_credit, total = (bill[name] for name in _SUMS)
    return subtotal["amount"], paid_by_credit["amount"], total["amount"]


def codes(payload: Json) -> Sequence[Any]:
    """Code and path of each error."""
    return [(error["code"], ".".join(error["path"])) for error in payload["errors"]]
