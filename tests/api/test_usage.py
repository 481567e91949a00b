"""Usage: recorded once, added up in the customer's own days, seen wherever it counts."""

from __future__ import annotations

import pytest

from tests.api.builders import (
    MAY,
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    asked,
    counted_rows,
    dimensions,
    event,
    fee,
    made,
    per_unit,
    preview_of,
    price,
    record,
    used,
)
from tests.api.conftest import Api

USAGE = """
query ($period: PeriodInput, $metrics: [String!], $granularity: Granularity, $groupBy: [String!]) {
  customer(key: "acme") {
    usage(period: $period, metrics: $metrics, granularity: $granularity, groupBy: $groupBy) {
      metric { key } period { start end } quantity eventCount
      group { property value } series { period { start end } quantity eventCount }
    }
  }
}
"""
UNBILLED = """
query ($period: PeriodInput) {
  customer(key: "acme") {
    unbilledUsage(period: $period) { metric { key } quantity eventCount }
  }
}
"""
OF_SUBSCRIPTION = """
query ($id: ID!, $period: PeriodInput, $metrics: [String!]) {
  planSubscription(id: $id) {
    usage(period: $period, metrics: $metrics) { metric { key } quantity eventCount }
  }
}
"""
EVENTS = """
query ($first: Int, $after: String, $last: Int, $before: String, $filter: UsageEventFilter) {
  customer(key: "acme") {
    usageEvents(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
      nodes { idempotencyKey }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
}
"""


def receipts(payload: Json) -> list[tuple[str, str, str | None, str | None]]:
    """Each receipt's key, status, and why it was rejected: code and path."""
    return [
        (
            one["idempotencyKey"],
            one["status"],
            one["error"] and one["error"]["code"],
            one["error"] and ".".join(one["error"]["path"]),
        )
        for one in payload["receipts"]
    ]


async def usage(api: Api, **arguments: object) -> list[Json]:
    """The customer's usage."""
    found: list[Json] = (await asked(api, USAGE, **arguments))["usage"]
    return found


async def unbilled(api: Api, **arguments: object) -> list[tuple[str, str, str]]:
    """What no subscription prices: metric, quantity, events."""
    found = (await asked(api, UNBILLED, **arguments))["unbilledUsage"]
    return [(one["metric"]["key"], one["quantity"], one["eventCount"]) for one in found]


async def counted(api: Api, subscription: Json, **arguments: object) -> list[tuple[str, str]]:
    """What counts for a subscription: metric and quantity."""
    found = (await asked(api, OF_SUBSCRIPTION, id=subscription["id"], **arguments))["usage"]
    return [(one["metric"]["key"], one["quantity"]) for one in found]


async def keys_of(api: Api, **arguments: object) -> list[str]:
    """The keys of the events on one page."""
    page = (await asked(api, EVENTS, **arguments))["usageEvents"]
    return [node["idempotencyKey"] for node in page["nodes"]]


async def the_parties(api: Api) -> None:
    """A customer and a metric."""
    await a_customer(api)
    await a_metric(api)


