"""Plans in the graph: versions, their price components, and what they would charge."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, ClassVar, cast

import strawberry
from strawberry import UNSET

from fubble_gql.api import ids, refs, relations, written
from fubble_gql.api.bills import InvoicePreview, show_bill
from fubble_gql.api.context import Info
from fubble_gql.api.errors import UserError, answer
from fubble_gql.api.inputs import given, given_or_none
from fubble_gql.api.metrics import Metric
from fubble_gql.api.node import Node, Shown, own_id
from fubble_gql.api.pagination import Connection, Listing, Page, connect, listed
from fubble_gql.api.periods import show_period
from fubble_gql.api.plan_inputs import (
    CreatePlanInput,
    PlanFilter,
    PriceComponentInput,
    UpdatePlanInput,
    UsageInput,
    new_component,
    new_plan,
    plan_changes,
)
from fubble_gql.api.pricing import MODEL_NAMES, Pricing
from fubble_gql.api.refs import PlanRef
from fubble_gql.billing import estimate
from fubble_gql.catalog import plans
from fubble_gql.catalog.plan_search import PlanSearch
from fubble_gql.catalog.rows import BY_CREATION, COMPONENTS, METRICS, PLANS, ComponentRow, PlanRow
from fubble_gql.db.rows import ITSELF
from fubble_gql.pricing.period import Frequency
from fubble_gql.reads.marks import computed_from, marked


@strawberry.type
class PriceComponent(Shown):
    """One price of a plan: how it charges, and for which metric."""

    row: ClassVar[type] = ComponentRow

    key: str = strawberry.field(description="Its key, unique in its version of the plan.")
    display_name: str = strawberry.field(description="What customers read on the invoice.")
    pricing: Pricing = strawberry.field(
        description="How it charges: one of the models.",
        metadata=computed_from(
            "pricing", written=written.one_of(f"{ITSELF}.pricing ->> 'model'", MODEL_NAMES)
        ),
    )
    minimum: Decimal | None = strawberry.field(
        description="The least that it charges in one full period."
    )
    maximum: Decimal | None = strawberry.field(
        description="The most that it charges in one full period."
    )

    @marked(computed_from("id", written=written.own_id))
    def id(self) -> strawberry.ID:
        """Opaque; another version of the plan has other components."""
        return strawberry.ID(ids.encode("PriceComponent", own_id(self)))

    @marked(relations.one(METRICS, "metric_id"))
    async def metric(self, info: Info) -> Metric | None:
        """The metric whose usage it prices; none for fees."""
        metric_id = cast(ComponentRow, self).metric_id
        if metric_id is None:
            return None
        return Metric.shown_or_none(await info.context.loaders.metric(metric_id))


@strawberry.type
class Plan(Shown, Node):
    """A version of a plan. Published versions never change; an update publishes the next one."""

    row: ClassVar[type] = PlanRow

    key: str = strawberry.field(description="The key you chose, shared by all versions.")
    version: int = strawberry.field(description="Counted from 1.")
    name: str = strawberry.field(description="What customers read.")
    description: str | None = strawberry.field(description="What it offers.")
    currency: str = strawberry.field(description='The ISO 4217 code of its prices, as in "EUR".')
    billing_frequency: Frequency = strawberry.field(description="How long a period is.")
    trial_days: int = strawberry.field(
        description=(
            "Local calendar days at the start that bill nothing: no fees and no usage, and what is "
            "used in them fills no tier and no allowance."
        )
    )
    is_active: bool = strawberry.field(
        description="Whether new subscriptions may begin on it.",
        metadata=computed_from(
            "deactivated_at", written=written.boolean(f"{ITSELF}.deactivated_at is null")
        ),
    )
    is_latest: bool = strawberry.field(
        description="Whether no later version was published.",
        metadata=computed_from(
            "superseded_at", written=written.boolean(f"{ITSELF}.superseded_at is null")
        ),
    )
    minimum: Decimal | None = strawberry.field(
        description="The least that one full period comes to, before credits."
    )
    created_at: datetime = strawberry.field(description="When this version was published.")

    @marked(relations.children(COMPONENTS, "plan_id", "position"))
    async def price_components(self, info: Info) -> list[PriceComponent]:
        """Its prices, in order."""
        found = await info.context.loaders.components(own_id(self))
        return cast(list[PriceComponent], found)

    @strawberry.field
    async def estimate(
        self,
        info: Info,
        usage: Annotated[
            list[UsageInput], strawberry.argument(description="What would be used in the period.")
        ],
    ) -> InvoicePreview | None:
        """What this plan would charge for the given usage over one full period from now.

        Computed by the code that rates invoices, never stored.
        """
        return await _estimate(info, cast(PlanRow, self), usage)


@strawberry.type
class PlanPayload:
    """The plan's version, or why the call was refused."""

    plan: Plan | None = strawberry.field(description="The plan's latest version.")
    errors: list[UserError] = strawberry.field(description="Why nothing was done; else empty.")


