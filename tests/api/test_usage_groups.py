"""Usage by group and bucket: it adds up exactly, in a bounded answer, by as many statements."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

import pytest

from fubble_gql.api import loaders
from fubble_gql.billing.points import Room
from tests.api.builders import (
    MAY,
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    asked,
    dimensions,
    event,
    per_unit,
    used,
)
from tests.api.conftest import Api

NODE = "... on Customer { usage(%s) { ...rows } } ... on PlanSubscription { usage(%s) { ...rows } }"
ARGUMENTS = "period: $period, metrics: $metrics, granularity: $granularity, groupBy: $groupBy"
USAGE = (
    "query ($id: ID!, $period: PeriodInput, $metrics: [String!], $granularity: Granularity, "
    "$groupBy: [String!]) { node(id: $id) { "
    + NODE.replace("%s", ARGUMENTS)
    + " } } fragment rows on MetricUsage { quantity eventCount group { property value } "
    "series { period { start } quantity eventCount } }"
)


async def rows(api: Api, of: Json, **arguments: object) -> list[Json]:
    """Usage of a customer or of a subscription, by month and metric."""
    found = await asked(api, USAGE, id=of["id"], **{"period": MAY, **arguments})
    listed: list[Json] = found["usage"]
    return listed


async def test_groups_and_their_buckets_add_up_to_the_whole(api: Api) -> None:
    customer = await a_customer(api, timezone="Europe/Berlin")
    await a_metric(api, dimensions=dimensions(region="STRING", gpu="NUMBER"))
    await a_plan(api, per_unit())
    subscription = await a_subscription(api)
    regions, gpus = ("eu", "us", "ap"), (0, Decimal("1.5"))
    tiny = Decimal("0.000000000000000001")
    await used(
        api,
        *(
            event(
                str(10**15 * n + tiny * (n + 1)),
                eventTime=f"2026-05-0{1 + n % 9}T{n % 24:02}:30:00Z",
                properties={"region": regions[n % 3], "gpu": float(gpus[n % 2])},
            )
            for n in range(20)
        ),
    )

    for of in (customer, subscription):
        (whole,) = await rows(api, of)
        grouped = await rows(api, of, granularity="DAY", groupBy=["gpu", "region"])
        assert len(grouped) == 6
        assert sum(Decimal(one["quantity"]) for one in grouped) == Decimal(whole["quantity"])
        for one in grouped:
            series = one["series"]
            assert len(series) == 32  # Berlin's days begin at 22:00
            assert sum(Decimal(point["quantity"]) for point in series) == Decimal(one["quantity"])
            assert sum(int(point["eventCount"]) for point in series) == int(one["eventCount"])


async def test_more_groups_and_buckets_take_no_more_statements(api: Api) -> None:
    customer = await a_customer(api)
    await a_metric(api, dimensions=dimensions(region="STRING"))
    await a_metric(
        api,
        "disk",
        type="GAUGE",
        aggregation="TIME_WEIGHTED",
        dimensions=dimensions(region="STRING"),
    )
    counts = []
    for n, granularity in enumerate(["MONTH", "DAY"]):
        await used(
            api,
            *(
                event(metric=metric, properties={"region": f"{n} {place}"})
                for metric in ("calls", "disk")
                for place in range(1 + 5 * n)
            ),
        )
        with api.statements() as statements:
            await rows(api, customer, granularity=granularity, groupBy=["region"])
        counts.append(len(statements))

    assert counts[0] == counts[1]


async def test_groups_times_buckets_are_bounded(api: Api) -> None:
    customer = await a_customer(api)
    await a_metric(api, dimensions=dimensions(user="STRING"))
    await used(api, *(event(properties={"user": f"u{n}"}) for n in range(322)))

    by_day = await rows(api, customer, granularity="DAY", groupBy=["user"])
    (error,) = await api.errors(
        USAGE, id=customer["id"], period=MAY, granularity="HOUR", groupBy=["user"]
    )

    assert len(by_day) * len(by_day[0]["series"]) == 322 * 31  # of 10,000
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"


async def test_what_an_operation_has_worked_out_is_bounded(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Distinct periods, so that nothing is read once for several of them."""
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, per_unit(), billingFrequency="DAILY")
    await a_subscription(api)
    monkeypatch.setattr(loaders, "Room", partial(Room, 1_000))

    async def codes(count: int, field: str) -> set[str]:
        fields = " ".join(
            f"a{n}: "
            + field % f'{{start: "2026-05-01T00:00:{n:02}Z", end: "2026-06-01T00:00:00Z"}}'
            for n in range(count)
        )
        answer = await api.answer(
            f'{{ customer(key: "acme") {{ subscriptions {{ nodes {{ {fields} }} }} }} }}'
        )
        return {error["extensions"]["code"] for error in answer.get("errors", ())}

    by_hour = 'usage(metrics: ["calls"], granularity: HOUR, period: %s) { quantity }'
    bill = "invoicePreview(period: %s) { total { amount } }"
    supposed = 'whatIf(plan: {key: "pro"}, period: %s) { total { amount } }'
    days = "costSeries(period: %s) { amount { amount } }"
    for field, most in ((by_hour, 1), (bill, 3), (supposed, 3), (days, 16)):
        assert await codes(most, field) == set()
        assert await codes(most + 1, field) == {"LIMIT_EXCEEDED"}


async def test_what_is_shown_again_and_again_counts_each_time(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of one customer's invoices shows that customer as often: it costs little to read."""
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, per_unit())
    await a_subscription(api)
    monkeypatch.setattr(loaders, "SHOWN_MAX", 100)  # May by day has 31 points, and its row
    by_day = 'usage(period: $may, metrics: ["calls"], granularity: DAY) { series { quantity } }'
    costs = "subscriptions { nodes { costSeries(period: $may) { amount { amount } } } }"
    three = " ".join(f"a{n}: {by_day}" for n in range(3))
    within, *beyond = (
        f"query ($may: PeriodInput!) {{ customers {{ nodes {{ {fields} }} }} }}"
        for fields in (three, f"{three} {by_day}", f"{three} {costs}")
    )

    for document in beyond:
        assert (await api.ask(within, may=MAY))["customers"]["nodes"]
        errors = await api.errors(document, may=MAY)
        assert {error["extensions"]["code"] for error in errors} == {"LIMIT_EXCEEDED"}
