"""From nothing to an issued invoice, over HTTP alone: `pip install httpx`, and a running server.

    python examples/quickstart.py --url http://127.0.0.1:8000/graphql --key "$FUBBLE_KEY"

It can be run again, and interrupted: whatever is there already is found, nothing is done twice.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx

ATTEMPTS = 5
EVENTS_PER_CALL = 1_000
# The server had too much to do, or is being replaced: the same call may be sent again.
TRY_AGAIN = {429, 502, 503, 504}


class Refused(Exception):
    """The server said why it will not do something; sending it again would not help."""


class Fubble:
    """A client in thirty lines: every call is safe to repeat, so every call is repeated."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._http = httpx.Client(headers={"Authorization": f"Bearer {key}"}, timeout=30)

    def ask(self, document: str, **variables: object) -> Any:
        """The data of an answer. Raises Refused with the server's reasons."""
        body = {"query": document, "variables": variables}
        for attempt in range(ATTEMPTS):
            try:
                response = self._http.post(self._url, json=body)
                if response.status_code not in TRY_AGAIN and not _unavailable(response.json()):
                    return _data(response.json())
            except httpx.TransportError as error:
                print(f"  {type(error).__name__}: once more", file=sys.stderr)
            time.sleep(0.2 * 2**attempt)
        raise Refused(f"No answer after {ATTEMPTS} attempts.")

    def do(self, document: str, **variables: object) -> Any:
        """What a mutation made. Raises Refused with the reasons in its payload."""
        (payload,) = self.ask(document, **variables).values()
        if payload["errors"]:
            raise Refused("\n".join(_reason(error) for error in payload["errors"]))
        return payload


def _unavailable(answer: dict[str, Any]) -> bool:
    """Whether the database could not answer: in `errors`, or in a mutation's payload."""
    codes = [error["extensions"]["code"] for error in answer.get("errors", [])]
    for payload in (answer.get("data") or {}).values():
        if isinstance(payload, dict):
            codes += [error.get("code") for error in payload.get("errors") or []]
    return "SERVICE_UNAVAILABLE" in codes


def _data(answer: dict[str, Any]) -> Any:
    if answer.get("errors"):
        raise Refused("\n".join(error["message"] for error in answer["errors"]))
    return answer["data"]


def _reason(error: dict[str, Any]) -> str:
    return f"{error['code']} {'.'.join(error['path'])}: {error['message']}"


CREATE_METRIC = """
mutation CreateMetric($input: CreateMetricInput!) {
  createMetric(input: $input) { metric { key } errors { code message path } }
}
"""
CREATE_PLAN = """
mutation CreatePlan($input: CreatePlanInput!) {
  createPlan(input: $input) { plan { key version } errors { code message path } }
}
"""
CREATE_CUSTOMER = """
mutation CreateCustomer($input: CreateCustomerInput!) {
  createCustomer(input: $input) { customer { key } errors { code message path } }
}
"""
SUBSCRIBE = """
mutation Subscribe($input: SubscribeInput!) {
  subscribe(input: $input) {
    subscription { id periods(first: 1) { nodes { period { start end } } } }
    errors { code message path }
  }
}
"""
RECORD = """
mutation RecordUsage($events: [UsageEventInput!]!) {
  recordUsage(events: $events) {
    accepted duplicates rejected
    receipts { idempotencyKey error { code message path } }
    errors { code message path }
  }
}
"""
PREVIEW = """
query Preview($id: ID!, $period: PeriodInput!) {
  planSubscription(id: $id) {
    invoicePreview(period: $period) {
      lines {
        description quantity amount { amount }
        steps { label quantity unitPrice amount }
      }
      total { amount currency }
    }
  }
}
"""
DRAFT = """
mutation Draft($input: CreateInvoiceInput!) {
  createInvoice(input: $input) { invoice { id } errors { code message path } }
}
"""
FINALIZE = """
mutation Finalize($id: ID!) {
  finalizeInvoice(invoiceId: $id) {
    invoice { number status total { amount currency } verification { matches } }
    errors { code message path }
  }
}
"""


