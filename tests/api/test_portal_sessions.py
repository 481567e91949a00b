"""Portal sessions: who gets a token, what it may do at all, and until when."""

from __future__ import annotations

import pytest

from tests.api.builders import a_customer, asked, counted_rows, refused
from tests.api.conftest import Api, read, running
from tests.api.portal import CREATE_SESSION, a_session, as_customer, code, sent, with_token

VIEWER = "{ viewer { role customer { key } } }"


async def test_a_token_is_for_one_customer_and_says_so(api: Api) -> None:
    await a_customer(api, "acme")
    await a_customer(api, "other")

    portal = await as_customer(api, "acme")

    assert await portal.ask(VIEWER) == {"viewer": {"role": "PORTAL", "customer": {"key": "acme"}}}
    assert await api.ask(VIEWER) == {"viewer": {"role": "OPERATOR", "customer": None}}


async def test_a_session_takes_a_quarter_of_an_hour_unless_said(sqlite_api: Api) -> None:
    await a_customer(sqlite_api)

    usual, longest = await a_session(sqlite_api), await a_session(sqlite_api, ttlSeconds=86_400)

    assert usual["expiresAt"] == "2026-05-10T12:15:00Z"
    assert longest["expiresAt"] == "2026-05-11T12:00:00Z"
    assert usual["url"] is None


async def test_an_expired_token_is_answered_like_none(sqlite_api: Api) -> None:
    await a_customer(sqlite_api)
    portal = await as_customer(sqlite_api)
    assert (await sent(portal, VIEWER)).status_code == 200

    sqlite_api.clock.set("2026-05-10T12:15:00Z")
    late = await sent(portal, VIEWER)

    assert (late.status_code, code(late)) == (401, "UNAUTHENTICATED")
    assert "data" not in read(late)


async def test_the_link_leads_to_where_the_portal_is_served(sqlite_url: str) -> None:
    page = "https://billing.example.com/portal/"
    async with running(sqlite_url, portal_url=page) as api:
        await a_customer(api)

        session = await a_session(api)

    assert session["url"] == f"{page}#token={session['token']}"


async def test_without_a_secret_key_there_are_no_sessions(sqlite_url: str) -> None:
    async with running(sqlite_url, secret_key=None) as api:
        await a_customer(api)

        payload = await asked(api, CREATE_SESSION, customer={"key": "acme"})

    (error,) = payload["errors"]
    assert (payload["token"], payload["expiresAt"], payload["url"]) == (None, None, None)
    assert error["code"] == "INVALID_STATE"
    assert "FUBBLE_SECRET_KEY" in error["message"]


async def test_a_session_is_refused_for_what_is_wrong(sqlite_api: Api) -> None:
    customer = await a_customer(sqlite_api)
    acme = {"id": customer["id"]}

    assert await refused(sqlite_api, CREATE_SESSION, customer={"key": "nobody"}) == [
        ("NOT_FOUND", "customer")
    ]
    assert await refused(sqlite_api, CREATE_SESSION, customer={"id": "met_1"}) == [
        ("INVALID", "customer.id")
    ]
    for seconds in (59, 86_401, -900):
        assert await refused(sqlite_api, CREATE_SESSION, customer=acme, ttlSeconds=seconds) == [
            ("INVALID", "ttlSeconds")
        ]


async def test_an_archived_customer_can_still_read(sqlite_api: Api) -> None:
    await a_customer(sqlite_api)
    await sqlite_api.ask(
        'mutation { archiveCustomer(customer: {key: "acme"}) { errors { code } } }'
    )

    portal = await as_customer(sqlite_api)

    assert (await portal.ask(VIEWER))["viewer"]["customer"] == {"key": "acme"}


async def test_a_token_of_another_deployment_opens_nothing(sqlite_api: Api) -> None:
    await a_customer(sqlite_api)
    token = (await a_session(sqlite_api))["token"]
    header, claims, signature = token.split(".")
    forged = with_token(sqlite_api, f"{header}.{claims}.{signature[::-1]}")

    assert (await sent(forged, VIEWER)).status_code == 401


MUTATIONS = [
    'mutation { createCustomer(input: {key: "x", name: "X"}) { errors { code } } }',
    'mutation { createPortalSession(customer: {key: "acme"}) { token } }',
    "mutation { recordUsage(events: []) { accepted } }",
    "mutation { nothing }",
    "query A { viewer { role } } mutation B { runBilling { created } }",
]


@pytest.mark.parametrize("document", MUTATIONS)
async def test_no_mutation_runs_with_a_portal_token(sqlite_api: Api, document: str) -> None:
    await a_customer(sqlite_api)
    portal = await as_customer(sqlite_api)
    before = await counted_rows(sqlite_api)
    body = {"query": document} | ({"operationName": "B"} if " B " in document else {})

    with sqlite_api.statements() as statements:
        response = await portal.http.post("/graphql", json=body)

    assert (response.status_code, code(response)) == (403, "FORBIDDEN")
    assert "data" not in read(response)
    assert statements == []
    assert await counted_rows(sqlite_api) == before


@pytest.mark.parametrize(
    "document", ["{ __schema { queryType { name } } }", '{ __type(name: "Query") { name } }']
)
async def test_the_schema_is_not_shown_to_a_portal_token(sqlite_api: Api, document: str) -> None:
    await a_customer(sqlite_api)
    portal = await as_customer(sqlite_api)

    response = await sent(portal, document)

    assert (response.status_code, code(response)) == (403, "FORBIDDEN")
    assert await portal.ask("{ __typename }") == {"__typename": "Query"}


async def test_mistakes_are_not_corrected_for_a_portal_token(sqlite_api: Api) -> None:
    await a_customer(sqlite_api)
    portal = await as_customer(sqlite_api)
    document = "{ viewr { role } customer(ky: 1) { nam } }"

    ours = [error["message"] for error in await sqlite_api.errors(document)]
    theirs = [error["message"] for error in await portal.errors(document)]

    assert any("Did you mean" in message for message in ours)
    assert not any("Did you mean" in message for message in theirs)
    assert len(theirs) == len(ours)
