"""Plans: published in versions, refused with every reason at once, estimated."""

from __future__ import annotations

import pytest

from tests.api.builders import (
    CREATE_PLAN,
    PLAN,
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    asked,
    counted_rows,
    dimensions,
    fee,
    made,
    per_unit,
    price,
    refused,
    tiers,
)
from tests.api.conftest import Api


def mutation(arguments: str, call: str) -> str:
    """A mutation that answers with a plan."""
    return f"mutation ({arguments}) {{ {call} {{ plan {{ {PLAN} }} errors {{ code message path }} }} }}"


UPDATE = mutation(
    "$plan: PlanRef!, $input: UpdatePlanInput!, $expected: Int",
    "updatePlan(plan: $plan, input: $input, expectedVersion: $expected)",
)
ADD = mutation(
    "$plan: PlanRef!, $input: PriceComponentInput!, $expected: Int",
    "addPriceComponent(plan: $plan, input: $input, expectedVersion: $expected)",
)
REMOVE = mutation(
    "$plan: PlanRef!, $key: String!, $expected: Int",
    "removePriceComponent(plan: $plan, componentKey: $key, expectedVersion: $expected)",
)
DEACTIVATE = mutation("$plan: PlanRef!", "deactivatePlan(plan: $plan)")
FIND = (
    "query ($id: ID, $key: String, $version: Int) { plan(id: $id, key: $key, version: $version) {"
    + PLAN
    + "} }"
)
PRO = {"key": "pro"}

# Every model as it is given, and as it is shown.
MODELS: dict[str, tuple[str | None, Json, Json]] = {
    "flat": (None, {"amount": "9.99"}, {"__typename": "FlatPricing", "amount": "9.99"}),
    "subscription": (
        None,
        {"amount": "30"},
        {"__typename": "SubscriptionPricing", "amount": "30"},
    ),
    "perUnit": (
        "calls",
        {"unitPrice": "0.000000000000000001"},
        {"__typename": "PerUnitPricing", "unitPrice": "0.000000000000000001", "freeUnits": "0"},
    ),
    "graduated": (
        "calls",
        {"tiers": [{"upTo": "10", "unitPrice": "2"}, {"unitPrice": "1", "flatFee": "0.5"}]},
        {
            "__typename": "GraduatedPricing",
            "tiers": [
                {"upTo": "10", "unitPrice": "2", "flatFee": "0"},
                {"upTo": None, "unitPrice": "1", "flatFee": "0.5"},
            ],
        },
    ),
    "volume": (
        "calls",
        {"tiers": [{"upTo": "10.5", "unitPrice": "2"}, {"upTo": None, "unitPrice": "0"}]},
        {
            "__typename": "VolumePricing",
            "tiers": [
                {"upTo": "10.5", "unitPrice": "2", "flatFee": "0"},
                {"upTo": None, "unitPrice": "0", "flatFee": "0"},
            ],
        },
    ),
    "package": (
        "calls",
        {"size": "100", "price": "5", "freeUnits": "50"},
        {"__typename": "PackagePricing", "size": "100", "price": "5", "freeUnits": "50"},
    ),
    "threshold": (
        "calls",
        {
            "mode": "HIGHEST",
            "thresholds": [{"threshold": "0", "price": "1"}, {"threshold": "10", "price": "5"}],
        },
        {
            "__typename": "ThresholdPricing",
            "mode": "HIGHEST",
            "thresholds": [{"threshold": "0", "price": "1"}, {"threshold": "10", "price": "5"}],
        },
    ),
    "percentage": (
        "calls",
        {"rate": "2.9", "fixedFee": "0.3", "freeEvents": 2, "freeAmount": "100"},
        {
            "__typename": "PercentagePricing",
            "rate": "2.9",
            "fixedFee": "0.3",
            "freeEvents": 2,
            "freeAmount": "100",
        },
    ),
    "usageSubscription": (
        "calls",
        {"baseFee": "49", "unitPrice": "0.1", "includedUnits": "1000"},
        {
            "__typename": "UsageSubscriptionPricing",
            "baseFee": "49",
            "includedUnits": "1000",
            "unitPrice": "0.1",
        },
    ),
    "time": (
        "seconds",
        {"rate": "3.6", "rateUnit": "HOUR", "metricUnit": "SECOND"},
        {"__typename": "TimePricing", "rate": "3.6", "rateUnit": "HOUR", "metricUnit": "SECOND"},
    ),
    "dimension": (
        "jobs",
        {"baseRate": "0.5", "dimensions": [{"property": "gpu", "multiplier": "-0.25"}]},
        {
            "__typename": "DimensionPricing",
            "baseRate": "0.5",
            "dimensions": [{"property": "gpu", "multiplier": "-0.25"}],
        },
    ),
    "matrix": (
        "jobs",
        {
            "properties": ["region", "gpu"],
            "cells": [{"values": ["eu", "2"], "unitPrice": "3"}],
            "defaultUnitPrice": "1",
        },
        {
            "__typename": "MatrixPricing",
            "properties": ["region", "gpu"],
            "cells": [{"values": ["eu", "2"], "unitPrice": "3"}],
            "defaultUnitPrice": "1",
        },
    ),
    "dynamic": (
        "calls",
        {
            "baseRate": "0.1",
            "formula": "base_rate * (1 + factor) if quantity > 10 else base_rate",
            "variables": {"factor": "0.20"},
        },
        {
            "__typename": "DynamicPricing",
            "baseRate": "0.1",
            "formula": "base_rate * (1 + factor) if quantity > 10 else base_rate",
            "variables": {"factor": "0.2"},
        },
    ),
}


