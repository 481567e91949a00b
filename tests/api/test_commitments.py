"""Commitments: what may be agreed, at which rate, until when, and how often it is asked for."""

from __future__ import annotations

import asyncio

import pytest

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
    price,
    refused,
    subscribing,
    tiers,
    used,
)
from tests.api.changing import (
    COMMIT,
    REMOVE,
    cancel,
    change,
    commit,
    done,
    everything,
    found,
    invoiced,
)
from tests.api.conftest import Api

NOW = "2026-05-10T12:00:00Z"
JUNE_1 = "2026-06-01T00:00:00Z"
JULY_1 = "2026-07-01T00:00:00Z"
HUNDRED = {"metric": "calls", "committedQuantity": "100"}


async def a_priced_life(api: Api, **more: object) -> Json:
    """A subscription since the first of May to a plan with calls at 0.5 each."""
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, per_unit("0.5"))
    given: Json = {**more}
    return await a_subscription(api, **given)


async def refused_input(api: Api, subscription: Json, **given: object) -> list[tuple[str, str]]:
    """Why a commitment was not made."""
    return await refused(api, COMMIT, id=subscription["id"], input={**HUNDRED, **given})


async def test_a_commitment_holds_from_now_unless_said(api: Api) -> None:
    subscription = await a_priced_life(api)

    payload = await commit(api, subscription, overageRate="2")

    (made,) = payload["subscription"]["commitments"]
    assert made == {
        "id": made["id"],
        "metric": {"key": "calls"},
        "committedQuantity": "100",
        "rate": "1",
        "overageRate": "2",
        "startAt": NOW,
        "endAt": None,
    }
    assert made["id"].startswith("com_")
    assert (await found(api, subscription))["commitments"] == [made]


async def test_what_is_committed_to_is_on_the_next_invoice(api: Api) -> None:
    subscription = await a_priced_life(api)
    await used(api, event("310"))

    payload = await commit(
        api, subscription, committedQuantity="310", startAt="2026-05-01T00:00:00Z", overageRate="3"
    )

    assert amounts(payload["preview"]) == [
        ("COMMITMENT", None, "310.00"),
        ("USAGE", None, "0.00"),
    ]


async def test_a_rate_left_out_is_the_plans_one_price_for_a_unit(api: Api) -> None:
    subscription = await a_priced_life(api)

    payload = await done(api, COMMIT, id=subscription["id"], input=HUNDRED)

    (made,) = payload["subscription"]["commitments"]
    assert (made["rate"], made["overageRate"]) == ("0.5", None)


async def test_the_rate_is_of_the_plan_that_holds_when_the_commitment_starts(api: Api) -> None:
    subscription = await a_priced_life(api)
    await a_plan(api, per_unit("0.25"), fee(), key="other")
    await change(api, subscription, "other", "PERIOD_END")

    payload = await done(api, COMMIT, id=subscription["id"], input={**HUNDRED, "startAt": JUNE_1})

    assert payload["subscription"]["commitments"][0]["rate"] == "0.25"
    await change(api, subscription, "pro", "NOW")
    assert (await found(api, subscription))["commitments"][0]["rate"] == "0.25"


@pytest.mark.parametrize(
    ("prices", "words"),
    [
        ([], "no perUnit price for"),
        ([price({"graduated": tiers((None, "1", "0"))})], "no perUnit price for"),
        ([per_unit("1", key="a"), per_unit("2", key="b")], "2 perUnit prices for"),
    ],
)
async def test_without_one_price_for_a_unit_a_rate_is_needed(
    api: Api, prices: list[Json], words: str
) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, fee(), *prices)
    subscription = await a_subscription(api)

    (error,) = (await asked(api, COMMIT, id=subscription["id"], input=HUNDRED))["errors"]

    assert (error["code"], error["path"]) == ("INVALID", ["input", "rate"])
    assert words in error["message"]
    await commit(api, subscription, rate="0")


