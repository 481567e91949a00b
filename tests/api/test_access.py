"""Access: nothing without a key that works, and no word about what there would have been."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from graphql import GraphQLObjectType, is_required_argument

from fubble_gql.access import keys
from fubble_gql.api.schema import build_schema
from fubble_gql.errors import Unavailable
from tests.api.builders import a_customer, counted_rows
from tests.api.conftest import Api, read, running

CREATE = 'mutation { createCustomer(input: {key: "x", name: "X"}) { errors { code } } }'


def every_root_field() -> list[str]:
    """A document for each field of both roots, as bare as validation would allow or barer."""
    schema = build_schema()._schema
    found = []
    for kind, root in (("query", schema.query_type), ("mutation", schema.mutation_type)):
        assert isinstance(root, GraphQLObjectType)
        for name, field in root.fields.items():
            needed = [key for key, one in field.args.items() if is_required_argument(one)]
            arguments = f"({', '.join(f'{key}: null' for key in needed)})" if needed else ""
            found.append(f"{kind} {{ {name}{arguments} {{ __typename }} }}")
    return found


async def sent(api: Api, document: str, header: str | None) -> httpx.Response:
    """The answer to a document under an Authorization header."""
    del api.http.headers["Authorization"]
    try:
        headers = {} if header is None else {"Authorization": header}
        return await api.post(json.dumps({"query": document}).encode(), **headers)
    finally:
        api.http.headers["Authorization"] = f"Bearer {api.key}"


def is_refused(response: httpx.Response) -> bool:
    """Whether it is the one answer that strangers get."""
    body = read(response)
    (error,) = body["errors"]
    return (
        response.status_code == 401
        and response.headers["www-authenticate"] == "Bearer"
        and "data" not in body
        and error["extensions"]["code"] == "UNAUTHENTICATED"
        and error["message"].endswith("in the header Authorization: Bearer <key>.")
        and set(error) == {"message", "extensions"}
    )


async def test_every_root_field_wants_a_key(sqlite_api: Api) -> None:
    documents = every_root_field()
    before = await counted_rows(sqlite_api)

    for document in documents:
        assert is_refused(await sent(sqlite_api, document, None)), document

    assert len(documents) > 20
    assert await counted_rows(sqlite_api) == before


@pytest.mark.parametrize(
    "document",
    ["{", "{}", "{ nothing }", "{ viewer { nothing } }", "query A { viewer } query B { viewer }"],
)
async def test_what_is_wrong_with_a_document_is_told_to_nobody(
    sqlite_api: Api, document: str
) -> None:
    assert is_refused(await sent(sqlite_api, document, None))
    assert is_refused(await sent(sqlite_api, document, "Bearer fub_live_no"))


async def test_only_a_key_that_is_known_and_whole_is_taken(api: Api) -> None:
    key = api.key
    swapped = key[:-1] + ("a" if key[-1] != "a" else "b")
    other_id = key.replace(key.split("_")[2], "0" * 16)

    for header in (
        f"Bearer {swapped}",
        f"Bearer {other_id}",
        f"Bearer {key}x",
        f"Bearer {key} {key}",
        f"Bearer {key.upper()}",
        f"Basic {key}",
        f"Bearer{key}",
        key,
        "Bearer",
        "Bearer ",
        "",
        "Bearer \x01\x7f",
        "Bearer " + "x" * 5_000,
    ):
        assert is_refused(await sent(api, CREATE, header)), header
    assert (await sent(api, CREATE, f"bearer  {key} ")).status_code == 200
    assert (await counted_rows(api))["customer"] == 1


async def test_a_revoked_key_opens_nothing_from_then_on(api: Api) -> None:
    await a_customer(api)
    before = await sent(api, "{ viewer { role } }", f"Bearer {api.key}")

    await keys.revoke(api.connection, api.key.split("_")[2], api.clock())

    assert before.status_code == 200
    assert is_refused(await sent(api, "{ viewer { role } }", f"Bearer {api.key}"))
    assert is_refused(await sent(api, '{ customer(key: "acme") { key } }', f"Bearer {api.key}"))


@pytest.mark.parametrize(
    "document",
    [
        '{ customer(key: "acme") { key } }',
        '{ customer(key: "acme") { nothing } }',
        '{ customer(key: "acme") { key }',
        '{ customer(id: "nonsense") { key } }',
        "subscription { invoiceChanged { id } }",
        "query ($n: Int!) { customers(first: $n) { nodes { key } } }",
        CREATE,
    ],
)
async def test_a_key_that_worked_before_it_was_revoked_is_told_and_changes_nothing(
    api: Api, document: str
) -> None:
    await a_customer(api)
    key = f"Bearer {api.key}"
    await sent(api, document, key)
    before = await counted_rows(api)

    await keys.revoke(api.connection, api.key.split("_")[2], api.clock())

    for _ in range(2):
        assert is_refused(await sent(api, document, key))
    assert await counted_rows(api) == before


async def test_a_key_that_worked_does_not_let_others_in_by_its_id(api: Api) -> None:
    await sent(api, "{ viewer { role } }", f"Bearer {api.key}")

    assert is_refused(await sent(api, "{ viewer { role } }", f"Bearer {api.key[:-1]}!"))
    assert is_refused(await sent(api, "{ viewer { role } }", f"Bearer {api.key[:-43]}{'x' * 43}"))


async def test_a_database_that_cannot_tell_whose_key_it_is_lets_nobody_in(
    postgres_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = postgres_api
    await a_customer(api)

    async def away(*_: object) -> None:
        raise Unavailable

    monkeypatch.setattr(keys, "row_by", away)
    response = await sent(api, '{ customer(key: "acme") { key } }', f"Bearer {api.key}")

    assert response.status_code == 503
    assert "acme" not in response.text


async def test_a_stranger_costs_one_statement_at_most(api: Api) -> None:
    with api.statements() as of_nobody:
        await sent(api, '{ customer(key: "acme") { key } }', None)
    with api.statements() as of_a_stranger:
        await sent(api, '{ customer(key: "acme") { key } }', f"Bearer {api.key[:-1]}!")
    with api.statements() as of_a_forger:
        await sent(api, CREATE, f"Bearer fub_live_{'0' * 16}_{'x' * 43}")

    assert (len(of_nobody), len(of_a_stranger), len(of_a_forger)) == (0, 0, 1)


async def test_callers_that_come_together_share_their_first_statements(api: Api) -> None:
    made = [await a_customer(api, key=f"c{n}") for n in range(20)]
    document = "query ($id: ID!) { customer(id: $id) { key } }"

    with api.statements() as statements:
        answers = await asyncio.gather(*(api.ask(document, id=one["id"]) for one in made))

    assert [answer["customer"]["key"] for answer in answers] == [f"c{n}" for n in range(20)]
    assert len(statements) == 2


@pytest.mark.parametrize(
    "document",
    ["{ __typename }", "{ __schema { queryType { name } } }", '{ __type(name: "Query") { name } }'],
)
async def test_introspection_answers_without_a_key(sqlite_api: Api, document: str) -> None:
    response = await sent(sqlite_api, document, None)

    assert response.status_code == 200
    assert "errors" not in read(response)


async def test_introspection_turned_off_answers_nobody(sqlite_url: str) -> None:
    async with running(sqlite_url, introspection=False) as api:
        document = "{ __schema { queryType { name } } }"
        (error,) = await api.errors(document)
        assert error["extensions"]["code"] == "FORBIDDEN"
        assert (await sent(api, document, None)).status_code == 403


async def test_a_secret_is_stored_only_as_its_hash(api: Api) -> None:
    (row,) = await keys.list_keys(api.connection)

    assert api.key.split("_", 3)[3] not in repr(row)
    assert len(row.secret_sha256) == 64