async def the_metrics(api: Api) -> None:
    """A metric for each kind of price."""
    await a_metric(api, "calls")
    await a_metric(api, "seconds", type="TIME")
    await a_metric(
        api, "jobs", type="DIMENSION", dimensions=dimensions(region="STRING", gpu="NUMBER")
    )


async def test_every_pricing_model_comes_back_as_it_was_given(api: Api) -> None:
    await the_metrics(api)
    given = [price({name: one}, metric, name) for name, (metric, one, _) in MODELS.items()]

    plan = await a_plan(api, *given)

    shown = {one["key"]: one["pricing"] for one in plan["priceComponents"]}
    assert shown == {name: expected for name, (_, _, expected) in MODELS.items()}
    assert [one["key"] for one in plan["priceComponents"]] == list(MODELS)
    assert {one["key"]: (one["metric"] or {}).get("key") for one in plan["priceComponents"]} == {
        name: metric for name, (metric, _, _) in MODELS.items()
    }


async def test_a_plan_keeps_all_that_it_was_given(api: Api) -> None:
    given: Json = {
        "description": "For teams",
        "currency": "EUR",
        "billingFrequency": "QUARTERLY",
        "trialDays": 14,
        "minimum": "100.5",
    }

    plan = await a_plan(api, fee(minimum="1", maximum="2.5"), **given)

    assert {name: plan[name] for name in given} == given
    assert (plan["version"], plan["isActive"], plan["isLatest"]) == (1, True, True)
    (component,) = plan["priceComponents"]
    assert (component["minimum"], component["maximum"]) == ("1", "2.5")
    assert plan["createdAt"] == "2026-05-10T12:00:00Z"


async def test_a_threshold_is_cumulative_unless_said(api: Api) -> None:
    await a_metric(api)

    plan = await a_plan(
        api, price({"threshold": {"thresholds": [{"threshold": "1", "price": "1"}]}})
    )

    assert plan["priceComponents"][0]["pricing"]["mode"] == "CUMULATIVE"