async def test_each_event_gets_its_receipt_in_the_order_given(api: Api) -> None:
    await the_parties(api)
    await used(api, event("1", key="known"))

    payload = await record(
        api,
        event("1", key="new"),
        event("1", "none", "no-metric"),
        event("1", key="known"),
        event("1", key="no-customer", customer="nobody"),
        event("2", key="known"),
        event("1", key="new"),
        event(None, key="no-quantity"),
        event("1", key=" "),
        event("1", key="list", properties=[1]),
    )

    assert payload["errors"] == []
    assert receipts(payload) == [
        ("new", "ACCEPTED", None, None),
        ("no-metric", "REJECTED", "NOT_FOUND", "events.1.metric"),
        ("known", "DUPLICATE", None, None),
        ("no-customer", "REJECTED", "NOT_FOUND", "events.3.customer"),
        ("known", "REJECTED", "IDEMPOTENCY_MISMATCH", "events.4.quantity"),
        ("new", "DUPLICATE", None, None),
        ("no-quantity", "REJECTED", "INVALID", "events.6.quantity"),
        (" ", "REJECTED", "INVALID", "events.7.idempotencyKey"),
        ("list", "REJECTED", "INVALID", "events.8.properties"),
    ]
    assert [one["index"] for one in payload["receipts"]] == list(range(9))
    assert (payload["accepted"], payload["duplicates"], payload["rejected"]) == (1, 2, 6)
    assert (await counted_rows(api))["usage_event"] == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("metric", "other"),
        ("quantity", "1.000000000000000001"),
        ("eventTime", "2026-05-05T12:00:00.000001Z"),
        ("properties", {"a": 2}),
        ("properties", None),
    ],
)
async def test_a_known_key_with_another_body_is_rejected(
    api: Api, name: str, value: object
) -> None:
    await the_parties(api)
    await a_metric(api, "other")
    first = event("1", key="once", properties={"a": 1, "b": [True, None]})
    await used(api, first)

    (receipt,) = (await record(api, {**first, name: value}))["receipts"]

    assert (receipt["status"], receipt["error"]["code"]) == ("REJECTED", "IDEMPOTENCY_MISMATCH")
    assert receipt["error"]["path"] == ["events", "0", name]
    assert f"another {name}." in receipt["error"]["message"]
    (same,) = (await record(api, first))["receipts"]
    assert same["status"] == "DUPLICATE"


async def test_equal_bodies_may_be_written_differently(api: Api) -> None:
    await the_parties(api)
    await used(api, event("1.50", key="once", properties={"a": 1, "b": "x"}))

    payload = await record(
        api,
        event(
            "1.5",
            key="once",
            eventTime="2026-05-05T14:00:00+02:00",
            properties={"b": "x", "a": 1},
        ),
    )

    assert payload["duplicates"] == 1


async def test_a_key_belongs_to_its_customer(api: Api) -> None:
    await the_parties(api)
    await a_customer(api, "other")

    await used(api, event("1", key="once"), event("2", key="once", customer="other"))

    assert (await counted_rows(api))["usage_event"] == 2


async def test_a_call_takes_5000_events_and_not_one_more(api: Api) -> None:
    await the_parties(api)
    events = [event("0.1", key=f"k{n}") for n in range(5_001)]

    refusal = await record(api, *events)
    stored = (await counted_rows(api))["usage_event"]
    payload = await record(api, *events[:5_000])

    (error,) = refusal["errors"]
    assert (error["code"], error["path"]) == ("LIMIT_EXCEEDED", ["events"])
    assert (refusal["receipts"], stored) == ([], 0)
    assert payload["accepted"] == 5_000
    assert (await usage(api, period=MAY))[0]["quantity"] == "500"


async def test_an_event_may_lie_24_hours_ahead(api: Api) -> None:
    await the_parties(api)

    payload = await record(
        api,
        event("1", key="a", eventTime="2026-05-11T12:00:00Z"),
        event("1", key="b", eventTime="2026-05-11T12:00:00.000001Z"),
    )

    assert receipts(payload) == [
        ("a", "ACCEPTED", None, None),
        ("b", "REJECTED", "INVALID", "events.1.eventTime"),
    ]


async def test_what_is_left_out_has_its_default(api: Api) -> None:
    await a_customer(api)
    await a_metric(api, aggregation="COUNT")

    payload = await record(api, {"customer": "acme", "metric": "calls", "idempotencyKey": "least"})
    found = await asked(
        api,
        """{ customer(key: "acme") { usageEvents { nodes {
          quantity eventTime recordedAt properties idempotencyKey voidedAt voidReason
          metric { key } customer { key } subscription { id } } } } }""",
    )

    assert payload["accepted"] == 1
    assert found["usageEvents"]["nodes"] == [
        {
            "quantity": "1",
            "eventTime": "2026-05-10T12:00:00Z",
            "recordedAt": "2026-05-10T12:00:00Z",
            "properties": {},
            "idempotencyKey": "least",
            "voidedAt": None,
            "voidReason": None,
            "metric": {"key": "calls"},
            "customer": {"key": "acme"},
            "subscription": None,
        }
    ]


