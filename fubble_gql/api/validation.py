"""Documents are parsed and validated once each, and judged by their limits every time."""

from __future__ import annotations

from collections.abc import Iterator

from graphql import DocumentNode, GraphQLError
from graphql.validation.rules import overlapping_fields_can_be_merged
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import validate_document

from fubble_gql.api.document import argument_path, invalid
from fubble_gql.api.limits import DocumentLimits, Weighed, weigh
from fubble_gql.api.recent import Recent

# Enough for some 200 fields that must agree with each other; four times as many took seconds.
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 20_000


class Validation(SchemaExtension):
    """Refuses what is beyond the limits, then validates.

    The limits come first: rules of graphql-core take a time that grows with the square of some
    documents. They are judged for each call, by its variables. Only documents that are within them
    and valid are remembered, with nothing that depends on who asks or on variables.
    """

    def __init__(self, limits: DocumentLimits, valid: Recent[DocumentNode]) -> None:
        super().__init__()
        self._limits = limits
        self._valid = valid
        self._weighed: Weighed | None = None

    def on_operation(self) -> Iterator[None]:
        """Set what parsing is limited to."""
        self.execution_context.parse_options["max_tokens"] = self._limits.tokens
        yield

    def on_parse(self) -> Iterator[None]:
        """Take the document of the same text."""
        execution = self.execution_context
        execution.graphql_document = self._valid.get(execution.query or "")
        yield

    def on_validate(self) -> Iterator[None]:
        """Leave behind what is wrong with the document, if anything."""
        execution = self.execution_context
        if (document := execution.graphql_document) is not None:
            execution.pre_execution_errors = self._errors(document)
        yield

    def _errors(self, document: DocumentNode) -> list[GraphQLError]:
        execution = self.execution_context
        schema = execution.schema._schema  # noqa: SLF001 - graphql-core's own schema
        name, variables, text = execution.operation_name, execution.variables, execution.query or ""
        self._weighed = weigh(schema, document, name, variables, self._limits)
        if (refusal := self._weighed.refusal(document)) is not None:
            return [refusal]
        if self._valid.get(text) is document:
            return []
        found = validate_document(schema, document, execution.validation_rules)
        if not found:
            self._valid.keep(text, document)
        return [_placed(error, document) for error in found]

    def get_results(self) -> dict[str, object]:
        """The cost, for a call that asks for it."""
        asked = self.execution_context.operation_extensions
        return self._weighed.extensions(asked) if self._weighed else {}


def _placed(error: GraphQLError, document: DocumentNode) -> GraphQLError:
    """The same error; what is wrong with an argument names it."""
    if error.message == "Validation aborted.":
        return invalid(
            "The document selects the same fields too many times: ask for less at a time.",
            "LIMIT_EXCEEDED",
        )
    path = argument_path(document, error.nodes[-1]) if error.nodes else None
    if path:
        error.extensions = {**(error.extensions or {}), "path": path}
    return error
