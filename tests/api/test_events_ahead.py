"""Events that are read ahead of the executor come to exactly what it would make of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from graphql import GraphQLInputObjectType, Undefined
from hypothesis import given, settings
from hypothesis import strategies as st
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionContext

from fubble_gql.api.context import Context, Viewer
from fubble_gql.api.enums import Role
from fubble_gql.api.events_ahead import FIELDS
from fubble_gql.api.schema import build_schema
from fubble_gql.db.sql import sql
from fubble_gql.errors import Unavailable
from tests.api.builders import (
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    dimensions,
    event,
    per_unit,
)
from tests.api.conftest import NOW, Api

# The second uses the variable in a fragment at the root, which only the executor looks into.
AHEAD, NOT_AHEAD = (
    "mutation ($events: [UsageEventInput!]!) { "
    + body
    + """ }
    fragment recorded on RecordUsagePayload {
      accepted duplicates rejected errors { code message path }
      receipts { index idempotencyKey status error { code message path } }
    }"""
    for body in (
        "recordUsage(events: $events) { ...recorded }",
        "...root } fragment root on Mutation { recordUsage(events: $events) { ...recorded }",
    )
)


_SPELLED = re.compile(r'"#([-+.\deE]+)#"', re.ASCII)


def spelled(number: str) -> str:
    """A number that is sent as it is written."""
    return f"#{number}#"


def nested(levels: int) -> object:
    """1 in so many lists."""
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


NUMBERS: list[object] = [
    *(0, -1, 7, 2**31, 2**63 - 1, 2**63, -(2**63), 2**64, 10**20 - 1, 10**20, 10**60, 10**101),
    *map(spelled, ("1.50", "-0.0", "1e400", "1E+3", "1e-19", "0e-400", "0.1234567890123456789")),
]
ANYTHING: list[object] = [None, True, False, "", " ", "x", "\0", "\ud800", "é\\u0000", [], {}]
NASTY: dict[str, list[object]] = {
    "customer": [*ANYTHING, 5, "nobody", "acme ", ["acme"], "x" * 300],
    "metric": [*ANYTHING, *NUMBERS, "nothing", ["calls"], "sized", "users"],
    "quantity": [
        *(*ANYTHING, *NUMBERS, ["1"], {"value": 1}),
        *("1", "+1", "-1", "-0", "00", "1.", ".5", ".", "1e5", "1E-18", "1e400", "1e99999"),
        *("NaN", "sNaN", "Infinity", "-inf", "1_000", " 1", "1 ", "0x10", "１２", "٣", "9" * 20),
        *("9" * 21, "0." + "1" * 18, "0." + "1" * 19, "0." + "1" * 18 + "0", "1,5", "1\n"),
    ],
    "eventTime": [
        *(*ANYTHING, *NUMBERS, "now", "2026-05-05", "2026-05-05T12:00:00", "20260505T120000Z"),
        *("2026-05-05 12:00:00Z", "2026-05-05t12:00:00z", "2026-05-05T12:00:00+02:00"),
        *("2026-05-05T12:00:00.1Z", "2026-05-05T12:00:00.123456Z", "2026-05-05T12:00:00.1234560Z"),
        *("2026-05-05T12:00:00.1234567Z", "2026-05-05T12:00:00.1234567891Z", "2026-05-05T12:00Z"),
        *("2026-05-05T12:00:00-00:00", "2026-05-05T12:00:00+25:00", "2026-05-05T12:00:00 Z"),
        *("2026-W19-2T12:00:00Z", "2026-125T12:00:00Z", "２０２６-05-05T12:00:00Z"),
        *("2026-02-30T00:00:00Z", "2026-05-05T24:00:00Z", "2026-05-05T23:59:60Z"),
        *("1899-12-31T23:59:59Z", "2200-12-31T23:59:59Z", "2201-01-01T00:30:00+01:00"),
        *("0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00", "2027-05-05T12:00:00Z"),
    ],
    "idempotencyKey": [*ANYTHING, *NUMBERS, "ü" * 255, "x" * 256, "\u2028", "\t", ["k"]],
    "subscriptionId": [
        *(*ANYTHING, *NUMBERS, "sub_1", "sub_" + "0" * 32, "cus_" + "0" * 32, "evt_1", ["sub_1"]),
    ],
    "properties": [
        *(*ANYTHING, *NUMBERS, [1], "text", {"a": nested(30)}, {"a": nested(31)}),
        *({"a": nested(29), "b": {}}, {"a": {"b": {"c": [{}, [], None]}}}, {"": ""}),
        *({"a": value} for value in (*ANYTHING, *NUMBERS)),
        *({"b": [{"a": value}]} for value in (*ANYTHING, *NUMBERS)),
        *({"a\0": 1}, {"\ud800": 1}, {"\\u0000": "\\\\u0000"}, {"z": 1, "a": 2, "é": 3, "Z": 4}),
        *({"a": "e" * 10_000}, {"a": ["x"] * 1_000}, dict.fromkeys(map(str, range(500)))),
    ],
    "quantiy": [None, "1"],
    "__typename": ["UsageEventInput"],
}
DIMENSIONS: list[object] = [
    {"region": region, "size": size, "user": region}
    for region, size in zip(
        ("eu", " ", "x" * 255, "x" * 256, "", None, 5, True, ["eu"], {}, *NUMBERS),
        (1, *NUMBERS, "1", True, None, [1], {}, spelled("1.50"), spelled("1e19"), 3, 4),
        strict=False,
    )
]


@pytest.fixture
async def parties(sqlite_api: Api) -> Api:
    """Two customers that differ in nothing but their names, and metrics of three kinds."""
    for key in ("acme", "ecma"):
        await a_customer(sqlite_api, key, name="A customer")
    await a_metric(sqlite_api)
    await a_metric(sqlite_api, "sized", dimensions=dimensions(region="STRING", size="NUMBER"))
    await a_metric(sqlite_api, "users", aggregation="UNIQUE_COUNT", property="user")
    return sqlite_api


async def assert_alike(api: Api, variables: Json) -> Json:
    """Send what acme would, and the same as from ecma past the reader; the answer to both."""
    body = _SPELLED.sub(r"\1", json.dumps(variables))
    ahead = await sent(api, AHEAD, body)
    assert ahead == await sent(api, NOT_AHEAD, body.replace("acme", "ecma")), body[:1_000]
    return ahead


async def sent(api: Api, document: str, variables: str) -> Json:
    """The answer, without what differs from call to call."""
    response = await api.post(
        f'{{"query": {json.dumps(document)}, "variables": {variables}}}'.encode()
    )
    answer: Json = json.loads(response.text.replace("ecma", "acme"))
    for error in answer.get("errors", []):
        del error["extensions"]["requestId"]
    return {"status": response.status_code, **answer}


async def stored_of(api: Api, customer: str) -> list[tuple[object, ...]]:
    """What was kept of the customer's events, in the order in which it was."""
    events = await api.connection.fetch(
        sql(
            "select metric_id, subscription_id, idempotency_key, quantity, event_time, recorded_at,"
            " properties, dimension_values, unique_value, defaulted, is_late from usage_event"
            " where customer_id = (select id from customer where key = ?) order by id",
            customer,
        )
    )
    return [tuple(record) for record in events]