async def test_an_event_must_carry_the_declared_dimensions(api: Api) -> None:
    await a_customer(api)
    await a_metric(api, "jobs", dimensions=dimensions(region="STRING", gpu="NUMBER"))

    payload = await record(
        api,
        event("1", "jobs", "good", properties={"region": "eu", "gpu": 2, "more": "yes"}),
        event("1", "jobs", "none"),
        event("1", "jobs", "one", properties={"region": "eu"}),
        event("1", "jobs", "text", properties={"region": "eu", "gpu": "2"}),
        event("1", "jobs", "number", properties={"region": 1, "gpu": 2}),
    )

    assert [one[:3] for one in receipts(payload)] == [
        ("good", "ACCEPTED", None),
        ("none", "REJECTED", "INVALID"),
        ("one", "REJECTED", "INVALID"),
        ("text", "REJECTED", "INVALID"),
        ("number", "REJECTED", "INVALID"),
    ]


async def test_a_correction_lowers_a_sum(api: Api) -> None:
    await the_parties(api)

    await used(api, event("5.000000000000000001"), event("-2"))

    (found,) = await usage(api)
    assert (found["quantity"], found["eventCount"]) == ("3.000000000000000001", "2")


async def test_usage_is_of_the_local_month_unless_said(api: Api) -> None:
    await a_customer(api, timezone="America/New_York")
    await a_metric(api)
    await used(
        api,
        event("1", eventTime="2026-05-01T03:59:59Z"),
        event("10", eventTime="2026-05-01T04:00:00Z"),
        event("100", eventTime="2026-04-30T12:00:00Z"),
    )

    (found,) = await usage(api)

    assert found["period"] == {"start": "2026-05-01T04:00:00Z", "end": "2026-06-01T04:00:00Z"}
    assert (found["quantity"], found["series"], found["group"]) == ("10", [], [])


async def test_a_series_has_a_bucket_for_each_local_day(api: Api) -> None:
    await a_customer(api, timezone="America/New_York")
    await a_metric(api)
    await used(
        api,
        event("1", eventTime="2026-03-08T04:59:59.999999Z"),
        event("2", eventTime="2026-03-08T05:00:00Z"),
        event("4", eventTime="2026-03-09T03:59:59Z"),
        event("8", eventTime="2026-03-09T04:00:00Z"),
    )

    (found,) = await usage(
        api,
        period={"start": "2026-03-07T05:00:00Z", "end": "2026-03-11T04:00:00Z"},
        granularity="DAY",
    )

    assert [
        (point["period"]["start"], point["quantity"], point["eventCount"])
        for point in found["series"]
    ] == [
        ("2026-03-07T05:00:00Z", "1", "1"),
        ("2026-03-08T05:00:00Z", "6", "2"),  # 23 hours
        ("2026-03-09T04:00:00Z", "8", "1"),
        ("2026-03-10T04:00:00Z", "0", "0"),
    ]
    assert found["series"][-1]["period"]["end"] == "2026-03-11T04:00:00Z"
    assert found["quantity"] == "15"


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (("2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"), 23),
        (("2025-10-26T00:00:00+02:00", "2025-10-27T00:00:00+01:00"), 25),
        (("2026-05-01T00:00:00+02:00", "2026-05-02T00:00:00+02:00"), 24),
    ],
)
async def test_a_day_has_its_own_number_of_hours(
    api: Api, day: tuple[str, str], hours: int
) -> None:
    await a_customer(api, timezone="Europe/Berlin")
    await a_metric(api)
    await used(api, event("1", eventTime=day[0]))

    (found,) = await usage(api, period={"start": day[0], "end": day[1]}, granularity="HOUR")

    assert len(found["series"]) == hours
    assert [point["quantity"] for point in found["series"]] == ["1"] + ["0"] * (hours - 1)


@pytest.mark.parametrize(
    ("granularity", "starts"),
    [
        ("WEEK", ["2026-04-29", "2026-05-04", "2026-05-11"]),
        ("MONTH", ["2026-04-29", "2026-05-01"]),
        ("TOTAL", ["2026-04-29"]),
    ],
)
async def test_a_series_is_cut_where_the_calendar_is(
    api: Api, granularity: str, starts: list[str]
) -> None:
    await the_parties(api)
    await used(api, event("3"))

    (found,) = await usage(
        api,
        period={"start": "2026-04-29T00:00:00Z", "end": "2026-05-13T00:00:00Z"},
        granularity=granularity,
    )

    assert [point["period"]["start"][:10] for point in found["series"]] == starts
    assert found["series"][-1]["period"]["end"] == "2026-05-13T00:00:00Z"