REFUSED: dict[str, tuple[Json, list[str]]] = {
    "a tier without an end before the last": (
        price({"graduated": tiers((None, "1", "0"), (None, "1", "0"))}),
        ["pricing.graduated.tiers.0.upTo"],
    ),
    "tiers in disorder": (
        price({"volume": tiers(("10", "1", "0"), ("5", "1", "0"), (None, "1", "0"))}),
        ["pricing.volume.tiers.1.upTo"],
    ),
    "two tiers of one end": (
        price({"volume": tiers(("10", "1", "0"), ("10", "1", "0"), (None, "1", "0"))}),
        ["pricing.volume.tiers.1.upTo"],
    ),
    "a last tier with an end": (
        price({"graduated": tiers(("10", "1", "0"), ("20", "1", "0"))}),
        ["pricing.graduated.tiers.1.upTo"],
    ),
    "no tiers": (price({"graduated": {"tiers": []}}), ["pricing.graduated.tiers"]),
    "a tier that ends at zero": (
        price({"graduated": tiers(("0", "1", "0"), (None, "1", "0"))}),
        ["pricing.graduated.tiers.0.upTo"],
    ),
    "negative prices in tiers": (
        price({"graduated": tiers(("5", "-1", "0"), (None, "1", "-2"))}),
        ["pricing.graduated.tiers.0.unitPrice", "pricing.graduated.tiers.1.flatFee"],
    ),
    "a metric that is not there": (price({"perUnit": {"unitPrice": "1"}}, "none"), ["metric"]),
    "a metric that was archived": (price({"perUnit": {"unitPrice": "1"}}, "old"), ["metric"]),
    "usage without a metric": (price({"perUnit": {"unitPrice": "1"}}, None), ["metric"]),
    "a fee with a metric": (price({"flat": {"amount": "1"}}, "calls"), ["metric"]),
    "a dimension that is not declared": (
        price(
            {
                "dimension": {
                    "baseRate": "1",
                    "dimensions": [{"property": "colour", "multiplier": "1"}],
                }
            },
            "jobs",
        ),
        ["pricing.dimension.dimensions.0.property"],
    ),
    "a text to multiply by": (
        price(
            {
                "dimension": {
                    "baseRate": "1",
                    "dimensions": [{"property": "region", "multiplier": "1"}],
                }
            },
            "jobs",
        ),
        ["pricing.dimension.dimensions.0.property"],
    ),
    "no dimensions": (
        price({"dimension": {"baseRate": "1", "dimensions": []}}, "jobs"),
        ["pricing.dimension.dimensions"],
    ),
    "a matrix over what is not declared": (
        price({"matrix": {"properties": ["colour"], "cells": [], "defaultUnitPrice": "1"}}, "jobs"),
        ["pricing.matrix.properties.0"],
    ),
    "a matrix with a cell too short and one twice": (
        price(
            {
                "matrix": {
                    "properties": ["region", "gpu"],
                    "cells": [
                        {"values": ["eu"], "unitPrice": "1"},
                        {"values": ["eu", "1"], "unitPrice": "1"},
                        {"values": ["eu", "1"], "unitPrice": "2"},
                    ],
                    "defaultUnitPrice": "1",
                }
            },
            "jobs",
        ),
        ["pricing.matrix.cells.0.values", "pricing.matrix.cells.2.values"],
    ),
    "dimensions of a composite": (
        price(
            {"matrix": {"properties": ["region"], "cells": [], "defaultUnitPrice": "1"}}, "double"
        ),
        ["pricing"],
    ),
    "a formula with unknown names": (
        price({"dynamic": {"baseRate": "1", "formula": "base_rate * surge"}}),
        ["pricing.dynamic.formula"],
    ),
    "a formula that is none": (
        price({"dynamic": {"baseRate": "1", "formula": "base_rate *"}}),
        ["pricing.dynamic.formula"],
    ),
    "a formula that reaches out": (
        price({"dynamic": {"baseRate": "1", "formula": "open('/etc/passwd')"}}),
        ["pricing.dynamic.formula"],
    ),
    "a variable that takes a given name": (
        price({"dynamic": {"baseRate": "1", "formula": "1", "variables": {"quantity": "1"}}}),
        ["pricing.dynamic.variables.quantity"],
    ),
    "a variable that is no number": (
        price({"dynamic": {"baseRate": "1", "formula": "x", "variables": {"x": "many"}}}),
        ["pricing.dynamic.variables"],
    ),
    "variables that are a list": (
        price({"dynamic": {"baseRate": "1", "formula": "1", "variables": [1]}}),
        ["pricing.dynamic.variables"],
    ),
    "a negative flat fee": (fee("-1", model="flat"), ["pricing.flat.amount"]),
    "a negative subscription fee": (fee("-1"), ["pricing.subscription.amount"]),
    "negative units": (
        price({"perUnit": {"unitPrice": "-1", "freeUnits": "-1"}}),
        ["pricing.perUnit.unitPrice", "pricing.perUnit.freeUnits"],
    ),
    "packages of nothing": (
        price({"package": {"size": "0", "price": "-1"}}),
        ["pricing.package.size", "pricing.package.price"],
    ),
    "a negative percentage": (
        price({"percentage": {"rate": "-1", "freeEvents": -1}}),
        ["pricing.percentage.rate", "pricing.percentage.freeEvents"],
    ),
    "no thresholds": (price({"threshold": {"thresholds": []}}), ["pricing.threshold.thresholds"]),
    "thresholds in disorder": (
        price(
            {
                "threshold": {
                    "thresholds": [
                        {"threshold": "5", "price": "1"},
                        {"threshold": "5", "price": "1"},
                    ]
                }
            }
        ),
        ["pricing.threshold.thresholds.1.threshold"],
    ),
    "a negative rate of time": (
        price({"time": {"rate": "-1", "rateUnit": "DAY", "metricUnit": "HOUR"}}),
        ["pricing.time.rate"],
    ),
    "a minimum above the maximum": (fee(minimum="5", maximum="4"), ["maximum"]),
    "negative bounds": (fee(minimum="-5", maximum="-1"), ["minimum", "maximum"]),
    "a component without a name": (fee(displayName=" "), ["displayName"]),
    "a component without a key": (fee(key=""), ["key", "displayName"]),
    "a component with a long key": (fee(key="x" * 256), ["key", "displayName"]),
}


