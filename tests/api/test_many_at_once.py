"""Bills, usage and costs of fifty at once: as many statements as of five, and the same answers."""

from __future__ import annotations

from decimal import Decimal

from tests.api.builders import Json, asked
from tests.api.conftest import Api
from tests.api.crowd import KINDS, a_crowd

OF_CUSTOMERS = "query ($first: Int) { customers(first: $first) { nodes { key %s } } }"
OF_SUBSCRIPTIONS = OF_CUSTOMERS % "subscriptions { nodes { %s } }"
DOCUMENTS = {
    "previews": OF_CUSTOMERS % "invoicePreview { total { amount } }",
    "lines": OF_CUSTOMERS
    % """invoicePreview { creditsApplied { amount } lines {
      kind quantity amount { amount } component { key } metric { key }
    } }""",
    "usage": OF_SUBSCRIPTIONS % "usage { metric { key } quantity }",
    "usage by day": OF_SUBSCRIPTIONS % "usage(granularity: DAY) { series { quantity } }",
    "costs": OF_SUBSCRIPTIONS % "costSeries { cumulativeAmount { amount } lines { kind } }",
}


async def test_fifty_of_every_kind_take_as_many_statements_as_five(api: Api) -> None:
    await a_crowd(api, 10 * KINDS)
    counts: dict[str, list[int]] = {}
    answers: dict[str, list[Json]] = {}
    for name, document in DOCUMENTS.items():
        with api.statements() as of_five:
            few = await asked(api, document, first=KINDS)
        with api.statements() as of_fifty:
            many = await asked(api, document, first=10 * KINDS)
        counts[name] = [len(of_five), len(of_fifty)]
        answers[name] = many["nodes"]
        assert many["nodes"][:KINDS] == few["nodes"]

    # The key, the customers, their subscriptions where they are selected; seven for what was agreed
    # and what it charges; of a bill three for its books and one for what stands on invoices; of
    # usage two for which metrics there are; then what was used: of a level two, of one that is
    # followed three, of sums, of sums by region and of distinct values one. Of lines their
    # components and metrics.
    assert counts == {
        "previews": [18, 18],
        "lines": [20, 20],
        "usage": [16, 16],
        "usage by day": [16, 16],
        "costs": [16, 16],
    }
    bills = [one["invoicePreview"] for one in answers["lines"]]
    assert [bool(one["lines"]) for one in bills] == [True, True, True, True, False] * 10
    kinds = {line["kind"] for bill in bills for line in bill["lines"]}
    assert kinds == {"FEE", "USAGE", "MINIMUM", "COMMITMENT", "ADJUSTMENT"}
    paid = [Decimal(one["creditsApplied"]["amount"]) > 0 for one in bills]
    assert paid == [False, True, False, False, False] * 10
    for name in ("usage", "usage by day", "costs"):
        numbers = [len(one["subscriptions"]["nodes"]) for one in answers[name]]
        assert numbers == [2, 1, 1, 1, 0] * 10
