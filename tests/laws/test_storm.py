"""Everybody at once, on the same few customers: the books are those of a quiet day."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

import pytest

from fubble_gql.billing import run, subscribe
from fubble_gql.billing.run import Order
from fubble_gql.billing.subscribe import NewSubscription
from fubble_gql.catalog.new_plan import NewPlan
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.sql import sql
from fubble_gql.pricing.period import Frequency
from tests.laws.accounts import Accounts, check, read
from tests.laws.builders import SELLER, fee, usage
from tests.laws.crowd import BEGIN, DAY, Crowd
from tests.laws.world import World
from tests.usage.test_cut import on_postgresql

CALLERS, DEEDS = 10, 25
OFFERS = [
    NewPlan("", "Plan", Frequency.MONTHLY, [fee("10"), usage("0.5"), usage("1", "hits", "hits")]),
    NewPlan("", "Plan", Frequency.WEEKLY, [fee("3"), usage("0.25")], minimum=Decimal(5)),
    NewPlan("", "Plan", Frequency.MONTHLY, [usage("2", "hits", "hits")]),
]


@on_postgresql
@pytest.mark.parametrize("seed", range(3))
async def test_a_crowd_leaves_the_books_as_a_quiet_day_would(db: Connection, seed: int) -> None:
    world = await World.begun(db, BEGIN, timedelta(milliseconds=1), OFFERS, ["UTC"] * 4)
    for n, key in enumerate(world.customers):
        for plan in (f"p{n % 3}", f"p{(n + 1) % 3}"):
            new = NewSubscription(Ref(key=key), Ref(key=plan), start_at=BEGIN + n * DAY)
            await subscribe.subscribe(db, new, BEGIN)
    crowd = Crowd(db, Random(seed), list(world.customers))  # noqa: S311
    watching = asyncio.ensure_future(_watch(crowd, world.issued))
    await asyncio.gather(*(crowd.call(DEEDS) for _ in range(CALLERS)))
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching

    world.clock.now = crowd.clock() + 40 * DAY
    world.accounts = await read(db)
    order = Order(world.now, finalise=True, clock=world.clock, seller=SELLER)
    done = await world.attempt(lambda: run.run(db, order))

    assert done is not None
    assert done.failures == []
    await world.check_sums(list(world.accounts.subscriptions))
    await world.check_proofs()


async def _watch(crowd: Crowd, issued: dict[UUID, object]) -> None:
    """At every moment the books agree, and what was issued stays as it was."""
    while True:
        accounts = await crowd.db.transaction(_at_one_moment)
        check(accounts, crowd.clock())
        found = accounts.as_issued()
        assert {id: found[id] for id in issued} == issued
        issued.update(found)


async def _at_one_moment(tx: Connection) -> Accounts:
    await tx.fetch(sql("set transaction isolation level repeatable read"))
    return await read(tx)
