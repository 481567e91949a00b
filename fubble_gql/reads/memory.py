"""Plans that are remembered: those of the operations that ran last, as many as fit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from graphql import (
    DirectiveNode,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
)
from graphql.execution.collect_fields import collect_fields
from graphql.execution.values import (
    VariableValues,
    VariableValuesOrErrors,
    get_variable_values,
)
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Stock

from fubble_gql.reads.code import Compiler, Plan
from fubble_gql.reads.fields import BySizes
from fubble_gql.reads.texts import TextCompiler
from fubble_gql.reads.writing import Mode, Writer

# About what a compiled field takes, and a character of the parsed document that its plan refers to.
_FIELD_BYTES = 3_500
_CHARACTER_BYTES = 300
BYTES_MAX = 40_000_000
# A document that takes more than this part of all would push out those of everybody else.
_PART_MAX = 5
# Of one document, for different values of the variables that include and skip parts of it.
_PLANS_MAX = 16


@dataclass
class _Known:
    """What is remembered of an operation: the variables that decide what is selected, and plans."""

    operation: OperationDefinitionNode
    deciding: tuple[str, ...]
    size: int
    plans: dict[tuple[Any, ...], Plan | None] = field(default_factory=dict)
    coerced: BySizes[VariableValues | None] = field(default_factory=BySizes)

    @cached_property
    def declared(self) -> tuple[str, ...]:
        """The names of its variables."""
        return tuple(one.variable.name.value for one in self.operation.variable_definitions or ())


class Plans:
    """Plans by operation: a document that is parsed once is the same object each time.

    They are nobody's: who may see what is decided when a plan is run.
    """

    def __init__(self, writer: Writer | None = None, bytes_max: int = BYTES_MAX) -> None:
        self._writer = writer
        self._known: OrderedDict[int, _Known] = OrderedDict()
        self._bytes_max = bytes_max
        self.size = 0

    def of(self, executor: Stock) -> Plan | None:
        """The plan, or None where the stock executor must do."""
        operation = executor.operation
        if operation.operation is not OperationType.QUERY or _has_middleware(executor):
            return None
        known = self._found(operation) or self._new(operation, executor)
        if known is None:
            return None
        values = self._values(known, executor.variable_values.coerced, executor.context_value)
        if values not in known.plans:
            if len(known.plans) >= _PLANS_MAX:
                known.plans.clear()
                self._grow(known, _size(operation) - known.size)
            plan = known.plans[values] = self._compile(executor, values[0])
            self._grow(known, plan.fields * _FIELD_BYTES if plan else 0)
            return plan
        return known.plans[values]

    def known(
        self,
        operation: OperationDefinitionNode,
        given: Mapping[str, Any],
        context: Any,  # noqa: ANN401
    ) -> Plan | None:
        """The plan that was made before for these values of the variables, if there is one."""
        known = self._found(operation)
        return known.plans.get(self._values(known, given, context)) if known else None

    def variables(
        self, schema: GraphQLSchema, operation: OperationDefinitionNode, given: dict[str, Any]
    ) -> VariableValues | None:
        """The values of the variables; None where they are not as declared, or none are known."""
        known = self._found(operation)
        if known is None:
            return None
        nodes = operation.variable_definitions or ()
        return known.coerced.get(
            given, known.declared, lambda: _coerced(get_variable_values(schema, nodes, given))
        )

    def _found(self, operation: OperationDefinitionNode) -> _Known | None:
        place = id(operation)
        known = self._known.get(place)
        if known is None or known.operation is not operation:
            return None
        self._known.move_to_end(place)
        return known

    def _new(self, operation: OperationDefinitionNode, executor: Stock) -> _Known | None:
        """None for one that is too long to be remembered."""
        size = _size(operation)
        if size > self._bytes_max // _PART_MAX:
            return None
        known = self._known[id(operation)] = _Known(operation, _deciding(executor), 0)
        self._grow(known, size)
        return known

    def _values(
        self,
        known: _Known,
        given: Mapping[str, Any],
        context: Any,  # noqa: ANN401
    ) -> tuple[Any, ...]:
        """What decides which of an operation's plans it is."""
        mode = self._writer.mode(context) if self._writer else Mode.NOTHING
        return (mode, *(given.get(name) for name in known.deciding))

    def _compile(self, executor: Stock, mode: Mode) -> Plan | None:
        try:
            root = executor.schema.query_type
            if root is None:
                return None
            fields = collect_fields(
                executor.schema,
                executor.fragments,
                executor.variable_values,
                root,
                executor.operation,
                executor.hide_suggestions,
            )
            return self._compiler(executor, mode).plan(root, fields.grouped_field_set)
        except Exception:  # noqa: BLE001 - the stock executor finds out what is wrong, if anything
            return None

    def _compiler(self, executor: Stock, mode: Mode) -> Compiler:
        if self._writer is None or mode is Mode.NOTHING:
            return Compiler(executor)
        return TextCompiler(executor, self._writer, mode)

    def _grow(self, known: _Known, count: int) -> None:
        """One that is remembered takes more. The oldest are forgotten, in the end itself."""
        if self._known.get(id(known.operation)) is not known:
            return
        known.size += count
        self.size += count
        while self.size > self._bytes_max and self._known:
            _, forgotten = self._known.popitem(last=False)
            self.size -= forgotten.size


def _coerced(values: VariableValuesOrErrors) -> VariableValues | None:
    return None if isinstance(values, list) else values


def _size(operation: OperationDefinitionNode) -> int:
    """Of the whole document, which the operation refers to."""
    body = operation.loc.source.body if operation.loc else ""
    return len(body) * _CHARACTER_BYTES


def _has_middleware(executor: Stock) -> bool:
    manager = executor.middleware_manager
    return manager is not None and bool(manager.middlewares)


def _deciding(executor: Stock) -> tuple[str, ...]:
    """The variables that directives use, in a document's operation and fragments."""
    names: set[str] = set()
    fragments = (details.definition for details in executor.fragments.values())
    waiting: list[tuple[object, bool]] = [(executor.operation, False)]
    waiting += ((fragment, False) for fragment in fragments)
    while waiting:
        part, inside = waiting.pop()
        if isinstance(part, VariableNode):
            if inside:
                names.add(part.name.value)
        elif isinstance(part, Node):
            inside = inside or isinstance(part, DirectiveNode)
            waiting += ((getattr(part, key, None), inside) for key in part.keys if key != "loc")
        elif isinstance(part, list | tuple):
            waiting += ((one, inside) for one in part)
    return tuple(sorted(names))
