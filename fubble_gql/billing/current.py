"""The plan versions that many subscriptions are on at an instant, in one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from fubble_gql.billing.rows import PHASES
from fubble_gql.catalog.rows import PlanRow
from fubble_gql.db.connection import Connection
from fubble_gql.db.rows import Table
from fubble_gql.db.sql import sql

# As `phase_at` chooses: the latest that has begun; before the first, the first.
_CHOSEN_FIRST = "start_at > ?, case when start_at > ? then start_at end, start_at desc"


async def plans_at(
    connection: Connection,
    subscription_ids: Sequence[UUID],
    instant: datetime,
    plans: Table[PlanRow],
) -> Mapping[UUID, PlanRow | None]:
    """The plan of each, read from a table of plans that may have fewer columns, but has the id.

    None where it may not be seen.
    """
    phases = (
        sql(
            "select subscription_id, plan_id, row_number() over (partition by subscription_id"
            f" order by {_CHOSEN_FIRST}) as place from",
            instant,
            instant,
        )
        + PHASES.source(connection)
        + "where"
        + connection.is_in("subscription_id", subscription_ids)
    )
    statement = (
        sql(f"select {plans.columns}, phase.subscription_id from (")
        + phases
        + ") as phase left join"
        + plans.source(connection)
        + "on plan.id = phase.plan_id where phase.place = 1"
    )
    records = await connection.fetch(statement)
    known: dict[UUID, PlanRow] = {}
    found: dict[UUID, PlanRow | None] = {}
    for record, row in zip(records, plans.decode(connection, records), strict=True):
        # The same plan is the same row to all who are on it: it is shown once.
        plan = known.setdefault(row.id, row) if row.id is not None else None
        subscription_id = record[-1]
        found[subscription_id if isinstance(subscription_id, UUID) else UUID(subscription_id)] = (
            plan
        )
    return found
