"""The endpoint against nonsense: every answer is a clean one, and nothing leaks."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
from collections.abc import AsyncIterator

import pytest
from starlette.types import Message
from structlog.testing import capture_logs

from fubble_gql.api.http import GraphQLEndpoint
from fubble_gql.api.showing import MASKED
from tests.api.toy import SCHEMA, SECRET, client, code, first, open_context, post

GRAPHQL = "application/graphql-response+json"


NONSENSE: dict[str, bytes] = {
    "nothing": b"",
    "null": b"null",
    "a number": b"1",
    "a text": b'"x"',
    "a list": b"[]",
    "a batch": b'[{"query":"{__typename}"}]',
    "no query": b"{}",
    "bad UTF-8": b'{"query":"{echo(text:\\"\xff\\")}"}',
    "a UTF-16 body": '{"query":"{__typename}"}'.encode("utf-16"),
    "deep JSON": b'{"query":"{__typename}","variables":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": b'{"a":' * 100_000,
    "an endless integer": b'{"query":"{__typename}","variables":{"x":' + b"9" * 5_000 + b"}}",
    "an endless exponent": b'{"query":"{__typename}","variables":{"x":1e' + b"9" * 30 + b"}}",
    "NaN": b'{"query":"{__typename}","variables":{"x":NaN}}',
    "Infinity": b'{"query":"{__typename}","variables":{"x":-Infinity}}',
    "half a body": b'{"query":"{__type',
    "a NUL byte": b'{"query":"{__typename}","operationName":"\x00"}',
    "a query of null": b'{"query":null}',
    "a query of 1": b'{"query":1}',
    "an empty query": b'{"query":""}',
    "a blank query": b'{"query":"  "}',
    "a comment alone": b'{"query":"# nothing"}',
    "variables of 1": b'{"query":"{__typename}","variables":1}',
    "variables of text": b'{"query":"{__typename}","variables":"{}"}',
    "a list of variables": b'{"query":"{__typename}","variables":[]}',
    "a name of 1": b'{"query":"{__typename}","operationName":1}',
    "an unknown name": b'{"query":"query A{__typename}","operationName":"B"}',
    "an empty name": b'{"query":"query A{__typename}","operationName":""}',
    "extensions of text": b'{"query":"{__typename}","extensions":"x"}',
    "two operations": b'{"query":"query A{__typename} query B{__typename}"}',
    "two of one name": b'{"query":"query A{__typename} query A{echo}","operationName":"A"}',
    "a fragment alone": b'{"query":"fragment F on Query{__typename}"}',
    "a type definition": b'{"query":"type A { b: Int }"}',
    "no selection": b'{"query":"{}"}',
    "a syntax error": b'{"query":"{echo("}',
    "a subscription": b'{"query":"subscription {ticks}"}',
    "an unknown field": b'{"query":"{ecko}"}',
    "an unknown argument": b'{"query":"{echo(x:1)}"}',
    "an endless integer in the document": b'{"query":"{echo(number:' + b"9" * 5_000 + b')}"}',
    "a deep document": b'{"query":"' + b"{again" * 5_000 + b"}" * 5_000 + b'"}',
    "a circle of fragments": b'{"query":"{...F} fragment F on Query{...G} fragment G on Query{...F}"}',
    "a wrong variable": b'{"query":"query($n:Int!){echo(number:$n)}","variables":{"n":"a"}}',
    "a missing variable": b'{"query":"query($n:Int!){echo(number:$n)}"}',
    "an unknown type": b'{"query":"query($n:Nix){echo(number:$n)}"}',
    "an unpaired surrogate in the query": b'{"query":"{echo(text:\\"\\ud800\\")}"}',
    "NUL in the query": b'{"query":"{echo(text:\\"\\u0000\\")}"}',
    "NUL escaped in a literal": b'{"query":"{echo(text:\\"\\\\u0000\\")}"}',
    "NUL escaped in braces": b'{"query":"{echo(text:\\"\\\\u{0}\\")}"}',
    "a surrogate escaped in a literal": b'{"query":"{echo(text:\\"\\\\ud800\\")}"}',
    "NUL in the name": b'{"query":"{__typename}","operationName":"\\u0000"}',
    "NUL in a key": b'{"query":"{__typename}","variables":{"a\\u0000":1}}',
    "a surrogate in a key": b'{"query":"{__typename}","variables":{"a\\uDfff":1}}',
}


@pytest.mark.parametrize("accept", ["application/json", GRAPHQL, "*/*"])
@pytest.mark.parametrize("body", NONSENSE.values(), ids=NONSENSE.keys())
async def test_nonsense_gets_a_clean_refusal(body: bytes, accept: str) -> None:
    answer = await post(body, headers={"Accept": accept})
    assert answer.status_code in ((200, 400) if accept != GRAPHQL else (400,))
    assert code(answer) in {"INVALID", "LIMIT_EXCEEDED"}
    assert "data" not in answer.json()
    assert first(answer)["extensions"]["requestId"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        (b'{"a":["x",{"b":"\\u0000"}]}', ["variables", "a", "1", "b"]),
        (b'{"a":["x",{"b":{"\\ud800":1}}]}', ["variables", "a", "1", "b"]),
        (b'{"\\u0000":1}', ["variables"]),
        (b'{"a":{"b":[[],"\\ud83d\\ude00"],"c":"\\u0000"}}', ["variables", "a", "c"]),
    ],
)
async def test_a_text_that_cannot_be_stored_is_named(variables: bytes, place: list[str]) -> None:
    answer = await post(b'{"query":"{__typename}","variables":' + variables + b"}")
    assert first(answer)["extensions"]["path"] == place


async def test_a_deep_and_wide_body_takes_little_more_room_than_its_own() -> None:
    wide = b"[" * 300 + b",".join([b"1"] * 40_000) + b"]" * 300
    body = b'{"query":"{__typename}","x":"\\ud83d\\ude00","y":' + wide + b"}"
    await post({"query": "{__typename}"}, key=None)
    tracemalloc.start()
    answer = await post(body, key=None)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.status_code == 200
    assert most < 50 * len(body)


@pytest.mark.parametrize("body", NONSENSE.values(), ids=NONSENSE.keys())
async def test_without_a_key_nonsense_tells_nothing_of_the_schema(body: bytes) -> None:
    answer = await post(body, key=None)
    assert answer.status_code in (400, 401)
    assert "echo" not in answer.text
    assert "Query" not in answer.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": ""}, 415),
        ({"Content-Type": "application/json; charset=latin-1"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ({"Content-Encoding": "gzip"}, 415),
        ({"Accept": "text/csv"}, 406),
        ({"Accept": "application/json;q=0"}, 406),
        (
            {"Content-Type": 'application/json; charset="UTF-8"', "Content-Encoding": "identity"},
            200,
        ),
        ({"Accept": "application/xml, */*;q=0.1"}, 200),
    ],
)
async def test_headers_are_taken_at_their_word(headers: dict[str, str], status: int) -> None:
    answer = await post({"query": "{__typename}"}, headers=headers)
    assert answer.status_code == status
    assert status == 200 or code(answer) == "INVALID"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "QUERY"])
async def test_other_methods_are_told_what_is_allowed(method: str) -> None:
    async with client() as http:
        answer = await http.request(method, "/graphql")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, gzip", "identity, gzip"])
async def test_a_packed_body_is_not_unpacked(encoding: str) -> None:
    bomb = gzip.compress(b" " * 20_000_000)

    answer = await post(bomb, headers={"Content-Encoding": encoding})

    assert (answer.status_code, code(answer)) == (415, "INVALID")
    untold = await post(bomb)
    assert (untold.status_code, code(untold)) == (400, "INVALID")


async def test_a_body_is_limited_however_it_arrives() -> None:
    async def in_parts() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100

    answers = [
        await post(b" " * 2_000, body_bytes_max=1_000),
        await post(b" " * 2_000, body_bytes_max=1_000, headers={"Content-Length": "5"}),
    ]
    async with client(body_bytes_max=1_000) as http:
        header = {"Content-Type": "application/json"}
        answers.append(await http.post("/graphql", content=in_parts(), headers=header))
    assert [answer.status_code for answer in answers] == [413] * 3
    assert {code(answer) for answer in answers} == {"LIMIT_EXCEEDED"}


async def test_a_long_document_is_refused_by_its_tokens() -> None:
    answer = await post({"query": "{" + "echo " * 200 + "}"}, document_tokens_max=100)
    assert code(answer) == "LIMIT_EXCEEDED"


async def test_unstorable_text_is_named_by_its_path() -> None:
    body = b'{"query":"mutation($i:RecordInput!){record(input:$i)}","variables":{"i":{"name":"\\u0000"}}}'
    assert first(await post(body))["extensions"]["path"] == ["variables", "i", "name"]
    body = body.replace(b'"\\u0000"', b'["a",{"b":"\\ud83d"}]')
    path = ["variables", "i", "name", "1", "b"]
    assert first(await post(body))["extensions"]["path"] == path
    literal = first(await post({"query": '{ echo(text: """ok""", x: "\\u0000") }'}))
    assert literal["extensions"]["path"] == ["query"]
    assert literal["locations"] == [{"line": 1, "column": 27}]


async def test_an_emoji_spelled_as_a_pair_is_ordinary_text() -> None:
    body = b'{"query":"query($t:String!){echo(text:$t)}","variables":{"t":"\\ud83d\\ude00"}}'
    assert (await post(body)).json() == {"data": {"echo": "😀0"}}


async def test_a_wrong_variable_names_the_field_and_the_value() -> None:
    query = "mutation($input: RecordInput!) { record(input: $input) }"
    events = b'{"quantity":1},{"quantity":1.50},{"quantity":1,"nme":"x"}'
    body = b'{"query":"%b","variables":{"input":{"events":[%b]}}}' % (query.encode(), events)
    fraction, misspelt = (await post(body)).json()["errors"]
    assert fraction["message"] == "Int cannot represent non-integer value: 1.50"
    assert fraction["extensions"]["path"] == ["variables", "input", "events", "1", "quantity"]
    assert misspelt["message"].endswith("unknown field 'nme'. Did you mean 'name'?")
    assert misspelt["extensions"]["path"] == ["variables", "input", "events", "2"]
    assert fraction["locations"] == [{"line": 1, "column": 10}]


async def test_no_message_repeats_a_long_value() -> None:
    query = "query($n: Int!) { echo(number: $n) }"
    answer = await post({"query": query, "variables": {"n": "x" * 100_000}})
    assert len(first(answer)["message"]) <= 501


@pytest.mark.parametrize(
    "query", ["{ecko}", "{echo(txt: 1)}", "query($x: RecordInptu){echo(text: $x)}"]
)
async def test_suggestions_can_be_turned_off(query: str) -> None:
    assert "Did you mean" in first(await post({"query": query}))["message"]
    assert "Did you mean" not in first(await post({"query": query}, suggestions=False))["message"]


async def test_what_a_scalar_stumbles_over_is_not_told() -> None:
    error = first(await post({"query": "{echo(number: %s)}" % ("9" * 5_000)}))
    assert error["message"] == "Expected value of type 'Int'."


@pytest.mark.parametrize("field", ["boom", "wrong"])
async def test_a_surprise_is_logged_and_masked(field: str) -> None:
    with capture_logs() as logs:
        answer = await post({"query": f"{{{field} __typename}}"}, headers={"X-Request-Id": "r-1"})
    assert answer.json() == {
        "data": {field: None, "__typename": "Query"},
        "errors": [
            {
                "message": MASKED,
                "locations": [{"line": 1, "column": 2}],
                "path": [field],
                "extensions": {"code": "INTERNAL", "requestId": "r-1"},
            }
        ],
    }
    surprise, operation = logs
    assert (surprise["request_id"], surprise["path"]) == ("r-1", [field])
    assert surprise["exc_info"] is not None
    assert (operation["request_id"], operation["codes"]) == ("r-1", ["INTERNAL"])


async def test_an_error_with_a_code_is_shown_as_it_is() -> None:
    error = first(await post({"query": "{missing}"}))
    assert (error["message"], error["path"]) == ("No such record.", ["missing"])
    assert error["extensions"]["code"] == "NOT_FOUND"


async def test_a_database_that_cannot_answer_is_worth_a_repetition() -> None:
    answer = await post({"query": "{echo}"}, key="broken")
    assert (answer.status_code, code(answer)) == (503, "SERVICE_UNAVAILABLE")
    assert SECRET not in answer.text


async def test_a_crash_outside_of_resolvers_is_masked_too() -> None:
    answer = await post({"query": "{echo}"}, key="crash", headers={"X-Request-Id": "r-2"})
    assert (answer.status_code, first(answer)["message"]) == (500, MASKED)
    assert first(answer)["extensions"] == {"code": "INTERNAL", "requestId": "r-2"}
    assert answer.headers["x-request-id"] == "r-2"


@pytest.mark.parametrize("sent", ["", "a b", "x" * 65, "a\tb"])
async def test_an_odd_request_id_is_replaced(sent: str) -> None:
    answer = await post({"query": "{echo}"}, headers={"X-Request-Id": sent})
    assert answer.headers["x-request-id"] not in ("", sent)


async def test_numbers_travel_exactly() -> None:
    body = b'{"query":"query($j:JSON!){value(json:$j)}","variables":{"j":[%b,{"a":null}]}}'
    big = b"9" * 4_000
    assert (await post(body % big)).json() == {"data": {"value": [int(big), {"a": None}]}}
    crashed = await post(body % b"0.1")  # a scalar must write its Decimals as text
    assert (crashed.status_code, code(crashed)) == (500, "INTERNAL")


async def test_a_query_may_come_by_address() -> None:
    parameters = {
        "query": "query A($n: Int!) { echo(number: $n) }",
        "variables": '{"n": 5}',
        "operationName": "A",
        "extensions": "",
    }
    async with client() as http:
        assert (await http.get("/graphql", params=parameters)).json() == {"data": {"echo": "5"}}
        for wrong in ({"variables": "[]"}, {"variables": "{"}, {"query": ""}, {"query": "\0"}):
            answer = await http.get("/graphql", params=parameters | wrong)
            assert (answer.status_code, code(answer)) == (400, "INVALID")
        assert code(await http.get("/graphql?query=%ff")) == "INVALID"


async def test_a_mutation_never_runs_by_address() -> None:
    query = "mutation { record(input: {}) }"
    async with client() as http:
        answer = await http.get("/graphql", params={"query": query})
    assert (answer.status_code, answer.headers["allow"], code(answer)) == (405, "POST", "INVALID")


async def test_a_client_that_goes_away_breaks_nothing() -> None:
    endpoint = GraphQLEndpoint(SCHEMA, open_context, body_bytes_max=100)
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"authorization", b"Bearer good")]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers, "query_string": b""}
    await endpoint(scope, receive, send)
    assert sent[0]["status"] == 400


async def test_errors_of_concurrent_requests_stay_apart() -> None:
    query = "query($n: Int!) { echo(number: $n) }"
    calls = [post({"query": query, "variables": {"n": f"v{n}"}}) for n in range(20)]
    answers = await asyncio.gather(*calls)
    assert all(f"'v{n}'" in first(answer)["message"] for n, answer in enumerate(answers))
