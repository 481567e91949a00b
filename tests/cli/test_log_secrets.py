"""Whatever clients send, wherever they send it, is not in the log."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from websockets.typing import Subprotocol

from tests.cli.running import PATIENCE_SECONDS, invoke, started

SECRET = "hunter2"  # noqa: S105
PROTOCOL = Subprotocol("graphql-transport-ws")
EMAIL = "jane.doe@example.com"
CREATE = "mutation Create($input: CreateCustomerInput!) { createCustomer(input: $input) { errors { code } } }"


def sent_everywhere(http: httpx.Client, key: str) -> None:
    """The secret as a key, a header, a cookie, a variable, a literal, an address and nonsense."""
    mine = {"Authorization": f"Bearer {key}"}
    customer = {"key": SECRET, "name": SECRET, "email": EMAIL, "currency": "EUR"}
    literal = f'{{ customer(key: "{SECRET}") {{ email }} missing }}'
    for headers in (mine, {"Authorization": f"Bearer {SECRET}"}, {"Authorization": SECRET}):
        headers |= {
            "X-Other": SECRET,
            "Cookie": f"token={SECRET}",
            "X-Request-Id": f"{SECRET}:{EMAIL}",
        }
        bodies: list[dict[str, Any]] = [
            {"query": CREATE, "variables": {"input": customer}},
            {"query": CREATE, "variables": {"input": {**customer, "currency": SECRET}}},
            {"query": CREATE, "variables": {"input": {**customer, "billingAddress": EMAIL}}},
            {"query": f'{{ customer(key: "{SECRET}") {{ email }} }}'},
            {"query": literal},
            {"query": SECRET + EMAIL},
            {"query": "{ viewer { role } }", "operationName": SECRET},
        ]
        for body in bodies:
            http.post("/graphql", json=body, headers=headers)
            http.get("/graphql", params={"query": body["query"]}, headers=headers)
        http.post("/graphql", content=f'{{"{SECRET}": {EMAIL}', headers=headers)
        for path in (f"/invoices/{SECRET}.pdf", f"/{SECRET}", f"/metrics?token={SECRET}"):
            http.get(path, headers=headers)


async def sent_over_a_socket(address: str) -> None:
    """As the token of a WebSocket, in its address and in its first message."""
    url = f"{address.replace('http', 'ws')}/graphql?token={SECRET}"
    try:
        async with websockets.connect(url, subprotocols=[PROTOCOL]) as socket:
            payload = {"Authorization": f"Bearer {SECRET}", "email": EMAIL}
            await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
            await socket.recv()
    except websockets.WebSocketException:
        pass


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_nothing_that_was_sent_is_logged(sqlite_url: str, tmp_path: Path) -> None:
    key = invoke("keys", "create", DATABASE_URL=sqlite_url).stdout.strip()
    token = "a-token-of-prometheus"  # noqa: S105
    settings = {"DATABASE_URL": sqlite_url, "METRICS_TOKEN": token, "SECRET_KEY": "s" * 32}
    with started("serve", "--port", "0", folder=tmp_path, **settings) as server:
        address = server.address()
        with httpx.Client(base_url=address, timeout=PATIENCE_SECONDS) as http:
            sent_everywhere(http, key)
            asyncio.run(sent_over_a_socket(address))
            http.get("/metrics", headers={"Authorization": f"Bearer {token}"})
            # The crash: its text would quote the statement, its cause the driver's words.
            with sqlite3.connect(sqlite_url.removeprefix("sqlite://")) as other:
                other.execute("alter table customer rename to hidden")
            sent_everywhere(http, key)
        assert server.stop() == 0
        log = server.err.read_text()
        assert {line["viewer"] for line in server.events("operation")} == {"OPERATOR", None}
        assert server.events("resolver failed")
    for secret in (SECRET, EMAIL, "jane", key, key.rpartition("_")[2], token, "s" * 32):
        assert secret not in log
