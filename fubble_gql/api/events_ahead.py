"""Usage events, read ahead of the executor, which takes ten times as long over each.

graphql-core checks a variable field by field and Strawberry makes an object of each part of it. So a
list of events that is the value of a variable is read here, in one pass, before the operation runs,
and the executor finds an empty list in its place.

Whatever is unusual is left to the executor, which alone says what is wrong: values that are not what
`UsageEventInput` wants, and variables that are used for anything but the events of `recordUsage`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any
from uuid import UUID

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    Node,
    OperationDefinitionNode,
    VariableNode,
    get_operation_ast,
)
from strawberry.extensions import SchemaExtension

from fubble_gql.api import ids
from fubble_gql.api.scalars import parse_decimal, parse_instant
from fubble_gql.errors import Refused
from fubble_gql.usage import properties
from fubble_gql.usage.new_event import NewEvent

# What an event may have; `_columns` knows of what type each is.
FIELDS = frozenset(
    {
        "customer",
        "metric",
        "quantity",
        "eventTime",
        "idempotencyKey",
        "subscriptionId",
        "properties",
    }
)
_NO_SUBSCRIPTION = UUID(int=0)

# An operation's root value: the events of its fields, by the name that each is answered under.
EventsAhead = Mapping[str, list[NewEvent]]


class ReadEventsAhead(SchemaExtension):
    """Reads the events of operations that record usage, once they are known to be valid."""

    def on_execute(self) -> Iterator[None]:
        """The events become the root value, and the variables that held them cost nothing."""
        execution = self.execution_context
        document, variables = execution.graphql_document, execution.variables
        given: dict[str, list[NewEvent]] = {}
        if document is not None and variables:
            fields = _fields_given_variables(document, execution.operation_name)
            read = {name: read_events(variables.get(name)) for name in set(fields.values())}
            ahead = {name: events for name, events in read.items() if events is not None}
            if ahead:
                execution.variables = {**variables, **{name: [] for name in ahead}}
                given |= {one: ahead[name] for one, name in fields.items() if name in ahead}
                execution.root_value = given
        yield
        # The executor refers to itself and holds the root value, until garbage is looked for.
        given.clear()


def _fields_given_variables(document: DocumentNode, operation_name: str | None) -> dict[str, str]:
    """The fields that take their events from a variable, by the name that each is answered under.

    Only variables that are used for nothing else: inside a literal of JSON their value would be
    missed.
    """
    operation = get_operation_ast(document, operation_name)
    if operation is None or not (fields := list(_recording(operation))):
        return {}
    fragments = [one for one in document.definitions if isinstance(one, FragmentDefinitionNode)]
    uses = Counter(_variables_in(operation.selection_set, operation.directives, *fragments))
    as_events = Counter(name for _, name in fields)
    return {answered: name for answered, name in fields if uses[name] == as_events[name]}


def _recording(operation: OperationDefinitionNode) -> Iterator[tuple[str, str]]:
    """Each `recordUsage` at the root whose events are a variable: what it is answered under, which."""
    for field in operation.selection_set.selections:
        if isinstance(field, FieldNode) and field.name.value == "recordUsage":
            for argument in field.arguments or ():
                if isinstance(argument.value, VariableNode):
                    yield (field.alias or field.name).value, argument.value.name.value


def _variables_in(*parts: object) -> Iterator[str]:
    """The names of the variables, as often as they are used, however deep."""
    waiting = list(parts)
    while waiting:
        part = waiting.pop()
        if isinstance(part, VariableNode):
            yield part.name.value
        elif isinstance(part, Node):
            waiting.extend(value for key, value in vars(part).items() if key != "loc")
        elif isinstance(part, list | tuple):
            waiting.extend(part)


def read_events(value: object) -> list[NewEvent] | None:
    """The events of a list, as it came with the call; None where anything is unusual."""
    if type(value) is not list:
        return None
    try:
        return list(map(NewEvent, *_columns(value)))
    except (_Unusual, GraphQLError, Refused):
        return None


class _Unusual(Exception):
    """A value that the executor may refuse, or read in some other way."""


def _columns(sent: list[Any]) -> tuple[Sequence[Any], ...]:
    """The fields of new events, column by column, which takes fewer steps than event by event.

    Null equals what was left out, where either may be.
    """
    if not ({dict}.issuperset(map(type, sent)) and FIELDS.issuperset(chain.from_iterable(sent))):
        raise _Unusual
    times = [one.get("eventTime") for one in sent]
    quantities = [one.get("quantity") for one in sent]
    named = [one.get("subscriptionId") for one in sent]
    described = [one.get("properties") for one in sent]
    return (
        _texts(sent, "customer"),
        _texts(sent, "metric"),
        _texts(sent, "idempotencyKey"),
        [None if one is None else parse_decimal(one) for one in quantities],
        [None if one is None else parse_instant(one) for one in times],
        [None if one is None else subscription_of(_text(one)) for one in named],
        [None if one is None else properties.read(one) for one in described],
    )


def _texts(sent: list[Any], name: str) -> list[str]:
    texts = [one.get(name) for one in sent]
    if not {str}.issuperset(map(type, texts)):
        raise _Unusual
    return texts


def _text(value: object) -> str:
    if type(value) is not str:
        raise _Unusual
    return value


def subscription_of(id: str) -> UUID:
    """One that does not exist stands for what is no id at all: its event is rejected, no other."""
    try:
        return ids.decode("PlanSubscription", id)
    except Refused:
        return _NO_SUBSCRIPTION
