"""What rating needs to know of customers besides their events: gathered set-based, a statement each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fubble_gql.billing.prices import Prices, prices_of
from fubble_gql.billing.rows import SUBSCRIPTIONS, CommitmentRow, commitments_of, phases_of
from fubble_gql.billing.timeline import Timeline, clip, timeline
from fubble_gql.catalog.rows import PLANS
from fubble_gql.customers.store import CUSTOMERS, CustomerRow
from fubble_gql.db.connection import Connection
from fubble_gql.pricing.period import Period


@dataclass(frozen=True, slots=True)
class Facts:
    """Customers with their subscriptions and commitments, and what these charge."""

    customers: Mapping[UUID, CustomerRow]
    timelines: Mapping[UUID, Sequence[Timeline]]
    commitments: Mapping[UUID, Sequence[CommitmentRow]]
    prices: Prices
    priced: Mapping[UUID, frozenset[UUID]]

    def timeline_of(self, subscription_id: UUID) -> Timeline:
        """One subscription."""
        return next(
            line
            for lines in self.timelines.values()
            for line in lines
            if line.subscription.id == subscription_id
        )

    def committed(
        self, subscription_id: UUID, metric_id: UUID, span: Period
    ) -> Iterator[tuple[CommitmentRow, Period]]:
        """The metric's commitments in the span, each with the part in which it holds, in order."""
        for row in self.commitments[subscription_id]:
            if row.metric_id == metric_id:
                part = clip(span, row.start_at, row.end_at)
                if part is not None:
                    yield row, part

    def pricing_parts(self, line: Timeline, metric_id: UUID, span: Period) -> list[Period]:
        """The parts of the span in which the subscription prices the metric, by plan or commitment.

        They may overlap.
        """
        phases = [phase for phase in line.phases if metric_id in self.priced[phase.plan_id]]
        parts = [part for phase in phases if (part := phase.within(span)) is not None]
        if not self.commitments[line.subscription.id]:
            return parts
        life = clip(span, line.subscription.start_at, line.subscription.end_at)
        if life is not None:
            committed = self.committed(line.subscription.id, metric_id, life)
            parts += [part for _, part in committed]
        return parts

    def cut_at(self, customer_ids: Sequence[UUID]) -> datetime | None:
        """The latest instant as of which an invoice of any of the customers was finalised."""
        known = [self.customers[id].cut_at for id in customer_ids]
        return max((instant for instant in known if instant is not None), default=None)


async def gather(connection: Connection, customer_ids: Sequence[UUID]) -> Facts:
    """Everything about these customers. Eight statements, however many they are."""
    ids = list(dict.fromkeys(customer_ids))
    customers = {row.id: row for row in await CUSTOMERS.by(connection, "id", ids)}
    subscriptions = await SUBSCRIPTIONS.by(connection, "customer_id", ids)
    subscription_ids = [row.id for row in subscriptions]
    phases = await phases_of(connection, subscription_ids)
    commitments = await commitments_of(connection, subscription_ids)
    plan_ids = {phase.plan_id for found in phases.values() for phase in found}
    plans = {row.id: row for row in await PLANS.by(connection, "id", list(plan_ids))}
    agreed = [row for rows in commitments.values() for row in rows]
    prices = await prices_of(connection, list(plans.values()), agreed)
    timelines: dict[UUID, list[Timeline]] = {id: [] for id in ids}
    for row in sorted(subscriptions, key=lambda row: (row.start_at, row.id)):
        timelines[row.customer_id].append(timeline(row, phases[row.id], plans))
    priced = {id: prices.priced_by(id) for id in plans}
    return Facts(customers, timelines, commitments, prices, priced)
