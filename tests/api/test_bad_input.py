"""Bad input: a code, a message that says what to do, the place; and nothing is stored."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.api.builders import (
    CREATE_CUSTOMER,
    CREATE_METRIC,
    CREATE_PLAN,
    RECORD,
    SUBSCRIBE,
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    asked,
    counted_rows,
    event,
    per_unit,
    record,
    used,
)
from tests.api.conftest import Api, read

CODES = {"INVALID", "NOT_FOUND", "LIMIT_EXCEEDED"}
INNARDS = ("Traceback", 'File "', "fubble_gql", "sqlite", "asyncpg", "tortoise", "decimal.Decimal")

QUANTITIES = {
    "NaN": '"NaN"',
    "a signalling NaN": '"sNaN"',
    "infinity": '"Infinity"',
    "less than infinity": '"-inf"',
    "1e999": '"1e999"',
    "1e-999": '"1e-999"',
    "40 digits": f'"{"9" * 40}"',
    "21 digits": f'"{"9" * 21}"',
    "19 decimals": '"0.0000000000000000001"',
    "underscores": '"1_000"',
    "digits of other scripts": '"\\uff11\\uff12"',
    "a hexadecimal number": '"0x10"',
    "an empty text": '""',
    "a blank text": '" 1"',
    "a number with a NUL": '"1\\u0000"',
    "true": "true",
    "a list": "[1]",
    "an object": "{}",
}
NUMBERS = {
    "1e999": "1e999",
    "40 digits": "9" * 40,
    "19 decimals": "0.0000000000000000001",
    "20 decimals that a float would lose": "0.12345678901234567891",
}
INSTANTS = {
    "a date": "2026-05-05",
    "a naive instant": "2026-05-05T12:00:00",
    "a day that there is not": "2026-02-30T00:00:00Z",
    "the 25th hour": "2026-05-05T25:00:00Z",
    "a leap second": "2026-05-05T23:59:60Z",
    "an offset of 25 hours": "2026-05-05T12:00:00+25:00",
    "nanoseconds": "2026-05-05T12:00:00.123456789Z",
    "a week date": "2026-W19-2T12:00:00Z",
    "a day of the year": "2026-125T12:00:00Z",
    "a zone by name": "2026-05-05T12:00:00[UTC]",
    "the year 1": "0001-01-01T00:00:00Z",
    "the year 9999": "9999-12-31T23:59:59-23:00",
    "digits of other scripts": "２０２６-05-05T12:00:00Z",
    "a number": 1_777_777_777,
    "a word": "now",
    "nothing": "",
}


async def the_parties(api: Api) -> None:
    """A customer, a metric, a plan and a subscription."""
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, per_unit())
    await a_subscription(api)


def complaints(response: httpx.Response) -> list[tuple[str, str]]:
    """Each error's code and place: its path, or else where in the document it points."""
    assert response.status_code < 500
    assert not any(word in response.text for word in INNARDS), response.text
    body = read(response)
    found = []
    for error in body.get("errors", []):
        assert len(error["message"]) > 10
        path = error["extensions"].get("path")
        place = ".".join(path) if path else "line {line}".format(**error["locations"][0])
        found.append((error["extensions"]["code"], place))
    for payload in (body.get("data") or {}).values():
        for error in (payload or {}).get("errors", []):
            assert len(error["message"]) > 10
            assert error["path"]
            found.append((error["code"], ".".join(error["path"])))
    assert {code for code, _ in found} <= CODES
    return found


async def sent(api: Api, document: str, **variables: object) -> list[tuple[str, str]]:
    """What is said about a document with variables."""
    body = json.dumps({"query": document, "variables": variables})
    return complaints(await api.post(body.encode()))