async def test_only_what_adds_up_can_be_committed_to(api: Api) -> None:
    subscription = await a_priced_life(api)
    await a_metric(api, "seats", type="GAUGE")
    await a_metric(api, "peak", type="DIMENSION", aggregation="MAX")
    await a_metric(api, "double", type="COMPOSITE", formula="calls * 2")
    await a_metric(api, "hits", aggregation="COUNT")
    await a_metric(api, "gone")
    await api.ask('mutation { archiveMetric(metric: {key: "gone"}) { errors { code } } }')

    for key, code in (
        ("seats", "INVALID"),
        ("peak", "INVALID"),
        ("double", "INVALID"),
        ("gone", "INVALID_STATE"),
        ("none", "NOT_FOUND"),
    ):
        why = await refused_input(api, subscription, metric=key, rate="1")
        assert why == [(code, "input.metric")]
    await commit(api, subscription, metric="hits")
    assert (await counted_rows(api))["commitment"] == 1


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ({"committedQuantity": "0"}, ["committedQuantity"]),
        ({"committedQuantity": "-1"}, ["committedQuantity"]),
        ({"committedQuantity": "1" + "0" * 15, "rate": "1" + "0" * 5}, ["committedQuantity"]),
        ({"rate": "-0.01"}, ["rate"]),
        ({"overageRate": "-1", "rate": "-2"}, ["rate", "overageRate"]),
        ({"startAt": "2026-04-30T23:59:59.999999Z"}, ["startAt"]),
        ({"startAt": "2199-01-01T00:00:00Z"}, ["startAt"]),
        ({"endAt": "2199-01-01T00:00:00Z"}, ["endAt"]),
        ({"endAt": NOW}, ["endAt"]),
        ({"startAt": JULY_1, "endAt": JUNE_1, "committedQuantity": "0"}, None),
        ({"idempotencyKey": ""}, ["idempotencyKey"]),
    ],
)
async def test_a_commitment_that_makes_no_sense_is_refused(
    sqlite_api: Api, given: Json, paths: list[str] | None
) -> None:
    subscription = await a_priced_life(sqlite_api)

    why = await refused_input(sqlite_api, subscription, **given)

    expected = paths or ["committedQuantity", "endAt"]
    assert why == [("INVALID", f"input.{path}") for path in expected]
    assert (await counted_rows(sqlite_api))["commitment"] == 0


async def test_a_commitment_lies_within_its_subscriptions_life(api: Api) -> None:
    subscription = await a_priced_life(api, startAt=JUNE_1, endAt=JULY_1)

    payload = await commit(api, subscription)
    too_late = await refused_input(api, subscription, startAt=JULY_1)

    assert payload["subscription"]["commitments"][0]["startAt"] == JUNE_1
    assert too_late == [("INVALID", "input.startAt"), ("CONFLICT", "input.metric")]


@pytest.mark.parametrize(
    ("span", "fits"),
    [
        ({"startAt": "2026-05-01T00:00:00Z", "endAt": JUNE_1}, True),
        ({"startAt": JULY_1}, True),
        ({"startAt": "2026-05-01T00:00:00Z", "endAt": "2026-06-01T00:00:00.000001Z"}, False),
        ({"startAt": "2026-06-30T23:59:59.999999Z"}, False),
        ({"startAt": "2026-05-01T00:00:00Z"}, False),
        ({"startAt": "2026-06-10T00:00:00Z", "endAt": "2026-06-11T00:00:00Z"}, False),
    ],
)
async def test_there_is_one_commitment_to_a_metric_at_an_instant(
    api: Api, span: Json, *, fits: bool
) -> None:
    subscription = await a_priced_life(api)
    await commit(api, subscription, startAt=JUNE_1, endAt=JULY_1)

    if fits:
        payload = await commit(api, subscription, **span)
        assert len(payload["subscription"]["commitments"]) == 2
    else:
        assert await refused_input(api, subscription, **span) == [("CONFLICT", "input.metric")]


