"""The plan versions that subscriptions are on at an instant, chosen in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from fubble_gql.billing.rows import PHASES
from fubble_gql.catalog.rows import PlanRow
from fubble_gql.db.connection import Connection
from fubble_gql.db.rows import Table
from fubble_gql.db.sql import sql


def _chosen_first(instant: str) -> str:
    """As `phase_at` chooses: the latest that has begun; before the first, the first."""
    return f"start_at > {instant}, case when start_at > {instant} then start_at end, start_at desc"


def plan_id_in(subscription: str, instant: str) -> str:
    """SQL for the id of the plan that a subscription is on, by its table's name."""
    return (
        f"(select plan_id from {PHASES.name} where subscription_id = {subscription}.id"
        f" order by {_chosen_first(instant)} limit 1)"
    )


async def plans_at(
    connection: Connection,
    subscription_ids: Sequence[UUID],
    instant: datetime,
    plans: Table[PlanRow],
) -> Mapping[UUID, PlanRow | None]:
    """The plan of each, read from a table of plans that may have fewer columns, but has the id.

    None where it may not be seen. One statement.
    """
    phases = (
        sql(
            "select subscription_id, plan_id, row_number() over (partition by subscription_id"
            f" order by {_chosen_first('?')}) as place from",
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