async def assert_stored_alike(api: Api) -> None:
    """Both customers have the same events."""
    assert await stored_of(api, "acme") == await stored_of(api, "ecma")


@pytest.mark.parametrize("field", [*NASTY])
async def test_whatever_a_field_holds_both_ways_answer_and_keep_the_same(
    parties: Api, field: str
) -> None:
    for n, value in enumerate(NASTY[field]):
        odd = event("1", key=f"odd {n}") | {field: value}
        await assert_alike(parties, {"events": [event("1", key=f"{n}"), odd]})
    await assert_stored_alike(parties)


@pytest.mark.parametrize("metric", ["sized", "users"])
async def test_what_a_metric_wants_of_properties_is_the_same_both_ways(
    parties: Api, metric: str
) -> None:
    for n, properties in enumerate(DIMENSIONS):
        await assert_alike(parties, {"events": [event("1", metric, f"{n}", properties=properties)]})
    await assert_stored_alike(parties)
    assert 0 < len(await stored_of(parties, "acme")) < len(DIMENSIONS)


async def test_fields_that_are_left_out_are_missed_the_same(parties: Api) -> None:
    whole = event("1", key="k", properties={"a": 1})
    for name in whole:
        sent_ = {key: value for key, value in whole.items() if key != name}
        await assert_alike(parties, {"events": [sent_]})
    await assert_stored_alike(parties)


async def test_own_subscriptions_are_found_and_the_others_are_not(parties: Api) -> None:
    await a_plan(parties, per_unit())
    ids = [(await a_subscription(parties, key))["id"] for key in ("acme", "ecma")]
    events = [event("1", key=id, subscriptionId=id) for id in ids]

    ahead = await parties.ask(AHEAD, events=events)
    later = await parties.ask(NOT_AHEAD, events=[one | {"customer": "ecma"} for one in events])

    statuses = [
        [one["status"] for one in answer["recordUsage"]["receipts"]] for answer in (ahead, later)
    ]
    assert statuses == [["ACCEPTED", "REJECTED"], ["REJECTED", "ACCEPTED"]]


async def test_whatever_the_variable_is_it_is_answered_the_same(parties: Api) -> None:
    one = event("1", key="one")
    wholes: list[object] = [one, [], [[one]], [None], ["x"], "x", 5, True, {}, {"0": one}, None]
    for whole in (*wholes, [one] * 5_001, [one, one | {"quantity": "2"}, one]):
        await assert_alike(parties, {"events": whole})
    await assert_alike(parties, {})
    await assert_alike(parties, {"event": [one]})
    await assert_stored_alike(parties)


PLAIN = st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(NUMBERS)
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