@pytest.mark.parametrize(("component", "paths"), REFUSED.values(), ids=REFUSED.keys())
async def test_a_price_that_makes_no_sense_is_refused(
    sqlite_api: Api, component: Json, paths: list[str]
) -> None:
    await the_metrics(sqlite_api)
    await a_metric(sqlite_api, "old")
    await sqlite_api.ask('mutation { archiveMetric(metric: {key: "old"}) { errors { code } } }')
    await a_metric(sqlite_api, "double", type="COMPOSITE", formula="calls * 2")
    given = {"key": "pro", "name": "Pro", "billingFrequency": "MONTHLY"}

    why = await refused(
        sqlite_api, CREATE_PLAN, input={**given, "priceComponents": [fee(key="first"), component]}
    )

    assert why == [("INVALID", f"input.priceComponents.1.{path}") for path in paths]
    assert (await counted_rows(sqlite_api))["plan"] == 0


async def test_everything_wrong_with_a_plan_is_told_at_once(api: Api) -> None:
    await a_metric(api)
    given: Json = {
        "key": "",
        "name": "x" * 256,
        "billingFrequency": "MONTHLY",
        "currency": "XYZ",
        "trialDays": -1,
        "minimum": "-1",
        "priceComponents": [
            fee(),
            fee("-1"),
            price({"graduated": tiers(("5", "-1", "0"))}, "none", key="u", maximum="-1"),
        ],
    }

    assert await refused(api, CREATE_PLAN, input=given) == [
        ("INVALID", "input.key"),
        ("INVALID", "input.name"),
        ("INVALID", "input.currency"),
        ("INVALID", "input.trialDays"),
        ("INVALID", "input.minimum"),
        ("INVALID", "input.priceComponents.1.key"),
        ("INVALID", "input.priceComponents.1.pricing.subscription.amount"),
        ("INVALID", "input.priceComponents.2.maximum"),
        ("INVALID", "input.priceComponents.2.metric"),
        ("INVALID", "input.priceComponents.2.pricing.graduated.tiers.0.unitPrice"),
        ("INVALID", "input.priceComponents.2.pricing.graduated.tiers.0.upTo"),
    ]


@pytest.mark.parametrize("count", [0, 101])
async def test_a_plan_has_between_1_and_100_prices(sqlite_api: Api, count: int) -> None:
    given = {"key": "pro", "name": "Pro", "billingFrequency": "MONTHLY"}
    components = [fee(key=f"fee-{n}") for n in range(count)]

    why = await refused(sqlite_api, CREATE_PLAN, input={**given, "priceComponents": components})

    assert why == [("INVALID", "input.priceComponents")]


@pytest.mark.parametrize(
    "pricing",
    [{}, {"flat": {"amount": "1"}, "subscription": {"amount": "1"}}, {"flat": None}],
)
async def test_a_price_has_exactly_one_model(sqlite_api: Api, pricing: Json) -> None:
    given = {"key": "pro", "name": "Pro", "billingFrequency": "MONTHLY"}
    component = {"key": "fee", "displayName": "Fee", "pricing": pricing}

    (error,) = await sqlite_api.errors(CREATE_PLAN, input={**given, "priceComponents": [component]})

    assert error["extensions"]["code"] == "INVALID"
    assert error["extensions"]["path"][:5] == [
        "variables",
        "input",
        "priceComponents",
        "0",
        "pricing",
    ]
    assert (await counted_rows(sqlite_api))["plan"] == 0


