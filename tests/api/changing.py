"""Plan changes, cancellations and commitments over GraphQL, and spans that an invoice holds."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from fubble_gql.api import ids
from fubble_gql.billing.invoice_models import Invoice, InvoicePeriod
from fubble_gql.db.sql import sql
from tests.api.builders import BILL, Json, asked
from tests.api.conftest import Api

SUBSCRIPTION = """
fragment subscription on PlanSubscription {
  id status startAt endAt trialEndAt billingAnchor
  plan { key version } currentPeriod { start end }
  scheduledChange { effectiveAt plan { key version } }
  commitments {
    id committedQuantity rate overageRate startAt endAt metric { key }
  }
  periods(first: 50) { nodes { period { start end } } }
}
"""
PAYLOAD = (
    "{ subscription { ...subscription } preview { ...bill } errors { code message path } } }"
    + SUBSCRIPTION
    + BILL
)
CHANGE = (
    """
mutation ($id: ID!, $plan: PlanRef!, $effective: Effective, $dryRun: Boolean, $key: String) {
  changePlan(subscriptionId: $id, plan: $plan, effective: $effective, dryRun: $dryRun,
             idempotencyKey: $key)"""
    + PAYLOAD
)
CANCEL = (
    """
mutation ($id: ID!, $effective: Effective, $dryRun: Boolean) {
  cancelSubscription(subscriptionId: $id, effective: $effective, dryRun: $dryRun)"""
    + PAYLOAD
)
UNDO = "mutation ($id: ID!) { cancelScheduledChange(subscriptionId: $id)" + PAYLOAD
COMMIT = (
    "mutation ($id: ID!, $input: CommitmentInput!) { addCommitment(subscriptionId: $id, input: $input)"
    + PAYLOAD
)
REMOVE = "mutation ($id: ID!) { removeCommitment(commitmentId: $id)" + PAYLOAD
FIND = "query ($id: ID!) { planSubscription(id: $id) { ...subscription } }" + SUBSCRIPTION


async def done(api: Api, document: str, **variables: object) -> Json:
    """The payload of a write that was not refused."""
    payload = await asked(api, document, **variables)
    assert payload["errors"] == [], payload["errors"]
    return payload


async def change(
    api: Api, subscription: Json, plan: str, effective: str = "NOW", **more: object
) -> Json:
    """The payload of a change to the latest version of a plan."""
    given = {"plan": {"key": plan}, "effective": effective, **more}
    return await done(api, CHANGE, id=subscription["id"], **given)


async def cancel(api: Api, subscription: Json, effective: str = "NOW", **more: object) -> Json:
    """The payload of a cancellation."""
    return await done(api, CANCEL, id=subscription["id"], effective=effective, **more)


async def undo(api: Api, subscription: Json) -> Json:
    """The payload of dropping what was scheduled."""
    return await done(api, UNDO, id=subscription["id"])


async def commit(api: Api, subscription: Json, **more: object) -> Json:
    """The payload of a commitment to 100 calls at 1 each unless said."""
    given = {"metric": "calls", "committedQuantity": "100", "rate": "1", **more}
    return await done(api, COMMIT, id=subscription["id"], input=given)


async def found(api: Api, subscription: Json) -> Json:
    """The subscription as it is read."""
    return await asked(api, FIND, id=subscription["id"])


def spans(subscription: Json) -> list[tuple[str, str]]:
    """Its first billing periods up to now."""
    nodes = subscription["periods"]["nodes"]
    return [(node["period"]["start"], node["period"]["end"]) for node in nodes]


def lines(bill: Json) -> list[tuple[str, str, str, str]]:
    """The lines of a bill: the component's key, the first and the last day, the amount."""
    return [
        (
            (line["component"] or {}).get("key", line["kind"]),
            line["period"]["start"][5:10],
            line["period"]["end"][5:10],
            line["amount"]["amount"],
        )
        for line in bill["lines"]
    ]


def row_id(api_id: str) -> UUID:
    """The row's own id behind one that clients see."""
    _, id = ids.split(api_id)
    assert isinstance(id, UUID)
    return id


async def invoiced(api: Api, subscription: Json, start: str, end: str) -> None:
    """Let a draft invoice hold a span of the subscription."""
    client = api.connection.client
    span = datetime.fromisoformat(start), datetime.fromisoformat(end)
    id = row_id(subscription["id"])
    (row,) = await stored(api, "select customer_id from plan_subscription where id = ?", id)
    invoice = await Invoice.create(
        using_db=client,
        id=uuid4(),
        customer_id=row[0],
        status="DRAFT",
        currency="USD",
        period_start=span[0],
        period_end=span[1],
        subtotal=0,
        credits_applied=0,
        total=0,
        credit_grant_ids=[],
        created_at=api.clock.now,
    )
    await InvoicePeriod.create(
        using_db=client,
        id=uuid4(),
        subscription_id=id,
        start_at=span[0],
        end_at=span[1],
        invoice_id=invoice.id,
    )


async def stored(api: Api, statement: str, *values: object) -> list[Any]:
    """Rows as they are stored."""
    return list(await api.connection.fetch(sql(statement, *values)))


async def everything(api: Api) -> dict[str, list[Any]]:
    """Every row of every table that a subscription's writes touch."""
    tables = ("plan_subscription", "subscription_phase", "commitment", "repeatable_call")
    return {
        table: sorted(repr(tuple(row)) for row in await stored(api, f"select * from {table}"))  # noqa: S608
        for table in tables
    }
