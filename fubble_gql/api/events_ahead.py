"""Usage events, read ahead of the executor, which takes ten times as long over each.

graphql-core checks a variable field by field and Strawberry makes an object of each part of it. So a
list of events that is the value of a variable is read here, in one pass, before the operation runs,
and the executor finds an empty list in its place.

Whatever is unusual is left to the executor, which alone says what is wrong: values that are not what
`UsageEventInput` wants, and variables that are used for anything but the events of `recordUsage`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
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

# What an event may have; `_event` knows of what type each is.
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
        return [_event(one) for one in value]
    except (_Unusual, GraphQLError, Refused):
        return None


class _Unusual(Exception):
    """A value that the executor may refuse, or read in some other way."""


def _event(sent: object) -> NewEvent:
    """Null equals what was left out, where either may be."""
    if type(sent) is not dict or not FIELDS.issuperset(sent):
        raise _Unusual
    get = sent.get
    customer, metric, key = get("customer"), get("metric"), get("idempotencyKey")
    quantity, time = get("quantity"), get("eventTime")
    subscription, described = get("subscriptionId"), get("properties")
    if not (type(customer) is type(metric) is type(key) is str) or (
        subscription is not None and type(subscription) is not str
    ):
        raise _Unusual
    return NewEvent(
        customer,
        metric,
        key,
        None if quantity is None else parse_decimal(quantity),
        None if time is None else parse_instant(time),
        None if subscription is None else subscription_of(subscription),
        None if described is None else properties.read(described),
    )


def subscription_of(id: str) -> UUID:
    """One that does not exist stands for what is no id at all: its event is rejected, no other."""
    try:
        return ids.decode("PlanSubscription", id)
    except Refused:
        return _NO_SUBSCRIPTION
