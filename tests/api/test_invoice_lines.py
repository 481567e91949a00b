"""Lines of invoices: those that are added by hand, and the events behind those that were rated."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fubble_gql.billing import manual_lines
from tests.api.builders import (
    MAY,
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    amounts,
    asked,
    counted_rows,
    event,
    fee,
    made,
    per_unit,
    price,
    refused,
    used,
)
from tests.api.conftest import Api
from tests.api.invoicing import (
    ADD,
    JUNE,
    REMOVE,
    a_draft,
    a_grant,
    added,
    events_behind,
    finalized,
    found,
    issued,
    money,
    refreshed,
    the_usual,
    void_event,
    voided,
)

NO_INVOICE = "inv_" + "0" * 32
NO_LINE = "line_" + "0" * 32
PREVIEWED_EVENTS = """
query ($id: ID!, $period: PeriodInput) {
  planSubscription(id: $id) {
    invoicePreview(period: $period) {
      lines { component { key } usageEvents { nodes { idempotencyKey } } }
    }
  }
}
"""
PAGED_EVENTS = """
query ($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {
  invoice(id: $id) {
    lines {
      kind
      usageEvents(first: $first, after: $after, last: $last, before: $before) {
        nodes { idempotencyKey quantity metric { key } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }
  }
}
"""


async def why_not_added(api: Api, invoice: Json, **input: object) -> list[tuple[str, str]]:
    """Why a line was not added; nothing was stored."""
    before = await counted_rows(api)
    given = {"description": "Support", "unitPrice": "1", **input}
    reasons = await refused(api, ADD, id=invoice["id"], input=given)
    assert await counted_rows(api) == before
    return reasons


async def test_a_line_by_hand_is_quantity_times_price(api: Api) -> None:
    await a_customer(api)
    draft = await a_draft(api)

    one = await added(api, draft, "120", "2.5", description="Consulting")

    (line,) = one["lines"]
    assert line == {
        "id": line["id"],
        "kind": "MANUAL",
        "description": "Consulting",
        "quantity": "2.5",
        "unitPrice": "120",
        "amount": {"amount": "300.00", "currency": "USD"},
        "period": None,
        "metric": None,
        "component": None,
        "subscription": None,
        "steps": [
            {
                "label": "Consulting",
                "quantity": "2.5",
                "unitPrice": "120",
                "flatFee": "0",
                "amount": "300",
                "from": None,
                "upTo": None,
            }
        ],
    }
    assert money(one) == ("300.00", "0.00", "300.00")
    assert await found(api, draft) == one


async def test_lines_by_hand_come_last_in_the_order_in_which_they_were_added(api: Api) -> None:
    subscription = await the_usual(api)
    api.clock.set("2026-06-02T00:00:00Z")
    draft = await a_draft(api, subscription)

    await added(api, draft, "1")
    await added(api, draft, "2")
    draft = await added(api, draft, "3")

    by_hand = [("MANUAL", None, amount) for amount in ("1.00", "2.00", "3.00")]
    assert amounts(draft)[2:] == by_hand
    assert amounts(await refreshed(api, draft))[2:] == by_hand
    assert amounts(await finalized(api, draft))[2:] == by_hand


@pytest.mark.parametrize(
    ("currency", "unit_price", "quantity", "amount"),
    [
        ("USD", "0.333", "1.5", "0.50"),  # 0.4995
        ("USD", "-0.005", "1", "-0.01"),
        ("USD", "0.004", "1", "0.00"),
        ("JPY", "1.5", "1", "2"),
        ("JPY", "-2.5", "1", "-3"),
        ("KWD", "0.0005", "1", "0.001"),
    ],
)
async def test_a_line_by_hand_is_rounded_once(
    api: Api, currency: str, unit_price: str, quantity: str, amount: str
) -> None:
    await a_customer(api, currency=currency)

    draft = await added(api, await a_draft(api), unit_price, quantity)

    assert amounts(draft) == [("MANUAL", None, amount)]
    (step,) = draft["lines"][0]["steps"]
    assert Decimal(step["amount"]) == Decimal(unit_price) * Decimal(quantity)


async def test_a_discount_may_bring_a_draft_below_zero(api: Api) -> None:
    await a_customer(api)
    draft = await added(api, await a_draft(api), "10")

    draft = await added(api, draft, "-25")

    assert money(draft) == ("-15.00", "0.00", "0.00")
    assert draft["amountDue"] == {"amount": "0.00"}


async def test_a_draft_shows_the_credit_that_would_pay_for_it(api: Api) -> None:
    await a_customer(api)
    await a_grant(api, "15")
    draft = await added(api, await a_draft(api), "10")
    assert money(draft) == ("10.00", "10.00", "0.00")

    draft = await added(api, draft, "10")
    assert money(draft) == ("20.00", "15.00", "5.00")

    draft = await made(api, REMOVE, id=draft["id"], line=draft["lines"][0]["id"])
    assert money(draft) == ("10.00", "10.00", "0.00")


async def test_a_line_by_hand_can_be_removed(api: Api) -> None:
    subscription = await the_usual(api)
    api.clock.set("2026-06-02T00:00:00Z")
    draft = await a_draft(api, subscription)
    await added(api, draft, "1")
    two = await added(api, draft, "2")

    one = await made(api, REMOVE, id=draft["id"], line=two["lines"][2]["id"])

    assert one["lines"] == [*two["lines"][:2], two["lines"][3]]
    assert money(one) == ("32.00", "0.00", "32.00")
    assert await refused(api, REMOVE, id=draft["id"], line=two["lines"][2]["id"]) == [
        ("NOT_FOUND", "lineId")
    ]
    three = await added(api, draft, "3")
    assert [line["amount"]["amount"] for line in three["lines"][2:]] == ["2.00", "3.00"]


async def test_only_lines_by_hand_of_the_draft_itself_can_be_removed(api: Api) -> None:
    subscription = await the_usual(api)
    api.clock.set("2026-06-02T00:00:00Z")
    draft = await a_draft(api, subscription)
    other = await added(api, await a_draft(api), "1")
    rated, foreign = draft["lines"][0]["id"], other["lines"][0]["id"]

    async def why(line: str, invoice: str = draft["id"]) -> list[tuple[str, str]]:
        return await refused(api, REMOVE, id=invoice, line=line)

    assert await why(rated) == [("INVALID_STATE", "lineId")]
    assert await why(foreign) == [("NOT_FOUND", "lineId")]
    assert await why(NO_LINE) == [("NOT_FOUND", "lineId")]
    assert await why(draft["id"]) == [("INVALID", "lineId")]
    assert await why(foreign, NO_INVOICE) == [("NOT_FOUND", "invoiceId")]
    assert await found(api, draft) == draft
    assert await found(api, other) == other


async def test_a_line_by_hand_is_refused_with_every_reason(api: Api) -> None:
    await a_customer(api)
    draft = await a_draft(api)

    assert await why_not_added(api, draft, description=" ", quantity="0") == [
        ("INVALID", "input.description"),
        ("INVALID", "input.quantity"),
    ]
    assert await why_not_added(api, draft, quantity="-1") == [("INVALID", "input.quantity")]
    assert await why_not_added(api, draft, description="x" * 10_001) == [
        ("INVALID", "input.description")
    ]
    assert await why_not_added(api, draft, unitPrice="9" * 20, quantity="2") == [
        ("INVALID", "input.unitPrice")
    ]
    assert await why_not_added(api, draft, idempotencyKey=" ") == [
        ("INVALID", "input.idempotencyKey")
    ]
    assert await why_not_added(api, {"id": NO_INVOICE}) == [("NOT_FOUND", "invoiceId")]
    assert await why_not_added(api, {"id": NO_LINE}) == [("INVALID", "invoiceId")]


async def test_lines_cannot_bring_an_invoice_beyond_what_it_can_hold(api: Api) -> None:
    await a_customer(api)
    draft = await added(api, await a_draft(api), "9" * 20)

    assert await why_not_added(api, draft, unitPrice="1") == [("LIMIT_EXCEEDED", "invoiceId")]
    assert await found(api, draft) == draft


async def test_an_invoice_has_so_many_lines_at_most(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manual_lines, "LINES_MAX", 2)  # a thousand take long to add
    await a_customer(api)
    draft = await added(api, await added(api, await a_draft(api)))

    assert await why_not_added(api, draft) == [("LIMIT_EXCEEDED", "invoiceId")]
    assert (
        len((await made(api, REMOVE, id=draft["id"], line=draft["lines"][0]["id"]))["lines"]) == 1
    )
    assert len((await added(api, draft))["lines"]) == 2


async def test_the_same_idempotency_key_adds_one_line(api: Api) -> None:
    await a_customer(api)
    draft, other = await a_draft(api), await a_draft(api)

    one = await added(api, draft, "1", "2", idempotencyKey="k")

    assert await added(api, draft, "1.0", "2.00", idempotencyKey="k") == one
    assert await why_not_added(api, draft, quantity="3", idempotencyKey="k") == [
        ("IDEMPOTENCY_MISMATCH", "input.quantity")
    ]
    assert await why_not_added(api, other, quantity="2", idempotencyKey="k") == [
        ("IDEMPOTENCY_MISMATCH", "invoiceId")
    ]
    issued_ = await finalized(api, draft)
    assert await added(api, draft, "1", "2", idempotencyKey="k") == issued_


async def test_lines_of_an_issued_invoice_stay(api: Api) -> None:
    await a_customer(api)
    invoice = await finalized(api, await added(api, await a_draft(api), "1"))
    line = invoice["lines"][0]["id"]

    for now in ("PENDING", "VOID"):
        payload = await asked(api, REMOVE, id=invoice["id"], line=line)
        assert [one["code"] for one in payload["errors"]] == ["INVALID_STATE"]
        assert now in payload["errors"][0]["message"]
        assert await why_not_added(api, invoice) == [("INVALID_STATE", "invoiceId")]
        await voided(api, invoice)


async def test_the_events_behind_a_line_are_those_that_were_rated(api: Api) -> None:
    subscription = await the_usual(api)
    await used(
        api,
        event("1", key="first", eventTime=MAY["start"]),
        event("2", key="second"),
        event("4", key="voided"),
        event("0", key="zero", eventTime="2026-05-06T00:00:00Z"),
    )
    await void_event(api, "voided")
    api.clock.set("2026-06-02T00:00:00Z")
    await used(api, event("8", key="june", eventTime="2026-06-01T00:00:00Z"))

    draft = await added(api, await a_draft(api, subscription), "1")

    behind = [
        ("FEE", "fee", []),
        ("USAGE", "usage", ["zero", "second", "first"]),
        ("MANUAL", None, []),
    ]
    assert await events_behind(api, draft) == behind
    invoice = await finalized(api, draft)
    api.clock.set("2026-06-03T00:00:00Z")
    await used(api, event("16", key="late"))
    await void_event(api, "second")
    assert await events_behind(api, invoice) == behind  # what it knew then
    assert await events_behind(api, await voided(api, invoice)) == behind


async def test_the_events_behind_an_adjustment_are_those_of_its_span(api: Api) -> None:
    subscription = await the_usual(api)
    await used(api, event("1", key="known"), event("2", key="wrong"))
    api.clock.set("2026-06-02T00:00:00Z")
    await issued(api, subscription)
    await used(api, event("4", key="late"), event("8", key="june", eventTime=JUNE["start"]))
    await void_event(api, "wrong")
    api.clock.set("2026-07-02T00:00:00Z")

    draft = await a_draft(api, subscription, JUNE)
    invoice = await finalized(api, draft)

    behind = [
        ("FEE", "fee", []),
        ("USAGE", "usage", ["june"]),
        ("ADJUSTMENT", "usage", ["late", "known"]),
    ]
    assert amounts(invoice)[2] == ("ADJUSTMENT", "usage", "2.00")
    assert await events_behind(api, invoice) == behind


async def test_the_events_behind_an_adjustment_of_a_draft_are_those_of_its_span(api: Api) -> None:
    subscription = await the_usual(api)
    api.clock.set("2026-06-02T00:00:00Z")
    await issued(api, subscription)
    await used(api, event("4", key="late"))
    api.clock.set("2026-07-02T00:00:00Z")

    draft = await a_draft(api, subscription, JUNE)

    assert await events_behind(api, draft) == [
        ("FEE", "fee", []),
        ("USAGE", "usage", []),
        ("ADJUSTMENT", "usage", ["late"]),
    ]


async def test_the_events_behind_a_composite_are_its_operands(api: Api) -> None:
    await a_customer(api)
    for key in ("reads", "writes", "calls"):
        await a_metric(api, key)
    await a_metric(api, "work", type="COMPOSITE", formula="reads + 10 * writes")
    await a_plan(api, per_unit("1", "work"))
    subscription = await a_subscription(api)
    await used(
        api,
        event("3", "reads", key="read"),
        event("2", "writes", key="write"),
        event("5", "calls", key="call"),
    )
    api.clock.set("2026-06-02T00:00:00Z")

    draft = await a_draft(api, subscription)

    assert amounts(draft) == [("USAGE", "usage", "23.00")]
    assert await events_behind(api, draft) == [("USAGE", "usage", ["write", "read"])]
    assert await events_behind(api, await finalized(api, draft)) == [
        ("USAGE", "usage", ["write", "read"])
    ]


async def test_an_event_is_behind_the_one_line_that_it_counted_for(api: Api) -> None:
    first = await the_usual(api)
    second = await a_subscription(api)
    await used(
        api,
        event("1", key="unnamed"),
        event("2", key="named", subscriptionId=second["id"]),
    )
    api.clock.set("2026-06-02T00:00:00Z")

    invoice = await finalized(api, await a_draft(api, period=MAY))

    assert [line["subscription"]["id"] for line in invoice["lines"]] == [
        *[first["id"]] * 2,
        *[second["id"]] * 2,
    ]
    assert [keys for _, _, keys in await events_behind(api, invoice)] == [
        [],
        ["unnamed"],
        [],
        ["named"],
    ]


async def test_a_components_minimum_has_the_events_that_it_is_for(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    each = price({"perUnit": {"unitPrice": "1"}}, minimum="10")
    await a_plan(api, each, fee("1"), minimum="50")
    subscription = await a_subscription(api)
    await used(api, event("3", key="a"))
    api.clock.set("2026-06-02T00:00:00Z")

    invoice = await issued(api, subscription)

    assert [kind for kind, _, _ in amounts(invoice)] == ["USAGE", "MINIMUM", "FEE", "MINIMUM"]
    assert [keys for _, _, keys in await events_behind(api, invoice)] == [["a"], ["a"], [], []]


async def test_a_commitment_is_a_fee_and_the_usage_on_it_has_the_events(api: Api) -> None:
    commitments = [{"metric": "calls", "committedQuantity": "10", "rate": "1"}]
    subscription = await the_usual(api, commitments=commitments)
    await used(api, event("12", key="a"))
    api.clock.set("2026-06-02T00:00:00Z")

    draft = await a_draft(api, subscription)

    assert amounts(draft) == [
        ("FEE", "fee", "30.00"),
        ("COMMITMENT", None, "10.00"),
        ("USAGE", None, "2.00"),
    ]
    behind = [[], [], ["a"]]
    assert [keys for _, _, keys in await events_behind(api, draft)] == behind
    invoice = await finalized(api, draft)
    assert [keys for _, _, keys in await events_behind(api, invoice)] == behind


async def test_a_preview_shows_the_events_behind_its_lines(api: Api) -> None:
    subscription = await the_usual(api)
    await used(api, event("1", key="a"), event("2", key="b", eventTime="2026-05-09T00:00:00Z"))

    async def previewed(**arguments: object) -> list[tuple[str, list[str]]]:
        shown = await asked(api, PREVIEWED_EVENTS, id=subscription["id"], **arguments)
        return [
            (
                line["component"]["key"],
                [one["idempotencyKey"] for one in line["usageEvents"]["nodes"]],
            )
            for line in shown["invoicePreview"]["lines"]
        ]

    assert await previewed() == [("fee", []), ("usage", ["b", "a"])]
    part = {"start": MAY["start"], "end": "2026-05-06T00:00:00Z"}
    assert await previewed(period=part) == [("fee", []), ("usage", ["a"])]


async def test_an_estimate_has_no_events_behind_it(api: Api) -> None:
    await the_usual(api)
    document = """{
      plan(key: "pro") {
        estimate(usage: [{metric: "calls", quantity: 3}]) {
          lines { amount { amount } usageEvents { nodes { id } pageInfo { hasNextPage } } }
        }
      }
    }"""

    lines = (await asked(api, document))["estimate"]["lines"]

    assert [line["amount"]["amount"] for line in lines] == ["30.00", "3.00"]
    assert all(line["usageEvents"]["nodes"] == [] for line in lines)


async def test_the_events_behind_a_line_are_paged_both_ways(api: Api) -> None:
    subscription = await the_usual(api)
    await used(api, *(event("1", key=f"e{n}") for n in range(5)))
    api.clock.set("2026-06-02T00:00:00Z")
    invoice = await issued(api, subscription)

    async def paged(**arguments: object) -> tuple[str, Json]:
        lines = (await asked(api, PAGED_EVENTS, id=invoice["id"], **arguments))["lines"]
        usage = lines[1]["usageEvents"]
        return "".join(one["idempotencyKey"][1] for one in usage["nodes"]), usage["pageInfo"]

    keys, info = await paged(first=2)
    assert (keys, info["hasNextPage"], info["hasPreviousPage"]) == ("43", True, False)
    keys, info = await paged(first=2, after=info["endCursor"])
    assert (keys, info["hasNextPage"], info["hasPreviousPage"]) == ("21", True, True)
    assert (await paged(first=2, after=info["endCursor"]))[0] == "0"
    keys, info = await paged(last=2)
    assert (keys, info["hasPreviousPage"]) == ("10", True)
    assert (await paged(last=9, before=info["startCursor"]))[0] == "432"
    errors = await api.errors(PAGED_EVENTS, id=invoice["id"], first=101)
    assert {error["extensions"]["code"] for error in errors} == {"LIMIT_EXCEEDED"}


async def test_the_events_behind_many_lines_take_as_many_statements_as_behind_few(
    api: Api,
) -> None:
    await a_customer(api)
    keys = [f"m{n}" for n in range(30)]
    for key in keys:
        await a_metric(api, key)
    await a_plan(api, *(per_unit("1", key, key) for key in keys))
    await a_plan(api, *(per_unit("1", key, key) for key in keys[:3]), key="small")
    await a_subscription(api)
    await a_customer(api, "zeta")
    await a_subscription(api, "zeta", "small")
    await used(api, *(event("1", key, key=key) for key in keys))
    api.clock.set("2026-06-02T00:00:00Z")
    many = await finalized(api, await a_draft(api, period=MAY))
    few = await finalized(api, await a_draft(api, period=MAY, customer="zeta"))

    with api.statements() as of_many:
        shown = await events_behind(api, many)
    with api.statements() as of_few:
        await events_behind(api, few)

    assert [found_ for _, _, found_ in shown] == [[key] for key in keys]
    # The key, the invoice, its lines, their components and metrics, its terms, the events.
    assert (len(of_many), len(of_few)) == (7, 7)
