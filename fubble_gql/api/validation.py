"""Documents are validated once each, after they were found to be within the limits."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from graphql import ASTValidationRule, DocumentNode, GraphQLError, GraphQLSchema
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import validate_document

from fubble_gql.api.document import argument_path
from fubble_gql.api.limits import DocumentLimits, Weighed, weigh

CACHED_DOCUMENTS = 256


class Validation(SchemaExtension):
    """Refuses what is beyond the limits, then validates.

    The limits come first: rules of graphql-core take a time that grows with the square of some
    documents. They are judged for each call, by its variables; only what depends on nothing but the
    document is remembered.
    """

    def __init__(self, limits: DocumentLimits) -> None:
        super().__init__()
        self._limits = limits
        self._weighed: Weighed | None = None

    def on_operation(self) -> Iterator[None]:
        """Set what parsing is limited to."""
        self.execution_context.parse_options["max_tokens"] = self._limits.tokens
        yield

    def on_validate(self) -> Iterator[None]:
        """Leave behind what is wrong with the document, if anything."""
        execution = self.execution_context
        document = execution.graphql_document
        if document is not None:
            schema = execution.schema._schema  # noqa: SLF001 - graphql-core's own schema
            name, variables = execution.operation_name, execution.variables
            self._weighed = weigh(schema, document, name, variables, self._limits)
            refusal = self._weighed.refusal(document)
            execution.pre_execution_errors = (
                [refusal] if refusal else _validated(schema, document, execution.validation_rules)
            )
        yield

    def get_results(self) -> dict[str, object]:
        """The cost, for a call that asks for it: `"extensions": {"cost": true}`."""
        asked = self.execution_context.operation_extensions or {}
        return {"cost": self._weighed.shown_cost} if self._weighed and asked.get("cost") else {}


@lru_cache(maxsize=CACHED_DOCUMENTS)
def _validated(
    schema: GraphQLSchema, document: DocumentNode, rules: tuple[type[ASTValidationRule], ...]
) -> list[GraphQLError]:
    """What is wrong with a document; what is wrong with an argument names it."""
    return [_placed(error, document) for error in validate_document(schema, document, rules)]


def _placed(error: GraphQLError, document: DocumentNode) -> GraphQLError:
    path = argument_path(document, error.nodes[-1]) if error.nodes else None
    if path:
        error.extensions = {**(error.extensions or {}), "path": path}
    return error
