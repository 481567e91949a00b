"""What every event store promises, whatever keeps the events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count, cycle
from typing import NamedTuple
from uuid import UUID, uuid4

import pytest

from fubble_gql.customers.models import Customer
from fubble_gql.db import exact_json
from fubble_gql.db.connection import Connection
from fubble_gql.usage.events import UsageEventRow
from fubble_gql.usage.models import UsageEvent
from fubble_gql.usage.scope import EVERYTHING
from fubble_gql.usage.store import store_of
from fubble_gql.usage.store.cut import Cut
from fubble_gql.usage.store.rows import (
    BEGINNING,
    NS_OF_SERIES,
    Appended,
    EventRow,
    Reduction,
    Since,
    Span,
)
from tests.statements import collected_statements, plan_of
from tests.usage.builders import NOW, at, make_customer, make_metric, stored

MICROSECOND = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)

_numbers = count(1)


class Party(NamedTuple):
    """A customer and a metric."""

    customer: UUID
    metric: UUID


async def a_party(db: Connection, key: str = "acme") -> Party:
    metric = await make_metric(db, f"calls of {key}")
    return Party(await make_customer(db, key), metric.id)


async def put(
    db: Connection,
    party: Party,
    recorded_at: datetime = NOW,
    *,
    event_time: datetime = NOW,
    is_late: bool = False,
) -> str:
    """Append an event under a key of its own; the key."""
    key = f"k{next(_numbers)}"
    row = EventRow(*party, None, key, Decimal(1), event_time, None, None, None, 0, is_late=is_late)
    assert (await store_of(db).append(db, [row], recorded_at)).inserted == {0}
    return key


async def voided(
    db: Connection, party: Party, keys: Sequence[str], voided_at: datetime, reason: str = "why"
) -> set[str]:
    return await store_of(db).void(db, party.customer, keys, reason, voided_at)


async def held(db: Connection, *customers: UUID) -> Cut:
    return await db.transaction(lambda tx: store_of(tx).hold(tx, customers))


async def invoice(
    db: Connection, customer: UUID, cut_at: datetime, until: datetime | None = None
) -> None:
    """As if the customer's invoices reached so far."""
    row = Customer.filter(id=customer).using_db(db.client)
    await row.update(cut_at=cut_at, invoiced_until=until or cut_at)


def a_row(party: Party, key: str, quantity: str = "1", event_time: datetime = NOW) -> EventRow:
    return EventRow(*party, None, key, Decimal(quantity), event_time, None, None, None, 0)


async def test_a_free_key_is_taken_and_a_taken_one_changes_nothing(db: Connection) -> None:
    party = await a_party(db)
    first, repeated, other = a_row(party, "a"), a_row(party, "a"), a_row(party, "a", "2")

    assert (await store_of(db).append(db, [first, a_row(party, "b")], NOW)).inserted == {0, 1}
    again = await store_of(db).append(db, [repeated, a_row(party, "c")], NOW + MINUTE)
    differing = await store_of(db).append(db, [other], NOW + MINUTE)

    assert again.inserted == {1}
    assert again.recorded_before <= {0}
    assert differing == Appended(frozenset(), frozenset())
    rows = [(row.idempotency_key, row.quantity, row.recorded_at) for row in await stored(db)]
    assert rows == [
        (key, Decimal(1), time) for key, time in (("a", NOW), ("b", NOW), ("c", NOW + MINUTE))
    ]


async def test_known_keys_among_new_ones_change_nothing(db: Connection) -> None:
    party = await a_party(db)
    await store_of(db).append(db, [a_row(party, "same"), a_row(party, "other")], NOW)
    call = [a_row(party, "new"), a_row(party, "same"), a_row(party, "other", "2")]

    became = await store_of(db).append(db, [*call, a_row(party, "newer")], NOW + MINUTE)

    assert became.inserted == {0, 3}
    assert became.recorded_before <= {1}
    keys = [(row.idempotency_key, row.quantity) for row in await stored(db)]
    assert keys == [(key, Decimal(1)) for key in ("same", "other", "new", "newer")]


ODD_TEXTS = ["NULL", "null", "a,b", "{}", '"', "\\", '\\"', " a ", "a\nb\t\x1f", "é😀", "'"]


