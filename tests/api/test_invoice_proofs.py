"""A preview is the next invoice, line by line and step by step; an invoice can be proved."""

from __future__ import annotations

import pytest

from fubble_gql.db.sql import sql
from tests.api.builders import (
    MAY,
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    amounts,
    asked,
    event,
    fee,
    made,
    per_unit,
    preview,
    preview_of,
    price,
    tiers,
    used,
)
from tests.api.changing import change, commit
from tests.api.conftest import Api
from tests.api.invoicing import (
    JUNE,
    VERIFY,
    a_draft,
    a_grant,
    added,
    charged,
    differences,
    finalized,
    issued,
    money,
    rated,
    the_usual,
    void_event,
    voided,
)
from tests.api.test_plans import MODELS
from tests.api.test_previews import every_model, usage_of_every_model

ARCHIVE = """mutation { archiveMetric(metric: {key: "calls"}) { errors { code } } }"""


async def issued_as_previewed(api: Api, subscription: Json, period: Json | None = None) -> Json:
    """The issued invoice of a period, which was just what its preview showed."""
    previewed = await preview_of(api, subscription, period=period or MAY)
    draft = await a_draft(api, subscription, period)
    invoice = await finalized(api, draft)
    for bill in (draft, invoice):
        assert rated(bill) == rated(previewed)
        assert money(bill) == money(previewed)
        assert bill["period"] == previewed["period"]
    return invoice


async def tamper(api: Api, *statements: str) -> None:
    """Change rows behind the application's back, which the database itself would refuse."""
    if api.connection.dialect == "postgres":
        await api.connection.fetch(sql("alter table invoice disable trigger user"))
        await api.connection.fetch(sql("alter table invoice_line disable trigger user"))
        await api.connection.fetch(sql("alter table usage_event disable trigger user"))
    else:
        found = await api.connection.fetch(
            sql("select name from sqlite_master where type = 'trigger'")
        )
        for row in found:
            await api.connection.fetch(sql(f"drop trigger {row[0]}"))
    for statement in statements:
        await api.connection.fetch(sql(statement))


async def test_an_invoice_is_what_its_preview_showed_for_every_model(api: Api) -> None:
    subscription = await every_model(api)
    await usage_of_every_model(api)
    api.clock.set("2026-06-02T00:00:00Z")

    invoice = await issued_as_previewed(api, subscription)

    assert len(invoice["lines"]) == len(MODELS)
    assert money(invoice) == ("275.61", "0.00", "275.61")
    assert await differences(api, invoice) == []


async def test_an_invoice_is_what_its_preview_showed_for_pieces_and_parts(api: Api) -> None:
    await a_customer(api, timezone="Europe/Berlin")
    await a_metric(api)
    await a_metric(api, "seats", type="GAUGE", aggregation="TIME_WEIGHTED")
    each = price({"graduated": tiers(("10", "2", "1"), (None, "1.5", "0.5"))}, minimum="40")
    await a_plan(api, fee(), each, per_unit("3", "seats", "seats"), minimum="300")
    await a_plan(api, fee("61", "base"), per_unit("0.333"), key="max")
    subscription = await a_subscription(api, trialDays=3, billingAnchor="2026-04-30T22:00:00Z")
    await used(
        api,
        event("12.5"),
        event("7", "seats"),
        event("3", "seats", eventTime="2026-05-09T07:13:00Z"),
    )
    api.clock.set("2026-05-12T10:00:00Z")
    await commit(api, subscription, committedQuantity="100", rate="0.1", overageRate="0.07")
    api.clock.set("2026-05-21T11:11:11Z")
    await used(api, event("200", eventTime="2026-05-20T00:00:00Z"))
    await change(api, subscription, "max")
    api.clock.set("2026-06-02T00:00:00Z")
    may = {"start": MAY["start"], "end": "2026-05-31T22:00:00Z"}

    invoice = await issued_as_previewed(api, subscription, may)

    kinds = {line["kind"] for line in invoice["lines"]}
    assert kinds == {"FEE", "USAGE", "MINIMUM", "COMMITMENT"}
    assert await differences(api, invoice) == []


async def test_an_invoice_is_what_its_preview_showed_with_credit_and_adjustments(api: Api) -> None:
    subscription = await the_usual(api)
    await used(api, event("5", key="wrong"))
    api.clock.set("2026-06-02T00:00:00Z")
    await issued(api, subscription)
    await used(api, event("17"), event("3", eventTime="2026-06-01T12:00:00Z"))
    await void_event(api, "wrong")
    await a_grant(api, "20")
    api.clock.set("2026-07-02T00:00:00Z")

    invoice = await issued_as_previewed(api, subscription, JUNE)

    assert amounts(invoice) == [
        ("FEE", "fee", "30.00"),
        ("USAGE", "usage", "3.00"),
        ("ADJUSTMENT", "usage", "12.00"),
    ]
    assert money(invoice) == ("45.00", "20.00", "25.00")
    assert await differences(api, invoice) == []


async def test_a_customers_invoice_is_what_the_preview_of_all_showed(api: Api) -> None:
    await the_usual(api)
    await a_plan(api, fee("7", "seat"), key="seats")
    await a_subscription(api, plan="seats")
    await used(api, event("5"))
    await a_grant(api, "20")
    api.clock.set("2026-06-02T00:00:00Z")
    previewed = await preview(api, period=MAY)

    invoice = await finalized(api, await a_draft(api, period=MAY))

    assert rated(invoice) == rated(previewed)
    assert money(invoice) == money(previewed) == ("42.00", "20.00", "22.00")
    assert await differences(api, invoice) == []


