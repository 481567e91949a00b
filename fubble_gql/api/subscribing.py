"""Writing subscriptions: begun, changed, cancelled, and what they are committed to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

import strawberry
from strawberry import UNSET

from fubble_gql.api import ids, refs
from fubble_gql.api.bills import InvoicePreview, show_preview
from fubble_gql.api.commitments import CommitmentInput, new_commitment
from fubble_gql.api.context import Info
from fubble_gql.api.errors import UserError, answer
from fubble_gql.api.inputs import given_or_none
from fubble_gql.api.refs import PlanRef
from fubble_gql.api.subscription_inputs import SubscribeInput, new_subscription
from fubble_gql.api.subscriptions import PlanSubscription
from fubble_gql.billing import cancel, change, commitments, subscribe
from fubble_gql.billing.life import Effective, Outcome
from fubble_gql.errors import Refused

SubscriptionId = Annotated[strawberry.ID, strawberry.argument(description="The subscription's id.")]
When = Annotated[
    Effective | None,
    strawberry.argument(description="PERIOD_END unless said: with the current billing period."),
]
DryRun = Annotated[
    bool | None,
    strawberry.argument(
        description=(
            "Write nothing, and answer as if it had been done: the subscription as it would be, "
            "with its plan, periods and scheduledChange, and the invoice as it would be in the "
            "payload's preview. The subscription's own usage and invoicePreview stay as they are."
        )
    ),
]


@strawberry.type
class PlanSubscriptionPayload:
    """The subscription and what it costs, or why the call was refused."""

    outcome: strawberry.Private[Outcome | None]
    errors: list[UserError] = strawberry.field(description="Why nothing was done; else empty.")

    @strawberry.field
    def subscription(self) -> PlanSubscription | None:
        """The subscription as it is now."""
        return (
            None if self.outcome is None else PlanSubscription.shown(self.outcome.life.subscription)
        )

    @strawberry.field
    async def preview(self, info: Info) -> InvoicePreview | None:
        """Its next invoice as the call leaves it.

        Of the billing period that a change falls in or ends; of the running one where the change
        takes effect with its end. Null only where the call was refused, or with an error where a
        formula of the plan has no result.
        """
        if self.outcome is None:
            return None
        bill = self.outcome.bill or await info.context.loaders.preview(self.outcome.asked)
        if isinstance(bill, Refused):
            raise bill
        return show_preview(bill)


@strawberry.type
class SubscriptionMutation:
    """Beginning, changing and ending subscriptions."""

    @strawberry.mutation
    async def subscribe(
        self,
        info: Info,
        input: Annotated[SubscribeInput, strawberry.argument(description="Who, what, when.")],
    ) -> PlanSubscriptionPayload:
        """Put a customer on a plan. A trial bills no fees and no usage."""
        context = info.context
        return await _answer(
            info,
            lambda: subscribe.subscribe(context.connection, new_subscription(input), context.now),
        )

    @strawberry.mutation
    async def change_plan(
        self,
        info: Info,
        subscription_id: SubscriptionId,
        plan: Annotated[
            PlanRef,
            strawberry.argument(
                description=(
                    "A plan in the subscription's currency: by id that very version, by key the "
                    "latest one."
                )
            ),
        ],
        effective: When = UNSET,
        dry_run: DryRun = UNSET,
        idempotency_key: Annotated[
            str | None,
            strawberry.argument(
                description=(
                    "Makes a retry safe: the same key with the same input changes nothing more. "
                    "A dry run does not use it up."
                )
            ),
        ] = UNSET,
    ) -> PlanSubscriptionPayload:
        """Put a subscription on another plan, in place of any change that is scheduled.

        NOW, when both plans bill equally often, the period goes on and its invoice has a piece for
        each plan: fees are shared by time, and each piece has its tiers, free units, packages and
        thresholds whole. When they bill at different intervals, the period ends at the change with
        an invoice of its own, and a first period of the new plan begins, whole. To the version
        that it is on already, nothing happens but that what was scheduled is dropped.
        """
        context = info.context

        def work() -> Awaitable[Outcome]:
            asked = change.PlanChange(
                ids.decode("PlanSubscription", subscription_id, "subscriptionId"),
                refs.resolve(plan, "plan"),
                given_or_none(effective) or Effective.PERIOD_END,
                bool(given_or_none(dry_run)),
                given_or_none(idempotency_key),
            )
            return change.change_plan(context.connection, asked, context.now)

        return await _answer(info, work)

    @strawberry.mutation
    async def cancel_subscription(
        self,
        info: Info,
        subscription_id: SubscriptionId,
        effective: When = UNSET,
        dry_run: DryRun = UNSET,
    ) -> PlanSubscriptionPayload:
        """End a subscription; what it used until then is billed.

        An end that comes sooner stays. A plan change that was to come with the end or later is
        dropped. Again: no error, no change.
        """
        context = info.context

        def work() -> Awaitable[Outcome]:
            return cancel.cancel(
                context.connection,
                ids.decode("PlanSubscription", subscription_id, "subscriptionId"),
                given_or_none(effective) or Effective.PERIOD_END,
                context.now,
                dry_run=bool(given_or_none(dry_run)),
            )

        return await _answer(info, work)

    @strawberry.mutation
    async def cancel_scheduled_change(
        self, info: Info, subscription_id: SubscriptionId
    ) -> PlanSubscriptionPayload:
        """Undo a plan change or a cancellation that has not taken effect.

        The subscription goes on as agreed. With nothing scheduled: no error, no change.
        """
        context = info.context

        def work() -> Awaitable[Outcome]:
            id = ids.decode("PlanSubscription", subscription_id, "subscriptionId")
            return change.cancel_scheduled(context.connection, id, context.now)

        return await _answer(info, work)

    @strawberry.mutation
    async def add_commitment(
        self,
        info: Info,
        subscription_id: SubscriptionId,
        input: Annotated[
            CommitmentInput, strawberry.argument(description="How much of what, at which rate.")
        ],
    ) -> PlanSubscriptionPayload:
        """Let a subscription pay for a quantity of a metric in each period, used or not."""
        context = info.context

        def work() -> Awaitable[Outcome]:
            id = ids.decode("PlanSubscription", subscription_id, "subscriptionId")
            return commitments.add(context.connection, id, new_commitment(input), context.now)

        return await _answer(info, work)

    @strawberry.mutation
    async def remove_commitment(
        self,
        info: Info,
        commitment_id: Annotated[
            strawberry.ID, strawberry.argument(description="The commitment's id.")
        ],
    ) -> PlanSubscriptionPayload:
        """End a commitment now; one that has not begun never will. Again: no error, no change."""
        context = info.context

        def work() -> Awaitable[Outcome]:
            id = ids.decode("Commitment", commitment_id, "commitmentId")
            return commitments.remove(context.connection, id, context.now)

        return await _answer(info, work)


async def _answer(info: Info, work: Callable[[], Awaitable[Outcome]]) -> PlanSubscriptionPayload:
    """The payload; what is asked of its subscription is answered as the write made it."""
    payload = await answer(PlanSubscriptionPayload, "outcome", work)
    if payload.outcome is not None:
        info.context.loaders.know(payload.outcome.life)
    return payload
