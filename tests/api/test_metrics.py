"""Metrics: what may be measured how, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.builders import (
    CREATE_METRIC,
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    asked,
    counted_rows,
    dimensions,
    event,
    made,
    per_unit,
    record,
    refused,
    used,
)
from tests.api.conftest import Api

UPDATE = """
mutation ($metric: MetricRef!, $input: UpdateMetricInput!) {
  updateMetric(metric: $metric, input: $input) {
    metric { key displayName description unit decimals type aggregation }
    errors { code message path }
  }
}
"""
ARCHIVE = """
mutation ($metric: MetricRef!) {
  archiveMetric(metric: $metric) {
    metric { key archivedAt }
    errors { code message path }
  }
}
"""
CANCEL_NOW = """
mutation ($id: ID!) {
  cancelSubscription(subscriptionId: $id, effective: NOW) {
    subscription { id }
    errors { code message path }
  }
}
"""
# The design's table, the default first.
VALID = {
    "COUNTER": ["SUM", "COUNT", "UNIQUE_COUNT", "TIME_WEIGHTED"],
    "GAUGE": ["LAST", "MAX", "MIN", "AVG", "PERCENTILE", "TIME_WEIGHTED"],
    "TIME": ["SUM"],
    "DIMENSION": ["SUM", "COUNT", "MAX", "UNIQUE_COUNT"],
    "COMPOSITE": [],
}
AGGREGATIONS = [
    "COUNT",
    "SUM",
    "MAX",
    "MIN",
    "AVG",
    "LAST",
    "UNIQUE_COUNT",
    "PERCENTILE",
    "TIME_WEIGHTED",
]


def measuring(type_: str, aggregation: str | None = None, **more: object) -> Json:
    """The input of a metric, with what its aggregation needs."""
    values: Json = {"key": "m", "displayName": "M", "type": type_, **more}
    if aggregation is not None:
        values["aggregation"] = aggregation
    if aggregation == "UNIQUE_COUNT":
        values.setdefault("property", "user")
    if aggregation == "PERCENTILE":
        values.setdefault("percentile", "95")
    return values


@pytest.mark.parametrize("type_", VALID)
async def test_each_type_takes_its_aggregations_and_no_other(sqlite_api: Api, type_: str) -> None:
    await a_metric(sqlite_api, "calls")
    for aggregation in AGGREGATIONS:
        given = measuring(type_, aggregation, key=f"m_{aggregation}")
        if type_ == "COMPOSITE":
            given["formula"] = "calls"
        if aggregation in VALID[type_]:
            found = await made(sqlite_api, CREATE_METRIC, input=given)
            assert (found["type"], found["aggregation"]) == (type_, aggregation)
        else:
            why = await refused(sqlite_api, CREATE_METRIC, input=given)
            assert why[0] == ("INVALID", "input.aggregation")
            assert {code for code, _ in why} == {"INVALID"}


@pytest.mark.parametrize(
    ("type_", "default"), [(name, valid[0]) for name, valid in VALID.items() if valid]
)
async def test_the_type_decides_the_aggregation_where_none_is_given(
    sqlite_api: Api, type_: str, default: str
) -> None:
    assert (await a_metric(sqlite_api, type=type_))["aggregation"] == default


async def test_a_metric_keeps_all_that_it_was_given(api: Api) -> None:
    given: Json = {
        "description": "Seats by plan",
        "unit": "seat",
        "type": "GAUGE",
        "aggregation": "PERCENTILE",
        "percentile": "99.9",
        "dimensions": dimensions(region="STRING", size="NUMBER"),
        "decimals": 3,
    }

    metric = await a_metric(api, "seats", **given)

    assert {name: metric[name] for name in given} == given
    assert (metric["key"], metric["displayName"]) == ("seats", "Seats")
    assert [metric[name] for name in ("property", "formula", "archivedAt")] == [None] * 3
    assert metric["createdAt"] == "2026-05-10T12:00:00Z"


@pytest.mark.parametrize(
    ("given", "path"),
    [
        (measuring("GAUGE", "PERCENTILE", percentile=None), "percentile"),
        (measuring("GAUGE", "PERCENTILE", percentile="-0.1"), "percentile"),
        (measuring("GAUGE", "PERCENTILE", percentile="100.1"), "percentile"),
        (measuring("GAUGE", "AVG", percentile="50"), "percentile"),
        (measuring("COUNTER", "UNIQUE_COUNT", property=None), "property"),
        (measuring("COUNTER", "UNIQUE_COUNT", property=""), "property"),
        (measuring("COUNTER", "UNIQUE_COUNT", property="x" * 256), "property"),
        (measuring("COUNTER", "SUM", property="user"), "property"),
        (measuring("COUNTER", formula="calls + 1"), "formula"),
        (measuring("COUNTER", decimals=19), "decimals"),
        (measuring("COUNTER", decimals=-1), "decimals"),
        (measuring("COUNTER", unit="x" * 65), "unit"),
        (measuring("COUNTER", displayName="  "), "displayName"),
        (measuring("COUNTER", key=""), "key"),
        (measuring("COUNTER", key="x" * 256), "key"),
        (
            measuring("COUNTER", dimensions=[{"property": "", "kind": "STRING"}]),
            "dimensions.0.property",
        ),
        (
            measuring("COUNTER", dimensions=[{"property": "a", "kind": "STRING"}] * 2),
            "dimensions.1.property",
        ),
        (
            measuring("COUNTER", dimensions=dimensions(**{f"d{n}": "STRING" for n in range(11)})),
            "dimensions",
        ),
    ],
)
async def test_a_metric_that_makes_no_sense_is_refused(
    sqlite_api: Api, given: Json, path: str
) -> None:
    assert await refused(sqlite_api, CREATE_METRIC, input=given) == [("INVALID", f"input.{path}")]
    assert (await counted_rows(sqlite_api))["metric"] == 0


@pytest.mark.parametrize("percentile", ["0", "50", "100"])
async def test_every_percentile_from_0_to_100_can_be_asked_for(
    sqlite_api: Api, percentile: str
) -> None:
    given = measuring("GAUGE", "PERCENTILE", percentile=percentile)

    assert (await made(sqlite_api, CREATE_METRIC, input=given))["percentile"] == percentile


async def test_everything_wrong_with_a_metric_is_told_at_once(api: Api) -> None:
    given = measuring("TIME", "MAX", key="", percentile="5", property="p", decimals=99)

    assert await refused(api, CREATE_METRIC, input=given) == [
        ("INVALID", "input.key"),
        ("INVALID", "input.decimals"),
        ("INVALID", "input.aggregation"),
        ("INVALID", "input.percentile"),
        ("INVALID", "input.property"),
    ]


async def test_a_composite_has_a_formula_and_nothing_of_its_own(api: Api) -> None:
    await a_metric(api, "input_tokens")
    await a_metric(api, "output_tokens")

    metric = await a_metric(
        api, "tokens", type="COMPOSITE", formula="input_tokens + 4 * output_tokens"
    )

    assert metric["formula"] == "input_tokens + 4 * output_tokens"
    assert (metric["aggregation"], metric["dimensions"]) == (None, [])


@pytest.mark.parametrize(
    "formula",
    [
        None,
        "",
        "calls + unknown",
        "calls +",
        "1 + 2",
        "double * 2",
        "old + calls",
        "calls.real",
        "__import__('os')",
        "calls if",
        "x" * 5_000,
    ],
)
async def test_a_composite_over_anything_but_known_metrics_is_refused(
    sqlite_api: Api, formula: str | None
) -> None:
    await a_metric(sqlite_api, "calls")
    await a_metric(sqlite_api, "old")
    await made(sqlite_api, ARCHIVE, metric={"key": "old"})
    await a_metric(sqlite_api, "double", type="COMPOSITE", formula="calls * 2")

    why = await refused(sqlite_api, CREATE_METRIC, input=measuring("COMPOSITE", formula=formula))

    assert why == [("INVALID", "input.formula")]


async def test_a_composite_declares_no_dimensions(api: Api) -> None:
    await a_metric(api, "calls")
    given = measuring("COMPOSITE", formula="calls", dimensions=dimensions(region="STRING"))

    assert await refused(api, CREATE_METRIC, input=given) == [("INVALID", "input.dimensions")]


async def test_a_composite_takes_no_events(api: Api) -> None:
    await a_customer(api)
    await a_metric(api, "calls")
    await a_metric(api, "double", type="COMPOSITE", formula="calls * 2")

    (receipt,) = (await record(api, event(metric="double")))["receipts"]

    assert receipt["status"] == "REJECTED"
    assert (receipt["error"]["code"], receipt["error"]["path"]) == (
        "INVALID",
        ["events", "0", "metric"],
    )


async def test_a_repeated_creation_is_the_same_metric(api: Api) -> None:
    given: Any = {"dimensions": dimensions(region="STRING"), "unit": "call"}
    first = await a_metric(api, **given)
    api.clock.set("2026-05-11T00:00:00+00:00")

    assert await a_metric(api, **given) == first
    assert await a_metric(api, aggregation="SUM", **given) == first  # the default, said
    assert (await counted_rows(api))["metric"] == 1


async def test_a_metrics_key_in_use_by_other_input_is_refused(api: Api) -> None:
    first = await a_metric(api)

    why = await refused(
        api, CREATE_METRIC, input={"key": "calls", "displayName": "Calls", "type": "GAUGE"}
    )

    assert why == [("ALREADY_EXISTS", "input.key")]
    assert await a_metric(api) == first


async def test_an_update_describes_a_metric_and_null_clears(api: Api) -> None:
    metric = await a_metric(api, unit="call", description="Calls", decimals=2)

    after = await made(
        api,
        UPDATE,
        metric={"id": metric["id"]},
        input={"displayName": "API calls", "unit": None, "decimals": None},
    )

    assert after == {
        "key": "calls",
        "displayName": "API calls",
        "description": "Calls",
        "unit": None,
        "decimals": None,
        "type": "COUNTER",
        "aggregation": "SUM",
    }


@pytest.mark.parametrize(
    ("given", "path"),
    [({"displayName": None}, "displayName"), ({"decimals": 19}, "decimals")],
)
async def test_a_metric_is_not_described_by_nonsense(
    sqlite_api: Api, given: Json, path: str
) -> None:
    await a_metric(sqlite_api)

    why = await refused(sqlite_api, UPDATE, metric={"key": "calls"}, input=given)

    assert why == [("INVALID", f"input.{path}")]


async def test_a_metric_that_is_not_there_cannot_be_changed(api: Api) -> None:
    assert await refused(api, UPDATE, metric={"key": "x"}, input={}) == [("NOT_FOUND", "metric")]
    assert await refused(api, ARCHIVE, metric={"key": "x"}) == [("NOT_FOUND", "metric")]


async def test_an_archived_metric_takes_no_events_and_stays_readable(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await used(api, event("5"))

    first = await made(api, ARCHIVE, metric={"key": "calls"})
    api.clock.set("2026-05-10T13:00:00+00:00")
    again = await made(api, ARCHIVE, metric={"key": "calls"})
    (receipt,) = (await record(api, event()))["receipts"]
    usage = await asked(api, '{ customer(key: "acme") { usage { metric { key } quantity } } }')

    assert first == again == {"key": "calls", "archivedAt": "2026-05-10T12:00:00Z"}
    assert (receipt["status"], receipt["error"]["code"]) == ("REJECTED", "INVALID_STATE")
    assert usage["usage"] == [{"metric": {"key": "calls"}, "quantity": "5"}]


async def test_a_metric_that_a_plan_prices_is_not_archived(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, per_unit())
    subscription = await a_subscription(api)
    archive = {"metric": {"key": "calls"}}

    assert await refused(api, ARCHIVE, **archive) == [("INVALID_STATE", "metric")]
    await api.ask('mutation { deactivatePlan(plan: {key: "pro"}) { errors { code } } }')
    assert await refused(api, ARCHIVE, **archive) == [("INVALID_STATE", "metric")]
    await made(api, CANCEL_NOW, id=subscription["id"])
    assert (await made(api, ARCHIVE, **archive))["archivedAt"] is not None


async def test_a_metric_that_a_composite_needs_is_not_archived(api: Api) -> None:
    await a_metric(api, "calls")
    await a_metric(api, "double", type="COMPOSITE", formula="calls * 2")

    assert await refused(api, ARCHIVE, metric={"key": "calls"}) == [("INVALID_STATE", "metric")]
    await made(api, ARCHIVE, metric={"key": "double"})
    assert (await made(api, ARCHIVE, metric={"key": "calls"}))["key"] == "calls"


async def test_metrics_are_listed_the_oldest_first(api: Api) -> None:
    for key in ("b", "a", "c"):
        await a_metric(api, key)

    page = await asked(
        api, "{ metrics(first: 2) { nodes { key } totalCount pageInfo { endCursor } } }"
    )
    rest = await asked(
        api,
        "query ($after: String) { metrics(after: $after) { nodes { key } } }",
        after=page["pageInfo"]["endCursor"],
    )

    assert [node["key"] for node in page["nodes"]] == ["b", "a"]
    assert page["totalCount"] == 3
    assert rest == {"nodes": [{"key": "c"}]}


async def test_a_metric_is_found_by_id_and_by_key(api: Api) -> None:
    metric = await a_metric(api)
    document = "query ($id: ID, $key: String) { metric(id: $id, key: $key) { key } }"

    assert await api.ask(document, id=metric["id"]) == {"metric": {"key": "calls"}}
    assert await api.ask(document, key="calls") == {"metric": {"key": "calls"}}
    assert await api.ask(document, key="none") == {"metric": None}
