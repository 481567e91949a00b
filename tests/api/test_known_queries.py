"""A document that was sent before is answered as it was the first time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.builders import a_customer
from tests.api.conftest import Api

PAGES = """query ($outer: Int, $inner: Int, $key: String) {
  customers(first: $outer) { nodes { key invoices(first: $inner) { nodes { id lines { id } } } } }
  customer(key: $key) { name }
}"""


async def _sent(api: Api, document: str, **sent: Any) -> tuple[int, bytes]:  # noqa: ANN401 - JSON
    body = json.dumps({"query": document, **sent}).encode()
    answer = await api.post(body, **{"X-Request-Id": "same"})
    return answer.status_code, answer.content


@pytest.mark.parametrize(
    "sent",
    [
        {"variables": {"outer": 2, "inner": 3, "key": "acme"}, "extensions": {"cost": True}},
        {"variables": {"outer": 100, "inner": 100, "key": "acme"}},
        {"variables": {"outer": 10**12, "key": "acme"}},
        {"variables": {"outer": 0, "key": "acme"}},
        {"variables": {"outer": True, "key": "acme"}},
        {"variables": {"outer": "two", "key": "acme"}},
        {"variables": {"outer": [2], "key": "acme"}},
        {"variables": {"outer": None, "inner": None, "key": "nobody"}},
        {"variables": {}},
        {},
        {"variables": {"outer": 2, "key": "acme", "unknown": 1}, "operationName": "Other"},
    ],
)
async def test_it_is_judged_by_its_variables_each_time(api: Api, sent: dict[str, Any]) -> None:
    await a_customer(api)
    first = await _sent(api, PAGES, **sent)
    assert await _sent(api, PAGES, variables={"outer": 1, "inner": 1, "key": "acme"}) == (
        200,
        b'{"data":{"customers":{"nodes":[{"key":"acme","invoices":{"nodes":[]}}]},'
        b'"customer":{"name":"Acme"}}}',
    )
    assert await _sent(api, PAGES, **sent) == first


async def test_its_cost_is_told_to_whoever_asks(api: Api) -> None:
    variables = {"outer": 2, "inner": 3, "key": "acme"}
    costs = [
        json.loads((await _sent(api, PAGES, variables=variables, extensions=asked))[1])
        for asked in ({"cost": True}, {"cost": True}, {}, {"cost": True})
    ]
    assert costs[0] == costs[1] == costs[3]
    assert costs[0]["extensions"]["cost"]["requested"] > 0
    assert "extensions" not in costs[2]


async def test_pages_as_large_as_the_limits_allow_are_refused_where_they_multiply(api: Api) -> None:
    document = """query ($n: Int) { customers(first: $n) { nodes { invoices(first: $n) { nodes {
        lines { usageEvents(first: $n) { nodes { id } } } } } } } }"""
    for _ in range(2):
        assert (await _sent(api, document, variables={"n": 1}))[0] == 200
        _, refused = await _sent(api, document, variables={"n": 100})
        assert json.loads(refused)["errors"][0]["extensions"]["limit"] == "cost"
        assert "data" not in json.loads(refused)


async def test_mutations_are_done_each_time(api: Api) -> None:
    document = """mutation ($key: String!) {
      createCustomer(input: {key: $key, name: "A"}) { customer { key } errors { code } } }"""
    for key in ("one", "two", "one"):
        status, content = await _sent(api, document, variables={"key": key})
        assert (status, json.loads(content)["data"]["createCustomer"]["customer"]) == (
            200,
            {"key": key},
        )