async def test_texts_and_numbers_are_kept_as_they_are_written(db: Connection) -> None:
    party = await a_party(db)
    rows = [
        a_row(party, text, number)._replace(
            properties=exact_json.dumps({text: text}),
            dimension_values=exact_json.dumps([text]),
            unique_value=text,
        )
        for text, number in zip(ODD_TEXTS, cycle(["-1E+3", "9" * 20, "1E-18"]), strict=False)
    ]

    assert len((await store_of(db).append(db, rows, NOW)).inserted) == len(ODD_TEXTS)

    kept = await UsageEvent.all().using_db(db.client).order_by("id")
    assert [row.idempotency_key for row in kept] == ODD_TEXTS
    assert [row.quantity for row in kept] == [row.quantity for row in rows]
    assert [row.properties for row in kept] == [{text: text} for text in ODD_TEXTS]
    assert [row.dimension_values for row in kept] == [[text] for text in ODD_TEXTS]
    assert [row.unique_value for row in kept] == ODD_TEXTS


async def test_events_are_numbered_in_the_order_given(db: Connection) -> None:
    party = await a_party(db)

    await store_of(db).append(db, [a_row(party, key) for key in "zay"], NOW)

    assert [row.idempotency_key for row in await stored(db)] == ["z", "a", "y"]


async def test_the_body_under_a_key_is_told_as_it_was_recorded(db: Connection) -> None:
    party = await a_party(db)
    row = a_row(party, "a", "0.000000000000000001")._replace(
        properties='{"n":1.5}', defaulted=2, subscription_id=uuid4()
    )
    await store_of(db).append(db, [row], NOW)

    [body] = await store_of(db).recorded(db, [(party.customer, "a"), (party.customer, "b")])

    told = (party.customer, "a", party.metric, row.subscription_id, row.quantity, NOW)
    assert body == (*told, {"n": Decimal("1.5")}, 2)


REDUCTIONS = {
    Reduction.TOTALS: [(4, 10, 4, 1)],
    Reduction.LAST: [(2,)],
    Reduction.DISTINCT: [(4, 2)],
    Reduction.FIRSTS: [(4, 2)],
    Reduction.RANKED: [(4, 2, 2), (4, 3, 3)],
    Reduction.RANKED_SO_FAR: [(4, 2, 2), (4, 3, 3)],
    Reduction.AREAS: [(4, 3 * 120_000_000 + 1 * 60_000_000 + 4 * 60_000_000 + 2 * 60_000_000, 0)],
}


@pytest.mark.parametrize("what", Reduction)
async def test_spans_are_reduced_to_figures(db: Connection, what: Reduction) -> None:
    party, store = await a_party(db), store_of(db)
    start = at("2026-06-01 23:58")
    for n, (minute, quantity) in enumerate([(0, "3"), (2, "1"), (3, "4"), (4, "2")]):
        row = a_row(party, f"{n}", quantity, start + minute * MINUTE)
        await store.append(db, [row._replace(unique_value=f'"{n % 2}"')], NOW)
    await voided(db, party, [await put(db, party, event_time=start)], NOW)
    await put(db, party, NOW + MICROSECOND, event_time=start)
    await put(db, party, event_time=start - MICROSECOND)
    await put(db, party, event_time=start + 5 * MINUTE)
    ids = (party.customer, party.metric)
    span = Span(
        7, *ids, start, start + 5 * MINUTE, EVERYTHING, NOW, (), Decimal(50), sets_level=True
    )

    with collected_statements() as statements:
        found = await store.reduce(db, what, [span])

    assert sorted(one.figures for one in found) == REDUCTIONS[what]
    assert {(one.n, one.values) for one in found} == {(7, ())}
    assert len(statements) == 1


SO_FAR = {
    Reduction.FIRSTS: [(0, (2, 2)), (1, (2, 0)), (NS_OF_SERIES + 1, (2, 2))],
    # The two around the middle: of 3 and 1, of all four, and of another series' 4 and 2.
    Reduction.RANKED_SO_FAR: [
        (0, (2, 1, 1)),
        (0, (2, 2, 3)),
        (1, (4, 2, 2)),
        (1, (4, 3, 3)),
        (NS_OF_SERIES + 1, (2, 1, 2)),
        (NS_OF_SERIES + 1, (2, 2, 4)),
    ],
}


