"""Asking as a customer, with a portal token."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx

from tests.api.builders import asked
from tests.api.conftest import Api, read

CREATE_SESSION = """
mutation ($customer: CustomerRef!, $ttlSeconds: Int) {
  createPortalSession(customer: $customer, ttlSeconds: $ttlSeconds) {
    token expiresAt url errors { code message path }
  }
}
"""


async def a_session(api: Api, customer: str = "acme", **more: object) -> dict[str, Any]:
    """A session of the customer with this key."""
    payload = await asked(api, CREATE_SESSION, customer={"key": customer}, **more)
    assert payload["errors"] == []
    return payload


async def as_customer(api: Api, customer: str = "acme") -> Api:
    """The same application, asked with a portal token."""
    token = (await a_session(api, customer))["token"]
    return with_token(api, token)


def with_token(api: Api, token: str) -> Api:
    """The same application, asked with this token."""
    http = httpx.AsyncClient(
        transport=api.http._transport,
        base_url=api.http.base_url,
        headers={"Authorization": f"Bearer {token}"},
    )
    return replace(api, http=http, key=token)


async def sent(api: Api, document: str, **variables: object) -> httpx.Response:
    """The whole response to a document."""
    return await api.post(json.dumps({"query": document, "variables": variables}).encode())


def code(response: httpx.Response) -> str:
    """The code of a response's only error."""
    (error,) = read(response)["errors"]
    found: str = error["extensions"]["code"]
    return found
