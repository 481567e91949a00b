"""What rating needs to know of customers besides their events: gathered set-based, a statement each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from fubble_gql.billing.rows import SUBSCRIPTIONS, phases_of
from fubble_gql.billing.timeline import Timeline, timeline
from fubble_gql.catalog.kinds import LEVELS
from fubble_gql.catalog.metrics import operand_keys, with_operands
from fubble_gql.catalog.rows import COMPONENTS, METRICS, PLANS, ComponentRow, MetricRow, PlanRow
from fubble_gql.customers.store import CUSTOMERS, CustomerRow
from fubble_gql.db.connection import Connection
from fubble_gql.pricing.bill import Component, Terms


@dataclass(frozen=True, slots=True)
class Facts:
    """Customers with their subscriptions, and the terms that these are on.

    `priced` holds the metrics that a plan version prices, with the operands of composites among
    them: their events count as billed.
    """

    customers: Mapping[UUID, CustomerRow]
    timelines: Mapping[UUID, Sequence[Timeline]]
    terms: Mapping[UUID, Terms]
    metrics: Mapping[UUID, MetricRow]
    operands: Mapping[str, MetricRow]
    priced: Mapping[UUID, frozenset[UUID]]

    def timeline_of(self, subscription_id: UUID) -> Timeline:
        """One subscription."""
        return next(
            line
            for lines in self.timelines.values()
            for line in lines
            if line.subscription.id == subscription_id
        )


async def gather(connection: Connection, customer_ids: Sequence[UUID]) -> Facts:
    """Everything about these customers. Seven statements, however many they are."""
    ids = list(dict.fromkeys(customer_ids))
    customers = {row.id: row for row in await CUSTOMERS.by(connection, "id", ids)}
    subscriptions = await SUBSCRIPTIONS.by(connection, "customer_id", ids)
    phases = await phases_of(connection, [row.id for row in subscriptions])
    plan_ids = {phase.plan_id for found in phases.values() for phase in found}
    plans = {row.id: row for row in await PLANS.by(connection, "id", list(plan_ids))}
    terms, metrics, operands = await terms_of(connection, list(plans.values()))
    timelines: dict[UUID, list[Timeline]] = {id: [] for id in ids}
    for row in sorted(subscriptions, key=lambda row: (row.start_at, row.id)):
        timelines[row.customer_id].append(timeline(row, phases[row.id], plans))
    priced = {id: _priced(one, metrics, operands) for id, one in terms.items()}
    return Facts(customers, timelines, terms, metrics, operands, priced)


def _priced(
    terms: Terms, metrics: Mapping[UUID, MetricRow], operands: Mapping[str, MetricRow]
) -> frozenset[UUID]:
    direct = {one.metric_id for one in terms.components if one.metric_id is not None}
    keys = {key for id in direct for key in operand_keys(metrics[id])}
    return frozenset(direct | {operands[key].id for key in keys})


@dataclass(frozen=True, slots=True)
class Priced:
    """The terms of one plan version, with the metrics that they are for."""

    terms: Terms
    metrics: Mapping[UUID, MetricRow]
    operands: Mapping[str, MetricRow]


async def priced_plans(connection: Connection, plans: Sequence[PlanRow]) -> list[Priced]:
    """The terms of each plan version. Three statements, however many they are."""
    terms, metrics, operands = await terms_of(connection, plans)
    found = []
    for plan in plans:
        own = [one.metric_id for one in terms[plan.id].components if one.metric_id is not None]
        mine = {id: metrics[id] for id in own}
        keys = {key for metric in mine.values() for key in operand_keys(metric)}
        found.append(Priced(terms[plan.id], mine, {key: operands[key] for key in keys}))
    return found


async def terms_of(
    connection: Connection, plans: Sequence[PlanRow]
) -> tuple[dict[UUID, Terms], dict[UUID, MetricRow], dict[str, MetricRow]]:
    """Terms by plan id, their metrics by id, the operands of composites by key."""
    components = await COMPONENTS.by(connection, "plan_id", [plan.id for plan in plans])
    metric_ids = {row.metric_id for row in components if row.metric_id is not None}
    metrics = {row.id: row for row in await METRICS.by(connection, "id", list(metric_ids))}
    operands = await with_operands(connection, list(metrics.values()))
    components.sort(key=lambda row: row.position)
    terms = {
        plan.id: Terms(
            plan_id=plan.id,
            name=plan.name,
            currency=plan.currency,
            minimum=plan.minimum,
            components=tuple(
                _component(row, metrics, operands) for row in components if row.plan_id == plan.id
            ),
        )
        for plan in plans
    }
    return terms, metrics, operands


def _component(
    row: ComponentRow, metrics: Mapping[UUID, MetricRow], operands: Mapping[str, MetricRow]
) -> Component:
    metric = metrics[row.metric_id] if row.metric_id is not None else None
    return Component(
        id=row.id,
        key=row.key,
        name=row.display_name,
        rate=row.pricing,
        metric_id=row.metric_id,
        is_level=metric is not None and is_level(metric, operands),
        minimum=row.minimum,
        maximum=row.maximum,
    )


def is_level(metric: MetricRow, operands: Mapping[str, MetricRow]) -> bool:
    """Whether the quantity is a level, not a flow that adds up over time.

    A composite is one when all that it is computed from are: a flow in it adds up.
    """
    if metric.formula is None:
        return metric.aggregation in LEVELS
    return all(is_level(operands[key], operands) for key in operand_keys(metric))
