"""The tabs that GraphiQL opens with, in their order: each works at the first click."""

from __future__ import annotations

from fubble_gql.api import ids
from fubble_gql.api.ide import Tab
from fubble_gql.db.connection import Connection
from fubble_gql.demo import live_tabs, money_tabs, tabs
from fubble_gql.demo.deals import first_subscription

# Its plan and the other one both price API calls.
_REHEARSED, _OTHER_PLAN = "saltmarsh-bio", "network-usd"


async def examples(connection: Connection) -> list[Tab]:
    """All of them, for the demo that is in this database."""
    subscription_id = await first_subscription(connection, _REHEARSED)
    return [
        tabs.BILL,
        money_tabs.INVOICE,
        tabs.CUSTOMERS,
        tabs.USAGE,
        money_tabs.CREDITS,
        money_tabs.INVOICES,
        money_tabs.plan_change(ids.encode("PlanSubscription", subscription_id), _OTHER_PLAN),
        tabs.PLANS,
        tabs.ESTIMATE,
        tabs.RECORD,
        live_tabs.USAGE,
        tabs.CREATE,
        tabs.UNBILLED,
    ]
