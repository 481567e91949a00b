"""The door: graphql-core's execution, with compiled plans for queries wherever there can be one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from graphql import ExecutionResult, GraphQLSchema, OperationDefinitionNode
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Stock

from fubble_gql.reads.code import Plan, Slots, Wait
from fubble_gql.reads.fields import Operation
from fubble_gql.reads.leaves import Surprise
from fubble_gql.reads.memory import Plans
from fubble_gql.reads.parts import written
from fubble_gql.reads.writing import Writer


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call brings along beside its document."""

    context: Any
    variables: dict[str, Any]
    extensions: Mapping[str, Any] | None


class Compiled(Stock):
    """Runs a query by its plan; whatever else there is, and errors, as ever."""

    plans: ClassVar[Plans]
    forget: ClassVar[staticmethod[[Any], None]]

    @classmethod
    async def by_known_plan(
        cls, schema: GraphQLSchema, operation: OperationDefinitionNode, asked: Asked
    ) -> ExecutionResult | None:
        """The result by a plan that was made before; None where there is none, or no such values.

        Raises Surprise where the stock executor must do.
        """
        variables = cls.plans.variables(schema, operation, asked.variables)
        if variables is None:
            return None
        plan = cls.plans.known(operation, variables.coerced, asked.context)
        if plan is None:
            return None
        running = Operation(asked.context, schema, None, variables, asked.extensions)
        return await cls._by(plan, running)

    def execute_operation(self, serially: bool | None = None) -> Any:  # noqa: FBT001, ANN401
        """As the stock executor: a result, or an awaitable of one."""
        plan = self.plans.of(self)
        if plan is None:
            return super().execute_operation(serially)
        return self._by_plan(plan, super().execute_operation)

    async def _by_plan(self, plan: Plan, otherwise: Any) -> Any:  # noqa: ANN401
        running = Operation(
            self.context_value,
            self.schema,
            self.root_value,
            self.variable_values,
            self.operation_extensions,
        )
        try:
            return await self._by(plan, running)
        except Surprise:
            result = otherwise()
            return await result if self.is_awaitable(result) else result

    @classmethod
    async def _by(cls, plan: Plan, running: Operation) -> ExecutionResult:
        """The result by a plan. Raises Surprise for whatever the stock executor must say rightly."""
        try:
            return ExecutionResult(await _run(plan, running), None)
        except Exception as error:
            cls.forget(running.context)
            raise Surprise from error


def compiled(forget: Callable[[Any], None], writer: Writer | None = None) -> type[Compiled]:
    """An execution class with a memory of its own, for one schema.

    `forget` makes an operation's context forget what was read, when the stock executor begins anew: of
    several errors under one null the first to happen is told, so that none may come any sooner.
    Where `writer` is used, data is an `orjson.Fragment`.
    """
    own = {"plans": Plans(writer), "forget": staticmethod(forget)}
    return type(Compiled.__name__, (Compiled,), own)


async def _run(plan: Plan, operation: Operation) -> Any:  # noqa: ANN401
    """The answer's data: a dict, or its JSON. Raises when anything is out of the ordinary."""
    slots: Slots = [None] * plan.size
    shared: list[object] = []
    for slot, call in plan.calls:
        slots[slot] = call.keywords(operation)
    for wait in plan.waits:
        slots[wait.slot] = []
    data: Any = plan.root(operation.root_value, slots)
    while level := [wait for wait in plan.waits if slots[wait.slot]]:
        await _all(_fill(wait, operation, slots, shared) for wait in level)
    return written(data, shared) if plan.are_parts else data


async def _all(level: Any) -> Sequence[Any]:  # noqa: ANN401
    """Every one's value, once all are done. Raises what one of them raised."""
    waiting = list(level)
    if len(waiting) == 1:
        return [await waiting[0]]
    values = await asyncio.gather(*waiting, return_exceptions=True)
    for value in values:
        if isinstance(value, BaseException):
            raise value
    return values


async def _fill(wait: Wait, operation: Operation, slots: Slots, shared: list[object]) -> None:
    """Put the values of a field where they belong; one that is shared is made once."""
    pending, slots[wait.slot] = slots[wait.slot], []
    values = await _values(wait, [parent for parent, _ in pending], operation)
    made: dict[int, Any] = {}
    key, complete = wait.key, wait.complete
    for (_, place), value in zip(pending, values, strict=True):
        known = id(value)
        if known in made:
            shared.append(made[known])
        else:
            made[known] = complete(value, slots)
        place[key] = made[known]


async def _values(wait: Wait, parents: list[Any], operation: Operation) -> Sequence[Any]:
    call = wait.call
    if (many := call.field.mark.many) is not None:
        return await many(call.info(operation), parents, **call.arguments(operation))
    function, keywords = call.function, call.keywords(operation)
    return await _all(call.start(function, parent, keywords) for parent in parents)
