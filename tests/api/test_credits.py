"""Credit over GraphQL: granted, shown with its ledger, expired to the instant, cancelled."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from fubble_gql.credits import ledger
from fubble_gql.credits.ledger import InvoiceDraw, Remainder
from tests.api.builders import Json, a_customer, asked, counted_rows, made, refused
from tests.api.conftest import Api

GRANT = """
mutation ($input: GrantCreditInput!) {
  grantCredit(input: $input) { creditGrant { ...grant } errors { code message path } }
}
"""
CANCEL = """
mutation ($id: ID!) {
  cancelCredit(creditGrantId: $id) { creditGrant { ...grant } errors { code message path } }
}
"""
FRAGMENT = """
fragment grant on CreditGrant {
  id type status amount { amount currency } remaining { amount currency } priority description
  effectiveAt expiresAt createdAt customer { key }
  transactions { id amount { amount currency } balance { amount currency } description createdAt }
}
"""
LIST = """
query ($key: String!, $first: Int, $after: String, $last: Int, $before: String,
       $status: CreditStatus) {
  customer(key: $key) {
    creditBalance { amount currency }
    creditGrants(first: $first, after: $after, last: $last, before: $before, status: $status) {
      nodes { ...grant } edges { cursor } totalCount
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
}
"""
NODE = "query ($id: ID!) { node(id: $id) { __typename id ...grant } }"
NOW = "2026-05-10T12:00:00Z"


def granting(amount: object = "100", customer: str = "acme", **more: object) -> Json:
    """The input that grants acme 100, unless said."""
    return {"customer": {"key": customer}, "amount": amount, **more}


async def a_grant(api: Api, amount: object = "100", customer: str = "acme", **more: object) -> Json:
    """A grant."""
    return await made(api, GRANT + FRAGMENT, input=granting(amount, customer, **more))


async def why_not(api: Api, **input: object) -> list[tuple[str, str]]:
    """Why a grant was refused; nothing was stored."""
    before = await counted_rows(api)
    found = await refused(api, GRANT + FRAGMENT, input={**granting(), **input})
    assert await counted_rows(api) == before
    return found


async def cancelled(api: Api, grant: Json) -> Json:
    """The grant after it was cancelled."""
    return await made(api, CANCEL + FRAGMENT, id=grant["id"])


async def listed(api: Api, customer: str = "acme", **arguments: object) -> Json:
    """A page of a customer's grants."""
    found = await asked(api, LIST + FRAGMENT, key=customer, **arguments)
    grants = found["creditGrants"]
    assert isinstance(grants, dict)
    return grants


async def balance(api: Api, customer: str = "acme") -> str:
    """What a customer can spend now."""
    found = await asked(api, LIST + FRAGMENT, key=customer)
    amount = found["creditBalance"]["amount"]
    assert isinstance(amount, str)
    return amount


def row_id(made_: Json) -> UUID:
    """The row's own id."""
    return UUID(made_["id"].split("_")[1])


async def draw(api: Api, grant: Json, amount: str, invoice: UUID | None = None) -> UUID:
    """Let an invoice draw on a grant; the invoice's id."""
    invoice = invoice or uuid4()
    entry = InvoiceDraw(invoice, row_id(grant), Decimal(amount), "Invoice INV-1")
    await api.connection.transaction(lambda tx: ledger.draw(tx, [entry], api.clock.now))
    return invoice


async def shown(api: Api, grant: Json) -> Json:
    """A grant by its id."""
    found = await asked(api, NODE + FRAGMENT, id=grant["id"])
    assert found.pop("__typename") == "CreditGrant"
    return found


def entries(grant: Json) -> list[tuple[str, str, str]]:
    """The ledger of a grant: amounts, what remained, why."""
    return [
        (one["amount"]["amount"], one["balance"]["amount"], one["description"])
        for one in grant["transactions"]
    ]


async def test_a_grant_is_prepaid_and_never_expires_unless_said(api: Api) -> None:
    await a_customer(api)

    grant = await a_grant(api, "12.5")

    money = {"amount": "12.50", "currency": "USD"}
    (entry,) = grant["transactions"]
    assert grant == {
        "id": grant["id"],
        "type": "PREPAID",
        "status": "ACTIVE",
        "amount": money,
        "remaining": money,
        "priority": 50,
        "description": None,
        "effectiveAt": NOW,
        "expiresAt": None,
        "createdAt": NOW,
        "customer": {"key": "acme"},
        "transactions": [
            {
                "id": entry["id"],
                "amount": money,
                "balance": money,
                "description": "Granted",
                "createdAt": NOW,
            }
        ],
    }
    assert grant["id"].startswith("crd_")
    assert entry["id"].startswith("ctx_")
    assert await shown(api, grant) == grant
    assert (await listed(api))["nodes"] == [grant]
    assert await balance(api) == "12.50"


async def test_everything_that_is_said_of_a_grant_is_kept(api: Api) -> None:
    customer = await a_customer(api, currency="KWD")
    said = {
        "type": "PROMOTIONAL",
        "priority": 0,
        "description": "Welcome",
        "effectiveAt": "2026-05-01T00:00:00Z",
        "expiresAt": "2026-08-01T00:00:00.000001Z",
    }

    given = {"customer": {"id": customer["id"]}, "amount": "0.005", **said}
    grant = await made(api, GRANT + FRAGMENT, input=given)

    assert {name: grant[name] for name in said} == said
    assert grant["amount"] == {"amount": "0.005", "currency": "KWD"}
    assert (await asked(api, LIST + FRAGMENT, key="acme"))["creditBalance"] == {
        "amount": "0.005",
        "currency": "KWD",
    }


@pytest.mark.parametrize("type", ["PREPAID", "REFUND", "PROMOTIONAL", "ADJUSTMENT"])
async def test_an_operator_may_grant_credit_of_every_type(sqlite_api: Api, type: str) -> None:
    await a_customer(sqlite_api)

    assert (await a_grant(sqlite_api, type=type))["type"] == type


async def test_the_largest_amount_is_kept_to_the_last_cent(api: Api) -> None:
    await a_customer(api)

    grant = await a_grant(api, "99999999999999999999.99")
    await draw(api, grant, "0.01")

    assert (await shown(api, grant))["remaining"]["amount"] == "99999999999999999999.98"


WRONG: dict[str, tuple[Json, list[str]]] = {
    "nothing": ({"amount": "0"}, ["amount"]),
    "less than nothing": ({"amount": "-1"}, ["amount"]),
    "finer than a cent": ({"amount": "1.001"}, ["amount"]),
    "a priority below 0": ({"priority": -1}, ["priority"]),
    "a priority above 1,000": ({"priority": 1_001}, ["priority"]),
    "a long description": ({"description": "x" * 10_001}, ["description"]),
    "an end at the start": (
        {"effectiveAt": "2026-06-01T00:00:00Z", "expiresAt": "2026-06-01T00:00:00Z"},
        ["expiresAt"],
    ),
    "an end before the start": (
        {"effectiveAt": "2026-06-02T00:00:00Z", "expiresAt": "2026-06-01T00:00:00Z"},
        ["expiresAt"],
    ),
    "an end that is now": ({"expiresAt": NOW}, ["expiresAt"]),
    "an end in the past": (
        {"effectiveAt": "2026-04-01T00:00:00Z", "expiresAt": "2026-05-10T11:59:59Z"},
        ["expiresAt"],
    ),
    "an end that is now after a start in the past": (
        {"effectiveAt": "2026-04-01T00:00:00Z", "expiresAt": NOW},
        ["expiresAt"],
    ),
    "a blank key": ({"idempotencyKey": " "}, ["idempotencyKey"]),
    "a long key": ({"idempotencyKey": "x" * 256}, ["idempotencyKey"]),
    "all at once": (
        {"amount": "0.005", "priority": -1, "description": "x" * 10_001, "expiresAt": NOW},
        ["amount", "priority", "description", "expiresAt"],
    ),
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_cannot_be_granted_is_refused_with_every_reason(
    sqlite_api: Api, name: str
) -> None:
    await a_customer(sqlite_api)
    input, fields = WRONG[name]

    assert await why_not(sqlite_api, **input) == [("INVALID", f"input.{one}") for one in fields]


async def test_an_amount_has_as_many_decimals_as_its_currency(sqlite_api: Api) -> None:
    await a_customer(sqlite_api, "tokyo", currency="JPY")
    tokyo = {"key": "tokyo"}

    wrong = await why_not(sqlite_api, customer=tokyo, amount="1.5")
    grant = await a_grant(sqlite_api, "2.000", "tokyo")

    assert wrong == [("INVALID", "input.amount")]
    assert grant["amount"] == {"amount": "2", "currency": "JPY"}


async def test_a_customer_that_there_is_not_is_refused(api: Api) -> None:
    customer = await a_customer(api)
    unknown = customer["id"][:-4] + "0000"

    for nobody in ({"key": "nobody"}, {"id": unknown}):
        assert await why_not(api, customer=nobody) == [("NOT_FOUND", "input.customer")]
    for no_id in ("garbage", "plan_" + "0" * 32):
        assert await why_not(api, customer={"id": no_id}) == [("INVALID", "input.customer.id")]


async def test_an_archived_customer_keeps_its_credit_and_gets_no_more(api: Api) -> None:
    await a_customer(api)
    grant = await a_grant(api, idempotencyKey="once")
    archive = 'mutation { archiveCustomer(customer: {key: "acme"}) { errors { code } } }'
    await api.ask(archive)

    assert await why_not(api) == [("INVALID_STATE", "input.customer")]
    assert await balance(api) == "100.00"
    assert await a_grant(api, idempotencyKey="once") == grant
    assert (await cancelled(api, grant))["status"] == "CANCELLED"


async def test_the_ledger_shows_every_entry_with_what_remained(api: Api) -> None:
    await a_customer(api)
    grant = await a_grant(api, "50")
    api.clock.set("2026-06-01T00:00:00Z")
    invoice = await draw(api, grant, "20.05")
    await draw(api, grant, "29.95")

    spent = await shown(api, grant)
    await api.connection.transaction(
        lambda tx: ledger.give_back(tx, invoice, "Invoice INV-1 was voided", api.clock.now)
    )
    returned = await shown(api, grant)

    assert entries(spent) == [
        ("50.00", "50.00", "Granted"),
        ("-20.05", "29.95", "Invoice INV-1"),
        ("-29.95", "0.00", "Invoice INV-1"),
    ]
    assert (spent["status"], spent["remaining"]["amount"]) == ("CONSUMED", "0.00")
    assert entries(returned)[3:] == [("20.05", "20.05", "Invoice INV-1 was voided")]
    assert returned["transactions"][:3] == spent["transactions"]
    assert (returned["status"], returned["remaining"]["amount"]) == ("ACTIVE", "20.05")
    assert [one["createdAt"] for one in returned["transactions"]] == [
        NOW,
        *["2026-06-01T00:00:00Z"] * 3,
    ]


async def test_a_grant_is_gone_at_the_instant_that_it_expires(api: Api) -> None:
    await a_customer(api)
    grant = await a_grant(api, expiresAt="2026-06-01T00:00:00Z")

    async def seen(instant: str) -> tuple[str, str, str]:
        api.clock.set(instant)
        found = await shown(api, grant)
        assert len(found["transactions"]) == 1
        return found["status"], found["remaining"]["amount"], await balance(api)

    assert await seen("2026-05-31T23:59:59.999999Z") == ("ACTIVE", "100.00", "100.00")
    assert await seen("2026-06-01T00:00:00Z") == ("EXPIRED", "100.00", "0.00")


async def test_a_grant_counts_from_the_instant_that_it_takes_effect(api: Api) -> None:
    await a_customer(api)
    grant = await a_grant(api, effectiveAt="2026-06-01T00:00:00Z")

    api.clock.set("2026-05-31T23:59:59.999999Z")
    assert (await shown(api, grant))["status"] == "ACTIVE"
    assert await balance(api) == "0.00"
    api.clock.set("2026-06-01T00:00:00Z")
    assert await balance(api) == "100.00"


async def test_cancelling_takes_back_what_remains_once(api: Api) -> None:
    await a_customer(api)
    grant = await a_grant(api)
    await draw(api, grant, "30")
    api.clock.set("2026-05-11T00:00:00Z")

    found = await cancelled(api, grant)
    api.clock.set("2026-05-12T00:00:00Z")
    again = await cancelled(api, grant)

    assert found["status"] == "CANCELLED"
    assert found["remaining"]["amount"] == "0.00"
    assert found["amount"]["amount"] == "100.00"
    assert entries(found)[2:] == [("-70.00", "0.00", "Cancelled")]
    assert again == found
    assert await balance(api) == "0.00"


async def test_cancelling_what_was_consumed_enters_nothing(api: Api) -> None:
    await a_customer(api)
    grant = await a_grant(api)
    await draw(api, grant, "100")

    found = await cancelled(api, grant)

    assert found["status"] == "CANCELLED"
    assert len(found["transactions"]) == 2


async def test_an_expired_grant_can_be_cancelled(api: Api) -> None:
    await a_customer(api)
    grant = await a_grant(api, expiresAt="2026-06-01T00:00:00Z")
    api.clock.set("2026-06-01T00:00:00Z")

    found = await cancelled(api, grant)

    assert (found["status"], found["remaining"]["amount"]) == ("CANCELLED", "0.00")


async def test_a_grant_that_there_is_not_cannot_be_cancelled(api: Api) -> None:
    customer = await a_customer(api)
    entry = (await a_grant(api))["transactions"][0]

    async def why(id: str) -> list[tuple[str, str]]:
        return await refused(api, CANCEL + FRAGMENT, id=id)

    assert await why("crd_" + "0" * 32) == [("NOT_FOUND", "creditGrantId")]
    for id in (customer["id"], entry["id"], "garbage", "crd_7"):
        assert await why(id) == [("INVALID", "creditGrantId")]


async def test_grants_show_their_priority_and_are_listed_the_oldest_first(api: Api) -> None:
    await a_customer(api)
    for day, priority in ((1, 1_000), (2, 0), (3, 50)):
        api.clock.set(f"2026-06-0{day}T00:00:00Z")
        await a_grant(api, priority=priority)

    nodes = (await listed(api))["nodes"]

    assert [node["priority"] for node in nodes] == [1_000, 0, 50]
    assert [node["createdAt"][8:10] for node in nodes] == ["01", "02", "03"]


async def test_grants_are_paged_from_both_ends(api: Api) -> None:
    await a_customer(api)
    await a_customer(api, "other")
    ids = [(await a_grant(api, n))["id"] for n in range(1, 6)]
    await a_grant(api, "7", "other")

    first = await listed(api, first=2)
    second = await listed(api, first=2, after=first["pageInfo"]["endCursor"])
    last = await listed(api, last=2)
    before = await listed(api, last=2, before=last["pageInfo"]["startCursor"])

    assert [[node["id"] for node in page["nodes"]] for page in (first, second, before, last)] == [
        ids[:2],
        ids[2:4],
        ids[1:3],
        ids[3:],
    ]
    assert [page["pageInfo"]["hasNextPage"] for page in (first, second, last)] == [
        True,
        True,
        False,
    ]
    assert [page["totalCount"] for page in (first, second, last)] == [5, 5, 5]


async def test_grants_are_filtered_by_what_they_are_now(api: Api) -> None:
    await a_customer(api)
    active = await a_grant(api)
    scheduled = await a_grant(api, effectiveAt="2026-07-01T00:00:00Z")
    expired = await a_grant(api, expiresAt="2026-06-01T00:00:00Z")
    consumed = await a_grant(api, expiresAt="2026-06-01T00:00:00Z")
    await draw(api, consumed, "100")
    gone = await a_grant(api, expiresAt="2026-06-01T00:00:00Z")
    await cancelled(api, gone)

    async def found(status: str) -> list[str]:
        page = await listed(api, status=status)
        assert all(node["status"] == status for node in page["nodes"])
        assert page["totalCount"] == len(page["nodes"])
        return [node["id"] for node in page["nodes"]]

    def ids(*grants: Json) -> list[str]:
        return [grant["id"] for grant in grants]

    assert await found("ACTIVE") == ids(active, scheduled, expired)
    assert await found("EXPIRED") == []
    api.clock.set("2026-06-01T00:00:00Z")
    assert await found("ACTIVE") == ids(active, scheduled)
    assert await found("EXPIRED") == ids(expired)
    assert await found("CONSUMED") == ids(consumed)
    assert await found("CANCELLED") == ids(gone)
    assert (await listed(api, status=None))["totalCount"] == 5


async def test_the_balance_is_what_can_be_spent_of_all_grants(api: Api) -> None:
    await a_customer(api)
    await a_customer(api, "other")
    assert await balance(api) == "0.00"

    await a_grant(api, "0.10")
    await a_grant(api, "0.20", expiresAt="2026-06-01T00:00:00Z")
    await a_grant(api, "400", effectiveAt="2026-07-01T00:00:00Z")
    await cancelled(api, await a_grant(api, "8000"))
    await draw(api, await a_grant(api, "5"), "4.99")

    assert await balance(api) == "0.31"
    assert await balance(api, "other") == "0.00"


async def test_what_an_invoice_leaves_is_shown_as_a_grant(api: Api) -> None:
    customer = await a_customer(api)
    left = Remainder(row_id(customer), uuid4(), Decimal("3.5"), "Invoice INV-1 was below zero")
    await api.connection.transaction(lambda tx: ledger.grant_remainders(tx, [left], api.clock.now))

    (node,) = (await listed(api))["nodes"]

    assert (node["type"], node["status"], node["remaining"]["amount"]) == (
        "ADJUSTMENT",
        "ACTIVE",
        "3.50",
    )
    assert entries(node) == [("3.50", "3.50", "Invoice INV-1 was below zero")]


async def test_the_same_key_and_input_give_the_same_grant(api: Api) -> None:
    customer = await a_customer(api)
    given = granting(idempotencyKey="once", expiresAt="2026-06-01T00:00:00Z")
    first = await made(api, GRANT + FRAGMENT, input=given)
    spelled = {
        **given,
        "customer": {"id": customer["id"]},
        "amount": "100.000",
        "type": "PREPAID",
        "priority": 50,
        "expiresAt": "2026-06-01T02:00:00+02:00",
    }

    assert await made(api, GRANT + FRAGMENT, input=spelled) == first
    assert await balance(api) == "100.00"
    await draw(api, first, "1")
    api.clock.set("2027-01-01T00:00:00Z")
    later = await made(api, GRANT + FRAGMENT, input=given)
    assert (later["id"], later["status"], later["remaining"]["amount"]) == (
        first["id"],
        "EXPIRED",
        "99.00",
    )
    assert (await counted_rows(api))["credit_grant"] == 1


OTHER_INPUTS: Json = {
    "customer": {"key": "other"},
    "amount": "100.01",
    "type": "REFUND",
    "priority": 51,
    "description": "x",
    "effectiveAt": NOW,
    "expiresAt": "2026-06-02T00:00:00Z",
}


@pytest.mark.parametrize("name", OTHER_INPUTS)
async def test_the_same_key_with_another_input_names_the_field(api: Api, name: str) -> None:
    await a_customer(api)
    await a_customer(api, "other")
    given = granting(idempotencyKey="once", expiresAt="2026-06-01T00:00:00Z")
    first = await made(api, GRANT + FRAGMENT, input=given)

    payload = await asked(api, GRANT + FRAGMENT, input={**given, name: OTHER_INPUTS[name]})

    (error,) = payload["errors"]
    assert (error["code"], error["path"]) == ("IDEMPOTENCY_MISMATCH", ["input", name])
    assert f"another {name};" in error["message"]
    assert await made(api, GRANT + FRAGMENT, input=given) == first
    assert (await counted_rows(api))["credit_grant"] == 1


async def test_without_a_key_each_call_grants(api: Api) -> None:
    await a_customer(api)

    await a_grant(api)
    await a_grant(api)

    assert await balance(api) == "200.00"


async def test_a_failed_validation_burns_no_key(api: Api) -> None:
    await a_customer(api)

    assert await why_not(api, idempotencyKey="once", amount="0") == [("INVALID", "input.amount")]
    assert (await a_grant(api, idempotencyKey="once"))["status"] == "ACTIVE"


async def test_twenty_callers_at_once_grant_once(postgres_api: Api) -> None:
    await a_customer(postgres_api)
    calls = (a_grant(postgres_api, idempotencyKey="once") for _ in range(20))

    found = await asyncio.gather(*calls)

    assert all(one == found[0] for one in found)
    assert await balance(postgres_api) == "100.00"
    rows = await counted_rows(postgres_api)
    assert (rows["credit_grant"], rows["credit_transaction"]) == (1, 1)


async def test_twenty_callers_at_once_cancel_once(postgres_api: Api) -> None:
    await a_customer(postgres_api)
    grant = await a_grant(postgres_api)

    found = await asyncio.gather(*(cancelled(postgres_api, grant) for _ in range(20)))

    assert all(one == found[0] for one in found)
    assert (await counted_rows(postgres_api))["credit_transaction"] == 2


@pytest.mark.parametrize(
    "amount", ["NaN", "1e999", "", "0x10", "1_000", True, "123456789012345678901"]
)
async def test_an_amount_that_is_no_number_refuses_the_call(
    sqlite_api: Api, amount: object
) -> None:
    await a_customer(sqlite_api)

    (error,) = await sqlite_api.errors(GRANT + FRAGMENT, input=granting(amount))

    assert error["extensions"]["path"] == ["variables", "input", "amount"]
    assert (await counted_rows(sqlite_api))["credit_grant"] == 0


async def test_an_entry_of_the_ledger_is_no_node(sqlite_api: Api) -> None:
    await a_customer(sqlite_api)
    entry = (await a_grant(sqlite_api))["transactions"][0]

    assert await sqlite_api.ask(NODE + FRAGMENT, id=entry["id"]) == {"node": None}


async def test_credit_takes_as_many_statements_for_2_customers_as_for_20(api: Api) -> None:
    for n in range(20):
        await a_customer(api, f"c{n:02}")
        for _ in range(3):
            await draw(api, await a_grant(api, "9", f"c{n:02}"), "1")
    document = """
    query ($first: Int) {
      customers(first: $first) {
        nodes {
          creditBalance { amount }
          creditGrants(status: ACTIVE) { totalCount nodes { ...grant } }
        }
      }
    }
    """

    async def counted(first: int) -> int:
        with api.statements() as statements:
            found = await asked(api, document + FRAGMENT, first=first)
        assert len(found["nodes"]) == first
        for node in found["nodes"]:
            assert node["creditBalance"]["amount"] == "24.00"
            assert [len(one["transactions"]) for one in node["creditGrants"]["nodes"]] == [2, 2, 2]
        return len(statements)

    # The key, the customers, balances, grants, how many, the grants' customers, the ledger.
    assert await counted(2) == await counted(20) == 7
