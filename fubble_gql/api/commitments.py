"""Commitments in the graph: what a subscription pays for in each period, used or not."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import ClassVar, cast

import strawberry
from strawberry import UNSET

from fubble_gql.api import ids
from fubble_gql.api.context import Info
from fubble_gql.api.inputs import given
from fubble_gql.api.metrics import Metric
from fubble_gql.api.node import Shown, own_id
from fubble_gql.billing.agreement import NewCommitment
from fubble_gql.billing.rows import CommitmentRow


@strawberry.type
class Commitment(Shown):
    """A quantity of a metric paid for in each period, used or not; more costs the overage rate.

    Quantity and fee are prorated where it covers a part of a period. Meanwhile the plan's own
    price of the metric rests, with its minimum and maximum.
    """

    row: ClassVar[type] = CommitmentRow

    committed_quantity: Decimal = strawberry.field(description="How much in one full period.")
    rate: Decimal = strawberry.field(description="The price of one of it, used or not.")
    overage_rate: Decimal | None = strawberry.field(
        description="The price of one more than that; the rate where there is none."
    )
    start_at: datetime = strawberry.field(description="When it begins; in it.")
    end_at: datetime | None = strawberry.field(
        description="When it ends; not in it. It goes on until removed where there is none."
    )

    @strawberry.field
    def id(self) -> strawberry.ID:
        """Opaque; what removeCommitment takes."""
        return strawberry.ID(ids.encode("Commitment", own_id(self)))

    @strawberry.field
    async def metric(self, info: Info) -> Metric:
        """What is committed to."""
        found = await info.context.loaders.metric(cast(CommitmentRow, self).metric_id)
        return Metric.shown(found)


@strawberry.input
class CommitmentInput:
    """A quantity of a metric to pay for in each period, used or not."""

    metric: str = strawberry.field(
        description=(
            "The key of a metric that adds up: its aggregation is COUNT or SUM. One commitment to "
            "a metric at an instant, else CONFLICT."
        )
    )
    committed_quantity: Decimal = strawberry.field(
        description="How much in one full period; above 0."
    )
    rate: Decimal | None = strawberry.field(
        default=UNSET,
        description=(
            "The price of one of it; unless said the one perUnit price that the plan has for the "
            "metric when the commitment begins, and INVALID when it has none or several."
        ),
    )
    overage_rate: Decimal | None = strawberry.field(
        default=UNSET, description="The price of one more than that; the rate unless said."
    )
    start_at: datetime | None = strawberry.field(
        default=UNSET,
        description=(
            "Now unless said, and not before the subscription; with subscribe: as it begins. It "
            "never reaches into what is invoiced."
        ),
    )
    end_at: datetime | None = strawberry.field(
        default=UNSET, description="When it ends; it goes on until removed unless said."
    )
    idempotency_key: str | None = strawberry.field(
        default=UNSET,
        description=(
            "Makes a retry of addCommitment safe: the same key with the same input changes "
            "nothing. subscribe has its own."
        ),
    )


def new_commitment(input: CommitmentInput) -> NewCommitment:
    """The commitment as it was given."""
    return NewCommitment(
        metric=input.metric,
        committed_quantity=input.committed_quantity,
        **given(input, "rate", "overage_rate", "start_at", "end_at", "idempotency_key"),
    )