def recording(quantity: str) -> bytes:
    """A body that records one event, its quantity written as JSON."""
    one = json.dumps({"customer": "acme", "metric": "calls", "idempotencyKey": "k"})
    events = f'[{one[:-1]}, "quantity": {quantity}}}]'
    return f'{{"query": {json.dumps(RECORD)}, "variables": {{"events": {events}}}}}'.encode()


def recording_literally(quantity: str) -> bytes:
    """The same with the quantity in the document."""
    document = (
        'mutation { recordUsage(events: [{customer: "acme", metric: "calls", '
        f'idempotencyKey: "k", quantity: {quantity}}}]) {{ accepted errors {{ code }} }} }}'
    )
    return json.dumps({"query": document}).encode()


async def test_a_quantity_that_is_no_exact_number_is_refused(sqlite_api: Api) -> None:
    await the_parties(sqlite_api)
    place = "variables.events.0.quantity"

    for name, spelled in (QUANTITIES | NUMBERS).items():
        assert complaints(await sqlite_api.post(recording(spelled))) == [("INVALID", place)], name
    assert (await counted_rows(sqlite_api))["usage_event"] == 0


async def test_a_quantity_in_the_document_is_refused_alike(sqlite_api: Api) -> None:
    await the_parties(sqlite_api)

    for name, spelled in (QUANTITIES | NUMBERS).items():
        found = complaints(await sqlite_api.post(recording_literally(spelled)))
        expected = "query" if "NUL" in name else "events.0.quantity"
        assert found == [("INVALID", expected)], name
    assert (await counted_rows(sqlite_api))["usage_event"] == 0


@pytest.mark.parametrize("spelled", ["NaN", "Infinity", "-Infinity"])
async def test_what_is_not_json_is_refused_as_a_body(sqlite_api: Api, spelled: str) -> None:
    response = await sqlite_api.post(recording(spelled))

    assert response.status_code == 400
    assert read(response)["errors"][0]["extensions"]["code"] == "INVALID"


@pytest.mark.parametrize(
    "spelled",
    [
        "12345678901234567890.123456789012345678",
        "0.123456789012345678",
        "0.12345678901234567800",
        "-0.000000000000000001",
        "9007199254740993",
        "1E+3",
    ],
)
async def test_a_number_that_fits_is_kept_to_the_last_digit(api: Api, spelled: str) -> None:
    await a_customer(api)
    await a_metric(api)
    as_number = await api.post(recording(spelled))
    as_text = await api.post(recording(f'"{spelled}"'))
    as_literal = await api.post(recording_literally(spelled))

    found = await asked(api, '{ customer(key: "acme") { usageEvents { nodes { quantity } } } }')

    assert read(as_number)["data"]["recordUsage"]["accepted"] == 1
    assert read(as_text)["data"]["recordUsage"]["duplicates"] == 1
    assert read(as_literal)["data"]["recordUsage"] == {"accepted": 0, "errors": []}
    (node,) = found["usageEvents"]["nodes"]
    assert Decimal(node["quantity"]) == Decimal(spelled)
    assert "E" not in node["quantity"]


async def test_an_instant_that_is_not_exact_is_refused(sqlite_api: Api) -> None:
    await the_parties(sqlite_api)
    preview = '{ customer(key: "acme") { invoicePreview(asOf: %s) { asOf } } }'

    for name, instant in INSTANTS.items():
        recorded = await sent(sqlite_api, RECORD, events=[event(eventTime=instant)])
        assert recorded == [("INVALID", "variables.events.0.eventTime")], name
        asked_for = await sent(sqlite_api, preview % json.dumps(instant))
        assert asked_for == [("INVALID", "asOf")], name
    assert (await counted_rows(sqlite_api))["usage_event"] == 0


async def test_what_is_said_of_a_value_begins_with_its_field(sqlite_api: Api) -> None:
    await the_parties(sqlite_api)
    literal = recording_literally('"12,5"')
    variable = json.dumps({"query": RECORD, "variables": {"events": [event("12,5")]}}).encode()

    for body in (literal, variable):
        (error,) = read(await sqlite_api.post(body))["errors"]
        assert error["message"].startswith("quantity must be a decimal number")
        assert error["extensions"]["path"][-2:] == ["0", "quantity"]