async def test_a_repeated_creation_is_the_same_plan(api: Api) -> None:
    await a_metric(api)
    first = await a_plan(api, fee("30.00"), per_unit("1.50"))

    assert await a_plan(api, fee("30"), per_unit("1.5")) == first
    assert (await counted_rows(api))["plan"] == 1
    why = await refused(
        api,
        CREATE_PLAN,
        input={
            "key": "pro",
            "name": "Pro",
            "billingFrequency": "MONTHLY",
            "priceComponents": [fee("31")],
        },
    )
    assert why == [("ALREADY_EXISTS", "input.key")]


async def test_an_update_publishes_the_next_version(api: Api) -> None:
    first = await a_plan(api)
    api.clock.set("2026-05-11T00:00:00+00:00")

    second = await made(api, UPDATE, plan=PRO, input={"name": "Pro 2", "minimum": "5"})

    assert (second["version"], second["isLatest"], second["name"]) == (2, True, "Pro 2")
    assert second["minimum"] == "5"
    assert second["createdAt"] == "2026-05-11T00:00:00Z"
    assert second["id"] != first["id"]
    assert second["priceComponents"][0]["pricing"] == first["priceComponents"][0]["pricing"]


async def test_old_versions_stay_readable_as_they_were(api: Api) -> None:
    first = await a_plan(api)
    second = await made(
        api, UPDATE, plan=PRO, input={"name": "Pro 2", "priceComponents": [fee("40")]}
    )
    was = {**first, "isLatest": False}

    assert await asked(api, FIND, id=first["id"]) == was
    assert await asked(api, FIND, key="pro", version=1) == was
    assert await asked(api, FIND, key="pro", version=2) == second
    assert await asked(api, FIND, key="pro") == second
    assert await api.ask(FIND, key="pro", version=3) == {"plan": None}


async def test_an_update_that_changes_nothing_publishes_nothing(api: Api) -> None:
    await a_metric(api)
    first = await a_plan(api, fee("30"), minimum="5", description="d")

    again = await made(
        api,
        UPDATE,
        plan=PRO,
        expected=1,
        input={
            "name": "Pro",
            "description": "d",
            "trialDays": None,
            "minimum": "5.00",
            "priceComponents": [fee("30.0")],
        },
    )

    assert again == first
    assert (await counted_rows(api))["plan"] == 1


async def test_null_clears_what_a_plan_need_not_have(api: Api) -> None:
    await a_plan(api, minimum="5", description="d", trialDays=7)

    after = await made(
        api, UPDATE, plan=PRO, input={"minimum": None, "description": None, "trialDays": None}
    )

    assert (after["minimum"], after["description"], after["trialDays"]) == (None, None, 0)
    assert await refused(api, UPDATE, plan=PRO, input={"name": None, "priceComponents": None}) == [
        ("INVALID", "input.name"),
        ("INVALID", "input.priceComponents"),
    ]


async def test_a_stale_version_is_a_conflict(api: Api) -> None:
    await a_plan(api)
    await made(api, UPDATE, plan=PRO, input={"name": "Two"}, expected=1)
    before = await counted_rows(api)

    stale = [("CONFLICT", "expectedVersion")]
    assert await refused(api, UPDATE, plan=PRO, input={"name": "Three"}, expected=1) == stale
    assert await refused(api, ADD, plan=PRO, input=fee(key="more"), expected=1) == stale
    assert await refused(api, REMOVE, plan=PRO, key="fee", expected=3) == [
        ("INVALID", "componentKey")
    ]
    assert await counted_rows(api) == before


async def test_an_old_versions_id_cannot_be_rewritten(api: Api) -> None:
    first = await a_plan(api)
    await made(api, UPDATE, plan={"id": first["id"]}, input={"name": "Two"})

    why = await refused(api, UPDATE, plan={"id": first["id"]}, input={"name": "Three"})

    assert why == [("CONFLICT", "plan")]


async def test_a_plan_that_is_not_there_cannot_be_changed(api: Api) -> None:
    missing = [("NOT_FOUND", "plan")]

    assert await refused(api, UPDATE, plan=PRO, input={"name": "x"}) == missing
    assert await refused(api, ADD, plan=PRO, input=fee()) == missing
    assert await refused(api, REMOVE, plan=PRO, key="fee") == missing
    assert await refused(api, DEACTIVATE, plan=PRO) == missing