async def test_a_draft_is_not_proved_and_a_void_invoice_still_is(api: Api) -> None:
    await a_customer(api)
    draft = await added(api, await a_draft(api), "1")
    assert await asked(api, VERIFY, id=draft["id"]) == {"verification": None}

    invoice = await finalized(api, draft)

    assert await differences(api, invoice) == []
    assert await differences(api, await voided(api, invoice)) == []
    assert await asked(api, VERIFY, id=(await voided(api, await a_draft(api)))["id"]) == {
        "verification": None
    }


async def test_what_happens_later_changes_nothing_about_the_proof(api: Api) -> None:
    subscription = await the_usual(api)
    await used(api, event("5", key="e"))
    await a_grant(api, "10")
    api.clock.set("2026-06-02T00:00:00Z")
    first = await issued(api, subscription)
    await used(api, event("9"))
    await void_event(api, "e")
    await a_plan(api, fee("99"), key="max")
    await change(api, subscription, "max")
    await asked(api, ARCHIVE)
    api.clock.set("2026-07-02T00:00:00Z")
    second = await issued(api, subscription, JUNE)
    await voided(api, first)
    api.clock.set("2026-08-02T00:00:00Z")
    third = await issued(api, subscription)

    for invoice in (first, second, third):
        assert await differences(api, invoice) == []


async def test_an_invoice_below_zero_is_proved(api: Api) -> None:
    await a_customer(api)
    invoice = await charged(api, "-25")

    assert await differences(api, invoice) == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "update invoice_line set amount = '50' where kind = 'FEE'",
            ["line 1: amount is 50, rated again 30"],
        ),
        (
            "update invoice_line set quantity = '6' where kind = 'USAGE'",
            ["line 2: quantity is 6, rated again 5"],
        ),
        ("update invoice_line set steps = '[]' where kind = 'USAGE'", ["line 2: its steps differ"]),
        ("update invoice set total = '5'", ["total is 5, rated again 25"]),
        (
            "update invoice set subtotal = '40'",
            ["subtotal is 40, rated again 35"],
        ),
        (
            "update invoice set credits_applied = '30'",
            ["total is 25, rated again 5", "creditsApplied is 30, rated again 10"],
        ),
        (
            "update usage_event set quantity = '6'",
            [
                "line 2: quantity is 5, rated again 6",
                "line 2: amount is 5, rated again 6",
                "line 2: its steps differ",
                "subtotal is 35, rated again 36",
                "total is 25, rated again 26",
            ],
        ),
        (
            "update usage_event set recorded_at = '2026-06-02 00:00:00.000001+00:00'",
            [
                "line 2: quantity is 5, rated again 0",
                "line 2: unitPrice is 1, rated again none",
                "line 2: amount is 5, rated again 0",
                "line 2: its steps differ",
                "subtotal is 35, rated again 30",
                "total is 25, rated again 20",
            ],
        ),
        ("delete from invoice_line where kind = 'FEE'", None),
    ],
)
async def test_tampering_shows(api: Api, statement: str, expected: list[str] | None) -> None:
    subscription = await the_usual(api)
    await used(api, event("5"))
    await a_grant(api, "10")
    api.clock.set("2026-06-02T00:00:00Z")
    invoice = await issued(api, subscription)
    assert await differences(api, invoice) == []

    await tamper(api, statement)

    shown = await differences(api, invoice)
    assert shown == expected if expected else "line 2: missing" in shown


async def test_proving_fifty_invoices_takes_as_many_statements_as_proving_five(api: Api) -> None:
    subscription = await the_usual(api, startAt="2026-05-01T00:00:00Z")
    await used(api, event("5"))
    api.clock.set("2026-06-02T00:00:00Z")
    await issued(api, subscription)
    for _ in range(49):
        await charged(api)
    document = """query ($first: Int) {
      invoices(last: $first) { nodes { number verification { matches } } } }"""

    counts = []
    for first in (5, 50):
        with api.statements() as statements:
            nodes = (await asked(api, document, first=first))["nodes"]
        assert len(nodes) == first
        assert all(node["verification"]["matches"] for node in nodes)
        counts.append(len(statements))

    assert counts[0] == counts[1]


async def test_the_database_itself_refuses_to_rewrite_an_issued_invoice(api: Api) -> None:
    await a_customer(api)
    invoice = await charged(api)

    for statement in (
        "update invoice set total = '5'",
        "update invoice_line set amount = '5'",
        "delete from invoice_line",
        "delete from invoice",
    ):
        with pytest.raises(Exception, match=r"never|rewritten|refuse"):
            await api.connection.fetch(sql(statement))
    assert await differences(api, invoice) == []


async def test_a_manual_line_is_proved_by_the_total(api: Api) -> None:
    await a_customer(api)
    invoice = await charged(api)

    await tamper(api, "update invoice_line set amount = '11'")

    assert await differences(api, invoice) == [
        "subtotal is 10, rated again 11",
        "total is 10, rated again 11",
    ]


async def test_the_terms_of_every_invoice_are_its_own(api: Api) -> None:
    subscription = await the_usual(api)
    api.clock.set("2026-06-02T00:00:00Z")
    first = await issued(api, subscription)
    await made(
        api,
        """mutation { updatePlan(plan: {key: "pro"}, input: {priceComponents: [
          {key: "fee", displayName: "Fee", pricing: {subscription: {amount: "60"}}}]}) {
            plan { version } errors { code message path } } }""",
    )
    await change(api, subscription, "pro")
    api.clock.set("2026-07-02T00:00:00Z")

    second = await issued(api, subscription, JUNE)

    assert len(second["lines"]) == 3  # a piece on each version
    assert await differences(api, first) == await differences(api, second) == []