STORED_TEXTS: dict[str, tuple[str, Json]] = {
    "a customer's key": (CREATE_CUSTOMER, {"key": "X", "name": "n"}),
    "a customer's name": (CREATE_CUSTOMER, {"key": "k", "name": "X"}),
    "metadata": (CREATE_CUSTOMER, {"key": "k", "name": "n", "metadata": {"a": ["X"]}}),
    "a key in metadata": (CREATE_CUSTOMER, {"key": "k", "name": "n", "metadata": {"X": 1}}),
    "a metric's unit": (
        CREATE_METRIC,
        {"key": "k", "displayName": "n", "type": "COUNTER", "unit": "X"},
    ),
    "a plan's name": (
        CREATE_PLAN,
        {"key": "k", "name": "X", "billingFrequency": "DAILY", "priceComponents": []},
    ),
    "an idempotency key": (
        SUBSCRIBE,
        {"customer": {"key": "acme"}, "plan": {"key": "pro"}, "idempotencyKey": "X"},
    ),
}


@pytest.mark.parametrize("escape", ["\\u0000", "\\ud800", "\\udfff", "a\\udc00\\ud800b"])
async def test_text_that_no_database_keeps_is_refused(sqlite_api: Api, escape: str) -> None:
    await the_parties(sqlite_api)
    before = await counted_rows(sqlite_api)

    for name, (document, input_) in STORED_TEXTS.items():
        body = json.dumps({"query": document, "variables": {"input": input_}})
        response = await sqlite_api.post(body.replace('"X"', f'"{escape}"').encode())
        ((code, place),) = complaints(response)
        assert (code, place.split(".")[:2]) == ("INVALID", ["variables", "input"]), name
    literal = f'{{"query": "{{ customer(key: \\"{escape}\\") {{ key }} }}"}}'
    escaped = literal.replace(escape, escape.replace("\\", "\\\\"))
    for body in (literal, escaped):
        ((code, _),) = complaints(await sqlite_api.post(body.encode()))
        assert code == "INVALID"
    assert await counted_rows(sqlite_api) == before


@pytest.mark.parametrize("key", ["", " ", "\t\n", "x" * 256])
async def test_a_key_is_a_text_of_1_to_255_characters(sqlite_api: Api, key: str) -> None:
    await the_parties(sqlite_api)
    before = await counted_rows(sqlite_api)
    named = {"displayName": "n", "type": "COUNTER"}
    planned = {"name": "n", "billingFrequency": "DAILY", "priceComponents": [per_unit()]}
    subscribing = {"customer": {"key": "acme"}, "plan": {"key": "pro"}}

    wrong = [("INVALID", "input.key")]
    assert await sent(sqlite_api, CREATE_CUSTOMER, input={"key": key, "name": "n"}) == wrong
    assert await sent(sqlite_api, CREATE_METRIC, input={"key": key, **named}) == wrong
    assert await sent(sqlite_api, CREATE_PLAN, input={"key": key, **planned}) == wrong
    assert await sent(sqlite_api, SUBSCRIBE, input={**subscribing, "idempotencyKey": key}) == [
        ("INVALID", "input.idempotencyKey")
    ]
    payload = await asked(
        sqlite_api, RECORD, events=[event() | {"idempotencyKey": key}, event() | {"customer": key}]
    )
    assert [
        (one["status"], one["error"]["code"], one["error"]["path"]) for one in payload["receipts"]
    ] == [
        ("REJECTED", "INVALID", ["events", "0", "idempotencyKey"]),
        ("REJECTED", "NOT_FOUND", ["events", "1", "customer"]),
    ]
    assert await counted_rows(sqlite_api) == before