async def test_usage_is_grouped_by_dimensions(api: Api) -> None:
    await a_customer(api)
    await a_metric(api, "jobs", dimensions=dimensions(region="STRING", gpu="NUMBER"))
    await used(
        api,
        event("1", "jobs", properties={"region": "eu", "gpu": 2}),
        event("2", "jobs", properties={"region": "us", "gpu": 2.0}),
        event("4", "jobs", properties={"region": "eu", "gpu": 10}),
        event("8", "jobs", properties={"region": "eu", "gpu": 2}),
    )

    def shown(found: list[Json]) -> list[tuple[dict[str, str | None], str]]:
        return [
            ({one["property"]: one["value"] for one in row["group"]}, row["quantity"])
            for row in found
        ]

    assert shown(await usage(api, groupBy=["region"])) == [
        ({"region": "eu"}, "13"),
        ({"region": "us"}, "2"),
    ]
    assert shown(await usage(api, groupBy=["gpu", "region"])) == [
        ({"gpu": "10", "region": "eu"}, "4"),
        ({"gpu": "2", "region": "eu"}, "9"),
        ({"gpu": "2", "region": "us"}, "2"),
    ]


async def test_a_group_has_a_series_of_its_own(api: Api) -> None:
    await a_customer(api)
    await a_metric(api, "jobs", dimensions=dimensions(region="STRING"))
    await used(
        api,
        event("1", "jobs", eventTime="2026-05-01T00:00:00Z", properties={"region": "eu"}),
        event("2", "jobs", eventTime="2026-05-02T00:00:00Z", properties={"region": "us"}),
    )

    found = await usage(
        api,
        period={"start": "2026-05-01T00:00:00Z", "end": "2026-05-03T00:00:00Z"},
        granularity="DAY",
        groupBy=["region"],
    )

    assert [[point["quantity"] for point in row["series"]] for row in found] == [
        ["1", "0"],
        ["0", "2"],
    ]


async def test_a_metric_without_usage_shows_zero_when_asked_for(api: Api) -> None:
    await the_parties(api)

    assert await usage(api) == []
    (found,) = await usage(api, metrics=["calls"], period=MAY)
    assert (found["quantity"], found["eventCount"]) == ("0", "0")


async def test_usage_of_what_is_not_there_is_refused(api: Api) -> None:
    await the_parties(api)
    await used(api, event())

    async def why(**arguments: object) -> tuple[str, list[str], list[object]]:
        (error,) = await api.errors(USAGE, **arguments)
        return error["extensions"]["code"], error["extensions"]["path"], error["path"]

    place = ["customer", "usage"]
    assert await why(metrics=["calls", "none"]) == ("NOT_FOUND", ["metrics", "1"], place)
    assert await why(groupBy=["colour"]) == ("INVALID", ["groupBy", "0"], place)
    assert await why(
        period={"start": "2020-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"},
        granularity="HOUR",
    ) == ("LIMIT_EXCEEDED", ["period"], place)
    assert await why(period={"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:00:00Z"}) == (
        "INVALID",
        ["period", "end"],
        place,
    )


async def test_a_composite_is_computed_from_its_operands(api: Api) -> None:
    await the_parties(api)
    await a_metric(api, "errors")
    await a_metric(api, "rate", type="COMPOSITE", formula="errors / calls")
    await used(api, event("8"), event("2", "errors"))

    (found,) = await usage(api, metrics=["rate"])

    assert found["quantity"] == "0.25"


async def test_a_composite_without_a_result_is_told(api: Api) -> None:
    await the_parties(api)
    await a_metric(api, "errors")
    await a_metric(api, "rate", type="COMPOSITE", formula="errors / calls")
    await used(api, event("2", "errors"))

    (error,) = await api.errors(USAGE, metrics=["rate"])

    assert error["extensions"]["code"] == "FORMULA_FAILED"
    assert error["extensions"]["metric"] == "rate"
    assert error["extensions"]["formula"] == "errors / calls"
    assert error["path"] == ["customer", "usage"]


