"""Queries whose documents were found to be valid before: weighed, then executed, without ceremony.

Strawberry opens and closes each of its extensions around each step of each operation. A document that
is known needs none of that but what depends on the call: its weight, by the variables, and its values.
Whatever is refused here is asked again by Strawberry's own way, which says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    Undefined,
    get_operation_ast,
)
from graphql import (
    ExecutionResult as CoreResult,
)
from strawberry.execution.is_awaitable import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Execution
from strawberry.types.execution import ExecutionResult

from fubble_gql.api.limits import DocumentLimits, Weighed, weigh
from fubble_gql.api.recent import Recent
from fubble_gql.api.wire import Call
from fubble_gql.reads.execution import Asked, Compiled
from fubble_gql.reads.leaves import Surprise

# Of one document, by the sizes of the pages that its variables ask for.
_WEIGHTS_MAX = 16
_SIZE_MAX = 10_000
_Sizes = tuple[object, ...]


class KnownQueries:
    """Answers what `valid` holds; its documents are nobody's, so who asks does not matter here."""

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: DocumentLimits,
        valid: Recent[DocumentNode],
        execution: type[Execution],
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._valid = valid
        self._execution = execution
        self._weights: Recent[dict[_Sizes, Weighed]] = Recent()

    async def answer(self, call: Call, context: object) -> ExecutionResult | None:
        """The result; None for what is not known, no query, beyond a limit, or wrongly given."""
        document = self._valid.get(call.query)
        operation = get_operation_ast(document, call.operation_name) if document else None
        if document is None or operation is None or operation.operation is not OperationType.QUERY:
            return None
        weighed = self._weighed(document, operation, call)
        if weighed.beyond is not None:
            return None
        result = await self._executed(document, operation, call, context)
        if result is None:
            return None
        shown = weighed.extensions(call.extensions)
        return ExecutionResult(data=result.data, errors=result.errors, extensions=shown)

    async def _executed(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        call: Call,
        context: object,
    ) -> CoreResult | None:
        """As graphql-core executes it; None where the variables are not as declared."""
        execution, variables = self._execution, dict(call.variables or {})
        if issubclass(execution, Compiled):
            asked = Asked(context, variables, call.extensions)
            try:
                if found := await execution.by_known_plan(self._schema, operation, asked):
                    return found
            except Surprise:
                execution = Execution
        executor: Any = execution.build(
            self._schema,
            document,
            context_value=context,
            raw_variable_values=variables,
            operation_name=call.operation_name,
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]
            operation_extensions=call.extensions,
        )
        if isinstance(executor, list):
            return None
        result: Any = executor.execute_operation()
        executed: CoreResult = await result if executor.is_awaitable(result) else result
        return executed

    def _weighed(
        self, document: DocumentNode, operation: OperationDefinitionNode, call: Call
    ) -> Weighed:
        """A document's weight: of variables only whole numbers and lists change it, and absence."""
        sizes = _sizes(operation, call.variables or {})
        if sizes is None:
            return self._weigh(document, call)
        known = self._weights.get(call.query)
        if known is None:
            self._weights.keep(call.query, known := {})
        if sizes not in known:
            if len(known) >= _WEIGHTS_MAX:
                known.clear()
            known[sizes] = self._weigh(document, call)
        return known[sizes]

    def _weigh(self, document: DocumentNode, call: Call) -> Weighed:
        name, variables = call.operation_name, call.variables
        return weigh(self._schema, document, name, variables, self._limits)


def _sizes(operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> _Sizes | None:
    """What a weight may depend on beside the document; None where that is too much to remember."""
    sizes: list[object] = [operation.name.value if operation.name else None]
    for one in operation.variable_definitions or ():
        value = variables.get(one.variable.name.value, Undefined)
        if isinstance(value, list | dict) or (
            isinstance(value, int) and not 0 <= value <= _SIZE_MAX
        ):
            return None
        sizes.append(value if isinstance(value, int) else value.__class__)
    return tuple(sizes)
