"""Changing plans: at once or with the period, scheduled and undone, tried without being done."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from fubble_gql.db.connection import Connection
from fubble_gql.db.sql import sql
from fubble_gql.usage.store import store_of
from tests.api.builders import (
    SUBSCRIBE,
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
    per_unit,
    preview_of,
    price,
    refused,
    subscribing,
    tiers,
    used,
)
from tests.api.changing import (
    CANCEL,
    CHANGE,
    COMMIT,
    UNDO,
    cancel,
    change,
    done,
    everything,
    found,
    invoiced,
    lines,
    row_id,
    spans,
    stored,
    undo,
)
from tests.api.conftest import Api

WAITING = "select 1 from pg_locks where not granted"
MAY_1 = "2026-05-01T00:00:00Z"
MAY_11 = "2026-05-11T00:00:00Z"
JUNE_1 = "2026-06-01T00:00:00Z"


async def a_monthly_life(api: Api, **more: object) -> Json:
    """A subscription since the first of May on `basic` for 31, with `pro` for 62 to go on to.

    It is the 11th of May.
    """
    await a_customer(api)
    await a_plan(api, fee("31"), key="basic")
    await a_plan(api, fee("62"), key="pro")
    await a_plan(api, fee("365"), key="annual", billingFrequency="YEARLY")
    api.clock.set(MAY_11)
    given: Json = {"plan": "basic", **more}
    return await a_subscription(api, **given)


async def due(api: Api, subscription: Json) -> str | None:
    """When its next invoice is due, as it is stored."""
    (row,) = await stored(
        api, "select due_at from plan_subscription where id = ?", row_id(subscription["id"])
    )
    return None if row[0] is None else str(row[0])[:19]


async def test_a_change_now_bills_each_plan_for_its_time_on_one_invoice(api: Api) -> None:
    subscription = await a_monthly_life(api)

    payload = await change(api, subscription, "pro")

    after = payload["subscription"]
    assert after["plan"] == {"key": "pro", "version": 1}
    assert after["billingAnchor"] == "2026-05-01T00:00:00Z"
    assert after["currentPeriod"] == {"start": "2026-05-01T00:00:00Z", "end": JUNE_1}
    assert after["scheduledChange"] is None
    assert lines(payload["preview"]) == [
        ("fee", "05-01", "05-11", "10.00"),
        ("fee", "05-11", "06-01", "42.00"),
    ]
    assert payload["preview"]["total"]["amount"] == "52.00"
    assert await found(api, subscription) == after
    assert lines(await preview_of(api, subscription)) == lines(payload["preview"])


async def test_a_change_waits_for_the_period_end_unless_said(api: Api) -> None:
    subscription = await a_monthly_life(api)

    payload = await done(api, CHANGE, id=subscription["id"], plan={"key": "pro"})

    waiting = payload["subscription"]
    assert waiting["plan"]["key"] == "basic"
    assert waiting["scheduledChange"] == {
        "effectiveAt": JUNE_1,
        "plan": {"key": "pro", "version": 1},
    }
    assert lines(payload["preview"]) == [("fee", "05-01", "06-01", "31.00")]
    api.clock.set(JUNE_1)
    after = await found(api, subscription)
    assert (after["plan"]["key"], after["scheduledChange"]) == ("pro", None)
    assert spans(after) == [("2026-05-01T00:00:00Z", JUNE_1), (JUNE_1, "2026-07-01T00:00:00Z")]
    assert lines(await preview_of(api, subscription)) == [("fee", "06-01", "07-01", "62.00")]


async def test_a_later_change_replaces_the_one_that_is_scheduled(api: Api) -> None:
    subscription = await a_monthly_life(api)
    await change(api, subscription, "pro", "PERIOD_END")

    later = await change(api, subscription, "annual", "PERIOD_END")
    at_once = await change(api, subscription, "pro", "NOW")

    assert later["subscription"]["scheduledChange"]["plan"]["key"] == "annual"
    assert at_once["subscription"]["scheduledChange"] is None
    assert at_once["subscription"]["plan"]["key"] == "pro"
    assert (await counted_rows(api))["subscription_phase"] == 2


@pytest.mark.parametrize("effective", ["NOW", "PERIOD_END"])
async def test_a_change_to_the_plan_it_is_on_only_drops_what_was_scheduled(
    api: Api, effective: str
) -> None:
    subscription = await a_monthly_life(api)
    before = await found(api, subscription)
    await change(api, subscription, "pro", "PERIOD_END")

    payload = await change(api, subscription, "basic", effective)

    assert payload["subscription"] == before
    assert (await counted_rows(api))["subscription_phase"] == 1


async def test_a_change_replaces_a_scheduled_cancellation(api: Api) -> None:
    subscription = await a_monthly_life(api, endAt="2026-08-15T00:00:00Z")
    await cancel(api, subscription, "PERIOD_END")

    payload = await change(api, subscription, "pro", "PERIOD_END")

    assert payload["subscription"]["endAt"] == "2026-08-15T00:00:00Z"
    assert payload["subscription"]["scheduledChange"]["plan"]["key"] == "pro"


async def test_another_frequency_ends_the_period_and_is_the_new_anchor(api: Api) -> None:
    subscription = await a_monthly_life(api)

    payload = await change(api, subscription, "annual")

    after = payload["subscription"]
    assert after["billingAnchor"] == MAY_11
    assert after["currentPeriod"] == {"start": MAY_11, "end": "2027-05-11T00:00:00Z"}
    assert spans(after) == [
        ("2026-05-01T00:00:00Z", MAY_11),
        (MAY_11, "2027-05-11T00:00:00Z"),
    ]
    assert lines(payload["preview"]) == [("fee", "05-01", "05-11", "10.00")]
    assert payload["preview"]["period"] == {"start": "2026-05-01T00:00:00Z", "end": MAY_11}
    api.clock.set("2026-08-01T00:00:00Z")
    assert await found(api, subscription) == after
    assert lines(await preview_of(api, subscription)) == [("fee", "05-11", "05-11", "365.00")]


async def test_a_year_is_cut_short_by_going_back_to_months(api: Api) -> None:
    subscription = await a_monthly_life(api)
    await change(api, subscription, "annual")
    api.clock.set("2026-05-31T00:00:00Z")

    payload = await change(api, subscription, "basic")

    assert lines(payload["preview"]) == [("fee", "05-11", "05-31", "20.00")]  # of 365 days
    api.clock.set("2026-07-15T00:00:00Z")
    after = await found(api, subscription)
    assert spans(after) == list(
        pairwise(
            [
                "2026-05-01T00:00:00Z",
                MAY_11,
                "2026-05-31T00:00:00Z",
                "2026-06-30T00:00:00Z",
                "2026-07-31T00:00:00Z",
            ]
        )
    )
    assert lines(await preview_of(api, subscription)) == [("fee", "06-30", "07-31", "31.00")]


async def test_another_frequency_at_the_period_end_leaves_the_period_whole(api: Api) -> None:
    subscription = await a_monthly_life(api)

    payload = await change(api, subscription, "annual", "PERIOD_END")

    assert lines(payload["preview"]) == [("fee", "05-01", "06-01", "31.00")]
    api.clock.set("2026-06-20T00:00:00Z")
    after = await found(api, subscription)
    assert after["billingAnchor"] == JUNE_1
    assert after["currentPeriod"] == {"start": JUNE_1, "end": "2027-06-01T00:00:00Z"}


async def test_a_change_at_the_very_instant_of_another_takes_its_place(api: Api) -> None:
    subscription = await a_monthly_life(api)
    await change(api, subscription, "annual")

    payload = await change(api, subscription, "pro")

    after = payload["subscription"]
    assert after["billingAnchor"] == "2026-05-01T00:00:00Z"
    assert spans(after) == [("2026-05-01T00:00:00Z", JUNE_1)]
    assert lines(payload["preview"])[1] == ("fee", "05-11", "06-01", "42.00")
    assert (await counted_rows(api))["subscription_phase"] == 2


async def test_a_change_that_is_taken_back_at_its_very_instant_leaves_no_trace(api: Api) -> None:
    subscription = await a_monthly_life(api)
    before = await found(api, subscription)
    await change(api, subscription, "annual")

    payload = await change(api, subscription, "basic")

    assert payload["subscription"] == before
    assert lines(payload["preview"]) == [("fee", "05-01", "06-01", "31.00")]


async def test_a_change_as_the_subscription_begins_is_as_if_it_had_begun_so(api: Api) -> None:
    subscription = await a_monthly_life(api, startAt=MAY_11)

    payload = await change(api, subscription, "annual")

    assert payload["subscription"]["billingAnchor"] == MAY_11
    assert lines(payload["preview"]) == [("fee", "05-11", "05-11", "365.00")]
    assert (await counted_rows(api))["subscription_phase"] == 1


@pytest.mark.parametrize("effective", ["NOW", "PERIOD_END"])
async def test_one_that_has_not_begun_begins_on_the_other_plan(api: Api, effective: str) -> None:
    subscription = await a_monthly_life(
        api, startAt="2026-06-10T00:00:00Z", billingAnchor="2026-07-01T00:00:00Z"
    )

    payload = await change(api, subscription, "pro", effective)

    after = payload["subscription"]
    assert (after["plan"]["key"], after["status"]) == ("pro", "SCHEDULED")
    assert after["billingAnchor"] == "2026-07-01T00:00:00Z"
    assert after["scheduledChange"] is None
    assert lines(payload["preview"]) == [("fee", "06-10", "07-01", "43.40")]  # 21 of 30 days
    assert (await counted_rows(api))["subscription_phase"] == 1


async def test_in_the_last_period_only_a_change_now_is_possible(api: Api) -> None:
    subscription = await a_monthly_life(api, endAt="2026-05-21T00:00:00Z")
    before = await everything(api)

    (error,) = (
        await asked(api, CHANGE, id=subscription["id"], plan={"key": "pro"}, effective="PERIOD_END")
    )["errors"]

    assert (error["code"], error["path"]) == ("INVALID_STATE", ["effective"])
    assert "2026-05-21T00:00:00" in error["message"]
    assert await everything(api) == before
    payload = await change(api, subscription, "pro")
    assert lines(payload["preview"]) == [
        ("fee", "05-01", "05-11", "10.00"),
        ("fee", "05-11", "05-21", "20.00"),
    ]


async def test_what_has_ended_is_not_changed(api: Api) -> None:
    subscription = await a_monthly_life(api)
    await cancel(api, subscription)

    for effective in ("NOW", "PERIOD_END"):
        why = await refused(
            api, CHANGE, id=subscription["id"], plan={"key": "pro"}, effective=effective
        )
        assert why == [("INVALID_STATE", "subscriptionId")]
    assert await refused(api, UNDO, id=subscription["id"]) == [("INVALID_STATE", "subscriptionId")]


async def test_a_plan_of_another_currency_is_a_conflict(api: Api) -> None:
    subscription = await a_monthly_life(api)
    await a_plan(api, key="euro", currency="EUR")

    why = await refused(api, CHANGE, id=subscription["id"], plan={"key": "euro"})

    assert why == [("CONFLICT", "plan")]


async def test_nobody_goes_on_to_a_deactivated_plan_but_may_stay_on_it(api: Api) -> None:
    subscription = await a_monthly_life(api)
    await change(api, subscription, "annual", "PERIOD_END")
    for key in ("basic", "pro"):
        await api.ask(
            "mutation ($key: String!) { deactivatePlan(plan: {key: $key}) { errors { code } } }",
            key=key,
        )

    why = await refused(api, CHANGE, id=subscription["id"], plan={"key": "pro"})
    stays = await change(api, subscription, "basic")

    assert why == [("INVALID_STATE", "plan")]
    assert stays["subscription"]["scheduledChange"] is None


async def test_both_the_subscription_and_the_plan_must_be_there(api: Api) -> None:
    subscription = await a_monthly_life(api)
    id, absent = subscription["id"], "sub_" + "0" * 32
    key = {"key": "pro"}

    assert await refused(api, CHANGE, id=absent, plan=key) == [("NOT_FOUND", "subscriptionId")]
    assert await refused(api, CHANGE, id="sub", plan=key) == [("INVALID", "subscriptionId")]
    assert await refused(api, CHANGE, id=id, plan={"key": "none"}) == [("NOT_FOUND", "plan")]
    assert await refused(api, CHANGE, id=id, plan={"id": id}) == [("INVALID", "plan.id")]
    assert await refused(api, UNDO, id=absent) == [("NOT_FOUND", "subscriptionId")]


async def test_a_key_means_the_latest_version_and_an_id_that_very_one(api: Api) -> None:
    subscription = await a_monthly_life(api)
    first = (await asked(api, '{ plan(key: "pro") { id } }'))["id"]
    await api.ask(
        'mutation { updatePlan(plan: {key: "pro"}, input: {name: "New"}) { errors { code } } }'
    )

    latest = await change(api, subscription, "pro", "PERIOD_END")
    earlier = await done(api, CHANGE, id=subscription["id"], plan={"id": first})

    assert latest["subscription"]["scheduledChange"]["plan"] == {"key": "pro", "version": 2}
    assert earlier["subscription"]["scheduledChange"]["plan"] == {"key": "pro", "version": 1}


async def test_a_newer_version_of_the_same_plan_is_another_plan(api: Api) -> None:
    subscription = await a_monthly_life(api)
    await api.ask(
        """mutation { updatePlan(plan: {key: "basic"}, input: {priceComponents: [
          {key: "fee", displayName: "Fee", pricing: {subscription: {amount: "93"}}}]})
          { errors { code } } }"""
    )

    payload = await change(api, subscription, "basic")

    assert payload["subscription"]["plan"] == {"key": "basic", "version": 2}
    assert lines(payload["preview"]) == [
        ("fee", "05-01", "05-11", "10.00"),
        ("fee", "05-11", "06-01", "63.00"),
    ]


async def test_a_trial_goes_on_whatever_the_plan(api: Api) -> None:
    subscription = await a_monthly_life(api, trialDays=20)
    await a_plan(api, fee("62"), key="tried", trialDays=90)

    payload = await change(api, subscription, "tried")

    assert payload["subscription"]["trialEndAt"] == "2026-05-21T00:00:00Z"
    assert payload["subscription"]["billingAnchor"] == "2026-05-21T00:00:00Z"
    assert amounts(payload["preview"]) == []


async def test_each_piece_has_its_tiers_whole_and_a_flat_fee_is_charged_once(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    graduated = price({"graduated": tiers(("10", "1", "0"), (None, "5", "0"))})
    await a_plan(api, graduated, fee("7", "setup", "flat"), key="basic")
    await a_plan(api, graduated, fee("9", "setup", "flat"), key="pro")
    subscription = await a_subscription(api, plan="basic")
    api.clock.set("2026-05-20T00:00:00Z")
    await used(
        api,
        event("10", eventTime="2026-05-05T00:00:00Z"),
        event("10", eventTime="2026-05-20T00:00:00Z"),
    )

    payload = await change(api, subscription, "pro")

    assert lines(payload["preview"]) == [
        ("usage", "05-01", "05-20", "10.00"),
        ("usage", "05-20", "06-01", "10.00"),
        ("setup", "05-20", "06-01", "9.00"),
    ]


async def test_a_change_whose_bill_has_no_amount_is_made_all_the_same(api: Api) -> None:
    subscription = await a_monthly_life(api)
    await a_metric(api)
    dynamic = {"baseRate": "1", "formula": "base_rate / (quantity - quantity)"}
    await a_plan(api, price({"dynamic": dynamic}), key="broken")
    await used(api, event("1", eventTime=MAY_11))

    answer = await api.answer(
        CHANGE, id=subscription["id"], plan={"key": "broken"}, effective="NOW"
    )

    payload = answer["data"]["changePlan"]
    assert payload["preview"] is None
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORMULA_FAILED"]
    assert payload["subscription"]["plan"]["key"] == "broken"
    assert (await found(api, subscription))["plan"]["key"] == "broken"


async def test_when_an_invoice_is_due_follows_the_change(api: Api) -> None:
    subscription = await a_monthly_life(api)
    assert await due(api, subscription) == "2026-06-01 00:00:00"

    await change(api, subscription, "annual")
    assert await due(api, subscription) == "2026-05-11 00:00:00"

    await invoiced(api, subscription, "2026-05-01T00:00:00Z", MAY_11)
    api.clock.set("2026-07-01T00:00:00Z")
    await cancel(api, subscription)
    assert await due(api, subscription) == "2026-07-01 00:00:00"


@pytest.mark.parametrize("effective", ["NOW", "PERIOD_END"])
async def test_nothing_reaches_into_an_invoiced_span(api: Api, effective: str) -> None:
    subscription = await a_monthly_life(api)
    await invoiced(api, subscription, "2026-05-01T00:00:00Z", JUNE_1)  # by a clock that runs ahead
    before = await everything(api)

    why = await refused(
        api, CHANGE, id=subscription["id"], plan={"key": "pro"}, effective=effective
    )

    assert why == [("INVALID_STATE", "subscriptionId")]
    assert await everything(api) == before


# ---------------------------------------------------------------- undoing what is scheduled


async def test_a_scheduled_change_is_undone(api: Api) -> None:
    subscription = await a_monthly_life(api)
    before = await found(api, subscription)
    rows = await everything(api)
    await change(api, subscription, "annual", "PERIOD_END")

    payload = await undo(api, subscription)
    again = await undo(api, subscription)

    assert payload["subscription"] == again["subscription"] == before
    assert lines(payload["preview"]) == [("fee", "05-01", "06-01", "31.00")]
    assert await everything(api) == rows


async def test_a_scheduled_cancellation_is_undone_back_to_the_agreed_end(api: Api) -> None:
    subscription = await a_monthly_life(api, endAt="2026-08-15T00:00:00Z")
    cancelled = await cancel(api, subscription, "PERIOD_END")

    payload = await undo(api, subscription)

    assert cancelled["subscription"]["scheduledChange"] == {"effectiveAt": JUNE_1, "plan": None}
    assert payload["subscription"]["endAt"] == "2026-08-15T00:00:00Z"
    assert payload["subscription"]["scheduledChange"] is None
    assert await due(api, subscription) == "2026-06-01 00:00:00"


async def test_what_took_effect_is_not_undone(api: Api) -> None:
    subscription = await a_monthly_life(api)
    await change(api, subscription, "pro")
    api.clock.set("2026-05-12T00:00:00Z")

    payload = await undo(api, subscription)

    assert payload["subscription"]["plan"]["key"] == "pro"


async def test_an_agreed_end_is_no_scheduled_change(api: Api) -> None:
    subscription = await a_monthly_life(api, endAt="2026-08-15T00:00:00Z")

    assert (await found(api, subscription))["scheduledChange"] is None


# ---------------------------------------------------------------- cancelling


async def test_a_cancellation_drops_the_plan_change_that_was_to_come(api: Api) -> None:
    subscription = await a_monthly_life(api)
    await change(api, subscription, "pro", "PERIOD_END")

    payload = await cancel(api, subscription, "PERIOD_END")

    assert payload["subscription"]["scheduledChange"] == {"effectiveAt": JUNE_1, "plan": None}
    assert (await counted_rows(api))["subscription_phase"] == 1
    assert (await undo(api, subscription))["subscription"]["scheduledChange"] is None


async def test_a_scheduled_cancellation_is_brought_forward(api: Api) -> None:
    subscription = await a_monthly_life(api)
    await cancel(api, subscription, "PERIOD_END")

    payload = await cancel(api, subscription, "NOW")

    assert payload["subscription"]["status"] == "ENDED"
    assert payload["subscription"]["scheduledChange"] is None
    assert lines(payload["preview"]) == [("fee", "05-01", "05-11", "10.00")]
    assert await due(api, subscription) == "2026-05-11 00:00:00"


async def test_cancelling_where_a_plan_has_just_begun_leaves_the_plan_before(api: Api) -> None:
    subscription = await a_monthly_life(api)
    await change(api, subscription, "annual")

    payload = await cancel(api, subscription)

    assert payload["subscription"]["plan"]["key"] == "basic"
    assert spans(payload["subscription"]) == [("2026-05-01T00:00:00Z", MAY_11)]
    assert lines(payload["preview"]) == [("fee", "05-01", "05-11", "10.00")]


async def test_cancelling_what_has_not_begun_bills_nothing(api: Api) -> None:
    subscription = await a_monthly_life(api, startAt=JUNE_1)

    payload = await cancel(api, subscription, "PERIOD_END")

    assert payload["subscription"]["status"] == "ENDED"
    assert payload["subscription"]["scheduledChange"] is None
    assert payload["preview"]["lines"] == []
    assert await due(api, subscription) is None


async def test_a_cancellation_never_reaches_into_an_invoiced_span(api: Api) -> None:
    subscription = await a_monthly_life(api)
    await invoiced(api, subscription, "2026-05-01T00:00:00Z", JUNE_1)  # by a clock that runs ahead

    payload = await asked(
        api,
        """mutation ($id: ID!) { cancelSubscription(subscriptionId: $id, effective: NOW) {
          subscription { id } preview { asOf } errors { code path message } } }""",
        id=subscription["id"],
    )

    assert (payload["subscription"], payload["preview"]) == (None, None)
    assert payload["errors"][0]["code"] == "INVALID_STATE"
    assert "2026-06-01T00:00:00" in payload["errors"][0]["message"]
    assert (await found(api, subscription))["endAt"] is None


# ---------------------------------------------------------------- repeating


async def test_a_repeated_key_changes_nothing_more(api: Api) -> None:
    subscription = await a_monthly_life(api)
    await change(api, subscription, "pro", key="once")
    await change(api, subscription, "annual", "PERIOD_END")
    rows = await everything(api)
    api.clock.set("2026-05-12T00:00:00Z")

    again = await change(api, subscription, "pro", key="once")

    assert again["subscription"]["scheduledChange"]["plan"]["key"] == "annual"
    assert lines(again["preview"])[1] == ("fee", "05-11", "06-01", "42.00")
    assert await everything(api) == rows


async def test_a_repeated_key_is_answered_when_the_plan_and_the_subscription_are_gone(
    api: Api,
) -> None:
    subscription = await a_monthly_life(api)
    await change(api, subscription, "pro", key="once")
    await api.ask('mutation { deactivatePlan(plan: {key: "pro"}) { errors { code } } }')
    await cancel(api, subscription)

    again = await change(api, subscription, "pro", key="once")

    assert again["subscription"]["status"] == "ENDED"


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("plan", {"plan": {"key": "annual"}}),
        ("effective", {"effective": "PERIOD_END"}),
        ("subscriptionId", {"id": ""}),
    ],
)
async def test_a_key_with_another_input_names_the_argument_that_differs(
    api: Api, name: str, other: Json
) -> None:
    subscription = await a_monthly_life(api)
    second = await a_subscription(api, plan="basic")
    given = {"id": subscription["id"], "plan": {"key": "pro"}, "effective": "NOW", "key": "once"}
    await done(api, CHANGE, **given)
    rows = await everything(api)

    differs = {**given, **other} if "id" not in other else {**given, "id": second["id"]}

    assert await refused(api, CHANGE, **differs) == [("IDEMPOTENCY_MISMATCH", name)]
    assert await everything(api) == rows


async def test_a_refused_change_burns_no_key(api: Api) -> None:
    subscription = await a_monthly_life(api, endAt="2026-05-21T00:00:00Z")
    given = {"id": subscription["id"], "plan": {"key": "pro"}, "key": "once"}

    assert await refused(api, CHANGE, **given) == [("INVALID_STATE", "effective")]
    assert await refused(api, CHANGE, **{**given, "key": " "}) == [("INVALID", "idempotencyKey")]
    await done(api, CHANGE, **given, effective="NOW")


async def test_twenty_callers_at_once_make_one_change(postgres_api: Api) -> None:
    subscription = await a_monthly_life(postgres_api)

    payloads = await asyncio.gather(
        *(change(postgres_api, subscription, "annual", key="once") for _ in range(20))
    )

    assert all(one["subscription"] == payloads[0]["subscription"] for one in payloads)
    assert (await counted_rows(postgres_api))["subscription_phase"] == 2


async def test_changes_and_cancellations_that_meet_leave_one_life(postgres_api: Api) -> None:
    subscription = await a_monthly_life(postgres_api)

    await asyncio.gather(
        *(change(postgres_api, subscription, plan) for plan in ("pro", "annual") * 5),
        *(change(postgres_api, subscription, plan, "PERIOD_END") for plan in ("pro", "annual") * 5),
        *(undo(postgres_api, subscription) for _ in range(5)),
        *(cancel(postgres_api, subscription, "PERIOD_END") for _ in range(5)),
    )

    after = await found(postgres_api, subscription)
    ends = [end for _, end in spans(after)]
    assert [start for start, _ in spans(after)] == ["2026-05-01T00:00:00Z", *ends[:-1]]
    assert (await counted_rows(postgres_api))["subscription_phase"] <= 3


@pytest.mark.parametrize("document", [CHANGE, CANCEL, COMMIT, SUBSCRIBE])
async def test_a_write_waits_for_an_invoice_that_is_being_cut(
    postgres_api: Api, document: str
) -> None:
    subscription = await a_monthly_life(postgres_api)
    await a_metric(postgres_api)
    given: Json = {"id": subscription["id"], "plan": {"key": "pro"}, "effective": "NOW"}
    if document is COMMIT:
        given["input"] = {"metric": "calls", "committedQuantity": "1", "rate": "1"}
    elif document is SUBSCRIBE:
        given["input"] = subscribing(plan="basic")

    async def cut(tx: Connection) -> asyncio.Task[Json]:
        rows = await tx.fetch(sql("select customer_id from plan_subscription"))
        await store_of(tx).hold_alone(tx, [rows[0][0]])
        writing = asyncio.create_task(asked(postgres_api, document, **given))
        while not await stored(postgres_api, WAITING):  # noqa: ASYNC110 - another process waits
            await asyncio.sleep(0.01)
        await invoiced(replace(postgres_api, connection=tx), subscription, MAY_1, JUNE_1)
        return writing

    payload = await (await postgres_api.connection.transaction(cut))

    assert [error["code"] for error in payload["errors"]] == ["INVALID_STATE"]
    assert (await found(postgres_api, subscription))["plan"]["key"] == "basic"


# ---------------------------------------------------------------- trying it


@pytest.mark.parametrize("plan", ["pro", "annual"])
@pytest.mark.parametrize("effective", ["NOW", "PERIOD_END"])
async def test_a_dry_run_shows_the_change_and_makes_none(
    api: Api, plan: str, effective: str
) -> None:
    subscription = await a_monthly_life(api)
    await a_metric(api)
    for key in ("pro", "annual"):
        await api.ask(
            """mutation ($key: String!) { addPriceComponent(plan: {key: $key}, input: {
              key: "usage", displayName: "Usage", metric: "calls",
              pricing: {perUnit: {unitPrice: "0.333"}}}) { errors { code } } }""",
            key=key,
        )
    await used(api, event("7", eventTime=MAY_11), event("5", eventTime="2026-05-02T00:00:00Z"))
    await change(api, subscription, "annual" if plan == "pro" else "pro", "PERIOD_END")
    before, rows, counts = (
        await found(api, subscription),
        await everything(api),
        await counted_rows(api),
    )

    tried = await change(api, subscription, plan, effective, dryRun=True, key="once")

    assert await found(api, subscription) == before
    assert await everything(api) == rows
    assert await counted_rows(api) == counts
    applied = await change(api, subscription, plan, effective, key="once")
    assert tried == applied
    assert await found(api, subscription) == applied["subscription"]


@pytest.mark.parametrize("effective", ["NOW", "PERIOD_END"])
async def test_a_dry_cancellation_shows_the_last_invoice_and_ends_nothing(
    api: Api, effective: str
) -> None:
    subscription = await a_monthly_life(api)
    await change(api, subscription, "pro", "PERIOD_END")
    before, rows = await found(api, subscription), await everything(api)

    tried = await cancel(api, subscription, effective, dryRun=True)

    assert await found(api, subscription) == before
    assert await everything(api) == rows
    assert await cancel(api, subscription, effective) == tried


async def test_a_dry_run_is_refused_like_the_change(api: Api) -> None:
    subscription = await a_monthly_life(api)
    await a_plan(api, key="euro", currency="EUR")

    why = await refused(api, CHANGE, id=subscription["id"], plan={"key": "euro"}, dryRun=True)

    assert why == [("CONFLICT", "plan")]


async def test_a_dry_run_under_a_used_key_shows_what_is(api: Api) -> None:
    subscription = await a_monthly_life(api)
    applied = await change(api, subscription, "pro", key="once")

    assert await change(api, subscription, "pro", key="once", dryRun=True) == applied
    assert await refused(
        api, CHANGE, id=subscription["id"], plan={"key": "annual"}, key="once", dryRun=True
    ) == [("IDEMPOTENCY_MISMATCH", "effective")]


async def test_each_mutation_of_a_document_shows_what_it_made(api: Api) -> None:
    subscription = await a_monthly_life(api)

    answer: dict[str, Any] = await api.ask(
        """
        fragment shown on PlanSubscriptionPayload {
          subscription { plan { key } scheduledChange { plan { key } } }
        }
        mutation ($id: ID!) {
          tried: changePlan(subscriptionId: $id, plan: {key: "pro"}, effective: NOW, dryRun: true) {
            ...shown
          }
          other: updateCustomer(customer: {key: "acme"}, input: {name: "A"}) {
            customer { subscriptions { nodes { plan { key } } } }
          }
          later: changePlan(subscriptionId: $id, plan: {key: "annual"}) { ...shown }
          undone: cancelScheduledChange(subscriptionId: $id) { ...shown }
          done: changePlan(subscriptionId: $id, plan: {key: "pro"}, effective: NOW) { ...shown }
        }
        """,
        id=subscription["id"],
    )

    shown = {name: one["subscription"] for name, one in answer.items() if name != "other"}
    assert answer["other"]["customer"]["subscriptions"]["nodes"] == [{"plan": {"key": "basic"}}]
    assert shown == {
        "tried": {"plan": {"key": "pro"}, "scheduledChange": None},
        "later": {"plan": {"key": "basic"}, "scheduledChange": {"plan": {"key": "annual"}}},
        "undone": {"plan": {"key": "basic"}, "scheduledChange": None},
        "done": {"plan": {"key": "pro"}, "scheduledChange": None},
    }


async def test_usage_counts_for_the_period_that_it_falls_in_to_the_instant(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, per_unit("1"), key="basic")
    await a_plan(api, per_unit("2"), key="annual", billingFrequency="YEARLY")
    subscription = await a_subscription(api, plan="basic")
    api.clock.set(MAY_11)
    await used(
        api,
        event("3", eventTime="2026-05-10T23:59:59.999999Z"),
        event("4", eventTime=MAY_11),
    )

    payload = await change(api, subscription, "annual")

    assert amounts(payload["preview"]) == [("USAGE", "usage", "3.00")]
    assert amounts(await preview_of(api, subscription)) == [("USAGE", "usage", "8.00")]
