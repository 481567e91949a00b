"""The same usage on another plan: what the bill would be, to the cent, without a trace."""

from __future__ import annotations

from tests.api.builders import (
    BILL,
    MAY,
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    asked,
    event,
    fee,
    per_unit,
    price,
    tiers,
    used,
)
from tests.api.conftest import Api

WHAT_IF = (
    "query ($id: ID!, $plan: PlanRef!, $period: PeriodInput) { planSubscription(id: $id) "
    "{ whatIf(plan: $plan, period: $period) { ...bill } } }" + BILL
)


async def what_if(api: Api, id: str, plan: str, period: Json | None = None) -> Json:
    """The bill on another plan."""
    found = await asked(api, WHAT_IF, id=id, plan={"key": plan}, period=period)
    bill: Json = found["whatIf"]
    return bill


def amounts(bill: Json) -> list[tuple[str, str]]:
    """Kind and amount of each line."""
    return [(line["kind"], line["amount"]["amount"]) for line in bill["lines"]]


async def test_usage_is_rated_on_the_other_plan(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_metric(api, "seats")
    await a_plan(api, fee("30"), per_unit("1"))
    graduated = tiers(("10", "0.5", "0"), (None, "0.1", "0"))
    await a_plan(
        api, fee("99"), price({"graduated": graduated}), per_unit("2", "seats", "s"), key="scale"
    )
    subscription = await a_subscription(api)
    await used(api, event("15"), event("4", metric="seats"))

    bill = await what_if(api, subscription["id"], "scale")

    # 99; 10 x 0.5 + 5 x 0.1; seats that the present plan does not price: 4 x 2
    assert amounts(bill) == [("FEE", "99.00"), ("USAGE", "5.50"), ("USAGE", "8.00")]
    assert bill["period"] == MAY | {"start": "2026-05-01T00:00:00Z"}


async def test_a_plan_of_another_rhythm_is_charged_in_proportion(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, fee("30"), per_unit("1"))
    await a_plan(
        api,
        fee("365", key="yearly"),
        fee("730", key="flat", model="flat"),
        price({"perUnit": {"unitPrice": "1"}}, minimum="36.5"),
        key="yearly",
        billingFrequency="YEARLY",
    )
    subscription = await a_subscription(api)

    bill = await what_if(api, subscription["id"], "yearly")

    # 31 of 365 days of 365, 730 and the minimum of 36.5
    assert amounts(bill) == [
        ("FEE", "31.00"),
        ("FEE", "62.00"),
        ("USAGE", "0.00"),
        ("MINIMUM", "3.10"),
    ]


async def test_a_year_is_twelve_months_of_a_monthly_plan(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, fee("365"), billingFrequency="YEARLY")
    await a_plan(api, fee("10"), key="monthly")
    subscription = await a_subscription(api)

    bill = await what_if(api, subscription["id"], "monthly")

    assert amounts(bill) == [("FEE", "120.00")]
    assert bill["lines"][0]["steps"][0]["label"] == "Fee x 12 periods"


async def test_trials_and_changes_cut_the_other_plan_alike(api: Api) -> None:
    await a_customer(api)
    await a_plan(api, fee("31"))
    await a_plan(api, fee("62"), key="other")
    subscription = await a_subscription(api, trialDays=10, billingAnchor="2026-05-01T00:00:00Z")

    bill = await what_if(api, subscription["id"], "other", MAY)

    assert amounts(bill) == [("FEE", "42.00")]  # 21 of 31 days


async def test_credits_do_not_pay_for_what_is_only_supposed(api: Api) -> None:
    await a_customer(api)
    await a_plan(api, fee("30"))
    await a_plan(api, fee("60"), key="other")
    subscription = await a_subscription(api)
    granted = await asked(
        api,
        "mutation ($input: GrantCreditInput!) { grantCredit(input: $input) { errors { code } } }",
        input={"customer": {"key": "acme"}, "amount": "100"},
    )

    bill = await what_if(api, subscription["id"], "other")

    assert granted["errors"] == []
    assert bill["creditsApplied"]["amount"] == "0.00"
    assert bill["total"]["amount"] == "60.00"


async def test_another_currency_and_an_unknown_plan_are_refused(api: Api) -> None:
    await a_customer(api)
    await a_plan(api, fee("30"))
    await a_plan(api, fee("30"), key="euro", currency="EUR")
    subscription = await a_subscription(api)

    (euro,) = await api.errors(WHAT_IF, id=subscription["id"], plan={"key": "euro"})
    (unknown,) = await api.errors(WHAT_IF, id=subscription["id"], plan={"key": "none"})

    assert euro["extensions"]["code"] == "INVALID"
    assert unknown["extensions"]["code"] == "NOT_FOUND"


async def test_comparing_plans_takes_as_many_statements_as_one(api: Api) -> None:
    await a_customer(api)
    await a_plan(api, fee("30"))
    await a_plan(api, fee("40"), key="other")
    for _ in range(5):
        await a_subscription(api)
    document = (
        '{ customer(key: "acme") { subscriptions(first: %d) { nodes '
        '{ whatIf(plan: {key: "other"}) { total { amount } } } } } }'
    )

    with api.statements() as of_one:
        await api.ask(document % 1)
    with api.statements() as of_five:
        await api.ask(document % 5)

    assert len(of_one) == len(of_five)
