"""What may be watched is limited as what may be asked."""

from __future__ import annotations

import pytest

from tests.live.conftest import Place

WATCH = 'subscription { usage(customer: {key: "acme"}, metric: "calls") { ...F0 } } '
DOUBLING = WATCH + " ".join(
    f"fragment F{n} on MetricUsage {{ ...F{n + 1} ...F{n + 1} }}" for n in range(25)
)
TOO_MUCH = {
    "doubling fragments": DOUBLING + " fragment F25 on MetricUsage { quantity }",
    "tokens": "subscription { usage(customer: {key: [" + '"" ' * 5_000 + "]}) { quantity } }",
    "cost": """subscription { invoiceChanged { customer { invoices(first: 100) { nodes {
        customer { invoices(first: 100) { nodes { customer { invoices(first: 100) { nodes { id }
    } } } } } } } } } }""",
}


@pytest.mark.parametrize("document", TOO_MUCH.values(), ids=TOO_MUCH)
async def test_too_much_is_not_watched(sqlite_place: Place, document: str) -> None:
    async with sqlite_place.dial() as line:
        code, _ = await line.error(await line.subscribe(document))

        assert code == "LIMIT_EXCEEDED"
        assert await line.is_quiet()
