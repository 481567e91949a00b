"""Customers: made once, changed, found, listed, archived."""

from __future__ import annotations

import pytest

from tests.api.builders import (
    CANCEL,
    CREATE_CUSTOMER,
    MAY_FIRST,
    Json,
    a_customer,
    a_plan,
    a_subscription,
    asked,
    counted_rows,
    made,
    refused,
)
from tests.api.conftest import Api
from tests.api.invoicing import issued

UPDATE = """
mutation ($customer: CustomerRef!, $input: UpdateCustomerInput!) {
  updateCustomer(customer: $customer, input: $input) {
    customer {
      id key name email companyName billingAddress paymentMethodId currency timezone metadata
      createdAt updatedAt archivedAt
    }
    errors { code message path }
  }
}
"""
ARCHIVE = """
mutation ($customer: CustomerRef!) {
  archiveCustomer(customer: $customer) {
    customer { key archivedAt updatedAt }
    errors { code message path }
  }
}
"""
LIST = """
query ($first: Int, $after: String, $last: Int, $before: String,
       $filter: CustomerFilter, $orderBy: CustomerOrder) {
  customers(first: $first, after: $after, last: $last, before: $before,
            filter: $filter, orderBy: $orderBy) {
    nodes { key }
    edges { cursor node { key } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
FULL: Json = {
    "email": "ada@acme.example",
    "companyName": "Acme Ltd",
    "billingAddress": "1 High Street\nLondon",
    "paymentMethodId": "pm_1",
    "currency": "EUR",
    "timezone": "Europe/Berlin",
    "metadata": {"tier": "gold", "seats": 3, "nested": [1, None, True]},
}


async def keys_of(api: Api, **arguments: object) -> list[str]:
    """The keys on one page."""
    return [node["key"] for node in (await asked(api, LIST, **arguments))["nodes"]]


async def test_a_customer_keeps_all_that_it_was_given(api: Api) -> None:
    customer = await a_customer(api, **FULL)

    assert {name: customer[name] for name in FULL} == FULL
    assert (customer["key"], customer["name"]) == ("acme", "Acme")
    assert customer["createdAt"] == customer["updatedAt"] == "2026-05-10T12:00:00Z"
    assert customer["archivedAt"] is None


async def test_a_customer_needs_only_a_key_and_a_name(api: Api) -> None:
    customer = await a_customer(api)

    assert (customer["currency"], customer["timezone"]) == ("USD", "UTC")
    assert customer["metadata"] == {}
    assert [customer[name] for name in ("email", "companyName", "billingAddress")] == [None] * 3


async def test_metadata_keeps_every_digit_of_a_number(api: Api) -> None:
    body = (
        '{"query": "mutation ($m: JSON) { createCustomer(input: {key: \\"a\\", name: \\"A\\", '
        'metadata: $m}) { customer { metadata } } }", '
        '"variables": {"m": {"x": 0.12345678901234567890123, "y": 123456789012345678901234567890}}}'
    )

    answer = await api.post(body.encode())

    assert '"x":0.12345678901234567890123' in answer.text
    assert '"y":123456789012345678901234567890' in answer.text


async def test_a_customer_is_found_by_id_and_by_key(api: Api) -> None:
    customer = await a_customer(api)
    document = "query ($id: ID, $key: String) { customer(id: $id, key: $key) { id key } }"

    by_key = await api.ask(document, key="acme")
    by_id = await api.ask(document, id=customer["id"])
    nobody = await api.ask(document, key="nobody")

    assert by_key == by_id == {"customer": {"id": customer["id"], "key": "acme"}}
    assert nobody == {"customer": None}


async def test_a_repeated_creation_is_the_same_customer(api: Api) -> None:
    first = await a_customer(api, **FULL)
    api.clock.set("2026-05-11T00:00:00+00:00")

    again = await a_customer(api, **FULL)

    assert again == first
    assert (await counted_rows(api))["customer"] == 1


async def test_a_repeated_creation_shows_the_customer_as_it_is_now(api: Api) -> None:
    await a_customer(api)
    await made(api, UPDATE, customer={"key": "acme"}, input={"name": "Acme & Co"})

    again = await a_customer(api)

    assert again["name"] == "Acme & Co"


async def test_a_key_in_use_by_other_input_is_refused(api: Api) -> None:
    customer = await a_customer(api)

    why = await refused(api, CREATE_CUSTOMER, input={"key": "acme", "name": "Other"})

    assert why == [("ALREADY_EXISTS", "input.key")]
    assert await a_customer(api) == customer


async def test_an_update_changes_only_what_is_given(api: Api) -> None:
    before = await a_customer(api, **FULL)
    api.clock.set("2026-05-11T00:00:00+00:00")

    after = await made(api, UPDATE, customer={"id": before["id"]}, input={"name": "New"})

    assert after == {**before, "name": "New", "updatedAt": "2026-05-11T00:00:00Z"}


async def test_an_update_to_the_same_values_changes_nothing(api: Api) -> None:
    before = await a_customer(api, **FULL)
    api.clock.set("2026-05-11T00:00:00+00:00")

    after = await made(
        api, UPDATE, customer={"key": "acme"}, input={"name": "Acme", "email": FULL["email"]}
    )

    assert after == before


async def test_null_clears_what_may_be_empty(api: Api) -> None:
    await a_customer(api, **FULL)
    cleared = dict.fromkeys(
        ["email", "companyName", "billingAddress", "paymentMethodId", "metadata"]
    )

    after = await made(api, UPDATE, customer={"key": "acme"}, input=cleared)

    assert {name: after[name] for name in cleared} == {**cleared, "metadata": {}}
    assert after["timezone"] == FULL["timezone"]


@pytest.mark.parametrize("name", ["name", "timezone"])
async def test_null_does_not_clear_what_a_customer_must_have(api: Api, name: str) -> None:
    before = await a_customer(api, **FULL)

    why = await refused(api, UPDATE, customer={"key": "acme"}, input={name: None})

    assert why == [("INVALID", f"input.{name}")]
    assert await a_customer(api, **FULL) == before


async def test_everything_wrong_with_a_customer_is_told_at_once(api: Api) -> None:
    wrong = {
        "key": " ",
        "name": "",
        "email": "x" * 321,
        "companyName": "x" * 256,
        "billingAddress": "x" * 10_001,
        "paymentMethodId": "x" * 256,
        "currency": "XXX",
        "timezone": "Mars/Olympus",
        "metadata": [1],
    }

    why = await refused(api, CREATE_CUSTOMER, input=wrong)

    assert sorted(why) == sorted(("INVALID", f"input.{name}") for name in wrong)
    assert (await counted_rows(api))["customer"] == 0


@pytest.mark.parametrize("currency", ["usd", "US", "DOLLAR", "", "XAU", "€"])
async def test_an_unknown_currency_is_refused(sqlite_api: Api, currency: str) -> None:
    given = {"key": "acme", "name": "Acme", "currency": currency}

    assert await refused(sqlite_api, CREATE_CUSTOMER, input=given) == [
        ("INVALID", "input.currency")
    ]


@pytest.mark.parametrize(
    "timezone", ["", "utc+1", "Europe/Atlantis", "../UTC", "/etc/localtime", "Europe", "x" * 300]
)
async def test_an_unknown_timezone_is_refused(sqlite_api: Api, timezone: str) -> None:
    given = {"key": "acme", "name": "Acme", "timezone": timezone}

    assert await refused(sqlite_api, CREATE_CUSTOMER, input=given) == [
        ("INVALID", "input.timezone")
    ]


async def test_a_customer_that_is_not_there_cannot_be_changed(api: Api) -> None:
    customer = await a_customer(api)
    absent = {"id": customer["id"][:-1] + ("0" if customer["id"][-1] != "0" else "1")}

    for reference in ({"key": "nobody"}, absent):
        assert await refused(api, UPDATE, customer=reference, input={"name": "X"}) == [
            ("NOT_FOUND", "customer")
        ]
        assert await refused(api, ARCHIVE, customer=reference) == [("NOT_FOUND", "customer")]


async def test_archiving_again_changes_nothing(api: Api) -> None:
    await a_customer(api)

    first = await made(api, ARCHIVE, customer={"key": "acme"})
    api.clock.set("2026-05-11T00:00:00+00:00")
    again = await made(api, ARCHIVE, customer={"key": "acme"})

    assert first["archivedAt"] == "2026-05-10T12:00:00Z"
    assert again == first


async def test_an_archived_customer_is_still_read_and_changed(api: Api) -> None:
    await a_customer(api)
    await made(api, ARCHIVE, customer={"key": "acme"})

    after = await made(api, UPDATE, customer={"key": "acme"}, input={"email": "a@b.example"})

    assert after["email"] == "a@b.example"
    assert await keys_of(api) == ["acme"]


async def test_a_customer_with_a_running_subscription_is_not_archived(api: Api) -> None:
    await a_customer(api)
    await a_plan(api)
    subscription = await a_subscription(api)

    assert await refused(api, ARCHIVE, customer={"key": "acme"}) == [("INVALID_STATE", "customer")]

    await made(api, CANCEL, id=subscription["id"], effective="NOW")
    assert await refused(api, ARCHIVE, customer={"key": "acme"}) == [("INVALID_STATE", "customer")]

    await issued(api, subscription, {"start": MAY_FIRST, "end": "2026-05-10T12:00:00Z"})
    archived = await made(api, ARCHIVE, customer={"key": "acme"})
    assert archived["archivedAt"] == "2026-05-10T12:00:00Z"


async def test_a_customer_with_a_period_that_is_not_invoiced_is_not_archived(api: Api) -> None:
    await a_customer(api)
    await a_plan(api)
    await a_subscription(api, startAt="2026-03-01T00:00:00Z", endAt="2026-04-11T00:00:00Z")
    subscription = await a_subscription(api, endAt="2026-05-09T00:00:00Z")
    await issued(api, subscription, {"start": MAY_FIRST, "end": "2026-05-09T00:00:00Z"})

    (error,) = (await asked(api, ARCHIVE, customer={"key": "acme"}))["errors"]

    assert (error["code"], error["path"]) == ("INVALID_STATE", ["customer"])
    assert "2026-04-01T00:00:00" in error["message"]
    assert "not invoiced" in error["message"]


async def test_a_customer_whose_trial_was_all_is_archived(api: Api) -> None:
    await a_customer(api)
    await a_plan(api)
    await a_subscription(api, trialDays=8, endAt="2026-05-09T00:00:00Z")

    await made(api, ARCHIVE, customer={"key": "acme"})


async def test_a_customer_with_a_subscription_to_come_is_not_archived(api: Api) -> None:
    await a_customer(api)
    await a_plan(api)
    await a_subscription(api, startAt="2026-07-01T00:00:00Z")

    assert await refused(api, ARCHIVE, customer={"key": "acme"}) == [("INVALID_STATE", "customer")]


async def test_customers_are_searched_in_key_name_email_and_company(api: Api) -> None:
    await a_customer(api, "one", name="ÄRZTE United")
    await a_customer(api, "two", email="Two@Example.com")
    await a_customer(api, "three", companyName="50% Off_Ltd")
    await a_customer(api, "four")

    async def found(text: str) -> list[str]:
        return await keys_of(api, filter={"search": text})

    assert await found("ärzte") == ["one"]
    assert await found("example.COM") == ["two"]
    assert await found("OUR") == ["four"]
    assert await found("50% off_") == ["three"]
    assert await found("%") == ["three"]
    assert await found("_") == ["three"]
    assert await found("!") == []
    assert await found("") == ["one", "two", "three", "four"]


async def test_customers_are_filtered_by_being_archived(api: Api) -> None:
    for key in ("one", "two"):
        await a_customer(api, key)
    await made(api, ARCHIVE, customer={"key": "one"})

    assert await keys_of(api, filter={"archived": True}) == ["one"]
    assert await keys_of(api, filter={"archived": False}) == ["two"]
    assert await keys_of(api, filter={"archived": None}) == ["one", "two"]


async def test_customers_are_filtered_by_when_they_were_created(api: Api) -> None:
    for day in (1, 2, 3):
        api.clock.set(f"2026-05-0{day}T00:00:00+00:00")
        await a_customer(api, f"day-{day}")

    async def found(**bounds: str) -> list[str]:
        return await keys_of(api, filter=bounds)

    assert await found(createdAfter="2026-05-01T00:00:00Z") == ["day-2", "day-3"]
    assert await found(createdBefore="2026-05-03T02:00:00+02:00") == ["day-1", "day-2"]
    assert (
        await found(createdAfter="2026-05-01T00:00:00Z", createdBefore="2026-05-03T00:00:00Z")
    ) == ["day-2"]


async def test_customers_are_filtered_by_the_plan_that_they_are_on_now(api: Api) -> None:
    await a_plan(api)
    await a_plan(api, key="other")
    for key in ("runs", "ended", "to-come", "elsewhere", "none"):
        await a_customer(api, key)
    await a_subscription(api, "runs")
    await a_subscription(api, "ended", endAt="2026-05-10T12:00:00Z")
    await a_subscription(api, "to-come", startAt="2026-05-10T12:00:01Z")
    await a_subscription(api, "elsewhere", "other")

    assert await keys_of(api, filter={"planKey": "pro"}) == ["runs"]
    assert await keys_of(api, filter={"planKey": "other"}) == ["elsewhere"]
    assert await keys_of(api, filter={"planKey": "unknown"}) == []


@pytest.mark.parametrize(
    ("field", "ascending"),
    [
        ("CREATED_AT", ["b", "C", "a"]),
        ("NAME", ["a", "b", "C"]),
        ("KEY", ["C", "a", "b"]),
    ],
)
async def test_customers_are_ordered_both_ways(api: Api, field: str, ascending: list[str]) -> None:
    names = {"a": "Ann", "b": "Bob", "C": "Cid"}
    for second, key in enumerate(["b", "C", "a"]):
        api.clock.set(f"2026-05-10T12:00:0{second}+00:00")
        await a_customer(api, key, name=names[key])

    up = await keys_of(api, orderBy={"field": field, "direction": "ASC"})
    down = await keys_of(api, orderBy={"field": field, "direction": "DESC"})

    assert up == ascending
    assert down == up[::-1]


async def test_pages_lead_from_one_end_to_the_other_and_back(api: Api) -> None:
    for key in "abcde":
        await a_customer(api, key)

    first = await asked(api, LIST, first=2)
    second = await asked(api, LIST, first=2, after=first["pageInfo"]["endCursor"])
    third = await asked(api, LIST, first=2, after=second["pageInfo"]["endCursor"])
    back = await asked(api, LIST, last=2, before=third["pageInfo"]["startCursor"])
    end = await asked(api, LIST, last=2)
    between = await asked(
        api,
        LIST,
        after=first["edges"][0]["cursor"],
        before=third["edges"][0]["cursor"],
    )

    def shown(page: Json) -> tuple[str, bool, bool]:
        info = page["pageInfo"]
        keys = "".join(node["key"] for node in page["nodes"])
        return keys, info["hasPreviousPage"], info["hasNextPage"]

    assert shown(first) == ("ab", False, True)
    assert shown(second) == ("cd", True, True)
    assert shown(third) == ("e", True, False)
    assert shown(back) == ("cd", True, True)
    assert shown(end) == ("de", True, False)
    assert shown(between)[0] == "bcd"
    assert [edge["node"]["key"] for edge in first["edges"]] == ["a", "b"]
    assert first["pageInfo"]["startCursor"] == first["edges"][0]["cursor"]


async def test_an_empty_page_has_no_cursors(api: Api) -> None:
    page = await asked(api, LIST)

    assert page == {
        "nodes": [],
        "edges": [],
        "pageInfo": {
            "hasNextPage": False,
            "hasPreviousPage": False,
            "startCursor": None,
            "endCursor": None,
        },
    }


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize("field", ["CREATED_AT", "NAME", "KEY"])
async def test_a_walk_loses_and_repeats_nothing_while_customers_are_added(
    api: Api, field: str, direction: str
) -> None:
    present = {f"m{n:02}" for n in range(12)}
    for key in sorted(present):
        await a_customer(api, key, name="Same")
    seen: list[str] = []
    cursor = None

    for round_ in range(20):
        page = await asked(
            api, LIST, first=3, after=cursor, orderBy={"field": field, "direction": direction}
        )
        seen += [node["key"] for node in page["nodes"]]
        cursor = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        await a_customer(api, f"a{round_}", name="Before")
        await a_customer(api, f"z{round_}", name="Then after")

    assert len(seen) == len(set(seen))
    assert present <= set(seen)


async def test_a_total_is_counted_only_when_asked_for(api: Api) -> None:
    for key in "abc":
        await a_customer(api, key)

    with api.statements() as plain:
        await api.ask("{ customers(first: 1) { nodes { key } } }")
    with api.statements() as counted:
        answer = await api.ask('{ customers(first: 1, filter: {search: "a"}) { totalCount } }')
    everything = await api.ask("{ customers(first: 1) { totalCount } }")

    assert not any("count(" in statement for statement in plain)
    assert len(counted) == len(plain) + 1
    assert answer["customers"]["totalCount"] == 1
    assert everything["customers"]["totalCount"] == 3