async def test_running_subscriptions_stay_on_their_version(api: Api) -> None:
    await a_customer(api)
    first = await a_plan(api)
    subscription = await a_subscription(api)

    await made(api, UPDATE, plan=PRO, input={"priceComponents": [fee("99")]})

    found = await asked(
        api,
        """query ($id: ID!) { planSubscription(id: $id) {
          plan { id version isLatest } invoicePreview { total { amount } }
        } }""",
        id=subscription["id"],
    )
    assert found["plan"] == {"id": first["id"], "version": 1, "isLatest": False}
    assert found["invoicePreview"]["total"]["amount"] == "30.00"
    await a_customer(api, "later")
    later = await a_subscription(api, "later")
    assert later["plan"]["version"] == 2


async def test_a_component_is_added_and_removed_by_versions(api: Api) -> None:
    await a_metric(api)
    await a_plan(api)

    added = await made(api, ADD, plan=PRO, input=per_unit(), expected=1)
    again = await made(api, ADD, plan=PRO, input=per_unit("1.0"), expected=1)
    removed = await made(api, REMOVE, plan=PRO, key="fee", expected=2)
    gone = await made(api, REMOVE, plan=PRO, key="fee", expected=2)

    assert (added["version"], again) == (2, added)
    assert [one["key"] for one in added["priceComponents"]] == ["fee", "usage"]
    assert (removed["version"], gone) == (3, removed)
    assert [one["key"] for one in removed["priceComponents"]] == ["usage"]


async def test_a_component_is_not_added_under_a_key_in_use(api: Api) -> None:
    await a_plan(api)

    assert await refused(api, ADD, plan=PRO, input=fee("31")) == [("ALREADY_EXISTS", "input.key")]
    assert await refused(api, ADD, plan=PRO, input=fee("-1", key="x")) == [
        ("INVALID", "input.pricing.subscription.amount")
    ]
    assert await refused(api, REMOVE, plan=PRO, key="none") == [("NOT_FOUND", "componentKey")]
    assert (await counted_rows(api))["plan"] == 1


async def test_a_plan_keeps_its_last_component(api: Api) -> None:
    await a_plan(api)

    assert await refused(api, REMOVE, plan=PRO, key="fee") == [("INVALID", "componentKey")]


async def test_a_deactivated_plan_stays_so_over_versions(api: Api) -> None:
    await a_plan(api)

    off = await made(api, DEACTIVATE, plan=PRO)
    again = await made(api, DEACTIVATE, plan=PRO)
    second = await made(api, UPDATE, plan=PRO, input={"name": "Two"})

    assert off["isActive"] is False
    assert again == off
    assert (second["version"], second["isActive"]) == (2, False)


async def test_plans_are_listed_by_latest_version_and_filtered(api: Api) -> None:
    for key in ("pro", "basic", "old"):
        await a_plan(api, key=key)
    await made(api, UPDATE, plan=PRO, input={"name": "Pro 2"})
    await made(api, DEACTIVATE, plan={"key": "old"})
    document = """query ($filter: PlanFilter) {
      plans(filter: $filter) { nodes { key version } totalCount }
    }"""

    async def listed(**filter_: object) -> list[str]:
        page = await asked(api, document, filter=filter_)
        assert page["totalCount"] == len(page["nodes"])
        return [f"{node['key']} {node['version']}" for node in page["nodes"]]

    assert await listed() == ["basic 1", "old 1", "pro 2"]
    assert await listed(allVersions=True) == ["pro 1", "basic 1", "old 1", "pro 2"]
    assert await listed(isActive=True) == ["basic 1", "pro 2"]
    assert await listed(isActive=False) == ["old 1"]
    assert await listed(search="PRO") == ["pro 2"]


async def test_an_id_together_with_a_version_is_refused(api: Api) -> None:
    plan = await a_plan(api)

    (error,) = await api.errors(FIND, id=plan["id"], version=1)

    assert error["extensions"]["code"] == "INVALID"
    assert error["extensions"]["path"] == ["version"]


