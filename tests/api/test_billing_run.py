"""The bill run over GraphQL: everything that is due, once, and what could not be billed."""

from __future__ import annotations

from tests.api.builders import (
    CANCEL,
    MAY,
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    asked,
    counted_rows,
    event,
    fee,
    made,
    per_unit,
    used,
)
from tests.api.conftest import Api
from tests.api.invoicing import (
    JUNE,
    a_draft,
    added,
    codes,
    found,
    the_usual,
    voided,
)

RUN = """
mutation ($asOf: DateTime, $finalize: Boolean, $first: Int, $after: String) {
  runBilling(asOf: $asOf, finalize: $finalize) {
    created finalized skipped remaining errors { code message path }
    failures { customer { key } subscription { id } error { code message path } }
    invoices(first: $first, after: $after) {
      nodes { id number status asOf issuedAt customer { key } period { start end } total { amount } }
      totalCount pageInfo { hasNextPage endCursor }
    }
  }
}
"""


async def run(api: Api, **arguments: object) -> Json:
    """What a bill run did; it was not refused."""
    payload = await asked(api, RUN, **arguments)
    assert payload["errors"] == []
    return payload


def counts(payload: Json) -> tuple[int, int, int, int]:
    """Created, finalised, skipped, remaining."""
    created, finalized, skipped, remaining = (
        payload[name] for name in ("created", "finalized", "skipped", "remaining")
    )
    return created, finalized, skipped, remaining


async def test_a_run_drafts_every_closed_period_once(api: Api) -> None:
    await the_usual(api)
    await a_customer(api, "zeta")
    await a_subscription(api, "zeta")
    await used(api, event("5"))
    api.clock.set("2026-07-02T00:00:00Z")

    first = await run(api)

    assert counts(first) == (4, 0, 0, 0)
    nodes = first["invoices"]["nodes"]
    assert sorted((one["customer"]["key"], one["period"]["start"]) for one in nodes) == [
        ("acme", MAY["start"]),
        ("acme", JUNE["start"]),
        ("zeta", MAY["start"]),
        ("zeta", JUNE["start"]),
    ]
    assert {one["status"] for one in nodes} == {"DRAFT"}
    assert first["invoices"]["totalCount"] == 4
    before = await counted_rows(api)
    again = await run(api)
    assert (counts(again), again["invoices"]["nodes"]) == ((0, 0, 0, 0), [])
    assert await counted_rows(api) == before


async def test_a_run_that_finalises_issues_drafts_of_closed_periods_too(api: Api) -> None:
    subscription = await the_usual(api)
    api.clock.set("2026-06-02T00:00:00Z")
    draft = await added(api, await a_draft(api, subscription), "5")
    by_hand = await added(api, await a_draft(api), "7")
    api.clock.set("2026-07-02T00:00:00Z")

    done = await run(api, finalize=True)

    assert counts(done) == (1, 2, 0, 0)
    assert [(one["number"], one["status"]) for one in done["invoices"]["nodes"]] == [
        ("INV-000001", "PENDING"),
        ("INV-000002", "PENDING"),
    ]
    assert (await found(api, draft))["total"]["amount"] == "35.00"
    assert await found(api, by_hand) == by_hand  # who made it finalises it
    assert counts(await run(api, finalize=True)) == (0, 0, 0, 0)


async def test_a_run_takes_periods_that_ended_by_its_instant_and_knows_what_is_known_now(
    api: Api,
) -> None:
    await the_usual(api)
    api.clock.set("2026-07-02T00:00:00Z")
    await used(api, event("5"))

    early = await run(api, asOf="2026-05-31T23:59:59Z", finalize=True)
    done = await run(api, asOf=MAY["end"], finalize=True)

    assert counts(early) == (0, 0, 0, 0)
    assert counts(done) == (1, 1, 0, 0)
    (invoice,) = done["invoices"]["nodes"]
    assert (invoice["period"], invoice["total"]) == (MAY, {"amount": "35.00"})
    assert invoice["asOf"] == invoice["issuedAt"] == "2026-07-02T00:00:00Z"


async def test_a_run_is_of_no_instant_in_the_future(api: Api) -> None:
    await the_usual(api)
    before = await counted_rows(api)

    payload = await asked(api, RUN, asOf="2026-05-10T12:00:00.000001Z", finalize=True)

    assert codes(payload) == [("INVALID", "asOf")]
    assert counts(payload) == (0, 0, 0, 0)
    assert (payload["failures"], payload["invoices"]["nodes"]) == ([], [])
    assert await counted_rows(api) == before


async def test_a_customer_who_cannot_be_billed_stops_nobody_else(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_metric(api, "errors")
    await a_metric(api, "ratio", type="COMPOSITE", formula="calls / errors")
    await a_plan(api, per_unit("1", "ratio"))
    broken = await a_subscription(api)
    await used(api, event("3"))
    await a_plan(api, fee(), key="fair")
    await a_customer(api, "zeta")
    await a_subscription(api, "zeta", "fair")
    api.clock.set("2026-06-02T00:00:00Z")

    done = await run(api, finalize=True)

    assert counts(done) == (1, 1, 1, 0)
    (failure,) = done["failures"]
    assert failure["customer"] == {"key": "acme"}
    assert failure["subscription"] == {"id": broken["id"]}
    assert failure["error"]["code"] == "FORMULA_FAILED"
    assert "Usage" in failure["error"]["message"]
    assert [one["customer"]["key"] for one in done["invoices"]["nodes"]] == ["zeta"]
    await used(api, event("1", "errors"))
    assert counts(await run(api, finalize=True)) == (1, 1, 0, 0)


async def test_a_run_passes_what_is_settled_and_takes_what_is_free_again(api: Api) -> None:
    await the_usual(api)
    api.clock.set("2026-07-02T00:00:00Z")
    may, june = (await run(api, finalize=True))["invoices"]["nodes"]
    await voided(api, may, rebill=False)
    await voided(api, june)

    done = await run(api, finalize=True)

    assert [one["period"] for one in done["invoices"]["nodes"]] == [JUNE]


async def test_a_run_bills_the_last_period_of_what_has_ended(api: Api) -> None:
    subscription = await the_usual(api, fee("31"))
    api.clock.set("2026-05-11T00:00:00Z")
    await made(api, CANCEL, id=subscription["id"], effective="NOW")

    done = await run(api, finalize=True)

    (invoice,) = done["invoices"]["nodes"]
    assert invoice["period"] == {"start": MAY["start"], "end": "2026-05-11T00:00:00Z"}
    assert invoice["total"] == {"amount": "10.00"}
    assert counts(await run(api, finalize=True)) == (0, 0, 0, 0)


async def test_what_a_run_made_is_paged(api: Api) -> None:
    await a_metric(api)
    await a_plan(api, billingFrequency="DAILY")
    await a_customer(api)
    await a_subscription(api)
    api.clock.set("2026-05-04T00:00:00Z")

    done = await run(api, first=2)

    assert counts(done) == (3, 0, 0, 0)
    page = done["invoices"]
    assert [one["period"]["start"] for one in page["nodes"]] == [
        "2026-05-01T00:00:00Z",
        "2026-05-02T00:00:00Z",
    ]
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (3, True)
