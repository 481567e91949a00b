"""What makes an event count, and why others are rejected."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from fubble_gql.catalog.kinds import VALID, Aggregation, MetricType
from fubble_gql.catalog.rows import MetricRow
from fubble_gql.errors import Code, Problem, Refused
from fubble_gql.usage.rules import Facts, KnownCustomer, KnownSubscription, accept
from fubble_gql.usage.store.rows import EventRow
from tests.usage.builders import NOW, dimensions, new_event

ACME = KnownCustomer(UUID(int=1), "acme", None)
GONE = KnownCustomer(UUID(int=2), "gone", NOW)
OURS = KnownSubscription(UUID(int=3), ACME.id)
THEIRS = KnownSubscription(UUID(int=4), GONE.id)
UNKNOWN = UUID(int=5)

REGION_AND_SIZE = dimensions(region="STRING", size="NUMBER")


def metric(kind: str = "COUNTER", aggregation: str = "SUM", **more: object) -> MetricRow:
    """The metric "calls"."""
    fields: dict[str, object] = dict.fromkeys(MetricRow._fields) | {
        "id": UUID(int=6),
        "key": "calls",
        "type": kind,
        "aggregation": aggregation,
        "dimensions": [],
        "property": "user",
    }
    return MetricRow(**{**fields, **more})  # type: ignore[arg-type]


def accepted(of: MetricRow | None = None, **event: object) -> EventRow:
    """The row that an event of the metric becomes."""
    of = of or metric()
    facts = Facts(
        {"acme": ACME, "gone": GONE},
        {of.key: of, "old": metric(archived_at=NOW)},
        {known.id: known for known in (OURS, THEIRS)},
    )
    return accept(new_event(**event), facts, NOW)  # type: ignore[arg-type]


def rejected(of: MetricRow | None = None, **event: object) -> Problem:
    """Why the event is not valid."""
    with pytest.raises(Refused) as refused:
        accepted(of, **event)
    [problem] = refused.value.problems
    return problem


def seen(problem: Problem) -> tuple[Code, object]:
    return problem.code, problem.path[0]


def test_unknown_references_are_not_found() -> None:
    assert seen(rejected(customer="none")) == (Code.NOT_FOUND, "customer")
    assert seen(rejected(metric="none")) == (Code.NOT_FOUND, "metric")
    assert seen(rejected(subscription_id=UNKNOWN)) == (Code.NOT_FOUND, "subscriptionId")


def test_anothers_subscription_does_not_exist() -> None:
    foreign, missing = rejected(subscription_id=THEIRS.id), rejected(subscription_id=UNKNOWN)
    assert foreign.code is missing.code is Code.NOT_FOUND
    assert foreign.message.replace(str(THEIRS.id), str(UNKNOWN)) == missing.message
    assert accepted(subscription_id=OURS.id).subscription_id == OURS.id


def test_archived_customers_and_metrics_take_nothing() -> None:
    assert seen(rejected(customer="gone")) == (Code.INVALID_STATE, "customer")
    assert seen(rejected(metric="old")) == (Code.INVALID_STATE, "metric")


def test_a_composite_metric_takes_no_events() -> None:
    assert seen(rejected(metric("COMPOSITE", ""))) == (Code.INVALID, "metric")


@pytest.mark.parametrize("key", ["", "  ", "x" * 256, "a\0b", "a\ud800"])
def test_a_key_must_be_usable(key: str) -> None:
    assert seen(rejected(key=key)) == (Code.INVALID, "idempotencyKey")


def test_a_key_may_have_255_characters() -> None:
    assert accepted(key="ü" * 255).idempotency_key == "ü" * 255


def test_event_time_may_be_a_day_ahead_and_no_more() -> None:
    day = NOW + timedelta(hours=24)
    assert accepted(event_time=day).event_time == day
    late = rejected(event_time=day + timedelta(microseconds=1))
    assert seen(late) == (Code.INVALID, "eventTime")


@pytest.mark.parametrize("aggregation", ["SUM", "TIME_WEIGHTED"])
def test_a_metric_that_measures_wants_a_quantity(aggregation: str) -> None:
    problem = rejected(metric(aggregation=aggregation), quantity=None)
    assert seen(problem) == (Code.INVALID, "quantity")


@pytest.mark.parametrize("aggregation", ["COUNT", "UNIQUE_COUNT"])
def test_a_metric_that_counts_needs_no_quantity(aggregation: str) -> None:
    counted = metric(aggregation=aggregation)
    assert accepted(counted, quantity=None, properties={"user": "a"}).quantity == 1
    assert accepted(counted, quantity="7", properties={"user": "a"}).quantity == 7


@pytest.mark.parametrize(
    "quantity", ["NaN", "sNaN", "-Infinity", "1E+20", "1E-19", "0.1234567890123456789"]
)
def test_a_quantity_out_of_range_is_rejected(quantity: str) -> None:
    assert seen(rejected(quantity=quantity)) == (Code.INVALID, "quantity")


KINDS = [(kind, way) for kind, ways in VALID.items() for way in ways]


@pytest.mark.parametrize(("kind", "aggregation"), KINDS)
def test_only_levels_and_sums_may_be_negative(kind: MetricType, aggregation: Aggregation) -> None:
    of, properties = metric(kind, aggregation), {"user": "a"}
    if kind == "GAUGE" or aggregation in {"SUM", "TIME_WEIGHTED"}:
        assert accepted(of, quantity="-1", properties=properties).quantity == -1
    else:
        problem = rejected(of, quantity="-1", properties=properties)
        assert seen(problem) == (Code.INVALID, "quantity")
    assert accepted(of, quantity="-0", properties=properties).quantity == 0


def test_dimensions_are_kept_in_the_metrics_order() -> None:
    sent = {"size": Decimal("2.50"), "more": 1, "region": " eu"}
    row = accepted(metric(dimensions=REGION_AND_SIZE), properties=sent)
    assert row.dimension_values == '[" eu","2.5"]'
    assert row.properties == '{"more":1,"region":" eu","size":2.5}'
    assert row.unique_value is None


@pytest.mark.parametrize(
    "properties",
    [
        None,
        {},
        {"region": "eu"},
        {"size": 1},
        {"region": None, "size": 1},
        {"region": "", "size": 1},
        {"region": "x" * 256, "size": 1},
        {"region": 5, "size": 1},
        {"region": True, "size": 1},
        {"region": "eu", "size": "1"},
        {"region": "eu", "size": True},
        {"region": "eu", "size": None},
        {"region": "eu", "size": Decimal("1E+20")},
        {"region": "eu", "size": Decimal("1E-19")},
        {"region": "eu", "size": [1]},
    ],
)
def test_every_dimension_must_be_there_and_of_its_kind(
    properties: dict[str, object] | None,
) -> None:
    problem = rejected(metric(dimensions=REGION_AND_SIZE), properties=properties)
    assert seen(problem) == (Code.INVALID, "properties")
    assert '"region"' in problem.message or '"size"' in problem.message


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("1", '"1"'),
        (1, "1"),
        (Decimal("1.0"), "1"),
        (Decimal("1E+2"), "100"),
        (True, "true"),
        ("", '""'),
        (2**70, str(2**70)),
    ],
)
def test_what_is_counted_once_is_kept_as_json(value: object, kept: str) -> None:
    row = accepted(metric(aggregation="UNIQUE_COUNT"), properties={"user": value})
    assert row.unique_value == kept


@pytest.mark.parametrize("properties", [None, {}, {"user": None}, {"user": []}, {"user": {}}])
def test_the_counted_property_must_be_a_plain_value(properties: dict[str, object] | None) -> None:
    problem = rejected(metric(aggregation="UNIQUE_COUNT"), properties=properties)
    assert seen(problem) == (Code.INVALID, "properties")


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "properties",
    [
        [1],
        "text",
        {"a": 0.5},
        {"a": Decimal("NaN")},
        {"a": Decimal("1E+999999999")},
        {"a": Decimal("1E-101")},
        {"a": 10**100},
        {"a": "\0"},
        {"a\0": 1},
        {"a": "\ud800"},
        {1: "a"},
        {"a": object()},
        {"a": nested(32)},
        {"a": nested(100_000)},
    ],
)
def test_properties_must_be_json_that_can_be_kept(properties: object) -> None:
    assert seen(rejected(properties=properties)) == (Code.INVALID, "properties")


def test_the_first_problem_in_field_order_is_told() -> None:
    wrong: list[tuple[str, object, object]] = [
        ("customer", "none", "acme"),
        ("metric", "none", "calls"),
        ("quantity", None, "1"),
        ("event_time", NOW + timedelta(days=2), NOW),
        ("key", "", "k1"),
        ("subscription_id", UNKNOWN, None),
        ("properties", {}, {"region": "eu", "size": 1}),
    ]
    of = metric(dimensions=REGION_AND_SIZE)
    event = {field: bad for field, bad, _ in wrong}
    told = []
    for field, _, good in wrong:
        told.append(rejected(of, **event).path[0])
        event[field] = good
    assert told == [
        "customer",
        "metric",
        "quantity",
        "eventTime",
        "idempotencyKey",
        "subscriptionId",
        "properties",
    ]
    assert accepted(of, **event).quantity == 1
