"""Subscriptions as they are given."""

from __future__ import annotations

from datetime import datetime

import strawberry
from strawberry import UNSET

from fubble_gql.api import refs
from fubble_gql.api.commitments import CommitmentInput, new_commitment
from fubble_gql.api.inputs import given, given_or_none
from fubble_gql.api.refs import CustomerRef, PlanRef
from fubble_gql.billing.subscribe import NewSubscription


@strawberry.input
class SubscribeInput:
    """Who subscribes to what, from when."""

    customer: CustomerRef = strawberry.field(description="The customer.")
    plan: PlanRef = strawberry.field(description="The plan, in the customer's currency.")
    start_at: datetime | None = strawberry.field(
        default=UNSET,
        description=(
            "Now unless said; may lie in the future, and in the past as far as the customer is "
            "not invoiced."
        ),
    )
    end_at: datetime | None = strawberry.field(
        default=UNSET, description="When it ends; it goes on until cancelled unless said."
    )
    billing_anchor: datetime | None = strawberry.field(
        default=UNSET,
        description=(
            "The instant that periods repeat from; the trial's end unless said, without a trial "
            "the start. What comes before it is a shorter period."
        ),
    )
    trial_days: int | None = strawberry.field(
        default=UNSET,
        description=(
            "Local calendar days at the start that bill no fees and no usage; the plan's unless "
            "said."
        ),
    )
    commitments: list[CommitmentInput] | None = strawberry.field(
        default=UNSET, description="What is committed to from the start; all of it or nothing."
    )
    idempotency_key: str | None = strawberry.field(
        default=UNSET,
        description=(
            "Makes a retry safe: the same key with the same input gives the same subscription."
        ),
    )


def new_subscription(input: SubscribeInput) -> NewSubscription:
    """The subscription as it was given."""
    return NewSubscription(
        customer=refs.resolve(input.customer, "input", "customer"),
        plan=refs.resolve(input.plan, "input", "plan"),
        commitments=[new_commitment(one) for one in given_or_none(input.commitments) or ()],
        **given(input, "start_at", "end_at", "billing_anchor", "trial_days", "idempotency_key"),
    )