@pytest.mark.parametrize("what", SO_FAR)
async def test_spans_of_a_series_know_the_ones_before(db: Connection, what: Reduction) -> None:
    party, store = await a_party(db), store_of(db)
    start = at("2026-06-01 23:58")
    for n, quantity in enumerate("3142"):
        row = a_row(party, f"{n}", quantity, start + n * MINUTE)
        await store.append(db, [row._replace(unique_value=f'"{n % 2}"')], NOW)
    ids = (party.customer, party.metric)
    halves = [(start, start + 2 * MINUTE), (start + 2 * MINUTE, start + 4 * MINUTE)]
    spans = [
        Span(n, *ids, *halves[half], EVERYTHING, NOW, (), Decimal(50))
        for n, half in ((0, 0), (1, 1), (NS_OF_SERIES + 1, 1))
    ]

    found = await store.reduce(db, what, spans)

    assert sorted((one.n, one.figures) for one in found) == SO_FAR[what]


async def test_what_is_kept_beside_events_is_what_they_add_up_to(db: Connection) -> None:
    party, other = await a_party(db), await a_party(db, "other")
    keys = [await put(db, one) for one in (party, party, other)]
    await voided(db, party, keys[:1], NOW + MINUTE)
    customers = [party.customer, other.customer]

    assert await store_of(db).unequal(db, customers) == []
    await store_of(db).rebuild(db, customers)
    assert await store_of(db).unequal(db, customers) == []


async def test_who_was_never_invoiced_may_stamp_at_once(db: Connection) -> None:
    party = await a_party(db)

    cut = await held(db, party.customer)

    assert cut == Cut(BEGINNING, {}, {}, 1)
    assert cut.stamp(NOW) == NOW


async def test_a_stamp_comes_after_the_latest_cut_of_the_customers(db: Connection) -> None:
    acme, globex, other = [await make_customer(db, key) for key in ("acme", "globex", "other")]
    await invoice(db, acme, NOW - MINUTE, at("2026-05-01"))
    await invoice(db, globex, NOW + MINUTE, at("2026-06-01"))
    await invoice(db, other, NOW + 2 * MINUTE)

    cut = await held(db, acme, globex)

    assert cut.invoiced_until == {acme: at("2026-05-01"), globex: at("2026-06-01")}
    assert cut.stamp(NOW) == NOW + MINUTE + MICROSECOND
    assert cut.stamp(NOW + MINUTE) == NOW + MINUTE + MICROSECOND
    assert cut.stamp(NOW + 2 * MINUTE) == NOW + 2 * MINUTE
    assert (await held(db, acme)).stamp(NOW) == NOW


async def test_an_event_is_late_before_the_end_of_what_was_invoiced(db: Connection) -> None:
    party = await a_party(db)
    await invoice(db, party.customer, NOW, at("2026-06-01"))
    cut = await held(db, party.customer)

    def is_late(customer: UUID, event_time: datetime) -> bool:
        ids = (customer, party.metric, None)
        return cut.is_late(EventRow(*ids, "k", Decimal(1), event_time, None, None, None, 0))

    assert is_late(party.customer, at("2026-06-01") - MICROSECOND)
    assert not is_late(party.customer, at("2026-06-01"))
    assert not is_late(uuid4(), at("2020-01-01"))


async def test_without_anything_later_all_is_known_now(db: Connection) -> None:
    party = await a_party(db)

    assert await store_of(db).known_until(db, [party.customer], NOW) == NOW
    assert await store_of(db).known_until(db, [], NOW) == NOW
    await put(db, party, NOW)
    assert await store_of(db).known_until(db, [party.customer], NOW) == NOW


async def test_what_a_faster_clock_recorded_is_known_until_then(db: Connection) -> None:
    party = await a_party(db)
    await put(db, party, NOW)
    await put(db, party, NOW + MINUTE)

    known = await store_of(db).known_until(db, [party.customer], NOW)

    assert known == NOW + MINUTE
    assert known.tzinfo is not None


async def test_what_a_faster_clock_voided_is_known_until_then(db: Connection) -> None:
    party, other = await a_party(db), await a_party(db, "other")
    await voided(db, party, [await put(db, party)], NOW + MINUTE)
    await voided(db, other, [await put(db, other)], NOW + 2 * MINUTE)

    assert await store_of(db).known_until(db, [party.customer], NOW) == NOW + MINUTE


async def test_voiding_touches_the_events_of_the_keys_and_no_other(db: Connection) -> None:
    party, other = await a_party(db), await a_party(db, "other")
    first, second, third = [await put(db, party) for _ in range(3)]
    foreign = await put(db, other)

    assert await voided(db, party, [first, "unknown", foreign, second], NOW) == {first, second}

    rows: dict[str, UsageEventRow] = {row.idempotency_key: row for row in await stored(db)}
    assert [(rows[key].voided_at, rows[key].void_reason) for key in (first, second)] == [
        (NOW, "why"),
        (NOW, "why"),
    ]
    assert [rows[key].voided_at for key in (third, foreign)] == [None, None]