def sell(fubble: Fubble) -> Any:
    """A metric, a plan, a customer, and its subscription for a month that is over."""
    fubble.do(
        CREATE_METRIC,
        input={
            "key": "quick_calls",
            "displayName": "API calls",
            "unit": "calls",
            "type": "COUNTER",
        },
    )
    tiers = [{"upTo": "1000", "unitPrice": "0.02"}, {"unitPrice": "0.005"}]
    fee = {"key": "fee", "displayName": "Plan", "pricing": {"subscription": {"amount": "49"}}}
    calls = {"key": "calls", "displayName": "API calls", "metric": "quick_calls"}
    fubble.do(
        CREATE_PLAN,
        input={
            "key": "quick_pro",
            "name": "Pro",
            "currency": "EUR",
            "billingFrequency": "MONTHLY",
            "priceComponents": [fee, {**calls, "pricing": {"graduated": {"tiers": tiers}}}],
        },
    )
    fubble.do(CREATE_CUSTOMER, input={"key": "quick_acme", "name": "Acme GmbH", "currency": "EUR"})
    subscribed = fubble.do(
        SUBSCRIBE,
        input={
            "customer": {"key": "quick_acme"},
            "plan": {"key": "quick_pro"},
            "startAt": "2026-01-01T00:00:00Z",
            "endAt": "2026-02-01T00:00:00Z",
            "idempotencyKey": "quickstart",
        },
    )
    return subscribed["subscription"]


def record(fubble: Fubble, events: Iterable[dict[str, object]]) -> tuple[int, int]:
    """How many events are new, and how many had been recorded. Raises Refused for a rejected one.

    The keys make it safe: after a crash the same events are sent again, and each counts once.
    """
    accepted = duplicates = 0
    for batch in batches(events):
        payload = fubble.do(RECORD, events=batch)
        if payload["rejected"]:
            first = next(one for one in payload["receipts"] if one["error"])
            raise Refused(f"{first['idempotencyKey']}: {_reason(first['error'])}")
        accepted += payload["accepted"]
        duplicates += payload["duplicates"]
    return accepted, duplicates


def batches(events: Iterable[dict[str, object]]) -> Iterator[list[dict[str, object]]]:
    """As many at a time as one call may take well."""
    batch: list[dict[str, object]] = []
    for event in events:
        batch.append(event)
        if len(batch) == EVENTS_PER_CALL:
            yield batch
            batch = []
    if batch:
        yield batch


def january() -> Iterator[dict[str, object]]:
    """1,488 events, two an hour; yours come from a log or a queue, with keys of their own."""
    for number in range(1_488):
        happened = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=30 * number)
        yield {
            "customer": "quick_acme",
            "metric": "quick_calls",
            "quantity": "1.5",
            "eventTime": happened.isoformat(),
            "idempotencyKey": f"quick-{number}",
        }


def show(bill: Any) -> None:
    """Every line with the steps that it is made of."""
    for line in bill["lines"]:
        print(f"  {line['description']}: {line['quantity']} = {line['amount']['amount']}")
        for step in line["steps"]:
            amount = Decimal(step["amount"])
            print(f"    {step['label']}: {step['quantity']} × {step['unitPrice']} = {amount:f}")
    print(f"  Total {bill['total']['amount']} {bill['total']['currency']}")


def main() -> None:
    """The whole way."""
    parser = argparse.ArgumentParser(description="From nothing to an issued invoice.")
    parser.add_argument(
        "--url", default=os.environ.get("FUBBLE_URL", "http://127.0.0.1:8000/graphql")
    )
    parser.add_argument("--key", default=os.environ.get("FUBBLE_KEY"), help="or FUBBLE_KEY")
    options = parser.parse_args()
    if not options.key:
        parser.error("an API key is needed: make one with `fubble keys create`")
    fubble = Fubble(options.url, options.key)
    try:
        subscription = sell(fubble)
        period = subscription["periods"]["nodes"][0]["period"]
        accepted, duplicates = record(fubble, january())
        print(f"Recorded {accepted} events, {duplicates} were there already.")
        asked = fubble.ask(PREVIEW, id=subscription["id"], period=period)
        print("The bill:")
        show(asked["planSubscription"]["invoicePreview"])
        draft = fubble.do(
            DRAFT,
            input={
                "customer": {"key": "quick_acme"},
                "subscriptionId": subscription["id"],
                "period": period,
                "idempotencyKey": "quickstart",
            },
        )
        invoice = fubble.do(FINALIZE, id=draft["invoice"]["id"])["invoice"]
    except Refused as refused:
        sys.exit(str(refused))
    total = f"{invoice['total']['amount']} {invoice['total']['currency']}"
    proof = "proved" if invoice["verification"]["matches"] else "NOT proved"
    print(f"Issued {invoice['number']}: {total}, {invoice['status']}, {proof}.")


if __name__ == "__main__":
    main()
