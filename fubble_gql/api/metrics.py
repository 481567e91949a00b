"""Metrics in the graph."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, ClassVar

import strawberry
from strawberry import UNSET

from fubble_gql.api import refs
from fubble_gql.api.context import Info
from fubble_gql.api.errors import UserError, answer
from fubble_gql.api.inputs import changes, given, given_or_none
from fubble_gql.api.node import Node, Shown
from fubble_gql.api.pagination import Connection, Listing, Page, connect, listed
from fubble_gql.api.refs import MetricRef
from fubble_gql.api.selecting import selected
from fubble_gql.billing import archive
from fubble_gql.catalog import metrics
from fubble_gql.catalog.kinds import Aggregation, DimensionKind, MetricType
from fubble_gql.catalog.rows import BY_CREATION, METRICS, MetricRow
from fubble_gql.db import refs as rows
from fubble_gql.reads.marks import marked, reads_selected


@strawberry.type
class Dimension:
    """An event property that usage can be grouped and priced by; every event must carry it."""

    property: str = strawberry.field(description="The name of the property.")
    kind: DimensionKind = strawberry.field(description="What its values are.")


@strawberry.type
class Metric(Shown, Node):
    """What is measured: events of a metric become a quantity, which prices are for."""

    row: ClassVar[type] = MetricRow

    key: str = strawberry.field(description="The key you chose: events and formulas name it.")
    display_name: str = strawberry.field(description="What customers read.")
    description: str | None = strawberry.field(description="What it measures, for people.")
    unit: str | None = strawberry.field(
        description='What follows a quantity of it, as in "GB" or "seats".'
    )
    type: MetricType = strawberry.field(description="What an event of it means.")
    aggregation: Aggregation | None = strawberry.field(
        description="How events become a quantity. None on a COMPOSITE."
    )
    percentile: Decimal | None = strawberry.field(description="PERCENTILE only: between 0 and 100.")
    property: str | None = strawberry.field(
        description="UNIQUE_COUNT only: the event property whose distinct values are counted."
    )
    formula: str | None = strawberry.field(
        description="COMPOSITE only: an arithmetic expression over other metrics' keys."
    )
    decimals: int | None = strawberry.field(description="How many decimals to show; display only.")
    created_at: datetime = strawberry.field(description="When it was created.")
    archived_at: datetime | None = strawberry.field(description="When it was archived, if it was.")

    @strawberry.field
    def dimensions(self: MetricRow) -> list[Dimension]:
        """The event properties that usage can be grouped and priced by; events must carry them."""
        return [
            Dimension(property=one["property"], kind=DimensionKind(one["kind"]))
            for one in self.dimensions
        ]


@strawberry.type
class MetricPayload:
    """The metric, or why the call was refused."""

    metric: Metric | None = strawberry.field(description="The metric as it is now.")
    errors: list[UserError] = strawberry.field(description="Why nothing was done; else empty.")


@strawberry.input
class DimensionInput:
    """An event property that usage can be grouped and priced by."""

    property: str = strawberry.field(description="The name of the property.")
    kind: DimensionKind = strawberry.field(description="What its values have to be.")


@strawberry.input
class CreateMetricInput:
    """A new metric. What it measures never changes."""

    key: str = strawberry.field(description="A key of your own, at most 255 characters.")
    display_name: str = strawberry.field(description="What customers read.")
    description: str | None = strawberry.field(default=UNSET, description="What it measures.")
    unit: str | None = strawberry.field(
        default=UNSET, description='What follows a quantity of it, as in "GB" or "seats".'
    )
    type: MetricType = strawberry.field(description="What an event of it means.")
    aggregation: Aggregation | None = strawberry.field(
        default=UNSET,
        description=(
            "COUNTER: SUM (the default), COUNT, UNIQUE_COUNT, TIME_WEIGHTED. GAUGE: LAST (the "
            "default), MAX, MIN, AVG, PERCENTILE, TIME_WEIGHTED. TIME: SUM. DIMENSION: SUM (the "
            "default), COUNT, MAX, UNIQUE_COUNT. COMPOSITE: none."
        ),
    )
    percentile: Decimal | None = strawberry.field(
        default=UNSET, description="PERCENTILE only: between 0 and 100."
    )
    property: str | None = strawberry.field(
        default=UNSET, description="UNIQUE_COUNT only: the property whose values are counted."
    )
    dimensions: list[DimensionInput] | None = strawberry.field(
        default=UNSET, description="What usage is grouped and priced by; at most 10."
    )
    formula: str | None = strawberry.field(
        default=UNSET, description='COMPOSITE only, as in "input_tokens + 4 * output_tokens".'
    )
    decimals: int | None = strawberry.field(default=UNSET, description="Display only: 0 to 18.")


@strawberry.input
class UpdateMetricInput:
    """How a metric is described. What is left out stays; null clears."""

    display_name: strawberry.Maybe[str | None] = strawberry.field(
        description="What customers read."
    )
    description: strawberry.Maybe[str | None] = strawberry.field(description="What it measures.")
    unit: strawberry.Maybe[str | None] = strawberry.field(
        description='What follows a quantity of it, as in "GB" or "seats".'
    )
    decimals: strawberry.Maybe[int | None] = strawberry.field(description="Display only: 0 to 18.")


@strawberry.type
class MetricQuery:
    """Reading metrics."""

    @marked(reads_selected())
    async def metric(
        self,
        info: Info,
        id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Its id, or else its key.")
        ] = UNSET,
        key: Annotated[
            str | None, strawberry.argument(description="Its key, or else its id.")
        ] = UNSET,
    ) -> Metric | None:
        """One metric, by id or by key; null when there is none."""
        ref = refs.either(info, "Metric", given_or_none(id), given_or_none(key))
        return Metric.shown_or_none(
            await rows.find(info.context.connection, selected(METRICS, info), ref)
        )

    @listed
    async def metrics(self, info: Info, page: Page) -> Connection[Metric]:
        """Every metric, the oldest first.

        A portal token sees those that its plans price or their formulas name, and those that its
        customer committed to or ever used.
        """
        return await connect(info, Listing("metrics", METRICS, BY_CREATION), page)


MetricArgument = Annotated[MetricRef, strawberry.argument(description="Which metric.")]


@strawberry.type
class MetricMutation:
    """Writing metrics."""

    @strawberry.mutation
    async def create_metric(
        self,
        info: Info,
        input: Annotated[CreateMetricInput, strawberry.argument(description="The metric.")],
    ) -> MetricPayload:
        """Define a metric. Again with the same input: the metric as it is now."""
        context = info.context
        return await answer(
            MetricPayload,
            "metric",
            lambda: metrics.create(context.connection, _new_metric(input), context.now),
        )

    @strawberry.mutation
    async def update_metric(
        self,
        info: Info,
        metric: MetricArgument,
        input: Annotated[UpdateMetricInput, strawberry.argument(description="What changes.")],
    ) -> MetricPayload:
        """Describe a metric otherwise."""
        return await answer(
            MetricPayload,
            "metric",
            lambda: metrics.update(
                info.context.connection, refs.resolve(metric, "metric"), changes(input)
            ),
        )

    @strawberry.mutation
    async def archive_metric(self, info: Info, metric: MetricArgument) -> MetricPayload:
        """Take a metric out of use; what was recorded stays. Again: no error, no change."""
        context = info.context
        return await answer(
            MetricPayload,
            "metric",
            lambda: archive.archive_metric(
                context.connection, refs.resolve(metric, "metric"), context.now
            ),
        )


def _new_metric(input: CreateMetricInput) -> metrics.NewMetric:
    return metrics.NewMetric(
        key=input.key,
        display_name=input.display_name,
        type=input.type,
        dimensions=[
            metrics.NewDimension(one.property, one.kind)
            for one in given_or_none(input.dimensions) or ()
        ],
        **given(
            input,
            "description",
            "unit",
            "aggregation",
            "percentile",
            "property",
            "formula",
            "decimals",
        ),
    )