async def test_voiding_again_keeps_the_first_instant_and_reason(db: Connection) -> None:
    party = await a_party(db)
    key = await put(db, party)
    await voided(db, party, [key], NOW, "first")

    assert await voided(db, party, [key], NOW + MINUTE, "second") == set()

    [row] = await stored(db)
    assert (row.voided_at, row.void_reason) == (NOW, "first")


async def test_voiding_nothing_changes_nothing(db: Connection) -> None:
    party = await a_party(db)
    await put(db, party)

    assert await voided(db, party, [], NOW) == set()

    assert [row.voided_at for row in await stored(db)] == [None]


async def test_the_earliest_late_event_is_found(db: Connection) -> None:
    party = await a_party(db)
    await put(db, party, NOW, event_time=at("2026-04-30"))
    await put(db, party, NOW, event_time=at("2026-05-01"), is_late=True)
    await put(db, party, NOW + MINUTE, event_time=at("2026-05-03"), is_late=True)
    await put(db, party, NOW + MINUTE, event_time=at("2026-05-02"), is_late=True)

    async def earliest(settled_at: datetime | None, until: datetime | None = None) -> object:
        n = uuid4()
        wanted = [Since(n, party.customer, settled_at)]
        found = await store_of(db).late_since(db, wanted, until)
        assert set(found) <= {n}
        return found.get(n)

    assert await earliest(NOW - MICROSECOND) == at("2026-05-01")
    assert await earliest(NOW) == at("2026-05-02")
    assert await earliest(NOW + MINUTE) is None
    assert await earliest(None) is None
    assert await earliest(NOW, NOW + MINUTE) == at("2026-05-02")
    assert await earliest(NOW, NOW + MINUTE - MICROSECOND) is None
    assert await earliest(NOW - MICROSECOND, NOW) == at("2026-05-01")


async def test_a_void_is_found_whenever_the_event_was_recorded(db: Connection) -> None:
    party = await a_party(db)
    key = await put(db, party, NOW, event_time=at("2026-05-04"))
    await put(db, party, NOW + MINUTE, event_time=at("2026-05-05"), is_late=True)
    await voided(db, party, [key], NOW + 2 * MINUTE)
    n = uuid4()

    async def earliest(settled_at: datetime, until: datetime | None = None) -> object:
        wanted = [Since(n, party.customer, settled_at)]
        return (await store_of(db).late_since(db, wanted, until)).get(n)

    assert await earliest(NOW) == at("2026-05-04")
    assert await earliest(NOW, NOW + MINUTE) == at("2026-05-05")
    assert await earliest(NOW + MINUTE) == at("2026-05-04")
    assert await earliest(NOW + 2 * MINUTE) is None


async def test_each_subscription_has_its_own_settlement(db: Connection) -> None:
    acme, globex = await a_party(db), await a_party(db, "globex")
    await put(db, acme, NOW, event_time=at("2026-05-01"), is_late=True)
    await put(db, globex, NOW + MINUTE, event_time=at("2026-05-02"), is_late=True)
    a, b, c, d = [uuid4() for _ in range(4)]
    wanted = [
        Since(a, acme.customer, NOW - MINUTE),
        Since(b, acme.customer, NOW),
        Since(c, globex.customer, NOW),
        Since(d, globex.customer, None),
    ]

    with collected_statements() as statements:
        found = await store_of(db).late_since(db, wanted)

    assert found == {a: at("2026-05-01"), c: at("2026-05-02")}
    assert len(statements) == 1


async def test_nothing_is_asked_where_nothing_was_settled(db: Connection) -> None:
    with collected_statements() as statements:
        assert await store_of(db).late_since(db, []) == {}
        assert await store_of(db).late_since(db, [Since(uuid4(), uuid4(), None)]) == {}

    assert statements == []


@pytest.mark.parametrize("until", [None, NOW])
async def test_late_usage_is_found_through_the_partial_indexes(
    db: Connection, until: datetime | None
) -> None:
    party = await a_party(db)
    await put(db, party)
    wanted = [Since(uuid4(), party.customer, NOW - MINUTE)]

    plan = await plan_of(db, lambda tx: store_of(tx).late_since(tx, wanted, until))

    assert "late_events" in plan
    assert "voided_events" in plan
    assert "usage_event_custom" not in plan  # an index of all the events of a customer
