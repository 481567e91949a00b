"""Queries whose documents were found to be valid before: weighed, then executed, without ceremony.

Strawberry opens and closes each of its extensions around each step of each operation. A document that
is known needs none of that but what depends on the call: its weight, by the variables, and its values.
Whatever is refused here is asked again by Strawberry's own way, which says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    Undefined,
    get_operation_ast,
)
from strawberry.execution.is_awaitable import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Execution
from strawberry.types.execution import ExecutionResult

from fubble_gql.api.limits import DocumentLimits, Weighed, weigh
from fubble_gql.api.recent import Recent

# Of one document, by the sizes of the pages that its variables ask for.
_WEIGHTS_MAX = 16
_SIZE_MAX = 10_000
_Sizes = tuple[object, ...]


class Asked(NamedTuple):
    """An operation as it was sent."""

    query: str
    variables: Mapping[str, Any] | None
    operation_name: str | None
    extensions: Mapping[str, Any] | None


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

    async def answer(self, asked: Asked, context: object) -> ExecutionResult | None:
        """The result; None for what is not known, no query, beyond a limit, or wrongly given."""
        document = self._valid.get(asked.query)
        operation = get_operation_ast(document, asked.operation_name) if document else None
        if document is None or operation is None or operation.operation is not OperationType.QUERY:
            return None
        weighed = self._weighed(document, operation, asked)
        if weighed.beyond is not None:
            return None
        executor: Any = self._execution.build(
            self._schema,
            document,
            context_value=context,
            raw_variable_values=dict(asked.variables or {}),
            operation_name=asked.operation_name,
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]
            operation_extensions=asked.extensions,
        )
        if isinstance(executor, list):
            return None
        result = executor.execute_operation()
        if executor.is_awaitable(result):
            result = await result
        shown = weighed.extensions(asked.extensions)
        return ExecutionResult(data=result.data, errors=result.errors, extensions=shown)

    def _weighed(
        self, document: DocumentNode, operation: OperationDefinitionNode, asked: Asked
    ) -> Weighed:
        """A document's weight: of variables only whole numbers and lists change it, and absence."""
        sizes = _sizes(operation, asked.variables or {})
        if sizes is None:
            return self._weigh(document, asked)
        known = self._weights.get(asked.query)
        if known is None:
            self._weights.keep(asked.query, known := {})
        if sizes not in known:
            if len(known) >= _WEIGHTS_MAX:
                known.clear()
            known[sizes] = self._weigh(document, asked)
        return known[sizes]

    def _weigh(self, document: DocumentNode, asked: Asked) -> Weighed:
        name, variables = asked.operation_name, asked.variables
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
