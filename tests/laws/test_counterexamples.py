"""Stories that once broke a law, each as short as it can be told."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from fubble_gql.billing import cancel, change
from fubble_gql.billing.change import PlanChange
from fubble_gql.billing.life import Effective
from fubble_gql.billing.preview import Asked, Preview, preview
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.errors import Refused
from fubble_gql.pricing.period import Frequency, Period
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

    together = await preview(db, asked)

    assert together == [(await preview(db, [one]))[0] for one in asked]
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