async def test_usage_without_a_plan_is_unbilled(api: Api) -> None:
    await the_parties(api)
    await used(api, event("3"), event("4"))

    assert await unbilled(api) == [("calls", "7", "2")]


async def test_usage_before_the_start_and_after_the_end_is_unbilled(api: Api) -> None:
    await the_parties(api)
    await a_plan(api, per_unit())
    subscription = await a_subscription(
        api, startAt="2026-05-02T00:00:00Z", endAt="2026-05-08T00:00:00Z"
    )
    await used(
        api,
        event("1", eventTime="2026-05-01T23:59:59.999999Z"),
        event("2", eventTime="2026-05-02T00:00:00Z"),
        event("4", eventTime="2026-05-07T23:59:59.999999Z"),
        event("8", eventTime="2026-05-08T00:00:00Z"),
    )

    assert await unbilled(api, period=MAY) == [("calls", "9", "2")]
    assert await counted(api, subscription, period=MAY) == [("calls", "6")]


async def test_usage_of_a_metric_that_is_not_priced_is_unbilled(api: Api) -> None:
    await the_parties(api)
    await a_metric(api, "errors")
    await a_plan(api, per_unit())
    await a_subscription(api)
    await used(api, event("1"), event("2", "errors"))

    assert await unbilled(api) == [("errors", "2", "1")]


async def test_operands_of_a_priced_composite_count_as_billed(api: Api) -> None:
    await the_parties(api)
    await a_metric(api, "errors")
    await a_metric(api, "good", type="COMPOSITE", formula="calls - errors")
    await a_plan(api, per_unit("1", "good"))
    subscription = await a_subscription(api)
    await used(api, event("5"), event("2", "errors"))

    assert await unbilled(api) == []
    bill = await preview_of(api, subscription)
    assert [(line["metric"]["key"], line["quantity"]) for line in bill["lines"]] == [("good", "3")]


async def test_usage_in_a_trial_counts_but_is_not_out_of_sight(api: Api) -> None:
    await the_parties(api)
    await a_plan(api, per_unit())
    subscription = await a_subscription(api, trialDays=30)
    await used(api, event("5"))

    assert await counted(api, subscription, period=MAY) == [("calls", "5")]
    assert await unbilled(api, period=MAY) == []


async def test_an_event_counts_for_the_subscription_that_started_first(api: Api) -> None:
    await the_parties(api)
    await a_plan(api, per_unit())
    later = await a_subscription(api, startAt="2026-05-03T00:00:00Z")
    earlier = await a_subscription(api, endAt="2026-05-06T00:00:00Z")
    await used(
        api,
        event("1", eventTime="2026-05-02T00:00:00Z"),
        event("2", eventTime="2026-05-05T00:00:00Z"),
        event("4", eventTime="2026-05-06T00:00:00Z"),
    )

    assert await counted(api, earlier, period=MAY) == [("calls", "3")]
    assert await counted(api, later, period=MAY) == [("calls", "4")]


async def test_an_event_counts_for_the_subscription_that_it_names(api: Api) -> None:
    await the_parties(api)
    await a_plan(api, per_unit())
    first = await a_subscription(api)
    second = await a_subscription(api, startAt="2026-05-02T00:00:00Z")
    await used(
        api,
        event("1"),
        event("2", subscriptionId=second["id"]),
        event("4", subscriptionId=first["id"]),
    )

    assert await counted(api, first, period=MAY) == [("calls", "5")]
    assert await counted(api, second, period=MAY) == [("calls", "2")]
    assert await unbilled(api, period=MAY) == []
    (everything,) = await usage(api, period=MAY)
    assert everything["quantity"] == "7"


async def test_an_event_that_names_one_that_does_not_price_it_is_unbilled(api: Api) -> None:
    await the_parties(api)
    await a_plan(api, per_unit())
    await a_plan(api, fee(), key="fees")
    pricing = await a_subscription(api)
    other = await a_subscription(api, plan="fees")
    await used(api, event("1"), event("2", subscriptionId=other["id"]))

    assert await counted(api, pricing, period=MAY) == [("calls", "1")]
    assert await unbilled(api, period=MAY) == [("calls", "2", "1")]


