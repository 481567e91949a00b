"""The schema: the nouns' queries and mutations put together, described, and printed."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

import strawberry
from graphql import (
    DocumentNode,
    GraphQLFieldResolver,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLResolveInfo,
)
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Execution
from strawberry.tools import merge_types
from strawberry.types.execution import ExecutionResult
from strawberry.types.graphql import OperationType

from fubble_gql.api.analytics import AnalyticsQuery
from fubble_gql.api.billing_run import BillingRunMutation
from fubble_gql.api.context import Context
from fubble_gql.api.credits import CreditMutation
from fubble_gql.api.customers import CustomerMutation, CustomerQuery
from fubble_gql.api.enums import VALUE_DESCRIPTIONS
from fubble_gql.api.events_ahead import ReadEventsAhead
from fubble_gql.api.invoices import InvoiceQuery
from fubble_gql.api.invoicing import InvoiceMutation
from fubble_gql.api.known_queries import KnownQueries
from fubble_gql.api.limits import DOCUMENT_LIMITS, DocumentLimits
from fubble_gql.api.live import LiveSubscription
from fubble_gql.api.metrics import MetricMutation, MetricQuery
from fubble_gql.api.nodes import NodeQuery
from fubble_gql.api.operators import check
from fubble_gql.api.plans import PlanMutation, PlanQuery
from fubble_gql.api.portal import PortalMutation
from fubble_gql.api.recent import Recent
from fubble_gql.api.recording import UsageMutation
from fubble_gql.api.scalars import SCALARS
from fubble_gql.api.subscribing import SubscriptionMutation
from fubble_gql.api.subscriptions import SubscriptionQuery
from fubble_gql.api.usage import UsageEvent
from fubble_gql.api.validation import Validation
from fubble_gql.api.wire import Call
from fubble_gql.api.written import Postgres
from fubble_gql.reads.execution import compiled


def build_schema(
    limits: DocumentLimits = DOCUMENT_LIMITS, *, compiles_reads: bool = True
) -> strawberry.Schema:
    """The whole schema, every part described by its docstring, for documents within limits.

    With `compiles_reads` queries are answered by plans: the same answers, only faster.
    """
    query = _root(
        "Query",
        "What can be read: one object, a page of them, or what is computed from them.",
        (
            NodeQuery,
            CustomerQuery,
            MetricQuery,
            PlanQuery,
            SubscriptionQuery,
            InvoiceQuery,
            AnalyticsQuery,
        ),
    )
    mutation = _root(
        "Mutation",
        "What can be changed, by an API key. Each answers why it was refused in `errors`, and "
        'writes nothing then; what says "Again" can be repeated without harm.',
        (
            CustomerMutation,
            MetricMutation,
            PlanMutation,
            SubscriptionMutation,
            UsageMutation,
            InvoiceMutation,
            BillingRunMutation,
            CreditMutation,
            PortalMutation,
        ),
    )
    valid: Recent[DocumentNode] = Recent()
    execution = compiled(Context.read_afresh, Postgres()) if compiles_reads else None
    schema = _Schema(
        query,
        mutation,
        LiveSubscription,
        types=[UsageEvent],
        config=StrawberryConfig(scalar_map=SCALARS),
        execution_context_class=execution,
        extensions=[
            lambda: Validation(limits, valid),
            ReadEventsAhead,
        ],
    )
    schema.known = KnownQueries(schema._schema, limits, valid, execution or Execution)  # noqa: SLF001
    _describe(schema)
    _guard_mutations(schema)
    _tell_one_of(schema)
    return schema


class _Schema(strawberry.Schema):
    """Answers queries that are known in its own way, and reports no errors: the endpoint does."""

    known: KnownQueries | None = None

    async def execute(  # noqa: PLR0917 - as Strawberry has it
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: object = None,
        root_value: object = None,
        operation_name: str | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> ExecutionResult:
        """As Strawberry does; queries are always allowed."""
        if self.known is not None and query is not None and root_value is None:
            call = Call(query, variable_values, operation_name, operation_extensions)
            if (result := await self.known.answer(call, context_value)) is not None:
                return result
        return await super().execute(
            query,
            variable_values,
            context_value,
            root_value,
            operation_name,
            allowed_operation_types,
            operation_extensions,
        )

    def process_errors(self, *_: object, **__: object) -> None:
        """Nothing: the endpoint logs what is unexpected, and a refusal is no one's defect."""


def _root(name: str, description: str, nouns: tuple[type, ...]) -> type:
    root = merge_types(name, nouns)
    root.__doc__ = description
    return root


def print_schema() -> str:
    """The SDL, as schema/schema.graphql holds it."""
    return build_schema().as_str().rstrip() + "\n"


def _describe(schema: strawberry.Schema) -> None:
    """Give docstrings to what has no description: Strawberry does not."""
    for kind in schema._schema.type_map.values():  # noqa: SLF001 - graphql-core's own schema
        if kind.name.startswith("__"):
            continue
        kind.description = kind.description or _docstring(_origin(kind))
        for name, value in getattr(kind, "values", {}).items():
            value.description = VALUE_DESCRIPTIONS[kind.name][name]
        for field in getattr(kind, "fields", {}).values():
            definition = field.extensions.get("strawberry-definition")
            resolver = getattr(definition, "base_resolver", None)
            if not field.description and resolver is not None:
                field.description = _docstring(resolver.wrapped_func)


def _guard_mutations(schema: strawberry.Schema) -> None:
    """Let operators alone write, and each mutation of a document show what it made.

    Without the latter it would show what an earlier one had read.
    """
    mutation = schema._schema.mutation_type  # noqa: SLF001 - graphql-core's own schema
    for field in mutation.fields.values() if mutation else ():
        if field.resolve is not None:
            field.resolve = _guarded(field.resolve)


def _guarded(resolve: GraphQLFieldResolver) -> GraphQLFieldResolver:
    def resolved(source: object, info: GraphQLResolveInfo[Any], **arguments: object) -> object:
        check(info.context)
        info.context.read_afresh()
        return resolve(source, info, **arguments)

    return resolved


def _tell_one_of(schema: strawberry.Schema) -> None:
    """Let graphql-core check @oneOf: unlike Strawberry's own check, it names the place."""
    for kind in schema._schema.type_map.values():  # noqa: SLF001
        definition = kind.extensions.get("strawberry-definition")
        if isinstance(kind, GraphQLInputObjectType) and getattr(definition, "is_one_of", False):
            kind.is_one_of = True
            del kind.out_type  # what Strawberry put in the place of the method


def _origin(kind: GraphQLNamedType) -> object:
    definition: Any = kind.extensions.get("strawberry-definition")
    return getattr(definition, "origin", None) or getattr(definition, "wrapped_cls", None)


def _docstring(source: object) -> str | None:
    found = (
        source.__dict__.get("__doc__") if isinstance(source, type) else source and source.__doc__
    )
    return inspect.cleandoc(found) if isinstance(found, str) else None
