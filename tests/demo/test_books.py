"""What is promised of the demo's books: every state, every kind of line, and nothing left out."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from fubble_gql.billing import run
from fubble_gql.billing.run import Order
from fubble_gql.demo.books import SELLER
from tests.demo.conftest import NOW, Demo, clock

Json = dict[str, Any]

PAGE = """
query ($after: String) {
  invoices(first: 100, after: $after) {
    nodes {
      number status customer { key } currency period { start end } isOverdue notes
      asOf issuedAt dueAt paidAt failedAt failureReason voidReason billTo { name }
      lines { kind amount { amount } subscription { plan { key } } component { key } }
      subtotal { amount } creditsApplied { amount } total { amount } amountDue { amount }
      verification { matches differences }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""


async def invoices(demo: Demo) -> list[Json]:
    """All of them, in the order of their numbers; drafts at the end."""
    found, after, has_more = list[Json](), None, True
    while has_more:
        page = (await demo.ask(PAGE, after=after))["invoices"]
        found += page["nodes"]
        has_more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
    return sorted(found, key=lambda one: one["number"] or "~")


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def kinds(invoice: Json) -> set[str]:
    return {line["kind"] for line in invoice["lines"]}


async def test_invoices_are_in_every_state_and_have_every_kind_of_line(demo: Demo) -> None:
    found = await invoices(demo)
    states = Counter(one["status"] for one in found)
    assert states.keys() == {"DRAFT", "PENDING", "PAID", "FAILED", "VOID"}
    assert (states["DRAFT"], states["VOID"]) == (1, 1)
    assert 1 <= states["FAILED"] <= 4
    assert states["PAID"] > 150
    assert {"FEE", "USAGE", "COMMITMENT", "ADJUSTMENT", "MANUAL"} <= {
        kind for one in found for kind in kinds(one)
    }


async def test_numbers_have_no_gap_and_rise_with_time(demo: Demo) -> None:
    issued = [one for one in await invoices(demo) if one["number"]]
    assert [one["number"] for one in issued] == [f"INV-{n:06d}" for n in range(1, len(issued) + 1)]
    assert [one["issuedAt"] for one in issued] == sorted(one["issuedAt"] for one in issued)


async def test_every_invoice_comes_to_the_same_when_rated_again(demo: Demo) -> None:
    for one in await invoices(demo):
        is_draft = one["status"] == "DRAFT"
        assert one["verification"] == (None if is_draft else {"matches": True, "differences": []})


async def test_nothing_that_has_closed_is_left_to_invoice(demo: Demo) -> None:
    order = Order(NOW, finalise=True, clock=clock, seller=SELLER)
    done = await run.run(demo.connection, order)
    assert (done.created, done.finalized, done.failures) == (0, 0, [])


async def test_each_period_was_invoiced_within_a_day_of_its_end(demo: Demo) -> None:
    found = [one for one in await invoices(demo) if one["issuedAt"]]
    after = [instant(one["issuedAt"]) - instant(one["period"]["end"]) for one in found]
    assert min(after) >= timedelta()
    assert sum(delay > timedelta(days=1) for delay in after) == 1  # the one that was billed anew


async def test_what_is_older_than_two_weeks_is_paid_but_for_two_slow_customers(
    demo: Demo,
) -> None:
    old = [
        one
        for one in await invoices(demo)
        if one["issuedAt"] and NOW - instant(one["issuedAt"]) > timedelta(days=14)
    ]
    waiting = [one for one in old if one["status"] in ("PENDING", "FAILED")]
    assert {one["customer"]["key"] for one in waiting} == {"thornbury-law", "juniper-lane"}
    overdue = [one for one in waiting if one["isOverdue"]]
    assert {one["customer"]["key"] for one in overdue} == {"thornbury-law", "juniper-lane"}
    assert all(instant(one["paidAt"]) <= NOW for one in old if one["status"] == "PAID")


async def test_failures_say_why_and_were_paid_later(demo: Demo) -> None:
    failed = [one for one in await invoices(demo) if one["failedAt"]]
    assert {one["customer"]["key"] for one in failed} == {"kestrel-aviation", "lumetra"}
    assert all(one["failureReason"] for one in failed)
    paid = [one for one in failed if one["status"] == "PAID"]
    assert all(one["failedAt"] < one["paidAt"] for one in paid)
    assert 0 < len(paid) < len(failed)


async def test_a_voided_invoice_was_billed_anew(demo: Demo) -> None:
    found = [one for one in await invoices(demo) if one["customer"]["key"] == "hearthstone-foods"]
    void, again, *_ = found
    assert (void["status"], again["status"]) == ("VOID", "PAID")
    assert void["voidReason"]
    for field in ("period", "subtotal", "creditsApplied", "total"):
        assert void[field] == again[field]
    assert Decimal(again["creditsApplied"]["amount"]) == 40


async def test_a_draft_waits_for_work_that_is_billed_by_hand(demo: Demo) -> None:
    draft = (await invoices(demo))[-1]
    assert (draft["status"], draft["number"], draft["billTo"]) == ("DRAFT", None, None)
    assert kinds(draft) == {"MANUAL"}
    amounts = [Decimal(line["amount"]["amount"]) for line in draft["lines"]]
    assert amounts == [Decimal(2400), Decimal("555.75"), Decimal(-200)]
    assert draft["notes"]


async def test_usage_that_came_late_is_adjusted_on_the_next_invoice(demo: Demo) -> None:
    adjusted = [one for one in await invoices(demo) if "ADJUSTMENT" in kinds(one)]
    assert [one["customer"]["key"] for one in adjusted] == ["polderlicht"] * 2


async def test_an_upgrade_in_the_middle_of_a_period_is_on_one_invoice(demo: Demo) -> None:
    found = [one for one in await invoices(demo) if one["customer"]["key"] == "costa-clara-viajes"]
    components = [{line["component"]["key"] for line in one["lines"]} for one in found]
    starter, team = {"platform", "calls", "messages"}, {"platform", "seats", "users", "storage"}
    assert starter == components[0]
    assert starter | team <= components[1]
    answer = await demo.ask(
        '{ customer(key: "isarblick-medien") { subscriptions { nodes { plan { key }'
        " currentPeriod { end } scheduledChange { plan { key } effectiveAt } } } } }"
    )
    (subscription,) = answer["customer"]["subscriptions"]["nodes"]
    assert subscription["plan"]["key"] == "team-eur"
    assert subscription["scheduledChange"] == {
        "plan": {"key": "network-eur"},
        "effectiveAt": subscription["currentPeriod"]["end"],
    }


@pytest.mark.parametrize("company", ["meridian-grid", "kitakaze-cloud"])
async def test_a_commitment_is_billed_used_or_not(company: str, demo: Demo) -> None:
    answer = await demo.ask(
        "query ($key: String!) { customer(key: $key) { subscriptions { nodes { commitments"
        " { metric { key } committedQuantity rate overageRate } } } } }",
        key=company,
    )
    (subscription,) = answer["customer"]["subscriptions"]["nodes"]
    (commitment,) = subscription["commitments"]
    assert Decimal(commitment["overageRate"]) > Decimal(commitment["rate"])
    own = [one for one in await invoices(demo) if one["customer"]["key"] == company]
    assert "COMMITMENT" in kinds(own[-1])


async def test_credit_was_granted_spent_expired_and_cancelled(demo: Demo) -> None:
    answer = await demo.ask(
        "{ customers(first: 100) { nodes { creditGrants { nodes { type status amount { amount }"
        " remaining { amount } transactions { amount { amount } invoice { number } } } } } } }"
    )
    grants = [
        grant for one in answer["customers"]["nodes"] for grant in one["creditGrants"]["nodes"]
    ]
    assert {one["type"] for one in grants} == {"PREPAID", "PROMOTIONAL", "REFUND"}
    assert {one["status"] for one in grants} == {"ACTIVE", "CONSUMED", "EXPIRED", "CANCELLED"}
    drawn = -sum(
        Decimal(entry["amount"]["amount"])
        for one in grants
        for entry in one["transactions"]
        if entry["invoice"]
    )
    applied = sum(
        Decimal(one["creditsApplied"]["amount"])
        for one in await invoices(demo)
        if one["status"] not in ("DRAFT", "VOID")
    )
    assert drawn == applied > 0