async def test_a_subscription_lists_the_metrics_that_it_prices_in_the_period(api: Api) -> None:
    await the_parties(api)
    await a_metric(api, key="seats")
    await a_plan(api, per_unit())
    await a_plan(api, per_unit(metric="seats"), key="next")
    subscription = await a_subscription(api)
    change = """
    mutation ($id: ID!) {
      changePlan(subscriptionId: $id, plan: { key: "next" }) { errors { message } }
    }
    """
    assert await asked(api, change, id=subscription["id"]) == {"errors": []}
    june = {"start": "2026-06-01T00:00:00Z", "end": "2026-07-01T00:00:00Z"}
    april = {"start": "2026-04-01T00:00:00Z", "end": "2026-05-01T00:00:00Z"}

    assert await counted(api, subscription, period=april) == []
    assert await counted(api, subscription, period=MAY) == [("calls", "0")]
    assert await counted(api, subscription, period=june) == [("seats", "0")]
    assert await counted(api, subscription, period=MAY, metrics=["seats"]) == [("seats", "0")]


async def test_a_subscription_of_another_customer_cannot_be_named(api: Api) -> None:
    await the_parties(api)
    await a_customer(api, "other")
    await a_plan(api, per_unit())
    foreign = await a_subscription(api, "other")

    payload = await record(
        api,
        event("1", key="foreign", subscriptionId=foreign["id"]),
        event("1", key="absent", subscriptionId="sub_" + "0" * 32),
    )

    assert receipts(payload) == [
        ("foreign", "REJECTED", "NOT_FOUND", "events.0.subscriptionId"),
        ("absent", "REJECTED", "NOT_FOUND", "events.1.subscriptionId"),
    ]


async def test_two_prices_of_one_subscription_see_the_same_usage(api: Api) -> None:
    await the_parties(api)
    await a_plan(api, per_unit("1", key="a"), price({"perUnit": {"unitPrice": "2"}}, key="b"))
    subscription = await a_subscription(api)
    await used(api, event("3"))

    bill = await preview_of(api, subscription)

    assert [line["amount"]["amount"] for line in bill["lines"]] == ["3.00", "6.00"]


async def test_events_are_listed_the_newest_event_time_first(api: Api) -> None:
    await the_parties(api)
    await used(
        api,
        event(key="b", eventTime="2026-05-02T00:00:00Z"),
        event(key="d", eventTime="2026-05-04T00:00:00Z"),
        event(key="a", eventTime="2026-05-01T00:00:00Z"),
        event(key="c", eventTime="2026-05-02T00:00:00Z"),
    )

    assert await keys_of(api) == ["d", "c", "b", "a"]
    first = (await asked(api, EVENTS, first=2))["usageEvents"]
    assert [node["idempotencyKey"] for node in first["nodes"]] == ["d", "c"]
    assert await keys_of(api, first=2, after=first["pageInfo"]["endCursor"]) == ["b", "a"]
    assert await keys_of(api, last=3) == ["c", "b", "a"]
    assert await keys_of(api, before=first["pageInfo"]["endCursor"]) == ["d"]


async def test_a_walk_over_events_loses_nothing_while_more_arrive(api: Api) -> None:
    await the_parties(api)
    present = [f"k{n:02}" for n in range(9)]
    for n, key in enumerate(present):
        await used(api, event(key=key, eventTime=f"2026-05-0{n + 1}T00:00:00Z"))
    seen: list[str] = []
    cursor = None

    while cursor is not None or not seen:
        page = (await asked(api, EVENTS, first=2, after=cursor))["usageEvents"]
        seen += [node["idempotencyKey"] for node in page["nodes"]]
        cursor = page["pageInfo"]["endCursor"] if page["pageInfo"]["hasNextPage"] else None
        await used(api, event(eventTime="2026-05-10T00:00:00Z"))

    assert seen == present[::-1]


