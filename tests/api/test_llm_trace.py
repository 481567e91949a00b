"""A real hour of usage: 28,185 requests to two LLM services, counted to the token.

The trace is the Azure LLM inference trace 2023 (CC-BY 4.0); it is not a part of the project, and the
tests are skipped where it does not lie beside the checkout.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from tests.api.builders import (
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    amounts,
    asked,
    counted_rows,
    preview,
    price,
    record,
    tiers,
)
from tests.api.conftest import Api

TRACE = Path(__file__).parents[3] / "shared" / "data" / "llm_trace"
pytestmark = pytest.mark.skipif(
    not TRACE.exists(), reason="the LLM trace is not beside the checkout (shared/data/llm_trace)"
)

EVENTS = 56_370
# As the trace's own README states them: tokens in, tokens out.
TOTALS = {"code": (18_059_974, 245_896), "conv": (22_361_870, 4_088_665)}
REQUESTS = {"code": 8_819, "conv": 19_366}
HOUR = {"start": "2023-11-16T18:00:00Z", "end": "2023-11-16T20:00:00Z"}
NOVEMBER = {"start": "2023-11-01T00:00:00Z", "end": "2023-12-01T00:00:00Z"}
# Dollars for a token: up to a million of them, up to ten, and above.
INPUT = (("1000000", "0.0000025"), ("10000000", "0.000002"), (None, "0.00000175"))
OUTPUT = (("1000000", "0.00001"), ("2000000", "0.000008"), (None, "0.0000065"))
USAGE = """
query ($key: String!, $period: PeriodInput) {
  customer(key: $key) {
    usage(period: $period) { metric { key } quantity eventCount }
    unbilledUsage(period: $period) { quantity }
  }
}
"""


def events_of(service: str) -> Iterator[Json]:
    """Two events for each request, its time cut to microseconds."""
    with (TRACE / f"{service}.csv").open(newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            for metric, column in (
                ("input_tokens", "ContextTokens"),
                ("output_tokens", "GeneratedTokens"),
            ):
                yield {
                    "customer": service,
                    "metric": metric,
                    "quantity": row[column],
                    "eventTime": row["TIMESTAMP"][:26].replace(" ", "T") + "Z",
                    "idempotencyKey": f"{metric}-{number}",
                }


async def send_everything(api: Api) -> tuple[int, int, int]:
    """How many events were accepted, duplicates, rejected."""
    events = [one for service in TOTALS for one in events_of(service)]
    assert len(events) == EVENTS
    accepted = duplicates = rejected = 0
    for start in range(0, EVENTS, 5_000):
        payload = await record(api, *events[start : start + 5_000])
        accepted += payload["accepted"]
        duplicates += payload["duplicates"]
        rejected += payload["rejected"]
    return accepted, duplicates, rejected


def graduated(quantity: int, bounds: tuple[tuple[str | None, str], ...]) -> Decimal:
    """Each token at the price of its tier, in cents, worked out here."""
    total, below = Decimal(0), Decimal(0)
    for up_to, unit_price in bounds:
        top = Decimal(quantity) if up_to is None else min(Decimal(quantity), Decimal(up_to))
        total += max(Decimal(0), top - below) * Decimal(unit_price)
        below = top
    return total.quantize(Decimal("0.01"), ROUND_HALF_UP)


async def test_a_real_hour_is_counted_to_the_token_and_once(api: Api) -> None:
    for metric in ("input_tokens", "output_tokens"):
        await a_metric(api, metric)
    await a_plan(
        api,
        *(
            price(
                {"graduated": tiers(*((up_to, one, "0") for up_to, one in bounds))}, metric, metric
            )
            for metric, bounds in (("input_tokens", INPUT), ("output_tokens", OUTPUT))
        ),
    )
    api.clock.now = datetime.fromisoformat("2023-11-17T00:00:00+00:00")
    for service in TOTALS:
        await a_customer(api, service)
        await a_subscription(api, service, startAt="2023-11-01T00:00:00Z")

    assert await send_everything(api) == (EVENTS, 0, 0)
    rows = await counted_rows(api)
    bills = {service: await preview(api, service) for service in TOTALS}
    for service, totals in TOTALS.items():
        found = await asked(api, USAGE, key=service, period=HOUR)
        assert found == {
            "usage": [
                {
                    "metric": {"key": metric},
                    "quantity": str(total),
                    "eventCount": str(REQUESTS[service]),
                }
                for metric, total in zip(("input_tokens", "output_tokens"), totals, strict=True)
            ],
            "unbilledUsage": [],
        }
        costs = [graduated(totals[0], INPUT), graduated(totals[1], OUTPUT)]
        assert amounts(bills[service]) == [
            ("USAGE", "input_tokens", str(costs[0])),
            ("USAGE", "output_tokens", str(costs[1])),
        ]
        assert bills[service]["total"]["amount"] == str(sum(costs))
        assert bills[service]["period"] == NOVEMBER

    assert await send_everything(api) == (0, EVENTS, 0)
    assert await counted_rows(api) == rows
    assert rows["usage_event"] == EVENTS
    assert {service: await preview(api, service) for service in TOTALS} == bills
