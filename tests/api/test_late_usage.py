"""Late usage: whatever comes or goes after an invoice, what stands is what is owed, to the cent."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

from tests.api.builders import (
    CANCEL,
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
from tests.api.changing import change
from tests.api.conftest import Api
from tests.api.invoicing import (
    JULY,
    JUNE,
    LINES,
    a_draft,
    billed,
    charged,
    credit_of,
    differences,
    finalized,
    found,
    issued,
    money,
    refreshed,
    the_usual,
    void_event,
    voided,
)

STANDING = (
    """
query ($after: String) {
  invoices(first: 100, after: $after, filter: {statuses: [PENDING, PAID, FAILED]}) {
    nodes { number"""
    + LINES
    + "} } }"
)
RUN = """
mutation ($finalize: Boolean) {
  runBilling(finalize: $finalize) {
    created finalized skipped remaining errors { code message path }
    invoices { nodes { id status period { start end } total { amount }"""
RUN += LINES + "} } } }"

# What a line bills: its subscription, its component, its metric, its span.
Key = tuple[str, str | None, str | None, str, str]


def sums(lines: list[Json]) -> dict[Key, Decimal]:
    """What lines come to for everything that they bill."""
    totals: defaultdict[Key, Decimal] = defaultdict(Decimal)
    for line in lines:
        if line["subscription"] is not None:
            key = (
                line["subscription"]["id"],
                line["component"] and line["component"]["key"],
                line["metric"] and line["metric"]["key"],
                line["period"]["start"],
                line["period"]["end"],
            )
            totals[key] += Decimal(line["amount"]["amount"])
    return {key: amount for key, amount in totals.items() if amount}


async def assert_settled(api: Api, subscription: Json, *periods: Json) -> None:
    """What stands on invoices for the periods is what they come to now."""
    nodes = (await asked(api, STANDING))["nodes"]
    standing = sums([line for invoice in nodes for line in invoice["lines"]])
    for period in periods:
        now = sums((await preview_of(api, subscription, period=period))["lines"])
        own = {
            key: amount
            for key, amount in standing.items()
            if key[0] == subscription["id"]
            and period["start"] <= key[3]
            and key[4] <= period["end"]
        }
        assert own == now


async def in_june(api: Api, *components: Json, **more: Any) -> tuple[Json, Json]:  # noqa: ANN401
    """The usual subscription with 5 calls in May, and May's issued invoice."""
    subscription = await the_usual(api, *components, **more)
    await used(api, event("5", key="first"))
    api.clock.set("2026-06-02T00:00:00Z")
    return subscription, await issued(api, subscription)


async def june(api: Api, subscription: Json) -> Json:
    """June's issued invoice, in July."""
    api.clock.set("2026-07-02T00:00:00Z")
    return await issued(api, subscription, JUNE)


def adjusted(bill: Json) -> list[tuple[str | None, str, str]]:
    """The adjustments of a bill: component, month, amount."""
    return [
        (
            (line["component"] or {}).get("key"),
            line["period"]["start"][:7],
            line["amount"]["amount"],
        )
        for line in bill["lines"]
        if line["kind"] == "ADJUSTMENT"
    ]


async def test_a_late_event_is_billed_on_the_next_invoice(api: Api) -> None:
    subscription, may = await in_june(api)
    await used(api, event("3", key="late"))

    invoice = await june(api, subscription)

    assert await found(api, may) == may
    adjustment = invoice["lines"][-1]
    assert adjustment == {
        "id": adjustment["id"],
        "kind": "ADJUSTMENT",
        "description": "Usage: adjustment",
        "quantity": "1",
        "unitPrice": None,
        "amount": {"amount": "3.00", "currency": "USD"},
        "period": MAY,
        "metric": {"key": "calls"},
        "component": {"key": "usage"},
        "subscription": {"id": subscription["id"]},
        "steps": [
            {
                "label": "As it comes to now",
                "quantity": "1",
                "unitPrice": "8",
                "flatFee": "0",
                "amount": "8",
                "from": None,
                "upTo": None,
            },
            {
                "label": "As it stands on invoices",
                "quantity": "1",
                "unitPrice": "-5",
                "flatFee": "0",
                "amount": "-5",
                "from": None,
                "upTo": None,
            },
        ],
    }
    assert invoice["period"] == JUNE
    assert money(invoice) == ("33.00", "0.00", "33.00")
    await assert_settled(api, subscription, MAY, JUNE)
    assert await differences(api, invoice) == []


async def test_a_voided_event_is_given_back_on_the_next_invoice(api: Api) -> None:
    subscription, _ = await in_june(api)
    await void_event(api, "first")

    invoice = await june(api, subscription)

    assert adjusted(invoice) == [("usage", "2026-05", "-5.00")]
    assert money(invoice) == ("25.00", "0.00", "25.00")
    await assert_settled(api, subscription, MAY, JUNE)


async def test_what_is_given_back_beyond_the_next_invoice_becomes_credit(api: Api) -> None:
    subscription, _ = await in_june(api, per_unit("100"))
    await void_event(api, "first")

    invoice = await june(api, subscription)

    assert amounts(invoice) == [("USAGE", "usage", "0.00"), ("ADJUSTMENT", "usage", "-500.00")]
    assert (money(invoice), invoice["status"]) == (("-500.00", "0.00", "0.00"), "PAID")
    assert (await credit_of(api))["creditBalance"] == {"amount": "500.00"}
    await assert_settled(api, subscription, MAY, JUNE)


async def test_what_comes_late_and_changes_nothing_makes_no_line(api: Api) -> None:
    subscription, _ = await in_june(api)
    await a_metric(api, "other")
    await void_event(api, "first")
    await used(api, event("4"), event("1"), event("0"), event("9", "other"))
    await used(api, event("7", key="mistake"))
    await void_event(api, "mistake")

    assert adjusted(await june(api, subscription)) == []
    await assert_settled(api, subscription, MAY, JUNE)


async def test_an_event_of_a_draft_is_not_late(api: Api) -> None:
    subscription = await the_usual(api)
    api.clock.set("2026-06-02T00:00:00Z")
    draft = await a_draft(api, subscription)
    await used(api, event("5"))

    invoice = await finalized(api, draft)

    assert amounts(invoice) == [("FEE", "fee", "30.00"), ("USAGE", "usage", "5.00")]
    assert adjusted(await june(api, subscription)) == []


async def test_a_draft_and_a_preview_show_what_comes_late(api: Api) -> None:
    subscription, _ = await in_june(api)
    await used(api, event("3"))
    api.clock.set("2026-06-03T00:00:00Z")

    assert adjusted(await preview_of(api, subscription)) == [("usage", "2026-05", "3.00")]
    assert adjusted(await preview_of(api, subscription, period=JUNE)) == [
        ("usage", "2026-05", "3.00")
    ]
    part = {"start": JUNE["start"], "end": "2026-06-15T00:00:00Z"}
    assert adjusted(await preview_of(api, subscription, period=part)) == []
    assert adjusted(await preview_of(api, subscription, period=MAY)) == []
    api.clock.set("2026-07-02T00:00:00Z")
    draft = await a_draft(api, subscription, JUNE)
    assert adjusted(draft) == [("usage", "2026-05", "3.00")]
    await used(api, event("1"))
    assert adjusted(await refreshed(api, draft)) == [("usage", "2026-05", "4.00")]
    assert adjusted(await finalized(api, draft)) == [("usage", "2026-05", "4.00")]


async def test_what_comes_late_again_is_counted_from_what_stands(api: Api) -> None:
    subscription, _ = await in_june(api)
    await used(api, event("3"))
    assert adjusted(await june(api, subscription)) == [("usage", "2026-05", "3.00")]
    await used(api, event("1"), event("2", eventTime="2026-06-05T00:00:00Z"))
    api.clock.set("2026-08-02T00:00:00Z")

    invoice = await issued(api, subscription, JULY)

    assert adjusted(invoice) == [("usage", "2026-05", "1.00"), ("usage", "2026-06", "2.00")]
    await assert_settled(api, subscription, MAY, JUNE, JULY)
    api.clock.set("2026-09-02T00:00:00Z")
    august = {"start": JULY["end"], "end": "2026-09-01T00:00:00Z"}
    assert adjusted(await issued(api, subscription, august)) == []


async def test_an_adjustment_is_the_difference_of_rounded_amounts(api: Api) -> None:
    subscription = await the_usual(api, per_unit("0.004"))
    await used(api, event("1"))
    api.clock.set("2026-06-02T00:00:00Z")
    assert amounts(await issued(api, subscription)) == [("USAGE", "usage", "0.00")]

    await used(api, event("1"))  # 0.008 in all

    assert adjusted(await june(api, subscription)) == [("usage", "2026-05", "0.01")]
    await assert_settled(api, subscription, MAY, JUNE)


async def test_what_comes_late_fills_the_tiers_of_its_own_period(api: Api) -> None:
    each = price({"graduated": tiers(("5", "2", "0"), (None, "1", "10"))})
    subscription, _ = await in_june(api, each)
    await used(api, event("2"), event("1", eventTime="2026-06-01T00:00:00Z"))

    invoice = await june(api, subscription)

    assert amounts(invoice) == [("USAGE", "usage", "2.00"), ("ADJUSTMENT", "usage", "12.00")]
    await assert_settled(api, subscription, MAY, JUNE)


async def test_what_stays_below_a_minimum_changes_nothing(api: Api) -> None:
    subscription, may = await in_june(api, price({"perUnit": {"unitPrice": "1"}}, minimum="20"))
    assert [kind for kind, _, _ in amounts(may)] == ["USAGE", "MINIMUM"]
    await used(api, event("14"))
    api.clock.set("2026-06-03T00:00:00Z")
    assert adjusted(await preview_of(api, subscription)) == []

    await used(api, event("3"))  # 22 in all

    assert adjusted(await june(api, subscription)) == [("usage", "2026-05", "2.00")]


async def test_what_exceeds_a_maximum_changes_nothing(api: Api) -> None:
    subscription, _ = await in_june(api, price({"perUnit": {"unitPrice": "1"}}, maximum="7"))

    await used(api, event("14"))

    assert adjusted(await june(api, subscription)) == [("usage", "2026-05", "2.00")]


async def test_a_plans_minimum_gives_way_to_what_comes_late(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, fee("10"), per_unit(), minimum="20")
    subscription = await a_subscription(api)
    await used(api, event("5", key="first"))
    api.clock.set("2026-06-02T00:00:00Z")
    await issued(api, subscription)
    await used(api, event("8"))

    invoice = await june(api, subscription)

    assert adjusted(invoice) == [("usage", "2026-05", "8.00"), (None, "2026-05", "-5.00")]
    await assert_settled(api, subscription, MAY, JUNE)


async def test_a_commitment_covers_what_comes_late(api: Api) -> None:
    commitments = [{"metric": "calls", "committedQuantity": "10", "rate": "1", "overageRate": "2"}]
    subscription, may = await in_june(api, commitments=commitments)
    assert money(may) == ("40.00", "0.00", "40.00")
    await used(api, event("4"))
    api.clock.set("2026-06-03T00:00:00Z")
    assert adjusted(await preview_of(api, subscription)) == []

    await used(api, event("4"))  # 13 in all

    assert adjusted(await june(api, subscription)) == [(None, "2026-05", "6.00")]
    await assert_settled(api, subscription, MAY, JUNE)


async def test_a_late_level_lasts_into_the_periods_that_follow(api: Api) -> None:
    await a_customer(api)
    await a_metric(api, "seats", type="GAUGE", aggregation="TIME_WEIGHTED")
    await a_plan(api, per_unit("31", "seats"))
    subscription = await a_subscription(api)
    await used(api, event("1", "seats", eventTime=MAY["start"]))
    api.clock.set("2026-06-02T00:00:00Z")
    await issued(api, subscription)
    await june(api, subscription)
    await used(api, event("2", "seats", eventTime="2026-05-31T00:00:00Z"))
    api.clock.set("2026-08-02T00:00:00Z")

    invoice = await issued(api, subscription, JULY)

    assert amounts(invoice)[0] == ("USAGE", "usage", "62.00")
    assert adjusted(invoice) == [("usage", "2026-05", "1.00"), ("usage", "2026-06", "31.00")]
    await assert_settled(api, subscription, MAY, JUNE, JULY)


async def test_what_comes_late_is_rated_on_the_plan_of_its_time(api: Api) -> None:
    subscription = await the_usual(api)
    await a_plan(api, per_unit("10"), key="max")
    api.clock.set("2026-05-16T12:00:00Z")
    await change(api, subscription, "max")
    api.clock.set("2026-06-02T00:00:00Z")
    await issued(api, subscription)
    await used(api, event("1"), event("1", eventTime="2026-05-20T00:00:00Z"))

    invoice = await june(api, subscription)

    assert [line["amount"]["amount"] for line in invoice["lines"]] == ["0.00", "1.00", "10.00"]
    assert [line["period"]["start"] for line in invoice["lines"][1:]] == [
        MAY["start"],
        "2026-05-16T12:00:00Z",
    ]
    await assert_settled(api, subscription, MAY, JUNE)


async def test_usage_of_a_trial_never_comes_late(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, per_unit())
    subscription = await a_subscription(api, trialDays=10, billingAnchor=MAY["start"])
    api.clock.set("2026-06-02T00:00:00Z")
    await issued(api, subscription)

    await used(api, event("5"), event("3", eventTime="2026-05-11T00:00:00Z"))

    assert adjusted(await june(api, subscription)) == [("usage", "2026-05", "3.00")]


async def test_a_late_event_counts_for_the_subscription_that_it_would_have_counted_for(
    api: Api,
) -> None:
    first, _ = await in_june(api)
    second = await a_subscription(api, startAt=JUNE["start"])
    named = event("4", subscriptionId=second["id"], eventTime=JUNE["start"])
    await used(api, event("3"), named)
    api.clock.set("2026-07-02T00:00:00Z")

    other = await issued(api, second, JUNE)
    own = await issued(api, first, JUNE)

    assert (adjusted(other), amounts(other)[1]) == ([], ("USAGE", "usage", "4.00"))
    assert adjusted(own) == [("usage", "2026-05", "3.00")]


async def test_two_invoices_never_carry_the_same_adjustment(api: Api) -> None:
    subscription, _ = await in_june(api)
    await used(api, event("3"))
    api.clock.set("2026-08-02T00:00:00Z")
    drafts = [await a_draft(api, subscription, period) for period in (JUNE, JULY)]
    assert [adjusted(draft) for draft in drafts] == [[("usage", "2026-05", "3.00")]] * 2

    july = await finalized(api, drafts[1])
    first = await finalized(api, drafts[0])

    assert (adjusted(july), adjusted(first)) == ([("usage", "2026-05", "3.00")], [])
    await assert_settled(api, subscription, MAY, JUNE, JULY)


async def test_one_invoice_of_many_periods_adjusts_once(api: Api) -> None:
    subscription, _ = await in_june(api)
    await used(api, event("3"))
    api.clock.set("2026-08-02T00:00:00Z")
    span = {"start": JUNE["start"], "end": JULY["end"]}

    invoice = await finalized(api, await a_draft(api, period=span))

    assert adjusted(invoice) == [("usage", "2026-05", "3.00")]
    await assert_settled(api, subscription, MAY, JUNE, JULY)


async def test_a_voided_invoice_gives_its_adjustments_to_the_next_one(api: Api) -> None:
    subscription, _ = await in_june(api)
    await used(api, event("3"))
    carrier = await june(api, subscription)
    assert adjusted(carrier) == [("usage", "2026-05", "3.00")]
    await voided(api, carrier)
    assert adjusted(await preview_of(api, subscription)) == [("usage", "2026-05", "3.00")]

    again = await issued(api, subscription, JUNE)

    assert billed(again) == billed(carrier)
    await assert_settled(api, subscription, MAY, JUNE)


async def test_a_period_invoiced_again_counts_what_still_stands_elsewhere(api: Api) -> None:
    subscription, may = await in_june(api)
    await used(api, event("3"))
    await june(api, subscription)  # carries 3.00 for May
    await voided(api, may)

    again = await issued(api, subscription)

    assert amounts(again) == [
        ("FEE", "fee", "30.00"),
        ("USAGE", "usage", "8.00"),
        ("ADJUSTMENT", "usage", "-3.00"),
    ]
    await assert_settled(api, subscription, MAY, JUNE)
    assert await differences(api, again) == []


async def test_a_period_invoiced_again_is_what_its_preview_shows(api: Api) -> None:
    subscription, may = await in_june(api)
    await used(api, event("3"))
    await june(api, subscription)
    await voided(api, may)

    shown = await preview_of(api, subscription, period=MAY)

    assert billed(shown) == billed(await issued(api, subscription))


async def test_both_invoices_voided_are_invoiced_again_in_any_order(api: Api) -> None:
    subscription, may = await in_june(api)
    await used(api, event("3"))
    carrier = await june(api, subscription)
    await voided(api, may)
    await voided(api, carrier)

    later = await issued(api, subscription, JUNE)
    earlier = await issued(api, subscription)

    assert adjusted(later) == adjusted(earlier) == []
    assert amounts(earlier)[1] == ("USAGE", "usage", "8.00")
    await assert_settled(api, subscription, MAY, JUNE)


async def test_what_came_late_while_a_period_was_free_is_billed_with_it(api: Api) -> None:
    subscription, may = await in_june(api)
    await voided(api, may)
    await used(api, event("3"))
    later = await june(api, subscription)

    again = await issued(api, subscription)

    assert (adjusted(later), adjusted(again)) == ([], [])
    assert amounts(again)[1] == ("USAGE", "usage", "8.00")
    await assert_settled(api, subscription, MAY, JUNE)


async def test_a_period_settled_at_zero_takes_no_late_usage(api: Api) -> None:
    subscription, may = await in_june(api)
    await voided(api, may, rebill=False)
    await used(api, event("3"))

    invoice = await june(api, subscription)

    assert adjusted(invoice) == []
    assert money(invoice) == ("30.00", "0.00", "30.00")


async def test_late_usage_of_an_ended_subscription_rides_on_the_customers_next_invoice(
    api: Api,
) -> None:
    ended = await the_usual(api)
    await a_plan(api, fee("7", "seat"), key="seats")
    other = await a_subscription(api, plan="seats")
    api.clock.set("2026-06-02T00:00:00Z")
    await issued(api, ended)
    await made(api, CANCEL, id=ended["id"], effective="NOW")
    stub = {"start": JUNE["start"], "end": "2026-06-02T00:00:00Z"}
    await used(api, event("3"), event("2", eventTime=JUNE["start"]))
    assert adjusted(await issued(api, other)) == []  # its own last invoice is to come
    await issued(api, ended, stub)
    await used(api, event("1"))
    api.clock.set("2026-07-02T00:00:00Z")

    invoice = await issued(api, other, JUNE)

    assert amounts(invoice) == [("FEE", "seat", "7.00"), ("ADJUSTMENT", "usage", "1.00")]
    assert invoice["lines"][1]["subscription"] == {"id": ended["id"]}
    assert invoice["lines"][1]["period"] == MAY
    await assert_settled(api, ended, MAY, stub)
    await assert_settled(api, other, MAY, JUNE)
    assert await differences(api, invoice) == []


async def test_late_usage_that_no_invoice_will_carry_gets_one_of_its_own(api: Api) -> None:
    subscription, _ = await in_june(api)
    await made(api, CANCEL, id=subscription["id"], effective="NOW")
    stub = {"start": JUNE["start"], "end": "2026-06-02T00:00:00Z"}
    await issued(api, subscription, stub)
    await used(api, event("3"))
    api.clock.set("2026-07-02T00:00:00Z")

    drafted = await asked(api, RUN, finalize=False)
    run = await asked(api, RUN, finalize=True)

    assert (drafted["created"], drafted["errors"]) == (0, [])
    assert (run["created"], run["finalized"], run["errors"]) == (1, 1, [])
    (invoice,) = run["invoices"]["nodes"]
    assert billed(invoice) == [("ADJUSTMENT", "2026-05", "3.00")]
    assert (invoice["status"], invoice["total"]) == ("PENDING", {"amount": "3.00"})
    assert invoice["period"] == MAY
    await assert_settled(api, subscription, MAY, stub)
    assert await differences(api, invoice) == []
    assert (await asked(api, RUN, finalize=True))["created"] == 0


async def test_an_invoice_by_hand_carries_no_late_usage(api: Api) -> None:
    subscription, _ = await in_june(api)
    await used(api, event("3"))

    assert adjusted(await charged(api)) == []

    assert adjusted(await june(api, subscription)) == [("usage", "2026-05", "3.00")]


@pytest.mark.parametrize("aggregation", ["MAX", "MIN", "AVG", "LAST"])
async def test_late_levels_are_settled(api: Api, aggregation: str) -> None:
    await a_customer(api)
    await a_metric(api, "seats", type="GAUGE", aggregation=aggregation)
    await a_plan(api, per_unit("7", "seats"))
    subscription = await a_subscription(api)
    await used(api, event("4", "seats", key="known"), event("6", "seats", key="other"))
    api.clock.set("2026-06-02T00:00:00Z")
    await issued(api, subscription)
    await used(api, event("9", "seats", key="up"), event("1", "seats", key="down"))
    await void_event(api, "other")

    assert adjusted(await june(api, subscription)) != []

    await assert_settled(api, subscription, MAY, JUNE)
    await void_event(api, "up")
    api.clock.set("2026-08-02T00:00:00Z")
    await issued(api, subscription, JULY)
    await assert_settled(api, subscription, MAY, JUNE, JULY)


async def test_late_usage_of_combinations_is_settled(api: Api) -> None:
    await a_customer(api)
    dimensions = [{"property": "region", "kind": "STRING"}]
    await a_metric(api, "jobs", type="DIMENSION", dimensions=dimensions)
    cells = [{"values": ["eu"], "unitPrice": "2"}]
    matrix = {"properties": ["region"], "cells": cells, "defaultUnitPrice": "1"}
    await a_plan(api, price({"matrix": matrix}, "jobs"))
    subscription = await a_subscription(api)
    eu, us = {"region": "eu"}, {"region": "us"}
    await used(api, event("3", "jobs", properties=eu))
    api.clock.set("2026-06-02T00:00:00Z")
    await issued(api, subscription)
    await used(api, event("5", "jobs", properties=us), event("-10", "jobs", properties=eu))

    assert adjusted(await june(api, subscription)) == [("usage", "2026-05", "-1.00")]

    await assert_settled(api, subscription, MAY, JUNE)


async def test_a_late_event_brings_a_formula_to_its_other_branch(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_metric(api, "errors")
    await a_metric(api, "good", type="COMPOSITE", formula="calls - errors")
    await a_plan(api, per_unit("1", "good"))
    subscription = await a_subscription(api)
    await used(api, event("10"))
    api.clock.set("2026-06-02T00:00:00Z")
    await issued(api, subscription)

    await used(api, event("4", "errors"))

    assert adjusted(await june(api, subscription)) == [("usage", "2026-05", "-4.00")]
    await assert_settled(api, subscription, MAY, JUNE)


async def test_an_adjustment_of_a_period_invoiced_again_is_undone_with_what_it_answered(
    api: Api,
) -> None:
    subscription, may = await in_june(api)
    await used(api, event("3"))
    carrier = await june(api, subscription)
    await voided(api, may)
    again = await issued(api, subscription)
    assert adjusted(again) == [("usage", "2026-05", "-3.00")]
    await voided(api, carrier)

    later = await issued(api, subscription, JUNE)

    assert adjusted(later) == [("usage", "2026-05", "3.00")]
    await assert_settled(api, subscription, MAY, JUNE)


async def test_late_usage_of_an_ended_subscription_shows_in_the_customers_preview(
    api: Api,
) -> None:
    ended = await the_usual(api)
    await a_plan(api, fee("7", "seat"), key="seats")
    other = await a_subscription(api, plan="seats")
    api.clock.set("2026-05-20T00:00:00Z")
    await made(api, CANCEL, id=ended["id"], effective="NOW")
    api.clock.set("2026-06-02T00:00:00Z")
    await issued(api, ended, {"start": MAY["start"], "end": "2026-05-20T00:00:00Z"})
    await issued(api, other)
    await used(api, event("3"))
    api.clock.set("2026-06-03T00:00:00Z")

    assert adjusted(await preview_of(api, other)) == [("usage", "2026-05", "3.00")]
    assert adjusted(await preview(api)) == [("usage", "2026-05", "3.00")]


async def test_an_invoice_of_adjustments_alone_can_be_voided_and_is_made_again(api: Api) -> None:
    subscription, _ = await in_june(api)
    await made(api, CANCEL, id=subscription["id"], effective="NOW")
    stub = {"start": JUNE["start"], "end": "2026-06-02T00:00:00Z"}
    await issued(api, subscription, stub)
    await used(api, event("3"))
    api.clock.set("2026-07-02T00:00:00Z")
    (first,) = (await asked(api, RUN, finalize=True))["invoices"]["nodes"]
    await voided(api, first)

    (second,) = (await asked(api, RUN, finalize=True))["invoices"]["nodes"]

    assert billed(second) == billed(first)
    await assert_settled(api, subscription, MAY, stub)
