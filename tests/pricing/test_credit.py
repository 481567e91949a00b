"""Credit is drawn in one order, and never more than there is or than is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fubble_gql.pricing.credit import Draw, Grant, draw, in_order
from tests.pricing.strategies import decimals

AT = datetime(2026, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def a_grant(n: int, remaining: str = "10", priority: int = 50, **more: datetime | None) -> Grant:
    """A grant since the day before, without expiry unless said."""
    values = {"effective_at": AT - DAY, "expires_at": None, "created_at": AT - DAY, **more}
    return Grant(UUID(int=n), Decimal(remaining), priority, **values)  # type: ignore[arg-type]


def drawn(draws: Sequence[Draw]) -> list[tuple[int, str]]:
    """Each grant's number and what it gives."""
    return [(one.grant_id.int, str(one.amount)) for one in draws]


def test_priority_wins_then_the_soonest_expiry_then_the_oldest_then_the_id() -> None:
    ordered = [
        a_grant(9, priority=0),
        a_grant(8, priority=1, expires_at=AT + DAY),
        a_grant(7, priority=1, expires_at=AT + 2 * DAY, created_at=AT - 2 * DAY),
        a_grant(5, priority=1, expires_at=AT + 2 * DAY),
        a_grant(6, priority=1, expires_at=AT + 2 * DAY),
        a_grant(4, priority=1),
        a_grant(3, priority=2, expires_at=AT + DAY),
    ]

    for grants in permutations(ordered):
        assert in_order(grants) == ordered


def test_named_grants_come_first_in_the_order_named() -> None:
    grants = [a_grant(1, priority=0), a_grant(2), a_grant(3)]

    found = draw(grants, Decimal(25), AT, [UUID(int=3), UUID(int=2), UUID(int=3), UUID(int=77)])

    assert drawn(found) == [(3, "10"), (2, "10"), (1, "5")]


@pytest.mark.parametrize("named", [(), (UUID(int=1),)])
@pytest.mark.parametrize(
    ("gone", "why"),
    [
        ({"expires_at": AT}, "it expires at this instant"),
        ({"effective_at": AT + timedelta(microseconds=1)}, "it takes effect later"),
        ({"remaining": Decimal(0)}, "nothing remains"),
    ],
)
def test_a_grant_that_cannot_be_spent_gives_nothing_even_when_named(
    gone: dict[str, datetime], why: str, named: tuple[UUID, ...]
) -> None:
    grants = [replace(a_grant(1, priority=0), **gone), a_grant(2)]  # type: ignore[arg-type]

    assert drawn(draw(grants, Decimal(3), AT, named)) == [(2, "3")], why


def test_a_grant_pays_from_the_instant_it_takes_effect_until_before_it_expires() -> None:
    grant = a_grant(1, effective_at=AT, expires_at=AT + DAY)
    last = AT + DAY - timedelta(microseconds=1)

    assert [grant.is_spendable(at) for at in (AT, last, AT + DAY)] == [True, True, False]


@pytest.mark.parametrize("due", ["0", "-0.01", "-100"])
def test_nothing_is_drawn_for_nothing_due(due: str) -> None:
    assert draw([a_grant(1)], Decimal(due), AT) == ()


NEAR = st.integers(-3, 3).map(lambda days: AT + days * DAY)
GRANTS = st.lists(
    st.builds(
        Grant,
        st.integers(0, 40).map(lambda n: UUID(int=n)),
        decimals(high=100, places=2),
        st.integers(0, 3),
        NEAR,
        st.none() | NEAR,
        NEAR,
    ),
    max_size=8,
    unique_by=lambda grant: grant.id,
)
NAMED = st.lists(st.integers(0, 40).map(lambda n: UUID(int=n)), max_size=4)
DUES = decimals(low=-10, high=400, places=2)


@given(GRANTS, DUES, NAMED)
def test_what_is_drawn_is_what_is_due_or_all_that_can_be_spent(
    grants: list[Grant], due: Decimal, named: list[UUID]
) -> None:
    found = draw(grants, due, AT, named)
    spendable = {grant.id: grant for grant in grants if grant.is_spendable(AT)}

    total = sum((one.amount for one in found), Decimal(0))
    there = sum((grant.remaining for grant in spendable.values()), Decimal(0))
    assert total == max(Decimal(0), min(due, there))
    assert len({one.grant_id for one in found}) == len(found)
    assert all(0 < one.amount <= spendable[one.grant_id].remaining for one in found)


@given(GRANTS, DUES, NAMED)
def test_all_but_the_last_are_drawn_empty_in_order(
    grants: list[Grant], due: Decimal, named: list[UUID]
) -> None:
    found = draw(grants, due, AT, named)
    ordered = [grant for grant in in_order(grants, named) if grant.is_spendable(AT)]

    assert [one.grant_id for one in found] == [grant.id for grant in ordered[: len(found)]]
    assert [one.amount for one in found[:-1]] == [
        grant.remaining for grant in ordered[: max(0, len(found) - 1)]
    ]


@given(GRANTS, DUES, NAMED, st.randoms(use_true_random=False))
def test_the_order_in_which_grants_were_read_does_not_matter(
    grants: list[Grant], due: Decimal, named: list[UUID], random: Random
) -> None:
    shuffled = list(grants)
    random.shuffle(shuffled)

    assert draw(shuffled, due, AT, named) == draw(grants, due, AT, named)


@given(GRANTS, decimals(high=200, places=2), decimals(high=200, places=2))
def test_two_bills_one_after_the_other_draw_what_one_of_both_would(
    grants: list[Grant], first: Decimal, second: Decimal
) -> None:
    once = {one.grant_id: one.amount for one in draw(grants, first + second, AT)}
    twice = {one.grant_id: one.amount for one in draw(grants, first, AT)}
    left = [
        replace(grant, remaining=grant.remaining - twice.get(grant.id, Decimal(0)))
        for grant in grants
    ]
    for one in draw(left, second, AT):
        twice[one.grant_id] = twice.get(one.grant_id, Decimal(0)) + one.amount

    assert twice == once
