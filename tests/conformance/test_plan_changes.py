"""Plan changes as other billing systems bill them, made by changePlan over HTTP.

They credit what is left of the old plan and charge what is left of the new one. Here each plan is
billed for its own time, so the old one's line is its amount less that credit, the new one's is the
charge.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
import pytest_asyncio

from fubble_gql.pricing.money import plain
from fubble_gql.pricing.period import Frequency, Period, Schedule
from tests.api.builders import Json, a_customer, a_plan, a_subscription, fee, preview_of
from tests.api.changing import change
from tests.api.conftest import Api, running
from tests.conformance.corpus import Case, Record, cases, instant, unsupported

LISTED = {each for ids in unsupported().values() for each in ids}
MODELS = {"plan_change", "multiple_changes", "quantity_change", "components_mixed"}
CASES = [case for case in cases("proration") if case.model in MODELS and case.id not in LISTED]
# A month of 30 days, where a case has no calendar month for its period.
JUNE = datetime.fromisoformat("2025-06-01T00:00:00+00:00")
Amounts = Mapping[str, Decimal]


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[Api]:
    """A caller of the application on each kind of database."""
    async with running(database_url) as caller:
        yield caller


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
async def test_a_change_bills_what_the_standard_says(api: Api, case: Case) -> None:
    expected = case.answer()
    billed = await _billed(api, case)

    for name in expected.fields:
        wanted = expected.decimal(name)
        # Systems disagree on the sign of a credit.
        assert billed[name] == (abs(wanted) if name == "credit" else wanted), name


async def _billed(api: Api, case: Case) -> dict[str, Decimal]:
    """What was billed, in the words of the case."""
    zone, month, shift = _month(case)
    currency = "JPY" if case.fields.get("unit") == "minor" else "USD"
    plans = _plans(case)
    await a_customer(api, currency=currency, timezone=zone)
    for number, (_, frequency, amounts) in enumerate(plans):
        components = [fee(plain(amount), key) for key, amount in amounts.items()]
        await a_plan(
            api, *components, key=f"p{number}", currency=currency, billingFrequency=frequency
        )
    api.clock.now = month.start
    subscription = await a_subscription(api, plan="p0", startAt=month.start.isoformat())
    bill: Json = {}
    for number, (at, _, _) in enumerate(plans[1:], 1):
        api.clock.now = at + shift
        payload = await change(api, subscription, f"p{number}")
        bill = await _bill_of(api, subscription, month, payload["preview"])
    return await _named(api, subscription, bill, plans, month)


async def _bill_of(api: Api, subscription: Json, month: Period, shown: Json) -> Json:
    """The bill of the month; a change at its very end is shown the next one's."""
    if shown["period"]["start"] == _text(month.start):
        return shown
    span = {"start": month.start.isoformat(), "end": month.end.isoformat()}
    return await preview_of(api, subscription, period=span)


async def _named(
    api: Api,
    subscription: Json,
    bill: Json,
    plans: list[tuple[datetime, str, Amounts]],
    month: Period,
) -> dict[str, Decimal]:
    """The credit for the first plan, the charge for the last one, and the difference that they make."""
    change_at = _text(api.clock.now)
    before, after = Decimal(0), Decimal(0)
    for line in bill["lines"]:
        if line["period"]["start"] < change_at:
            before += Decimal(line["amount"]["amount"])
        else:
            after += Decimal(line["amount"]["amount"])
    if plans[-1][1] != plans[0][1]:
        assert bill["period"]["end"] == change_at
        after = Decimal((await preview_of(api, subscription))["total"]["amount"])
    old = sum(plans[0][2].values(), Decimal(0))
    assert month.start <= api.clock.now <= month.end
    return {"credit": old - before, "charge": after, "net": before + after - old}


def _plans(case: Case) -> list[tuple[datetime, str, Amounts]]:
    """When each plan begins, how often it bills, and its fees."""
    start = case.record("period").instant("from")
    match case.model:
        case "plan_change":
            old, new = case.record("old"), case.record("new")
            return [
                (start, _frequency(old), {"fee": _amount(old)}),
                (case.instant("change_at"), _frequency(new), {"fee": _amount(new)}),
            ]
        case "quantity_change":
            price = case.decimal("unit_price")
            old_amount = {"fee": price * case.decimal("old_quantity")}
            new_amount = {"fee": price * case.decimal("new_quantity")}
            return [
                (start, "MONTHLY", old_amount),
                (case.instant("change_at"), "MONTHLY", new_amount),
            ]
        case "multiple_changes":
            steps = case.records("changes")
            first = (start, "MONTHLY", {"fee": steps[0].decimal("old_amount")})
            return [
                first,
                *(
                    (one.instant("at"), "MONTHLY", {"fee": one.decimal("new_amount")})
                    for one in steps
                ),
            ]
        case "components_mixed":
            # The first component is in both plans, the others are removed and added.
            return [
                (start, "MONTHLY", _keyed(case.record("old"), "removed")),
                (case.instant("change_at"), "MONTHLY", _keyed(case.record("new"), "added")),
            ]
        case model:
            raise AssertionError(f"No plan change in {model}.")


def _keyed(plan: Record, name: str) -> Amounts:
    first, *others = plan.decimals("amounts")
    return {"fee": first, **{f"{name}{n}": amount for n, amount in enumerate(others)}}


def _amount(plan: Record) -> Decimal:
    if "amount" in plan:
        return plan.decimal("amount")
    return plan.decimal("unit_price") * plan.decimal("quantity")


def _frequency(plan: Record) -> str:
    return "YEARLY" if "interval" in plan and plan.text("interval") == "year" else "MONTHLY"


def _month(case: Case) -> tuple[str, Period, timedelta]:
    """The timezone, the period as a calendar month, and by how much it was moved to be one."""
    bounds = case.record("period")
    given = Period(instant(bounds.text("from")), instant(bounds.text("to")))
    zone = "UTC" if given.start.hour == 0 else "America/New_York"
    if Schedule(given.start, Frequency.MONTHLY, zone).period_at(given.start) == given:
        return zone, given, timedelta(0)
    moved = Period(JUNE, JUNE + (given.end - given.start))
    assert Schedule(JUNE, Frequency.MONTHLY, zone).period_at(JUNE) == moved
    return zone, moved, JUNE - given.start


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