async def test_another_metric_and_another_subscription_have_their_own(api: Api) -> None:
    subscription = await a_priced_life(api)
    await a_metric(api, "jobs")
    second = await a_subscription(api)

    await commit(api, subscription)
    await commit(api, subscription, metric="jobs")
    await commit(api, second)

    assert (await counted_rows(api))["commitment"] == 3


async def test_a_commitment_never_reaches_into_an_invoiced_span(api: Api) -> None:
    subscription = await a_priced_life(api)
    other = await a_subscription(api, startAt="2026-04-01T00:00:00Z")
    await invoiced(api, other, "2026-04-01T00:00:00Z", "2026-05-10T00:00:00Z")

    too_early = {"startAt": "2026-05-09T23:59:59.999999Z"}
    (error,) = (await asked(api, COMMIT, id=subscription["id"], input={**HUNDRED, **too_early}))[
        "errors"
    ]

    assert (error["code"], error["path"]) == ("INVALID_STATE", ["input", "startAt"])
    assert "2026-05-10T00:00:00" in error["message"]
    await commit(api, subscription, startAt="2026-05-10T00:00:00Z")


async def test_what_has_ended_takes_no_commitment(api: Api) -> None:
    subscription = await a_priced_life(api)
    await cancel(api, subscription)

    assert await refused_input(api, subscription) == [("INVALID_STATE", "subscriptionId")]


async def test_removing_ends_a_commitment_now(api: Api) -> None:
    subscription = await a_priced_life(api)
    payload = await commit(api, subscription, startAt="2026-05-01T00:00:00Z")
    (made,) = payload["subscription"]["commitments"]
    api.clock.set("2026-05-16T12:00:00Z")

    removed = await done(api, REMOVE, id=made["id"])
    rows = await everything(api)
    api.clock.set("2026-05-20T00:00:00Z")
    again = await done(api, REMOVE, id=made["id"])

    assert removed["subscription"]["commitments"] == again["subscription"]["commitments"] == []
    assert [line["period"]["end"] for line in removed["preview"]["lines"]] == [
        "2026-06-01T00:00:00Z",
        "2026-05-16T12:00:00Z",
        "2026-05-16T12:00:00Z",
    ]
    assert await everything(api) == rows
    await commit(api, subscription)  # the metric is free again


async def test_one_that_has_not_begun_never_will(api: Api) -> None:
    subscription = await a_priced_life(api)
    payload = await commit(api, subscription, startAt=JUNE_1)
    (made,) = payload["subscription"]["commitments"]

    await done(api, REMOVE, id=made["id"])
    again = await commit(api, subscription, startAt=JUNE_1)

    assert len(again["subscription"]["commitments"]) == 1
    assert again["subscription"]["commitments"][0]["id"] != made["id"]


async def test_an_end_that_was_agreed_stays(api: Api) -> None:
    subscription = await a_priced_life(api)
    payload = await commit(api, subscription, endAt="2026-05-12T00:00:00Z")
    (made,) = payload["subscription"]["commitments"]
    api.clock.set("2026-05-13T00:00:00Z")
    rows = await everything(api)

    after = await done(api, REMOVE, id=made["id"])

    assert after["subscription"]["commitments"] == []
    assert await everything(api) == rows


async def test_removing_never_reaches_into_an_invoiced_span(api: Api) -> None:
    subscription = await a_priced_life(api)
    payload = await commit(api, subscription)
    (made,) = payload["subscription"]["commitments"]
    await invoiced(api, subscription, "2026-05-01T00:00:00Z", JUNE_1)  # by a clock that runs ahead

    assert await refused(api, REMOVE, id=made["id"]) == [("INVALID_STATE", "commitmentId")]


async def test_a_commitment_that_is_not_there_cannot_be_removed(api: Api) -> None:
    subscription = await a_priced_life(api)

    assert await refused(api, REMOVE, id="com_" + "0" * 32) == [("NOT_FOUND", "commitmentId")]
    assert await refused(api, REMOVE, id=subscription["id"]) == [("INVALID", "commitmentId")]
    absent = {"id": "sub_" + "0" * 32, "input": HUNDRED}
    assert await refused(api, COMMIT, **absent) == [("NOT_FOUND", "subscriptionId")]