# What each model of MODELS comes to, worked out by hand for 130 calls in 7 events, 5,400 seconds,
# and 3 jobs on 2 GPUs in the eu and 2 jobs on none in the us.
ESTIMATED = {
    "flat": "9.99",
    "subscription": "30.00",
    "perUnit": "0.00",
    "graduated": "140.50",  # 10 x 2 + 120 x 1 + 0.5
    "volume": "0.00",  # all 130 in the tier at nothing
    "package": "5.00",  # 80 above the free ones: one package
    "threshold": "5.00",  # the highest that is reached
    "percentage": "2.37",  # 2.9 % of 30 + 0.3 x 5
    "usageSubscription": "49.00",  # all are included
    "time": "5.40",  # 1.5 hours
    "dimension": "1.75",  # 3 x 0.5 x (1 - 0.5) + 2 x 0.5
    "matrix": "11.00",  # 3 x 3 + 2 x 1
    "dynamic": "15.60",  # 130 x 0.12
}
ESTIMATE = """
query ($usage: [UsageInput!]!) {
  plan(key: "pro") {
    estimate(usage: $usage) {
      customer { key } currency period { start end } total { amount }
      lines { kind component { key } quantity amount { amount } steps { amount } }
    }
  }
}
"""


async def test_an_estimate_rates_every_model(api: Api) -> None:
    await the_metrics(api)
    given = [price({name: one}, metric, name) for name, (metric, one, _) in MODELS.items()]
    await a_plan(api, *given)
    usage = [
        {"metric": "calls", "quantity": "100", "eventCount": "4"},
        {"metric": "calls", "quantity": "30", "eventCount": "3"},
        {"metric": "seconds", "quantity": "5400"},
        {"metric": "jobs", "quantity": "3", "dimensions": {"region": "eu", "gpu": 2}},
        {"metric": "jobs", "quantity": "2", "dimensions": {"region": "us", "gpu": 0}},
    ]
    before = await counted_rows(api)

    bill = (await asked(api, ESTIMATE, usage=usage))["estimate"]

    found = {line["component"]["key"]: line["amount"]["amount"] for line in bill["lines"]}
    assert found == ESTIMATED
    assert bill["total"]["amount"] == "275.61"
    assert bill["customer"] is None
    assert bill["period"] == {"start": "2026-05-10T12:00:00Z", "end": "2026-06-10T12:00:00Z"}
    assert await counted_rows(api) == before


async def test_an_estimate_computes_a_composite_from_its_operands(api: Api) -> None:
    await a_metric(api, "calls")
    await a_metric(api, "errors")
    await a_metric(api, "good", type="COMPOSITE", formula="calls - errors")
    await a_plan(api, per_unit("0.5", "good"))
    usage = [{"metric": "calls", "quantity": "10"}, {"metric": "errors", "quantity": "4"}]

    bill = (await asked(api, ESTIMATE, usage=usage))["estimate"]

    assert [(line["quantity"], line["amount"]["amount"]) for line in bill["lines"]] == [
        ("6", "3.00")
    ]


async def test_an_estimate_needs_what_the_price_depends_on(api: Api) -> None:
    await the_metrics(api)
    await a_plan(
        api,
        price({"percentage": MODELS["percentage"][1]}, key="share"),
        price({"matrix": MODELS["matrix"][1]}, "jobs", key="grid"),
    )

    async def why(*usage: Json) -> list[tuple[str, list[str], str]]:
        errors = await api.errors(ESTIMATE, usage=list(usage))
        return [
            (error["extensions"]["code"], error["extensions"]["path"], error["path"][-1])
            for error in errors
        ]

    jobs = {"metric": "jobs", "quantity": "1"}
    calls = {"metric": "calls", "quantity": "1", "eventCount": 1}

    def invalid(*path: str) -> list[tuple[str, list[str], str]]:
        return [("INVALID", ["usage", *path], "estimate")]

    assert await why({"metric": "calls", "quantity": "1"}) == invalid("0", "eventCount")
    assert await why(calls, jobs) == invalid("1", "dimensions", "region")
    only_region = {**jobs, "dimensions": {"region": "eu"}}
    (found,) = await why(calls, only_region)
    assert found[:2] == ("INVALID", ["usage", "1", "dimensions", found[1][-1]])
    assert found[1][-1] != "region"
    assert await why({"metric": "seconds", "quantity": "1"}) == [
        ("INVALID", ["usage", "0", "metric"], "estimate")
    ]
    assert await why({**calls, "eventCount": "-1"}) == [
        ("INVALID", ["usage", "0", "eventCount"], "estimate")
    ]


