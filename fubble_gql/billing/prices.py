"""What plan versions and commitments charge, ready for rating: read set-based, a statement each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from fubble_gql.billing.rows import CommitmentRow
from fubble_gql.catalog.kinds import LEVELS
from fubble_gql.catalog.metrics import operand_keys, with_operands
from fubble_gql.catalog.rows import COMPONENTS, METRICS, ComponentRow, MetricRow, PlanRow
from fubble_gql.db.connection import Connection
from fubble_gql.pricing.bill import Commitment, Component, Terms


@dataclass(frozen=True, slots=True)
class Prices:
    """Terms by plan version, commitments by id, and the metrics that these are for.

    `operands` are those of composites, by key.
    """

    terms: Mapping[UUID, Terms]
    commitments: Mapping[UUID, Commitment]
    metrics: Mapping[UUID, MetricRow]
    operands: Mapping[str, MetricRow]

    def priced_by(self, plan_id: UUID) -> frozenset[UUID]:
        """The metrics that a plan version prices, with the operands of composites among them.

        Their events count as billed.
        """
        components = self.terms[plan_id].components
        direct = {one.metric_id for one in components if one.metric_id is not None}
        return frozenset(id for metric in direct for id in self.measured_for(metric))

    def measured_for(self, metric_id: UUID) -> frozenset[UUID]:
        """The metric itself and, of a composite, its operands."""
        keys = operand_keys(self.metrics[metric_id])
        return frozenset({metric_id} | {self.operands[key].id for key in keys})

    def of_plan(self, plan_id: UUID) -> Prices:
        """The same, of one plan version alone."""
        terms = self.terms[plan_id]
        own = [one.metric_id for one in terms.components if one.metric_id is not None]
        metrics = {id: self.metrics[id] for id in own}
        keys = {key for metric in metrics.values() for key in operand_keys(metric)}
        return Prices({plan_id: terms}, {}, metrics, {key: self.operands[key] for key in keys})


async def prices_of(
    connection: Connection, plans: Sequence[PlanRow], commitments: Sequence[CommitmentRow] = ()
) -> Prices:
    """What these charge. Three statements, however many they are."""
    components = await COMPONENTS.by(connection, "plan_id", [plan.id for plan in plans])
    metric_ids = {row.metric_id for row in components if row.metric_id is not None}
    metric_ids |= {row.metric_id for row in commitments}
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
    known = {row.id: _commitment(row, metrics[row.metric_id]) for row in commitments}
    return Prices(terms, known, metrics, operands)


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


def _commitment(row: CommitmentRow, metric: MetricRow) -> Commitment:
    return Commitment(
        id=row.id,
        metric_id=row.metric_id,
        name=metric.display_name,
        quantity=row.committed_quantity,
        rate=row.rate,
        overage_rate=row.overage_rate,
    )


def is_level(metric: MetricRow, operands: Mapping[str, MetricRow]) -> bool:
    """Whether the quantity is a level, not a flow that adds up over time.

    A composite is one when all that it is computed from are: a flow in it adds up.
    """
    if metric.formula is None:
        return metric.aggregation in LEVELS
    return all(is_level(operands[key], operands) for key in operand_keys(metric))