async def test_a_repeated_key_makes_one_commitment(api: Api) -> None:
    subscription = await a_priced_life(api)
    given = {**HUNDRED, "idempotencyKey": "once", "rate": "1.50"}
    first = await done(api, COMMIT, id=subscription["id"], input=given)
    api.clock.set("2026-05-11T00:00:00Z")

    again = await done(api, COMMIT, id=subscription["id"], input={**given, "rate": "1.5"})

    assert again["subscription"]["commitments"] == first["subscription"]["commitments"]
    assert (await counted_rows(api))["commitment"] == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("metric", "jobs"),
        ("committedQuantity", "99"),
        ("rate", "2"),
        ("overageRate", "2"),
        ("startAt", JUNE_1),
        ("endAt", JUNE_1),
    ],
)
async def test_a_key_with_other_input_names_the_field_that_differs(
    api: Api, name: str, value: str
) -> None:
    subscription = await a_priced_life(api)
    second = await a_subscription(api)
    await a_metric(api, "jobs")
    given = {**HUNDRED, "idempotencyKey": "once"}
    await done(api, COMMIT, id=subscription["id"], input=given)

    differs = {"id": subscription["id"], "input": {**given, name: value}}

    assert await refused(api, COMMIT, **differs) == [("IDEMPOTENCY_MISMATCH", f"input.{name}")]
    assert await refused(api, COMMIT, id=second["id"], input=given) == [
        ("IDEMPOTENCY_MISMATCH", "subscriptionId")
    ]
    assert (await counted_rows(api))["commitment"] == 1


async def test_a_failed_validation_burns_no_key(api: Api) -> None:
    subscription = await a_priced_life(api)
    given = {**HUNDRED, "idempotencyKey": "once"}

    assert await refused_input(api, subscription, **{**given, "rate": "-1"}) == [
        ("INVALID", "input.rate")
    ]
    await done(api, COMMIT, id=subscription["id"], input=given)


async def test_twenty_callers_at_once_make_one_commitment(postgres_api: Api) -> None:
    subscription = await a_priced_life(postgres_api)
    keyed = {**HUNDRED, "idempotencyKey": "once"}

    await asyncio.gather(
        *(done(postgres_api, COMMIT, id=subscription["id"], input=keyed) for _ in range(20))
    )
    without = await asyncio.gather(
        *(asked(postgres_api, COMMIT, id=subscription["id"], input=HUNDRED) for _ in range(20))
    )

    assert (await counted_rows(postgres_api))["commitment"] == 1
    assert {error["code"] for one in without for error in one["errors"]} == {"CONFLICT"}


async def test_a_metric_is_not_archived_while_it_is_committed_to(api: Api) -> None:
    subscription = await a_priced_life(api)
    await a_metric(api, "jobs")
    payload = await commit(api, subscription, metric="jobs", startAt=JUNE_1)
    (made,) = payload["subscription"]["commitments"]
    archive = 'mutation { archiveMetric(metric: {key: "jobs"}) { errors { code path } } }'

    needed = (await asked(api, archive))["errors"]
    await done(api, REMOVE, id=made["id"])
    free = (await asked(api, archive))["errors"]

    assert needed == [{"code": "INVALID_STATE", "path": ["metric"]}]
    assert free == []


async def test_a_metric_is_free_when_the_subscription_that_committed_to_it_has_ended(
    api: Api,
) -> None:
    subscription = await a_priced_life(api)
    await a_metric(api, "jobs")
    await commit(api, subscription, metric="jobs")
    await cancel(api, subscription)

    archive = 'mutation { archiveMetric(metric: {key: "jobs"}) { errors { code path } } }'
    assert (await asked(api, archive))["errors"] == []


# ---------------------------------------------------------------- with subscribe