async def test_an_estimate_without_usage_shows_every_line(api: Api) -> None:
    await the_metrics(api)
    given = [price({name: one}, metric, name) for name, (metric, one, _) in MODELS.items()]
    await a_plan(api, *given)

    bill = (await asked(api, ESTIMATE, usage=[]))["estimate"]

    charged = {
        line["component"]["key"]: line["amount"]["amount"]
        for line in bill["lines"]
        if line["amount"]["amount"] != "0.00"
    }
    assert len(bill["lines"]) == len(MODELS)
    assert charged == {
        "flat": "9.99",
        "subscription": "30.00",
        "threshold": "1.00",
        "usageSubscription": "49.00",
    }


async def test_what_was_once_made_can_be_asked_for_again_whatever_came_since(api: Api) -> None:
    await a_metric(api)
    plan = await a_plan(api, per_unit())
    await api.ask('mutation { deactivatePlan(plan: {key: "pro"}) { errors { code } } }')
    archived = 'mutation { archiveMetric(metric: {key: "calls"}) { metric { archivedAt } } }'
    assert (await api.ask(archived))["archiveMetric"]["metric"]["archivedAt"] is not None

    assert (await a_plan(api, per_unit()))["id"] == plan["id"]
    other = {
        "key": "other",
        "name": "Other",
        "billingFrequency": "MONTHLY",
        "priceComponents": [per_unit()],
    }
    assert await refused(api, CREATE_PLAN, input=other) == [
        ("INVALID", "input.priceComponents.0.metric")
    ]


async def test_an_estimate_of_a_composite_charges_as_a_preview_does(api: Api) -> None:
    await a_metric(api, "requests")
    await a_metric(api, "batches")
    await a_metric(api, "ratio", type="COMPOSITE", formula="requests / batches")
    percentage = {"percentage": {"rate": "0", "fixedFee": "1"}}
    await a_plan(api, price(percentage, "ratio"))
    given = [
        {"metric": "requests", "quantity": "10", "eventCount": "4"},
        {"metric": "batches", "quantity": "5", "eventCount": "5"},
    ]

    estimated = await api.ask(ESTIMATE, usage=given)
    assert estimated["plan"]["estimate"]["total"]["amount"] == "9.00"
    (error,) = await api.errors(ESTIMATE, usage=[given[0], {"metric": "batches", "quantity": "5"}])
    assert error["extensions"]["path"] == ["usage", "1", "eventCount"]
    (error,) = await api.errors(ESTIMATE, usage=given[:1])
    assert error["extensions"]["code"] == "FORMULA_FAILED"
    assert error["extensions"]["formula"] == "requests / batches"


@pytest.mark.parametrize("value", ["x", "1_000", "NaN", "2", True, None])
async def test_an_estimate_takes_numbers_alone_for_number_dimensions(
    sqlite_api: Api, value: object
) -> None:
    await a_metric(sqlite_api, "jobs", dimensions=dimensions(size="NUMBER"))
    dimension = {"baseRate": "1", "dimensions": [{"property": "size", "multiplier": "0.5"}]}
    await a_plan(sqlite_api, price({"dimension": dimension}, "jobs"))
    usage = [{"metric": "jobs", "quantity": "1", "dimensions": {"size": value}}]
    (error,) = await sqlite_api.errors(ESTIMATE, usage=usage)
    assert error["extensions"]["code"] == "INVALID"
    assert error["extensions"]["path"] == ["usage", "0", "dimensions", "size"]


async def test_estimates_of_many_plans_cost_the_statements_of_one(api: Api) -> None:
    document = "{ plans(first: 20) { nodes { estimate(usage: []) { total { amount } } } } }"
    await a_plan(api, key="first")
    with api.statements() as of_one:
        await api.ask(document)
    for number in range(8):
        await a_plan(api, key=f"plan-{number}")
    with api.statements() as of_nine:
        await api.ask(document)
    assert len(of_one) == len(of_nine)


async def test_a_variables_own_name_is_kept_in_the_path(sqlite_api: Api) -> None:
    await a_metric(sqlite_api)
    dynamic = {"baseRate": "1", "formula": "base_rate", "variables": {"base_rate": "2"}}
    found = await refused(
        sqlite_api,
        CREATE_PLAN,
        input={
            "key": "pro",
            "name": "Pro",
            "billingFrequency": "MONTHLY",
            "priceComponents": [price({"dynamic": dynamic})],
        },
    )
    assert found == [("INVALID", "input.priceComponents.0.pricing.dynamic.variables.base_rate")]
