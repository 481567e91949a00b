"""Customers of every kind, as many as wanted: whom pages of bills, usage and costs are asked of."""

from __future__ import annotations

from tests.api.builders import (
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    asked,
    dimensions,
    event,
    fee,
    per_unit,
    price,
    tiers,
    used,
)
from tests.api.changing import change, commit
from tests.api.conftest import Api
from tests.api.invoicing import a_grant

KINDS = 5
_PLANS: tuple[list[str], ...] = (["fees", "fees"], ["tiers"], ["levels"], ["tiers"], [])
_RUN = "mutation { runBilling(finalize: true) { finalized remaining } }"


async def a_crowd(api: Api, count: int) -> None:
    """So many customers since April, each fifth alike, with as many subscriptions in all.

    Twice on fees with a minimum; on tiers and a matrix, with credit; on a level and distinct values,
    with a commitment; changed from the one plan to the other on 10 May; without a subscription.
    April was invoiced, and usage of it came late. It is 20 May.
    """
    await _catalog(api)
    changing: list[Json] = []
    for n in range(count):
        await a_customer(api, _key(n))
        subscriptions = await _agreements(api, n)
        changing += subscriptions if n % KINDS == 3 else []
    await used(api, *_usage(count, "2026-04-20T12:00:00Z"))
    assert await asked(api, _RUN) == {"finalized": count, "remaining": 0}
    for one in changing:
        await change(api, one, "levels")
    api.clock.set("2026-05-20T12:00:00+00:00")
    for day in ("2026-05-09", "2026-05-15", "2026-04-25"):
        await used(api, *_usage(count, f"{day}T12:00:00Z"))


def _key(n: int) -> str:
    return f"c{n:02}"


async def _catalog(api: Api) -> None:
    await a_metric(api, dimensions=dimensions(region="STRING"))
    await a_metric(api, "disk", type="GAUGE", aggregation="TIME_WEIGHTED")
    await a_metric(api, "users", aggregation="UNIQUE_COUNT", property="user")
    by_region = {
        "properties": ["region"],
        "cells": [{"values": ["r1"], "unitPrice": "3"}],
        "defaultUnitPrice": "1",
    }
    plans = {
        "fees": [fee(), fee("9", "setup", "flat")],
        "tiers": [
            fee(),
            price({"graduated": tiers(("10", "2", "0"), (None, "1.5", "0.5"))}),
            price({"matrix": by_region}, key="regions"),
        ],
        "levels": [
            per_unit("0.3", "disk", "disk"),
            per_unit("2", "users", "users"),
            per_unit("0.1"),
        ],
    }
    for key, components in plans.items():
        await a_plan(api, *components, key=key, **({"minimum": "50"} if key == "fees" else {}))


async def _agreements(api: Api, n: int) -> list[Json]:
    """The subscriptions of a customer, by its place, and what goes with them."""
    made = [
        await a_subscription(api, _key(n), plan, startAt="2026-04-01T00:00:00Z")
        for plan in _PLANS[n % KINDS]
    ]
    if n % KINDS == 1:
        await a_grant(api, "1000", _key(n))
    if n % KINDS == 2:
        await commit(api, made[0])
    return made


def _usage(count: int, moment: str) -> list[Json]:
    """Some use of each metric by each customer."""
    found: list[Json] = []
    for n in range(count):
        common: Json = {"customer": _key(n), "eventTime": moment}
        found += [
            event(f"{n + 1}", properties={"region": f"r{n % 3}"}, **common),
            event("3", "disk", **common),
            event("1", "users", properties={"user": f"u{n}"}, **common),
        ]
    return found