@st.composite
def events(draw: st.DrawFn) -> Json:
    """An event that is mostly right."""
    made = event(draw(st.integers(-2, 9)), draw(st.sampled_from(["calls", "sized", "users"])))
    made["properties"] = draw(st.dictionaries(st.sampled_from(["region", "size", "user"]), VALUES))
    odd = draw(st.dictionaries(st.sampled_from([*NASTY]), st.integers(0, 200), max_size=1))
    for field, n in odd.items():
        made[field] = NASTY[field][n % len(NASTY[field])]
    return made


@settings(max_examples=100)
@given(sent_=st.lists(events(), min_size=1, max_size=4))
async def test_any_events_come_to_the_same_both_ways(parties: Api, sent_: list[Json]) -> None:
    await assert_alike(parties, {"events": sent_})
    await assert_stored_alike(parties)


class Nowhere:
    """A database that never answers."""

    async def transaction(self, _work: object) -> None:
        """Nothing."""
        raise Unavailable


LITERAL = '{customer: "acme", metric: "calls", idempotencyKey: "k"%s}'
IN_JSON = LITERAL % ", properties: {sent: $events}"
CREATE = """createCustomer(input: {key: "k", name: "n", metadata: {sent: $events}}) {
  customer { key }
}"""
DOCUMENTS: dict[str, tuple[str, dict[str, int]]] = {
    "a field": ("{ recordUsage(events: $events) { accepted } }", {"recordUsage": 2}),
    "fields by other names": (
        "{ a: recordUsage(events: $events) { accepted } b: recordUsage(events: $others) { accepted }"
        " c: recordUsage(events: $events) { accepted } }",
        {"a": 2, "b": 1, "c": 2},
    ),
    "a field in two parts": (
        "{ recordUsage(events: $events) { accepted } recordUsage(events: $events) { ...more } }"
        " fragment more on RecordUsagePayload { rejected }",
        {"recordUsage": 2},
    ),
    "another operation beside it": (
        "{ recordUsage(events: $events) { accepted } }"
        " mutation B($events: [UsageEventInput!]!) { b: recordUsage(events: $events) { accepted } }",
        {"recordUsage": 2},
    ),
    "a literal beside it": (
        f"{{ a: recordUsage(events: [{LITERAL % ''}]) {{ accepted }}"
        " b: recordUsage(events: $events) { accepted } }",
        {"b": 2},
    ),
    "a fragment at the root": (
        "{ ...root } fragment root on Mutation { recordUsage(events: $events) { accepted } }",
        {},
    ),
    "a field and a fragment at the root": (
        "{ recordUsage(events: $events) { accepted }"
        " ... { b: recordUsage(events: $events) { accepted } } }",
        {},
    ),
    "JSON beside it": (f"{{ recordUsage(events: $events) {{ accepted }} {CREATE} }}", {}),
    "JSON of an event": (
        "{ a: recordUsage(events: $events) { accepted } b: recordUsage(events: $others) { accepted }"
        f" c: recordUsage(events: [{IN_JSON}]) {{ accepted }} }}",
        {"b": 1},
    ),
}


@pytest.mark.parametrize("name", [*DOCUMENTS])
async def test_only_variables_that_are_nothing_but_events_are_read_ahead(name: str) -> None:
    fields, expected = DOCUMENTS[name]
    lists = {"events": [event(), event()], "others": [event()], "more": 5}
    declared = "$events: [UsageEventInput!]!"
    if "$others" in fields:
        declared += ", $others: [UsageEventInput!] = []"

    execution, given = await executed(f"mutation A({declared}) {fields}", lists)

    assert {answered: len(read) for answered, read in given.items()} == expected
    assert execution.variables == {
        **lists,
        **({"events": []} if 2 in expected.values() else {}),
        **({"others": []} if "b" in expected and expected["b"] == 1 else {}),
    }
    assert not execution.root_value  # kept no longer than the operation


async def executed(document: str, variables: Json) -> tuple[ExecutionContext, Json]:
    """What the executor of operation A was given, and as root value; nothing is recorded."""
    seen: list[tuple[ExecutionContext, Json]] = []

    class Seen(SchemaExtension):
        def on_execute(self) -> Iterator[None]:
            """Called after the schema's own extensions."""
            seen.append((self.execution_context, dict(self.execution_context.root_value or {})))
            yield

    schema = build_schema()
    schema.extensions = (*schema.extensions, Seen)
    context = Context(Nowhere(), lambda: NOW, Viewer(Role.OPERATOR))  # type: ignore[arg-type]
    result = await schema.execute(document, variables, context, operation_name="A")
    assert result.errors is None
    [found] = seen
    return found


def test_the_reader_knows_every_field_of_an_event() -> None:
    input_ = build_schema()._schema.type_map["UsageEventInput"]
    assert isinstance(input_, GraphQLInputObjectType)

    assert {name: str(field.type) for name, field in input_.fields.items()} == {
        "customer": "String!",
        "metric": "String!",
        "quantity": "Decimal",
        "eventTime": "DateTime",
        "idempotencyKey": "String!",
        "subscriptionId": "ID",
        "properties": "JSON",
    }
    assert input_.fields.keys() == FIELDS
    assert all(field.default_value is Undefined for field in input_.fields.values())