@strawberry.type
class PlanQuery:
    """Reading plans."""

    @strawberry.field
    async def plan(
        self,
        info: Info,
        id: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="The id of a version, or else a key."),
        ] = UNSET,
        key: Annotated[
            str | None, strawberry.argument(description="The plan's key, or else an id.")
        ] = UNSET,
        version: Annotated[
            int | None, strawberry.argument(description="With a key: this version of it.")
        ] = UNSET,
    ) -> Plan | None:
        """One version of a plan: by id, or by key its latest unless said otherwise.

        Null when there is none.
        """
        ref = refs.either(info, "Plan", given_or_none(id), given_or_none(key))
        found = await plans.look_up(info.context.connection, ref, given_or_none(version))
        return Plan.shown_or_none(found)

    @listed
    async def plans(
        self,
        info: Info,
        page: Page,
        filter: Annotated[
            PlanFilter | None, strawberry.argument(description="Only some of them.")
        ] = UNSET,
    ) -> Connection[Plan]:
        """The latest version of each plan, the oldest first.

        A portal token sees those that are active, and of every plan the versions that its
        customer's subscriptions are or were on. Deactivate a plan that is for one customer alone:
        it goes on for who is on it, and nobody else sees it.
        """
        chosen = given_or_none(filter) or PlanFilter()
        search = PlanSearch(**given(chosen, "search", "is_active", "all_versions"))
        listing = Listing("plans", PLANS, BY_CREATION, search.conditions())
        return await connect(info, listing, page)


PlanArgument = Annotated[PlanRef, strawberry.argument(description="Which plan.")]
ExpectedVersion = Annotated[
    int | None,
    strawberry.argument(
        description="The latest version as you know it: CONFLICT when it is another by now."
    ),
]


@strawberry.type
class PlanMutation:
    """Writing plans."""

    @strawberry.mutation
    async def create_plan(
        self,
        info: Info,
        input: Annotated[CreatePlanInput, strawberry.argument(description="The plan.")],
    ) -> PlanPayload:
        """Publish version 1 of a plan. Again with the same input: its latest version."""
        context = info.context
        return await answer(
            PlanPayload,
            "plan",
            lambda: plans.create(context.connection, new_plan(input), context.now),
        )

    @strawberry.mutation
    async def update_plan(
        self,
        info: Info,
        plan: PlanArgument,
        input: Annotated[UpdatePlanInput, strawberry.argument(description="What changes.")],
        expected_version: ExpectedVersion = UNSET,
    ) -> PlanPayload:
        """Publish the next version; running subscriptions stay on theirs.

        When nothing differs from the latest version, none is published.
        """
        context = info.context
        return await answer(
            PlanPayload,
            "plan",
            lambda: plans.update(
                context.connection,
                refs.resolve(plan, "plan"),
                plans.with_changes(plan_changes(input)),
                given_or_none(expected_version),
                context.now,
            ),
        )

    @strawberry.mutation
    async def deactivate_plan(self, info: Info, plan: PlanArgument) -> PlanPayload:
        """Let no new subscription begin on it; running ones go on. Again: no error, no change."""
        context = info.context
        return await answer(
            PlanPayload,
            "plan",
            lambda: plans.deactivate(context.connection, refs.resolve(plan, "plan"), context.now),
        )

    @strawberry.mutation
    async def add_price_component(
        self,
        info: Info,
        plan: PlanArgument,
        input: Annotated[PriceComponentInput, strawberry.argument(description="The price.")],
        expected_version: ExpectedVersion = UNSET,
    ) -> PlanPayload:
        """Publish a version with one more price. Again with the same input: no new version."""
        context = info.context
        return await answer(
            PlanPayload,
            "plan",
            lambda: plans.add_component(
                context.connection,
                refs.resolve(plan, "plan"),
                new_component(input),
                given_or_none(expected_version),
                context.now,
            ),
        )

    @strawberry.mutation
    async def remove_price_component(
        self,
        info: Info,
        plan: PlanArgument,
        component_key: Annotated[
            str, strawberry.argument(description="The key of the price to leave out.")
        ],
        expected_version: ExpectedVersion = UNSET,
    ) -> PlanPayload:
        """Publish a version without a price. Again: no error, no new version."""
        context = info.context
        return await answer(
            PlanPayload,
            "plan",
            lambda: plans.remove_component(
                context.connection,
                refs.resolve(plan, "plan"),
                component_key,
                given_or_none(expected_version),
                context.now,
            ),
        )


async def _estimate(info: Info, plan: PlanRow, usage: list[UsageInput]) -> InvoicePreview:
    supposed = [
        estimate.Supposed(
            one.metric,
            one.quantity,
            given_or_none(one.event_count),
            given_or_none(one.dimensions),
        )
        for one in usage
    ]
    context = info.context
    priced = await context.loaders.priced(plan)
    whole, bill = estimate.estimate(plan, priced, supposed, context.now)
    return show_bill(bill, show_period(whole), context.now)