async def test_a_key_of_255_characters_is_taken(api: Api) -> None:
    key = "ü" * 255

    assert (await a_customer(api, key, name="n"))["key"] == key
    await a_metric(api)
    await used(api, event("1", key=key, customer=key))


async def test_an_empty_list_is_no_usage(api: Api) -> None:
    assert await sent(api, RECORD, events=[]) == [("INVALID", "events")]


async def test_reading_by_keys_that_cannot_exist_finds_nothing(api: Api) -> None:
    for key in ("", "x" * 10_000):
        assert await api.ask("query ($key: String) { customer(key: $key) { key } }", key=key) == {
            "customer": None
        }


def tampered(content: Any) -> str:  # noqa: ANN401 - JSON
    """A cursor with the content that a forger likes."""
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


async def test_a_cursor_of_anything_else_is_refused(sqlite_api: Api) -> None:
    await the_parties(sqlite_api)
    await used(sqlite_api, event())
    api = sqlite_api
    ordered = """query ($after: String, $before: String, $by: CustomerOrder) {
      customers(after: $after, before: $before, orderBy: $by) { pageInfo { endCursor } } }"""
    by_name = {"field": "NAME", "direction": "ASC"}

    async def end_of(document: str, **variables: object) -> str:
        found = await asked(api, document, **variables)
        cursor = found.get("pageInfo", found.get("usageEvents", {}).get("pageInfo"))["endCursor"]
        assert isinstance(cursor, str)
        return cursor

    good = await end_of(ordered)
    foreign = {
        "of metrics": await end_of("{ metrics { pageInfo { endCursor } } }"),
        "of plans": await end_of("{ plans { pageInfo { endCursor } } }"),
        "of events": await end_of(
            '{ customer(key: "acme") { usageEvents { pageInfo { endCursor } } } }'
        ),
        "of another order": await end_of(ordered, by=by_name),
        "cut": good[:-3],
        "empty": "",
        "garbage": "%%%",
        "an umlaut": "ü",
        "not JSON": base64.urlsafe_b64encode(b"\xff\x00").decode(),
        "a number": tampered(1),
        "nothing": tampered([]),
        "deep": base64.urlsafe_b64encode(b"[" * 100_000).decode(),
    }
    name, instant, id_ = json.loads(base64.urlsafe_b64decode(good + "=" * (-len(good) % 4)))
    foreign |= {
        f"forged {n}": tampered(content)
        for n, content in enumerate(
            [
                [name],
                [name, instant],
                [name, instant, id_, id_],
                [name, instant, "1"],
                [name, "2026", id_],
                [name, "2026-05-10T12:00:00", id_],
                [name, 5, id_],
                [name, instant, None],
                [name, instant, 5],
                [name, instant, ["x"]],
                [name, {"a": 1}, id_],
                [name, "9999-12-31T23:59:59-23:59", id_],
                [name, "0001-01-01T00:00:00+23:59", id_],
                [name, "2026-05-10T12:00:00+00:00' or '1'='1", id_],
                [[name], instant, id_],
            ]
        )
    }

    for what, cursor in foreign.items():
        for argument in ("after", "before"):
            found = await sent(api, ordered, **{argument: cursor})
            assert found == [("INVALID", argument)], what
    assert await sent(api, ordered, after=good) == []
    for text in ("a\0b", "a\ud800b"):
        forged = tampered(["customers.NAME.ASC", text, id_])
        found = await sent(api, ordered, by=by_name, after=forged)
        assert found == [("INVALID", "after")], text


