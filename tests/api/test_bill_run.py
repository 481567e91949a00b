"""The bill run: every closed period once, whatever interrupts it and whoever else runs it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from fubble_gql.billing import run
from fubble_gql.billing.invoice_rows import INVOICES, InvoiceRow
from fubble_gql.billing.run import Order, Run
from fubble_gql.billing.seller import Seller
from fubble_gql.billing.verify import verify
from fubble_gql.db.sql import sql
from fubble_gql.errors import Refused, Unavailable
from tests.api.builders import (
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    event,
    fee,
    per_unit,
    price,
    used,
)
from tests.api.conftest import Api

SELLER = Seller("Fubble Ltd")


def order(api: Api, as_of: str | None = None, *, finalise: bool = True) -> Order:
    instant = api.clock() if as_of is None else datetime.fromisoformat(as_of)
    return Order(instant, finalise, api.clock, SELLER)


async def run_billing(api: Api, as_of: str | None = None, *, finalise: bool = True) -> Run:
    return await run.run(api.connection, order(api, as_of, finalise=finalise))


async def all_invoices(api: Api) -> list[InvoiceRow]:
    return await INVOICES.select(api.connection, sql("where true order by sequence, id"))


async def customers(api: Api, count: int) -> None:
    """Customers on a plan with a fee and usage, since the first of May."""
    await a_metric(api)
    await a_plan(api, fee("30"), per_unit("0.5"))
    for n in range(count):
        await a_customer(api, f"c{n}")
        await a_subscription(api, f"c{n}")
        await used(api, event(str(n), customer=f"c{n}"))


async def test_every_closed_period_gets_one_invoice(api: Api) -> None:
    await customers(api, 3)
    api.clock.set("2026-07-05T00:00:00+00:00")

    first, again = await run_billing(api), await run_billing(api)

    assert (first.created, first.finalized, first.remaining, first.skipped) == (6, 6, 0, 0)
    assert (again.created, again.finalized, again.invoice_ids) == (0, 0, [])
    found = await all_invoices(api)
    assert [row.number for row in found] == [f"INV-{n:06d}" for n in range(1, 7)]
    assert sorted(row.total for row in found) == [
        Decimal(text) for text in ("30", "30", "30", "30", "30.5", "31")
    ]
    assert all(one and one.matches for one in (await verify(api.connection, found)).values())


async def test_a_run_looks_no_further_than_its_instant(api: Api) -> None:
    await customers(api, 1)
    api.clock.set("2026-07-05T00:00:00+00:00")

    early = await run_billing(api, "2026-06-01T00:00:00+00:00")
    late = await run_billing(api)

    assert (early.created, late.created) == (1, 1)
    with pytest.raises(Refused, match="future"):
        await run_billing(api, "2026-07-06T00:00:00+00:00")


async def test_drafts_are_finalised_by_the_next_run(api: Api) -> None:
    await customers(api, 2)
    api.clock.set("2026-06-05T00:00:00+00:00")

    drafted = await run_billing(api, finalise=False)
    again = await run_billing(api, finalise=False)
    finalised = await run_billing(api)

    assert (drafted.created, drafted.finalized) == (2, 0)
    assert (again.created, again.finalized) == (0, 0)
    assert (finalised.created, finalised.finalized) == (0, 2)
    assert {row.status for row in await all_invoices(api)} == {"PENDING"}


async def test_a_customer_who_cannot_be_billed_stops_nobody_else(api: Api) -> None:
    await customers(api, 2)
    broken = {"baseRate": "1", "formula": "base_rate / (quantity - quantity)"}
    await a_plan(api, price({"dynamic": broken}), key="broken")
    await a_customer(api, "unlucky")
    await a_subscription(api, "unlucky", "broken")
    await used(api, event("1", customer="unlucky"))
    api.clock.set("2026-06-05T00:00:00+00:00")

    done = await run_billing(api)

    assert (done.created, done.finalized, done.skipped) == (2, 2, 1)
    (failure,) = done.failures
    assert (failure.problem.code, failure.subscription_id is None) == ("FORMULA_FAILED", False)
    assert [row.number for row in await all_invoices(api)] == ["INV-000001", "INV-000002"]


async def test_a_run_stops_when_its_time_is_up_and_says_what_remains(api: Api) -> None:
    await customers(api, 2)
    api.clock.set("2026-08-05T00:00:00+00:00")

    stopped = await run.run(api.connection, order(api), timedelta())
    rest = await run_billing(api)

    assert (stopped.created, stopped.remaining) == (2, 2)
    assert (rest.created, rest.remaining) == (4, 0)
    assert len(await all_invoices(api)) == 6


async def test_late_usage_of_a_subscription_that_ended_gets_an_invoice_of_its_own(
    api: Api,
) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, fee("30"), per_unit("0.5"))
    await a_subscription(api, endAt="2026-06-01T00:00:00Z")
    api.clock.set("2026-06-05T00:00:00+00:00")
    await run_billing(api)
    await used(api, event("3", eventTime="2026-05-20T00:00:00Z"))
    api.clock.set("2026-06-06T00:00:00+00:00")

    late, nothing = await run_billing(api), await run_billing(api)

    assert (late.created, nothing.created) == (1, 0)
    found = await all_invoices(api)
    assert [row.total for row in found] == [Decimal(30), Decimal("1.5")]
    assert all(one and one.matches for one in (await verify(api.connection, found)).values())


async def test_two_runs_at_once_make_the_invoices_of_one(postgres_api: Api) -> None:
    api = postgres_api
    await customers(api, 5)
    api.clock.set("2026-08-05T00:00:00+00:00")

    runs = await asyncio.gather(*(run_billing(api) for _ in range(4)))

    assert sum(one.created for one in runs) == 15
    found = await all_invoices(api)
    assert [row.number for row in found] == [f"INV-{n:06d}" for n in range(1, 16)]
    assert len({(row.customer_id, row.period_start) for row in found}) == 15


async def test_the_number_of_statements_does_not_grow_with_the_customers(api: Api) -> None:
    await customers(api, 2)
    api.clock.set("2026-06-05T00:00:00+00:00")
    await run_billing(api)
    api.clock.set("2026-07-05T00:00:00+00:00")
    with api.statements() as few:
        await run_billing(api)
    for n in range(2, 12):
        await a_customer(api, f"c{n}")
        await a_subscription(api, f"c{n}", startAt="2026-07-01T00:00:00Z")
        await used(api, event("1", customer=f"c{n}"))
    api.clock.set("2026-08-05T00:00:00+00:00")
    with api.statements() as many:
        done = await run_billing(api)

    assert done.created == 12
    assert len(many) == len(few)


async def test_what_was_done_before_the_database_went_away_is_told(
    sqlite_api: Api,
) -> None:
    api = sqlite_api
    await customers(api, 2)
    api.clock.set("2026-07-05T00:00:00+00:00")

    def lost(_: Run) -> None:
        """As if the connection broke after the first invoices."""
        raise Unavailable

    done = await run.run(api.connection, order(api), report=lost)
    rest = await run_billing(api)

    assert (done.created, done.remaining) == (2, 1)
    assert (rest.created, rest.remaining) == (2, 0)
