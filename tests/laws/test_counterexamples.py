"""Stories that once broke a law, each as short as it can be told."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from fubble_gql.billing import cancel, change
from fubble_gql.billing.change import PlanChange
from fubble_gql.billing.life import Effective
from fubble_gql.billing.points import Room
from fubble_gql.billing.preview import Asked, Preview, preview
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.errors import Refused
from fubble_gql.pricing.period import Frequency, Period
from fubble_gql.pricing.rates import Dynamic
from tests.laws.accounts import check, read
from tests.laws.builders import (
    JULY,
    JUNE,
    MAY,
    Clock,
    a_customer,
    a_draft,
    a_plan,
    a_subscription,
    finalised,
    run_billing,
    usage,
    used,
)
from tests.usage.builders import at, make_metric

HOUR = timedelta(hours=1)


def to(subscription: object, plan: str, effective: Effective = Effective.NOW) -> PlanChange:
    return PlanChange(subscription, Ref(key=plan), effective)  # type: ignore[arg-type]


async def test_a_change_that_ended_an_invoiced_period_is_not_taken_back(db: Connection) -> None:
    await a_customer(db)
    await a_plan(db)
    await a_plan(db, key="yearly", frequency=Frequency.YEARLY)
    subscription = await a_subscription(db)
    noon = at("2026-05-20 12:00")
    await change.change_plan(db, to(subscription, "yearly"), noon)
    await a_draft(db, subscription, Period(MAY, noon), clock=Clock(noon))

    with pytest.raises(Refused, match="invoiced until 2026-05-20T12:00"):
        await change.change_plan(db, to(subscription, "pro"), noon)

    check(await read(db), noon)
    await change.change_plan(db, to(subscription, "pro"), noon + HOUR)


async def test_previews_worked_out_together_are_those_worked_out_alone(db: Connection) -> None:
    await make_metric(db)
    customer = await a_customer(db)
    await a_plan(db, usage("1"))
    subscription = await a_subscription(db)
    draft = await a_draft(db, subscription, Period(MAY, JUNE), clock=Clock(JUNE))
    await finalised(db, draft.id, Clock(JUNE))
    await used(db, "10", MAY, JUNE + HOUR)
    late = JUNE + 2 * HOUR
    asked = [
        Asked(customer, late, subscription),
        Asked(customer, late),
        Asked(customer, late, subscription, Period(JULY, at("2026-08-01"))),
    ]

    together = await preview(db, asked, Room())

    assert together == [(await preview(db, [one], Room()))[0] for one in asked]
    assert {one.bill.subtotal for one in together if isinstance(one, Preview)} == {Decimal(10)}


async def test_no_change_reaches_into_what_another_subscription_is_invoiced_for(
    db: Connection,
) -> None:
    await make_metric(db)
    await a_customer(db)
    await a_plan(db, usage("1"))
    await a_plan(db, usage("1"), key="yearly", frequency=Frequency.YEARLY)
    await a_plan(db, key="fee")
    first = await a_subscription(db, plan="yearly")
    second = await a_subscription(db)
    draft = await a_draft(db, second, Period(MAY, JUNE), clock=Clock(JUNE))
    await finalised(db, draft.id, Clock(JUNE))

    # Whoever asked before June, and waited until the invoice was there.
    with pytest.raises(Refused, match="invoiced until 2026-06-01"):
        await change.change_plan(db, to(first, "fee"), JUNE - HOUR)
    with pytest.raises(Refused, match="invoiced until 2026-06-01"):
        await cancel.cancel(db, first, Effective.NOW, JUNE - HOUR)
    await change.change_plan(db, to(first, "fee"), JUNE)


async def test_numbers_follow_the_instants_also_where_a_clock_stands_still(
    db: Connection,
) -> None:
    await make_metric(db)
    await a_plan(db, usage("1"))
    drafts = []
    for customer in ("acme", "other"):
        await a_customer(db, customer)
        subscription = await a_subscription(db, customer)
        drafts += [
            await a_draft(db, subscription, span, clock=Clock(JULY), customer=customer)
            for span in (Period(MAY, JUNE), Period(JUNE, JULY))
        ]
    await finalised(db, drafts[0].id, Clock(JULY))
    await used(db, "5", MAY, JULY)  # stamped behind the invoice, ahead of the clock

    for draft in drafts[1:]:
        await finalised(db, draft.id, Clock(JULY))

    check(await read(db), JULY + HOUR)


async def test_usage_is_late_also_at_the_very_instant_of_a_look_that_changed_nothing(
    db: Connection,
) -> None:
    await make_metric(db)
    await a_customer(db)
    await a_plan(db, usage("1"))
    subscription = await a_subscription(db, end_at=JUNE)
    clock = Clock(JUNE)
    await run_billing(db, clock)
    clock.now += HOUR
    await used(db, "0", MAY, clock())
    assert (await run_billing(db, clock)).created == 0
    await used(db, "10", MAY, clock())

    clock.now += HOUR
    assert (await run_billing(db, clock)).created == 1

    standing = (await read(db)).standing(subscription, Period(MAY, JUNE))
    assert list(standing.values()) == [Decimal(10)]


async def test_a_formula_that_broke_keeps_no_other_late_usage_from_being_invoiced(
    db: Connection,
) -> None:
    await make_metric(db)
    await make_metric(db, "hits")
    await a_customer(db)
    broken = Dynamic(Decimal(1), "base_rate / (quantity - 7)")
    await a_plan(db, usage(broken, "hits"), key="broken")
    await a_plan(db, usage("1"))
    first = await a_subscription(db, plan="broken", end_at=JUNE)
    second = await a_subscription(db, end_at=JUNE)
    clock = Clock(JUNE)
    assert (await run_billing(db, clock)).finalized == 2
    clock.now += HOUR
    await used(db, "7", MAY, clock(), metric="hits")
    await used(db, "10", MAY, clock())

    clock.now += HOUR
    carried, reported = await run_billing(db, clock), await run_billing(db, clock)

    assert (carried.finalized, carried.failures) == (1, [])
    accounts = await read(db)
    assert list(accounts.standing(second, Period(MAY, JUNE)).values()) == [Decimal(10)]
    assert accounts.standing(first, Period(MAY, JUNE)) == {}
    assert [one.problem.code for one in reported.failures] == ["FORMULA_FAILED"]
    await used(db, "1", MAY, clock(), metric="hits")
    clock.now += HOUR
    assert (await run_billing(db, clock)).finalized == 1
    assert list((await read(db)).standing(first, Period(MAY, JUNE)).values()) == [Decimal(8)]
