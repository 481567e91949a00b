"""A customer is archived once everything is invoiced, drafts included."""

from __future__ import annotations

from tests.api.builders import a_customer, a_plan, a_subscription, fee, made, refused
from tests.api.conftest import Api
from tests.api.invoicing import a_draft, finalized, voided

ARCHIVE = """
mutation {
  archiveCustomer(customer: {key: "acme"}) {
    customer { archivedAt } errors { code message path }
  }
}
"""


async def test_a_customer_with_a_draft_stays(api: Api) -> None:
    await a_customer(api)
    await a_plan(api, fee())
    subscription = await a_subscription(api, endAt="2026-06-01T00:00:00Z")
    api.clock.set("2026-06-02T00:00:00+00:00")

    due = await refused(api, ARCHIVE)
    draft = await a_draft(api, subscription)
    drafted = await refused(api, ARCHIVE)
    await finalized(api, draft)

    assert due == drafted == [("INVALID_STATE", "customer")]
    assert (await made(api, ARCHIVE))["archivedAt"] == "2026-06-02T00:00:00Z"


async def test_a_void_draft_leaves_its_period_due(api: Api) -> None:
    await a_customer(api)
    await a_plan(api, fee())
    subscription = await a_subscription(api, endAt="2026-06-01T00:00:00Z")
    api.clock.set("2026-06-02T00:00:00+00:00")
    await voided(api, await a_draft(api, subscription))

    assert await refused(api, ARCHIVE) == [("INVALID_STATE", "customer")]
    await voided(api, await a_draft(api, subscription), rebill=False)
    assert (await made(api, ARCHIVE))["archivedAt"] is not None
