"""The same pages as everybody writes them: Strawberry's own view, Tortoise's objects, DataLoaders.

No key, no limits, no exactness beyond what the answer shows: it only has to say the same.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, cast

import strawberry
from starlette.applications import Starlette
from starlette.routing import Mount
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.schema.config import StrawberryConfig
from tortoise.models import Model

from fubble_gql.api import ids
from fubble_gql.api.scalars import SCALARS
from fubble_gql.billing import invoice_models, models
from fubble_gql.billing.rows import SubscriptionStatus, phase_at, status_at
from fubble_gql.catalog import models as catalog
from fubble_gql.customers import models as customers
from fubble_gql.db.setup import Patience, open_database
from fubble_gql.pricing.money import round_money

URL_VARIABLE = "FUBBLE_BENCH_NAIVE_URL"


def _children(model: type[Model], column: str, order: str) -> Callable[..., Awaitable[Any]]:
    async def load(parents: list[Any]) -> list[list[Any]]:
        found: dict[Any, list[Any]] = {parent: [] for parent in parents}
        for one in await model.filter(**{f"{column}__in": parents}).order_by(order, "id"):
            found[getattr(one, column)].append(one)
        return [found[parent] for parent in parents]

    return load


async def _plans(wanted: list[Any]) -> list[Any]:
    found = {plan.id: plan for plan in await catalog.Plan.filter(id__in=wanted)}
    return [found[id] for id in wanted]


class Loaders:
    """One of each for a request."""

    def __init__(self) -> None:
        of = _children
        self.subscriptions = DataLoader(of(models.PlanSubscription, "customer_id", "start_at"))
        self.phases = DataLoader(of(models.SubscriptionPhase, "subscription_id", "start_at"))
        self.plans = DataLoader(_plans)
        self.components = DataLoader(of(catalog.PriceComponent, "plan_id", "position"))
        self.invoices = DataLoader(of(invoice_models.Invoice, "customer_id", "-created_at"))
        self.lines = DataLoader(of(invoice_models.InvoiceLine, "invoice_id", "position"))
        self.now = datetime.now(UTC)


Info = strawberry.Info[Any, None]


@strawberry.type
class Money:
    """An amount."""

    amount: Decimal


@strawberry.type
class FlatPricing:
    """A model; only its name is shown, as that of the others."""

    kind: str


@strawberry.type
class PerUnitPricing:
    """A model."""

    kind: str


@strawberry.type
class GraduatedPricing:
    """A model."""

    kind: str


@strawberry.type
class VolumePricing:
    """A model."""

    kind: str


@strawberry.type
class PackagePricing:
    """A model."""

    kind: str


_MODELS = {
    "flat": FlatPricing,
    "per_unit": PerUnitPricing,
    "graduated": GraduatedPricing,
    "volume": VolumePricing,
    "package": PackagePricing,
}
Pricing = Annotated[
    FlatPricing | PerUnitPricing | GraduatedPricing | VolumePricing | PackagePricing,
    strawberry.union("Pricing"),
]


@strawberry.type
class PriceComponent:
    """A price."""

    key: str
    display_name: str

    @strawberry.field
    def pricing(self: Any) -> Pricing:
        kind = self.pricing["model"]
        made: Pricing = cast(Any, _MODELS[kind])(kind=kind)
        return made


@strawberry.type
class Plan:
    """A plan's version."""

    name: str

    @strawberry.field
    async def price_components(self: Any, info: Info) -> list[PriceComponent]:
        found: list[PriceComponent] = await info.context["loaders"].components.load(self.id)
        return found


@strawberry.type
class PlanSubscription:
    """A subscription."""

    @strawberry.field
    def id(self: Any) -> strawberry.ID:
        return strawberry.ID(ids.encode("PlanSubscription", self.id))

    @strawberry.field
    def status(self: Any, info: Info) -> str:
        found: SubscriptionStatus = status_at(self, info.context["loaders"].now)
        return found.value

    @strawberry.field
    async def plan(self: Any, info: Info) -> Plan:
        loaders = info.context["loaders"]
        phase = phase_at(await loaders.phases.load(self.id), loaders.now)
        found: Plan = await loaders.plans.load(phase.plan_id)
        return found


@strawberry.type
class InvoiceLine:
    """A line."""

    description: str

    @strawberry.field
    def amount(self: Any) -> Money:
        return Money(amount=round_money(self.amount, "USD"))


@strawberry.type
class Invoice:
    """An invoice."""

    issued_at: datetime | None

    @strawberry.field
    def id(self: Any) -> strawberry.ID:
        return strawberry.ID(ids.encode("Invoice", self.id))

    @strawberry.field
    def total(self: Any) -> Money:
        return Money(amount=round_money(self.total, self.currency))

    @strawberry.field
    async def lines(self: Any, info: Info) -> list[InvoiceLine]:
        found: list[InvoiceLine] = await info.context["loaders"].lines.load(self.id)
        return found


@strawberry.type
class Subscriptions:
    """A page."""

    nodes: list[PlanSubscription]


@strawberry.type
class Invoices:
    """A page."""

    nodes: list[Invoice]


@strawberry.type
class Customer:
    """A customer."""

    key: str
    name: str
    currency: str
    timezone: str

    @strawberry.field
    def id(self: Any) -> strawberry.ID:
        return strawberry.ID(ids.encode("Customer", self.id))

    @strawberry.field
    async def subscriptions(self: Any, info: Info) -> Subscriptions:
        return Subscriptions(nodes=await info.context["loaders"].subscriptions.load(self.id))

    @strawberry.field
    async def invoices(self: Any, info: Info, first: int = 20) -> Invoices:
        found = await info.context["loaders"].invoices.load(self.id)
        return Invoices(nodes=found[:first])


@strawberry.type
class CustomerEdge:
    """An edge."""

    node: Customer


@strawberry.type
class Customers:
    """A page."""

    nodes: list[Customer]

    @strawberry.field
    def edges(self) -> list[CustomerEdge]:
        return [CustomerEdge(node=node) for node in self.nodes]


@strawberry.type
class Query:
    """The three pages."""

    @strawberry.field
    async def customers(self, first: int = 20) -> Customers:
        found: Any = await customers.Customer.all().order_by("created_at", "id").limit(first)
        return Customers(nodes=found)

    @strawberry.field
    async def customer(self, id: strawberry.ID) -> Customer | None:
        found: Any = await customers.Customer.get_or_none(id=ids.decode("Customer", id, "id"))
        return found  # type: ignore[no-any-return]


class _View(GraphQL[Any, None]):
    async def get_context(self, request: Any, response: Any) -> Any:  # noqa: ANN401
        return {"request": request, "response": response, "loaders": Loaders()}


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    """A pool as large as that of the application."""
    async with open_database(os.environ[URL_VARIABLE], 10, Patience(600, None)):
        yield


_schema = strawberry.Schema(Query, config=StrawberryConfig(scalar_map=SCALARS))
app = Starlette(routes=[Mount("/graphql", _View(_schema))], lifespan=lifespan)
