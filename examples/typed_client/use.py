"""The client at work: arguments and answers have types, amounts are Decimals.

examples/typed_client/make.sh
examples/typed_client/.venv/bin/python examples/typed_client/use.py URL KEY
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from decimal import Decimal

from fubble_client import Fubble
from fubble_client.enums import MetricType
from fubble_client.input_types import CreateCustomerInput, CreateMetricInput, UsageEventInput


async def main(url: str, key: str) -> None:
    """A metric, a customer, an event; then a page of customers."""
    async with Fubble(url=url, headers={"Authorization": f"Bearer {key}"}) as fubble:
        await fubble.create_metric(
            CreateMetricInput(key="typed_calls", displayName="Calls", type=MetricType.COUNTER)
        )
        await fubble.create_customer(
            CreateCustomerInput(key="typed_acme", name="Typed Acme", currency="EUR")
        )
        event = UsageEventInput(
            customer="typed_acme",
            metric="typed_calls",
            quantity=Decimal("0.1"),
            eventTime=datetime(2026, 1, 31, 12, tzinfo=UTC),
            idempotencyKey="typed-1",
        )
        recorded = (await fubble.record_usage([event])).record_usage
        print(f"accepted {recorded.accepted}, rejected {recorded.rejected}")
        page = (await fubble.customers_page(first=5, search="typed")).customers
        for customer in page.nodes:
            balance: Decimal = customer.credit_balance.amount
            print(f"{customer.key}: {balance + Decimal('0.01')} {customer.credit_balance.currency}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
