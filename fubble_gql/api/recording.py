"""Recording and voiding usage in the graph: events in, or their keys, a receipt for each out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, cast

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from fubble_gql import monitoring
from fubble_gql.api import refs
from fubble_gql.api.context import Context, Info
from fubble_gql.api.errors import UNAVAILABLE, UserError, answer, refusals, user_error
from fubble_gql.api.events_ahead import EventsAhead, subscription_of
from fubble_gql.api.inputs import given_or_none
from fubble_gql.api.refs import CustomerRef
from fubble_gql.api.usage import UsageEvent
from fubble_gql.errors import Refused, Unavailable
from fubble_gql.usage import ingest
from fubble_gql.usage import void as voiding
from fubble_gql.usage.ingest import NewEvent, Receipt, ReceiptStatus


@strawberry.input
class UsageEventInput:
    """One use of a metric by a customer."""

    customer: str = strawberry.field(description="The customer's key.")
    metric: str = strawberry.field(description="The metric's key.")
    quantity: Decimal | None = strawberry.field(
        default=UNSET,
        description="How much. May be left out for COUNT and UNIQUE_COUNT, where it is 1.",
    )
    event_time: datetime | None = strawberry.field(
        default=UNSET, description="When it happened, at most 24 hours ahead; now unless said."
    )
    idempotency_key: str = strawberry.field(
        description="A key of your own, at most 255 characters: counts once for its customer."
    )
    subscription_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="The subscription that it counts for, where there are several."
    )
    properties: JSON | None = strawberry.field(
        default=UNSET,
        description=(
            'A JSON object with every dimension that the metric declares, as in {"region": "eu"}. '
            "The customer may read all of it."
        ),
    )


@strawberry.type
class UsageReceipt:
    """What became of one event."""

    index: int = strawberry.field(description="Its place in the call, from 0.")
    idempotency_key: str = strawberry.field(description="Its key.")
    status: ReceiptStatus = strawberry.field(description="Whether it counts.")
    error: UserError | None = strawberry.field(description="Why it was rejected.")


@strawberry.type
class RecordUsagePayload:
    """A receipt for each event, in the order given."""

    accepted: int = strawberry.field(description="How many are new, and stored for good.")
    duplicates: int = strawberry.field(description="How many had been recorded before.")
    rejected: int = strawberry.field(description="How many were not stored.")
    receipts: list[UsageReceipt] = strawberry.field(description="One for each event.")
    errors: list[UserError] = strawberry.field(
        description="Why nothing at all was done; else empty. Rejected events are in receipts."
    )


@strawberry.type
class UsageEventPayload:
    """The event, or why the call was refused."""

    event: UsageEvent | None = strawberry.field(description="The event as it is now.")
    errors: list[UserError] = strawberry.field(description="Why nothing was done; else empty.")


@strawberry.type
class VoidReceipt:
    """What became of one key."""

    idempotency_key: str = strawberry.field(description="The key, as it was sent.")
    voided: bool = strawberry.field(
        description="Whether its event is voided now, by this call or by an earlier one."
    )
    error: UserError | None = strawberry.field(description="Why there is nothing to void.")


@strawberry.type
class VoidUsageEventsPayload:
    """A receipt for each key, in the order given."""

    voided: int = strawberry.field(
        description="How many receipts say voided: by this call or by an earlier one."
    )
    receipts: list[VoidReceipt] = strawberry.field(description="One for each key.")
    errors: list[UserError] = strawberry.field(
        description="Why nothing at all was done; else empty. Unknown keys are in receipts."
    )


VoidedCustomer = Annotated[CustomerRef, strawberry.argument(description="Whose usage it is.")]
VoidReason = Annotated[
    str | None,
    strawberry.argument(description="Why, at most 10,000 characters; the customer may read it."),
]


@strawberry.type
class UsageMutation:
    """Recording and voiding usage."""

    @strawberry.mutation
    async def record_usage(
        self,
        info: strawberry.Info[Context, EventsAhead | None],
        events: Annotated[
            list[UsageEventInput], strawberry.argument(description="1 to 5,000 events.")
        ],
    ) -> RecordUsagePayload:
        """Record up to 5,000 events. Sending them again is safe: each key counts once.

        All or nothing is not the rule here: each event gets its own receipt, in the order given.
        Only a value of the wrong type, such as a quantity that is no number, refuses the call.
        """
        context = info.context
        sent = (info.root_value or {}).get(str(info.path.key))
        if sent is None:
            sent = [_event(one) for one in events]
        try:
            receipts = await ingest.record(context.connection, sent, context.clock)
        except Refused as refused:
            return _payload([], refusals(*refused.problems))
        except Unavailable:
            return _payload([], refusals(UNAVAILABLE))
        return _payload(receipts, [])

    @strawberry.mutation
    async def void_usage_event(
        self,
        info: Info,
        customer: VoidedCustomer,
        idempotency_key: Annotated[
            str, strawberry.argument(description="The key that it was recorded under.")
        ],
        reason: VoidReason = UNSET,
    ) -> UsageEventPayload:
        """Let an event count no more: in no preview and no invoice from now on.

        It can still be read, and as of any earlier instant it still counts. What was invoiced is
        corrected on the next invoice. Its key stays taken: send a replacement under a new one.
        Again: no error, no change, and the first reason stays.
        """
        context = info.context
        return await answer(
            UsageEventPayload,
            "event",
            lambda: voiding.void_one(
                context.connection,
                refs.resolve(customer, "customer"),
                idempotency_key,
                given_or_none(reason),
                context.clock,
            ),
        )

    @strawberry.mutation
    async def void_usage_events(
        self,
        info: Info,
        customer: VoidedCustomer,
        idempotency_keys: Annotated[
            list[str], strawberry.argument(description="1 to 5,000 keys of one customer's events.")
        ],
        reason: VoidReason = UNSET,
    ) -> VoidUsageEventsPayload:
        """Void up to 5,000 events of a customer, each as voidUsageEvent does.

        All or nothing is not the rule here: each key gets its own receipt, in the order given.
        """
        context = info.context
        try:
            receipts = await voiding.void(
                context.connection,
                refs.resolve(customer, "customer"),
                idempotency_keys,
                given_or_none(reason),
                context.clock,
            )
        except Refused as refused:
            return _voided([], refusals(*refused.problems))
        except Unavailable:
            return _voided([], refusals(UNAVAILABLE))
        return _voided(receipts, [])


def _event(input: UsageEventInput) -> NewEvent:
    subscription_id = given_or_none(input.subscription_id)
    return NewEvent(
        customer=input.customer,
        metric=input.metric,
        idempotency_key=input.idempotency_key,
        quantity=given_or_none(input.quantity),
        event_time=given_or_none(input.event_time),
        subscription_id=None if subscription_id is None else subscription_of(subscription_id),
        properties=cast(Mapping[str, object] | None, given_or_none(input.properties)),
    )


def _payload(receipts: list[Receipt], errors: list[UserError]) -> RecordUsagePayload:
    statuses = [receipt.status for receipt in receipts]
    accepted, duplicates, rejected = (
        statuses.count(one)
        for one in (ReceiptStatus.ACCEPTED, ReceiptStatus.DUPLICATE, ReceiptStatus.REJECTED)
    )
    monitoring.count_events(accepted=accepted, duplicates=duplicates, rejected=rejected)
    return RecordUsagePayload(
        accepted=accepted,
        duplicates=duplicates,
        rejected=rejected,
        # Light rows: the types' fields are those of Receipt and of Problem.
        receipts=cast(list[UsageReceipt], receipts),
        errors=errors,
    )


def _voided(receipts: list[voiding.VoidReceipt], errors: list[UserError]) -> VoidUsageEventsPayload:
    return VoidUsageEventsPayload(
        voided=sum(one.problem is None for one in receipts),
        receipts=[_void_receipt(index, one) for index, one in enumerate(receipts)],
        errors=errors,
    )


def _void_receipt(index: int, receipt: voiding.VoidReceipt) -> VoidReceipt:
    problem = receipt.problem
    return VoidReceipt(
        idempotency_key=receipt.idempotency_key,
        voided=problem is None,
        error=user_error(problem.below("idempotencyKeys", index)) if problem else None,
    )
