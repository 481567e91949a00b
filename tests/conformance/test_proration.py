"""Shares of a billing period as other billing systems compute them.

Plan changes are in `test_plan_changes`. Fees are billed over GraphQL; what the product shows
nobody as a number is computed by the values that its bills are computed with.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from fubble_gql.pricing.charge import Usage
from fubble_gql.pricing.money import limit_places, round_money
from fubble_gql.pricing.period import Period, Share
from fubble_gql.pricing.rates import Subscription
from tests.api.builders import Json, a_customer, a_plan, a_subscription, fee
from tests.api.changing import found, spans
from tests.api.conftest import Api
from tests.api.invoicing import issued
from tests.conformance.corpus import Case, cases, instant, unsupported
from tests.conformance.test_plan_changes import MODELS as CHANGES

DAY = timedelta(days=1)
# Cents of this fee are the ninth decimal of a share.
TEN_MILLION = 10_000_000
BILLED = {"stub_period", "cycles_billed"}
LISTED = {each for ids in unsupported().values() for each in ids}
ALL = [case for case in cases("proration") if case.id not in LISTED and case.model not in CHANGES]


@pytest.mark.parametrize(
    "case", [case for case in ALL if case.model in BILLED], ids=lambda case: case.id
)
async def test_a_share_is_billed_as_the_standard_says(sqlite_api: Api, case: Case) -> None:
    if case.model == "stub_period":
        assert await _stub(sqlite_api, case) == case.answer().decimal("amount")
    else:
        assert await _cycles(sqlite_api, case) == case.answer().decimal("cycles")


@pytest.mark.parametrize(
    "case", [case for case in ALL if case.model not in BILLED], ids=lambda case: case.id
)
def test_a_share_is_what_the_standard_says(case: Case) -> None:
    match case.model:
        case "factor" | "leading_stub" | "leading_stub_30" | "trailing_stub":
            factor = limit_places(_rest(case).of(Decimal(1)), 9)
            assert factor == case.answer().decimal("factor")
        case "credit_grant":
            granted = Subscription(case.decimal("amount")).charge(Usage(), _rest(case))
            assert round_money(granted.amount, "USD") == case.answer().decimal("amount")
        case model:
            raise AssertionError(f"No share for {model}.")


async def _stub(api: Api, case: Case) -> Decimal:
    """What is billed, in cents, for the days up to the anchor of a week or a month."""
    days = case.record("billed_days")
    start, anchor = days.instant("first"), days.instant("last") + DAY
    assert (anchor - start) // DAY == int(days.text("count"))
    frequency = "WEEKLY" if case.text("period_days") == "7" else "MONTHLY"
    await a_customer(api)
    await a_plan(api, fee(f"{case.decimal('amount') / 100:f}"), billingFrequency=frequency)
    api.clock.now = start
    subscription = await a_subscription(
        api, startAt=start.isoformat(), billingAnchor=anchor.isoformat()
    )

    (billed,) = await _billed(api, subscription, until=start)

    return billed * 100


async def _cycles(api: Api, case: Case) -> Decimal:
    """How many fees the periods come to that have begun; they are billed when they have ended."""
    start = case.instant("start")
    anchor = _last_with(int(case.text("billing_day")), start)
    frequency = {"1": "MONTHLY", "12": "YEARLY"}[case.text("interval_months")]
    end = {"endAt": case.instant("end").isoformat()} if "end" in case else {}
    await a_customer(api)
    await a_plan(api, fee(str(TEN_MILLION)), billingFrequency=frequency)
    api.clock.now = start
    subscription = await a_subscription(
        api, startAt=start.isoformat(), billingAnchor=anchor.isoformat(), **end
    )

    billed = await _billed(api, subscription, until=case.instant("bill_to"))

    return sum(billed, Decimal(0)) / TEN_MILLION


def _last_with(day: int, start: datetime) -> datetime:
    """That day of the month that the start is in, or of the last one before that has such a day."""
    while monthrange(start.year, start.month)[1] < day:
        start = start.replace(day=1) - DAY
    return start.replace(day=day)


async def _billed(api: Api, subscription: Json, until: datetime) -> list[Decimal]:
    """The invoice of each period that has begun by then, issued when all of them have ended."""
    api.clock.now = until
    begun = spans(await found(api, subscription))
    api.clock.now = instant(begun[-1][1])
    invoices = [
        await issued(api, subscription, {"start": start, "end": end}) for start, end in begun
    ]
    return [Decimal(invoice["total"]["amount"]) for invoice in invoices]


def _rest(case: Case) -> Share:
    """What is left of the period from the change on."""
    bounds = case.record("period")
    period = Period(bounds.instant("from"), bounds.instant("to"))
    change = case.instant("change_at")
    if change >= period.end:
        return Share(0, 1)
    return Share.between(Period(change, period.end), period)
