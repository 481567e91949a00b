"""The plan versions that many subscriptions are on at an instant, in one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from fubble_gql.billing.rows import PHASES, phase_at
from fubble_gql.catalog.rows import PlanRow
from fubble_gql.db.connection import Connection
from fubble_gql.db.rows import Table
from fubble_gql.db.sql import sql


class _Begun(NamedTuple):
    """When a subscription goes on to a plan."""

    subscription_id: UUID
    start_at: datetime


_BEGUN = Table("subscription_phase", _Begun)


class _Phase(NamedTuple):
    """A phase with its plan; without one where that may not be seen."""

    start_at: datetime
    plan: PlanRow | None


async def plans_at(
    connection: Connection,
    subscription_ids: Sequence[UUID],
    instant: datetime,
    plans: Table[PlanRow],
) -> Mapping[UUID, PlanRow | None]:
    """The plan of each, read from a table of plans that may have fewer columns, but has the id."""
    statement = (
        sql(f"select {_BEGUN.columns}, {plans.columns} from")
        + PHASES.source(connection)
        + "left join"
        + plans.source(connection)
        + sql("on plan.id = subscription_phase.plan_id where")
        + connection.is_in("subscription_phase.subscription_id", subscription_ids)
        + "order by subscription_phase.start_at"
    )
    records = await connection.fetch(statement)
    begun = _BEGUN.decode(connection, records)
    rows = plans.decode(connection, [record[len(_Begun._fields) :] for record in records])
    known: dict[UUID, PlanRow] = {}
    phases: dict[UUID, list[_Phase]] = {id: [] for id in subscription_ids}
    for one, row in zip(begun, rows, strict=True):
        # The same plan is the same row to all who are on it: it is shown once.
        plan = known.setdefault(row.id, row) if row.id is not None else None
        phases[one.subscription_id].append(_Phase(one.start_at, plan))
    return {id: phase_at(own, instant).plan for id, own in phases.items()}