async def test_events_are_filtered_by_all_that_is_given(api: Api) -> None:
    await the_parties(api)
    await a_metric(api, "errors")
    await a_plan(api, per_unit())
    subscription = await a_subscription(api)
    await used(
        api,
        event(key="a", eventTime="2026-05-01T00:00:00Z"),
        event(key="b", eventTime="2026-05-02T00:00:00Z", subscriptionId=subscription["id"]),
        event("1", "errors", "c", eventTime="2026-05-03T00:00:00Z"),
    )

    async def found(**filter_: object) -> str:
        return "".join(await keys_of(api, filter=filter_))

    assert await found() == "cba"
    assert await found(idempotencyKeys=["a", "c", "none"]) == "ca"
    assert await found(idempotencyKeys=[]) == ""
    assert await found(metrics=["calls"]) == "ba"
    assert await found(metrics=["calls", "errors", "none"]) == "cba"
    assert await found(metrics=["none"]) == ""
    assert await found(metrics=[]) == ""
    assert (
        await found(period={"start": "2026-05-02T00:00:00Z", "end": "2026-05-03T00:00:00Z"}) == "b"
    )
    assert await found(subscriptionId=subscription["id"]) == "b"
    assert await found(includeVoided=True) == "cba"
    assert await found(idempotencyKeys=["a", "b"], subscriptionId=subscription["id"]) == "b"


async def test_events_of_others_are_not_listed(api: Api) -> None:
    await the_parties(api)
    await a_customer(api, "other")
    await used(api, event(key="mine"), event(key="theirs", customer="other"))

    assert await keys_of(api) == ["mine"]
    assert await keys_of(api, filter={"idempotencyKeys": ["theirs"]}) == []


async def test_an_archived_customer_takes_no_usage(api: Api) -> None:
    await the_parties(api)
    await used(api, event("1", key="before"))
    await made(
        api,
        """mutation { archiveCustomer(customer: {key: "acme"}) {
          customer { id } errors { code message path } } }""",
    )

    payload = await record(api, event("1", key="before"), event("1", key="after"))

    assert receipts(payload) == [
        ("before", "DUPLICATE", None, None),
        ("after", "REJECTED", "INVALID_STATE", "events.1.customer"),
    ]


async def test_an_event_keeps_its_properties_exactly(api: Api) -> None:
    await the_parties(api)
    body = (
        '{"query": "mutation ($e: [UsageEventInput!]!) { recordUsage(events: $e) { accepted } }",'
        ' "variables": {"e": [{"customer": "acme", "metric": "calls", "quantity": 1,'
        ' "idempotencyKey": "k", "properties": {"x": 0.1234567890123456789012345, "y": "é"}}]}}'
    )

    await api.post(body.encode())
    answer = await api.post(
        b'{"query": "{ customer(key: \\"acme\\") { usageEvents { nodes { properties } } } }"}'
    )

    assert '{"x":0.1234567890123456789012345,"y":"\u00e9"}' in answer.text


async def test_a_composite_without_a_result_is_left_out_unless_it_is_named(api: Api) -> None:
    await a_customer(api)
    await a_metric(api, "requests")
    await a_metric(api, "batches")
    await a_metric(api, "ratio", type="COMPOSITE", formula="requests / batches")
    await a_plan(api, per_unit(metric="ratio"), per_unit(metric="requests", key="requests"))
    await a_subscription(api)
    await used(api, event("3", metric="requests"))
    usage = "{ customers { nodes { subscriptions { nodes { usage%s { metric { key } } } } } } }"

    (customer,) = (await api.ask(usage % ""))["customers"]["nodes"]
    (subscription,) = customer["subscriptions"]["nodes"]
    keys = {row["metric"]["key"] for row in subscription["usage"]}
    assert keys == {"requests", "batches"}
    (error,) = await api.errors(usage % '(metrics: ["ratio"])')
    assert error["extensions"]["code"] == "FORMULA_FAILED"


async def test_a_dimension_is_grouped_by_once(sqlite_api: Api) -> None:
    await a_customer(sqlite_api)
    await a_metric(sqlite_api, dimensions=dimensions(region="STRING"))
    usage = '{ customer(key: "acme") { usage(groupBy: ["region", "region"]) { quantity } } }'
    (error,) = await sqlite_api.errors(usage)
    assert error["extensions"]["path"] == ["groupBy", "1"]