async def test_a_subscription_begins_with_its_commitments(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_metric(api, "jobs")
    await a_plan(api, per_unit("0.5"))
    given = [
        {**HUNDRED, "endAt": JUNE_1},
        {**HUNDRED, "startAt": JUNE_1, "rate": "0.4"},
        {"metric": "jobs", "committedQuantity": "5", "rate": "7"},
    ]

    subscription = await a_subscription(api, commitments=given)

    rows = (await found(api, subscription))["commitments"]
    assert sorted((one["metric"]["key"], one["startAt"], one["rate"]) for one in rows) == [
        ("calls", "2026-05-01T00:00:00Z", "0.5"),
        ("calls", JUNE_1, "0.4"),
        ("jobs", "2026-05-01T00:00:00Z", "7"),
    ]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ([{**HUNDRED, "committedQuantity": "0"}], [("INVALID", "0.committedQuantity")]),
        ([HUNDRED, {**HUNDRED, "rate": "2"}], [("CONFLICT", "1.metric")]),
        ([HUNDRED, {**HUNDRED, "metric": "none"}], [("NOT_FOUND", "1.metric")]),
        ([{**HUNDRED, "idempotencyKey": "k"}], [("INVALID", "0.idempotencyKey")]),
        ([{**HUNDRED, "startAt": "2026-04-01T00:00:00Z"}], [("INVALID", "0.startAt")]),
        ([{**HUNDRED, "rate": "-1"}] * 2, [("INVALID", "0.rate"), ("INVALID", "1.rate")]),
    ],
)
async def test_a_wrong_commitment_is_named_by_its_place_and_nothing_begins(
    api: Api, given: list[Json], why: list[tuple[str, str]]
) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, per_unit("0.5"))
    input = subscribing(startAt="2026-05-01T00:00:00Z", commitments=given, idempotencyKey="once")

    found_out = await refused(api, SUBSCRIBE, input=input)

    assert found_out == [(code, f"input.commitments.{path}") for code, path in why]
    counts = await counted_rows(api)
    assert (counts["plan_subscription"], counts["commitment"]) == (0, 0)
    await done(api, SUBSCRIBE, input={**input, "commitments": [HUNDRED]})


async def test_a_subscriptions_key_compares_its_commitments(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, per_unit("0.5"))
    given = subscribing(commitments=[HUNDRED], idempotencyKey="once")
    first = await done(api, SUBSCRIBE, input=given)

    equal = {**given, "commitments": [{**HUNDRED, "committedQuantity": "100.00"}]}
    other = {**given, "commitments": [{**HUNDRED, "committedQuantity": "101"}]}

    assert await done(api, SUBSCRIBE, input=equal) == first
    for differs in (other, {**given, "commitments": []}, subscribing(idempotencyKey="once")):
        assert await refused(api, SUBSCRIBE, input=differs) == [
            ("IDEMPOTENCY_MISMATCH", "input.commitments")
        ]


async def test_at_most_a_hundred_commitments_are_made_at_once(sqlite_api: Api) -> None:
    await a_customer(sqlite_api)
    await a_metric(sqlite_api)
    await a_plan(sqlite_api, per_unit("0.5"))

    why = await refused(sqlite_api, SUBSCRIBE, input=subscribing(commitments=[HUNDRED] * 101))

    assert why == [("INVALID", "input.commitments")]


async def test_commitments_of_a_page_of_subscriptions_cost_one_statement(api: Api) -> None:
    subscription = await a_priced_life(api)
    await commit(api, subscription)
    for _ in range(4):
        await commit(api, await a_subscription(api))
    document = """{ customer(key: "acme") { subscriptions { nodes {
      commitments { metric { key } } scheduledChange { effectiveAt } plan { key } } } } }"""

    with api.statements() as statements:
        answer = await api.ask(document)

    nodes = answer["customer"]["subscriptions"]["nodes"]
    assert [len(node["commitments"]) for node in nodes] == [1] * 5
    assert len([one for one in statements if "from commitment" in one]) == 1