async def test_a_forged_cursor_of_events_is_refused(api: Api) -> None:
    await the_parties(api)
    document = """query ($after: String) {
      customer(key: "acme") { usageEvents(after: $after) { nodes { id } } } }"""
    at = "2026-05-05T12:00:00+00:00"

    for id_ in ("x", "1e3", "９", "1" * 30, "-", "nan", "1" * 5_000):
        found = await sent(api, document, after=tampered(["usageEvents", at, id_]))
        assert found in ([("INVALID", "after")], []), id_
    # A number in an exponent's clothes would take hours to write out as a whole one.
    long = base64.urlsafe_b64encode(f'["usageEvents","{at}",1E+99999999]'.encode()).decode()
    forged = [tampered(["usageEvents", at, id_]) for id_ in ("1" * 30, 5, 1.5, True, None)]
    forged += [tampered(["usageEvents", "9999-12-31T23:59:59-23:59", "5"]), long.rstrip("=")]
    for cursor in forged:
        assert await sent(api, document, after=cursor) == [("INVALID", "after")], cursor


async def test_a_cursor_at_the_end_of_time_has_nothing_behind_it(api: Api) -> None:
    await the_parties(api)
    document = """query ($after: String) { customer(key: "acme") { subscriptions { nodes {
      periods(after: $after) { nodes { isClosed } pageInfo { hasNextPage } } } } } }"""
    ends = ("9999-12-31T23:59:59+00:00", "9999-12-01T00:00:00+00:00")
    for end in ends:
        found = await asked(api, document, after=tampered(["periods", end]))
        (subscription,) = found["subscriptions"]["nodes"]
        assert subscription["periods"] == {"nodes": [], "pageInfo": {"hasNextPage": False}}


async def test_a_text_longer_than_any_column_is_found_nowhere(api: Api) -> None:
    await the_parties(api)
    for text in ("a" * 49_999, "%" * 25_001, "é" * 10_000):
        for field in ("customers", "plans"):
            document = (
                f"query ($text: String) {{ {field}(filter: {{search: $text}}) {{ totalCount }} }}"
            )
            assert await asked(api, document, text=text) == {"totalCount": 0}


async def test_a_whole_number_without_end_is_refused(sqlite_api: Api) -> None:
    await the_parties(sqlite_api)
    document = """query ($n: BigInt) { plan(key: "pro") {
      estimate(usage: [{metric: "calls", quantity: "1", eventCount: $n}]) { currency } } }"""
    for number in (10**38, -(10**38), 10**200):
        ((code, _),) = await sent(sqlite_api, document, n=number)
        assert code == "INVALID"


async def test_an_id_of_another_type_is_refused(sqlite_api: Api) -> None:
    customer = await a_customer(sqlite_api)
    metric = await a_metric(sqlite_api)
    lookups = {
        "{ customer(id: $id) { id } }": metric["id"],
        "{ metric(id: $id) { id } }": customer["id"],
        "{ plan(id: $id) { id } }": metric["id"],
        "{ planSubscription(id: $id) { id } }": metric["id"],
        '{ customer(key: "acme") { usageEvents(filter: {subscriptionId: $id}) { nodes { id } } } }': (
            metric["id"]
        ),
    }
    garbage = [
        "",
        "x",
        "cus_",
        "cus_x",
        metric["id"].upper(),
        f"{metric['id']} ",
        "abc_" + "0" * 32,
    ]

    for document, foreign in lookups.items():
        for id_ in (foreign, *garbage):
            ((code, place),) = await sent(sqlite_api, f"query ($id: ID!) {document}", id=id_)
            assert (code, place.split(".")[-1]) in {
                ("INVALID", "id"),
                ("INVALID", "subscriptionId"),
            }, (document, id_)


async def test_an_id_that_is_none_is_refused_by_node(sqlite_api: Api) -> None:
    customer = await a_customer(sqlite_api)
    node = "query ($id: ID!) { node(id: $id) { id } }"
    nodes = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"

    for id_ in (
        "",
        "x",
        "evt_" + "0" * 32,
        "cus_1",
        "evt_-1",
        "evt_" + "9" * 19,
        "cus_" + "g" * 32,
    ):
        assert await sent(sqlite_api, node, id=id_) == [("INVALID", "id")], id_
        answer = await sqlite_api.answer(nodes, ids=[customer["id"], id_])
        assert answer["data"]["nodes"] == [{"id": customer["id"]}, None]
        (error,) = answer["errors"]
        assert (error["extensions"]["code"], error["path"]) == ("INVALID", ["nodes", 1])


