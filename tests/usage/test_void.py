"""A voided event stays where it is and counts no more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.sql import sql
from fubble_gql.errors import Code, Problem, Refused
from fubble_gql.usage.void import KEYS_MAX, VoidReceipt, void, void_one
from tests.statements import collected_statements
from tests.usage.builders import (
    NOW,
    accepted,
    clock_at,
    finalise,
    make_customer,
    make_metric,
    new_event,
    stored,
)

ACME = Ref(key="acme")
MINUTE = timedelta(minutes=1)
MICROSECOND = timedelta(microseconds=1)


async def some_events(db: Connection, *keys: str) -> None:
    """Acme's, under these keys."""
    await make_customer(db)
    await make_metric(db)
    await accepted(db, *(new_event(key) for key in keys))


def told(receipts: list[VoidReceipt]) -> list[tuple[str, bool, Code | None]]:
    """Keys, whether they are new, and what is wrong."""
    return [
        (one.idempotency_key, one.is_new, one.problem.code if one.problem else None)
        for one in receipts
    ]


async def problems_of(
    db: Connection, customer: Ref = ACME, keys: tuple[str, ...] = ("k1",), reason: str | None = None
) -> list[tuple[Code, tuple[str | int, ...]]]:
    """Why the call is refused whole."""
    with pytest.raises(Refused) as refused:
        await void(db, customer, keys, reason, clock_at(NOW))
    return [(problem.code, problem.path) for problem in refused.value.problems]


async def test_each_key_has_its_receipt_in_the_order_given(db: Connection) -> None:
    await some_events(db, "a", "b", "c")
    await void(db, ACME, ["b"], None, clock_at(NOW))

    receipts = await void(db, ACME, ["c", "no", "b", "c", "a\0", " ", "a"], "why", clock_at(NOW))

    assert told(receipts) == [
        ("c", True, None),
        ("no", False, Code.NOT_FOUND),
        ("b", False, None),
        ("c", False, None),
        ("a\0", False, Code.NOT_FOUND),
        (" ", False, Code.NOT_FOUND),
        ("a", True, None),
    ]
    assert receipts[1].problem == Problem(Code.NOT_FOUND, 'The customer has no event "no".')
    assert [row.void_reason for row in await stored(db)] == ["why", None, "why"]


async def test_an_event_stays_as_it_was_first_voided(db: Connection) -> None:
    await some_events(db, "k1")
    first = await void_one(db, ACME, "k1", "first", clock_at(NOW + MINUTE))
    again = await void_one(db, ACME, "k1", "second", clock_at(NOW + 2 * MINUTE))

    assert (first.voided_at, first.void_reason) == (NOW + MINUTE, "first")
    assert again == first
    assert await stored(db) == [first]


async def test_a_void_changes_nothing_else_of_the_event(db: Connection) -> None:
    await some_events(db, "k1")
    [before] = await stored(db)

    after = await void_one(db, ACME, "k1", "why", clock_at(NOW))

    assert after._replace(voided_at=None, void_reason=None) == before


async def test_a_void_is_later_than_the_invoice(db: Connection) -> None:
    await some_events(db, "k1")
    [customer] = [row.customer_id for row in await stored(db)]
    await finalise(db, customer, NOW, NOW)

    row = await void_one(db, ACME, "k1", None, clock_at(NOW))

    assert row.voided_at == NOW + MICROSECOND


async def test_another_customers_event_is_not_found(db: Connection) -> None:
    await some_events(db, "k1")
    await make_customer(db, "globex")

    with pytest.raises(Refused) as refused:
        await void_one(db, Ref(key="globex"), "k1", None, clock_at(NOW))

    [problem] = refused.value.problems
    assert (problem.code, problem.path) == (Code.NOT_FOUND, ("idempotencyKey",))
    assert [row.voided_at for row in await stored(db)] == [None]


async def test_an_archived_customers_events_can_be_voided(db: Connection) -> None:
    await some_events(db, "k1")
    await db.fetch(sql("update customer set archived_at = ?", NOW))

    assert (await void_one(db, ACME, "k1", None, clock_at(NOW))).voided_at == NOW


async def test_a_call_that_cannot_be_done_is_refused_whole(db: Connection) -> None:
    await some_events(db, "k1")
    many = tuple(str(n) for n in range(KEYS_MAX + 1))

    assert await problems_of(db, keys=()) == [(Code.INVALID, ("idempotencyKeys",))]
    assert await problems_of(db, keys=many) == [(Code.LIMIT_EXCEEDED, ("idempotencyKeys",))]
    assert await problems_of(db, reason="x" * 10_001) == [(Code.INVALID, ("reason",))]
    assert await problems_of(db, keys=(), reason="\0") == [
        (Code.INVALID, ("idempotencyKeys",)),
        (Code.INVALID, ("reason",)),
    ]
    assert await problems_of(db, customer=Ref(key="nobody")) == [(Code.NOT_FOUND, ("customer",))]
    with pytest.raises(Refused, match="10,000"):
        await void_one(db, ACME, "k1", "x" * 10_001, clock_at(NOW))
    assert [row.voided_at for row in await stored(db)] == [None]


async def test_the_longest_reason_is_kept(db: Connection) -> None:
    await some_events(db, "k1")

    row = await void_one(db, ACME, "k1", "ü" * 10_000, clock_at(NOW))

    assert row.void_reason == "ü" * 10_000


async def test_five_thousand_events_are_voided_in_one_call(db: Connection) -> None:
    keys = [f"k{n}" for n in range(KEYS_MAX)]
    await some_events(db, *keys)

    receipts = await void(db, ACME, keys, None, clock_at(NOW))

    assert all(receipt.is_new for receipt in receipts)
    assert all(row.voided_at == NOW for row in await stored(db))


async def test_statements_do_not_grow_with_the_keys(db: Connection) -> None:
    await some_events(db, *(f"k{n}" for n in range(100)))

    with collected_statements() as few:
        await void(db, ACME, ["k0", "no"], None, clock_at(NOW))
    with collected_statements() as many:
        await void(db, ACME, [f"k{n}" for n in range(200)], None, clock_at(NOW))

    assert len(few) == len(many) == (9 if db.dialect == "postgres" else 4)
