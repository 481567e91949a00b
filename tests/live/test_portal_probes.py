"""Watching what is not its own with a portal token: as if there were no such thing."""

from __future__ import annotations

from typing import Any

from tests.api.portal import a_session
from tests.api.probes import malformed_ids, unknown_id
from tests.api.two_customers import two_customers
from tests.live.conftest import Place
from tests.live.sockets import Line

USAGE_BY_ID = 'subscription ($x: ID!) { usage(customer: {id: $x}, metric: "calls") { quantity } }'
USAGE_BY_KEY = (
    'subscription ($x: String!) { usage(customer: {key: $x}, metric: "calls") { quantity } }'
)
USAGE_OF = 'subscription ($x: String!) { usage(customer: {key: "acme"}, metric: $x) { quantity } }'
PREVIEW = "subscription ($x: ID!) { invoicePreview(subscriptionId: $x) { asOf } }"
CHANGED_BY_ID = "subscription ($x: ID!) { invoiceChanged(customer: {id: $x}) { id } }"
CHANGED_BY_KEY = "subscription ($x: String!) { invoiceChanged(customer: {key: $x}) { id } }"


async def told(place: Place, line: Line, document: str, value: str) -> tuple[Any, list[str]]:
    """All that a caller learns who tries a value, which must be an error; and what it cost."""
    with place.api.statements() as statements:
        id = await line.subscribe(document, x=value)
        message = await line.receive()
    assert (message["type"], message["id"]) == ("error", id), (document, value, message)
    for error in message["payload"]:
        error["message"] = error["message"].replace(repr(value), "X")
        error["extensions"].pop("requestId", None)
    return message["payload"], statements


async def test_what_is_not_its_own_cannot_be_told_from_what_there_is_not(place: Place) -> None:
    acme, rival = await two_customers(place.api)
    token = (await a_session(place.api, "acme"))["token"]
    customers = (unknown_id("cus"), *malformed_ids("cus"), "x", rival.customer["id"])
    subscriptions = (unknown_id("sub"), *malformed_ids("sub"), "x", rival.subscription["id"])
    tried = {
        USAGE_BY_ID: customers,
        USAGE_BY_KEY: ("nobody", "", "rival"),
        USAGE_OF: ("nobody", "", "rival_used", "rival_sum", "rival_stray"),
        PREVIEW: (*subscriptions, rival.customer["id"], acme.customer["id"]),
        CHANGED_BY_ID: customers,
        CHANGED_BY_KEY: ("nobody", "", "rival"),
    }

    async with place.dial(token) as line:
        for document, values in tried.items():
            answers = [await told(place, line, document, value) for value in values]
            assert answers == [answers[0]] * len(values), document
            assert answers[0][1], document