async def test_what_is_no_subscriptions_id_rejects_its_event_alone(sqlite_api: Api) -> None:
    await the_parties(sqlite_api)
    customer = await a_customer(sqlite_api)

    for number, id_ in enumerate((customer["id"], "nonsense")):
        events = [event(key=f"good-{number}"), event(key=f"bad-{number}", subscriptionId=id_)]
        receipts = (await record(sqlite_api, *events))["receipts"]
        assert [one["status"] for one in receipts] == ["ACCEPTED", "REJECTED"]
        assert receipts[1]["error"]["path"] == ["events", "1", "subscriptionId"]
    assert (await counted_rows(sqlite_api))["usage_event"] == 2


async def test_exactly_one_of_id_and_key_is_given(sqlite_api: Api) -> None:
    customer = await a_customer(sqlite_api)
    both = f'(id: "{customer["id"]}", key: "acme")'

    for name in ("customer", "metric", "plan"):
        for arguments in ("", both, "(id: null, key: null)"):
            found = await sent(sqlite_api, f"{{ {name}{arguments} {{ id }} }}")
            assert found == [("INVALID", "id")], (name, arguments)


async def test_exactly_one_field_of_a_reference_is_given(sqlite_api: Api) -> None:
    customer = await a_customer(sqlite_api)
    document = """mutation ($ref: CustomerRef!) {
      archiveCustomer(customer: $ref) { customer { id } errors { code message path } } }"""
    literally = """mutation { archiveCustomer(customer: %s) {
      customer { id } errors { code message path } } }"""

    for ref in ({}, {"id": customer["id"], "key": "acme"}, {"id": None}, {"key": None}):
        ((code, place),) = await sent(sqlite_api, document, ref=ref)
        assert (code, place.split(".")[:2]) == ("INVALID", ["variables", "ref"])
    for spelled in ("{}", '{id: "a", key: "b"}', "{key: null}"):
        found = await sent(sqlite_api, literally % spelled)
        assert set(found) <= {("INVALID", "customer"), ("INVALID", "customer.key")}
    (row,) = (await asked(sqlite_api, "{ customers { nodes { archivedAt } } }"))["nodes"]
    assert row["archivedAt"] is None


@pytest.mark.parametrize(
    ("metadata", "is_taken"),
    [
        ('{"a": 1e999999999}', False),
        ('{"a": 1e-999999999}', False),
        (f'{{"a": {"9" * 101}}}', False),
        (f'{{"a": {"9" * 100}}}', True),
        ('{"a": 0e999999999}', True),
        ('{"a": ' * 40 + "1" + "}" * 40, False),
        ('{"a": ' * 31 + "1" + "}" * 31, True),
        ('{"a": ' + "[" * 400 + "]" * 400 + "}", False),
    ],
)
async def test_json_without_end_is_refused(
    sqlite_api: Api, metadata: str, *, is_taken: bool
) -> None:
    given = f'{{"key": "k", "name": "n", "metadata": {metadata}}}'
    body = f'{{"query": {json.dumps(CREATE_CUSTOMER)}, "variables": {{"input": {given}}}}}'

    found = complaints(await sqlite_api.post(body.encode()))

    assert found == ([] if is_taken else [("INVALID", "variables.input.metadata")])
    assert (await counted_rows(sqlite_api))["customer"] == is_taken


async def test_a_page_size_beyond_32_bits_is_refused(sqlite_api: Api) -> None:
    document = "query ($first: Int) { customers(first: $first) { nodes { key } } }"

    assert await sent(sqlite_api, document, first=2**31) == [("INVALID", "variables.first")]
