"""How the value of one field comes about, and what it needs of the object that it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    Node,
    Undefined,
    VariableNode,
    is_scalar_type,
)
from graphql.execution.values import VariableValues, get_argument_values
from strawberry.relay import GlobalID
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import StrawberryArgument, convert_arguments
from strawberry.types.base import StrawberryOptional
from strawberry.types.field import StrawberryField

from fubble_gql.reads.leaves import Surprise
from fubble_gql.reads.marks import Mark, SelectingInfo, mark_of

_DEFINITION = GraphQLCoreConverter.DEFINITION_BACKREF
V = TypeVar("V")
# For so many of them something is remembered.
_SIZES_MAX = 4
_OWN_RESOLVERS = f"{GraphQLCoreConverter.from_resolver.__qualname__}.<locals>."


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a type, as Strawberry defined it."""

    definition: StrawberryField
    graphql: GraphQLField
    mark: Mark

    @property
    def attribute(self) -> str | None:
        """The attribute that it shows, where it is a plain one."""
        name = self.definition.python_name
        return name if self.definition.is_basic_field and name.isidentifier() else None

    @property
    def is_async(self) -> bool:
        return self.definition.is_async

    @property
    def is_direct(self) -> bool:
        """Whether its function can be called as it is: nothing takes part in resolving it."""
        return self.definition.base_resolver is not None and not any(
            extension.has_resolver for extension in self.definition.extensions
        )


def field_of(parent: GraphQLObjectType, name: str) -> Field:
    """Raises Surprise for a field that is not as Strawberry made it: someone guards it."""
    graphql = parent.fields.get(name)
    definition = graphql.extensions.get(_DEFINITION) if graphql else None
    resolver = getattr(graphql, "resolve", None)
    own = getattr(resolver, "__qualname__", "").startswith(_OWN_RESOLVERS)
    if graphql is None or not isinstance(definition, StrawberryField) or not own:
        raise Surprise
    return Field(definition, graphql, mark_of(definition.metadata))


def row_columns(parent: GraphQLObjectType) -> frozenset[str]:
    """The columns of the rows that a type shows; none where it shows no rows."""
    return frozenset(getattr(row_class(parent), "_fields", ()))


def row_class(parent: GraphQLObjectType) -> Any:  # noqa: ANN401 - of which nothing is known here
    """The class of the rows that a type shows; None where it shows no rows."""
    origin = getattr(parent.extensions.get(_DEFINITION), "origin", None)
    return getattr(origin, "row", None)


def is_known_by_class(kind: GraphQLObjectType) -> bool:
    """Whether the class of a value decides alone if it is of this type."""
    return row_class(kind) is not None


@dataclass(frozen=True, slots=True)
class Operation:
    """What a resolver may ask of the running operation. Anything else is a surprise."""

    context: Any
    schema: GraphQLSchema
    root_value: Any
    variables: VariableValues
    operation_extensions: Mapping[str, Any] | None


@dataclass(slots=True)
class Selected:
    """What is selected of the rows that a field reads: columns, where those are known, and texts.

    `lists` and `singly`: rows are shown as lists of nothing but a text, and otherwise.
    """

    columns: frozenset[str] | None
    texts: list[str] = field(default_factory=list)
    lists: bool = False
    singly: bool = False

    @property
    def text(self) -> str | None:
        """The one text that is all which is wanted, in a list."""
        is_all = not self.columns and len(self.texts) == 1 and self.lists and not self.singly
        return self.texts[0] if is_all else None


class Call:
    """A resolver and what it is called with: the same for all objects of one selection."""

    def __init__(self, field: Field, node: FieldNode, rows: Selected) -> None:
        self.field = field
        self._node = node
        self._rows = rows
        self._variables = _variables(node)
        self._plain = _plain(field, node)
        self._known: BySizes[dict[str, Any]] = BySizes()
        resolver = field.definition.base_resolver
        self._info_name = (
            resolver.info_parameter.name if resolver and resolver.info_parameter else None
        )

    @property
    def parent(self) -> str:
        """How the object is given to the function, in source text: by place or by name."""
        resolver = self.field.definition.base_resolver
        if not self.field.is_direct or resolver is None or resolver.self_parameter:
            return "o"
        parameter = resolver.parent_parameter or resolver.root_parameter
        return f"{parameter.name}=o" if parameter else ""

    def start(
        self, function: Callable[..., Any], parent: object, keywords: Mapping[str, Any]
    ) -> Any:  # noqa: ANN401
        """Call the function for one object."""
        how = self.parent
        if how == "o":
            return function(parent, **keywords)
        return function(**keywords, **({how[:-2]: parent} if how else {}))

    @property
    def function(self) -> Callable[..., Any]:
        """What is called with the object and the keywords."""
        resolver = self.field.definition.base_resolver
        if self.field.is_direct and resolver is not None:
            return cast(Callable[..., Any], resolver.wrapped_func)
        return self._stock

    def _stock(self, source: object, info: Operation, arguments: Mapping[str, Any]) -> object:
        resolve = self.field.graphql.resolve
        if resolve is None:
            raise Surprise
        return resolve(source, info, **arguments)

    @property
    def needs_keywords(self) -> bool:
        return bool(self._info_name or self.field.definition.arguments) or not self.field.is_direct

    def info(self, operation: Operation) -> SelectingInfo:
        return SelectingInfo(
            _raw_info=operation,  # type: ignore[arg-type]
            _field=self.field.definition,
            columns=self._rows.columns,
            texts=tuple(self._rows.texts),
            text=self._rows.text,
        )

    def keywords(self, operation: Operation) -> dict[str, Any]:
        """The arguments as the function takes them, and the info where it wants one."""
        if not self.field.is_direct:
            return {"info": operation, "arguments": self._given(operation)}
        if self._info_name is None:
            return self.arguments(operation)
        return {self._info_name: self.info(operation), **self.arguments(operation)}

    def arguments(self, operation: Operation) -> dict[str, Any]:
        """What the client gave, as Strawberry converts it; once for sizes that are often the same."""
        if not self.field.definition.arguments:
            return {}
        return self._known.get(
            operation.variables.coerced, self._variables, lambda: self._converted(operation)
        )

    def _converted(self, operation: Operation) -> dict[str, Any]:
        if self._plain is None:
            converted = self._converted_by_strawberry(operation)
        else:
            values = operation.variables.coerced
            converted = {to: values[name] for to, name in self._plain.items() if name in values}
        for extension in self.field.definition.extensions:
            converted = extension.map_arguments(converted)
        return converted

    def _converted_by_strawberry(self, operation: Operation) -> dict[str, Any]:
        definition, strawberry_schema = self.field.definition, operation.schema._strawberry_schema  # type: ignore[attr-defined] # noqa: SLF001
        return convert_arguments(
            self._given(operation),
            definition.arguments,
            strawberry_schema.schema_converter.scalar_registry,
            strawberry_schema.config,
            self.info(operation),
        )

    def _given(self, operation: Operation) -> dict[str, Any]:
        if not self.field.graphql.args and not self._node.arguments:
            return {}
        return get_argument_values(self.field.graphql, self._node, operation.variables)


class BySizes(Generic[V]):
    """What was made of some variables' values, where all are sizes: how many, whether, or absent.

    Those are the same in most calls, and nobody's own. Of other values it is made each time.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[tuple[type, object], ...], V] = {}

    def get(self, values: Mapping[str, Any], names: Sequence[str], make: Callable[[], V]) -> V:
        """What `make` makes. What it raises is not remembered."""
        found = [values.get(name, Undefined) for name in names]
        if not all(isinstance(one, int) or one is None or one is Undefined for one in found):
            return make()
        sizes = tuple((one.__class__, one) for one in found)
        if sizes not in self._made:
            if len(self._made) >= _SIZES_MAX:
                self._made.clear()
            self._made[sizes] = make()
        return self._made[sizes]


def _plain(field: Field, node: FieldNode) -> dict[str, str] | None:
    """The variables that a field's arguments are, by Python's names; None where more is to be done.

    Scalars that may be absent or null were read with the variables, and go on as they are.
    """
    variables = {
        one.name.value: one.value.name.value
        for one in node.arguments or ()
        if isinstance(one.value, VariableNode)
    }
    if len(variables) < len(node.arguments or ()):
        return None
    plain = {}
    for name, argument in field.graphql.args.items():
        definition = argument.extensions.get(_DEFINITION)
        if not isinstance(definition, StrawberryArgument) or not _is_plain(definition, argument):
            return None
        if name in variables:
            plain[definition.python_name] = variables[name]
    return plain


def _is_plain(definition: StrawberryArgument, argument: GraphQLArgument) -> bool:
    """Whether a value is the argument, and none is none."""
    kind = definition.type
    return (
        is_scalar_type(argument.type)
        and kind.__class__ is StrawberryOptional
        and kind.of_type is not GlobalID
        and argument.default_value is Undefined
        and argument.default is None
    )


def _variables(node: FieldNode) -> tuple[str, ...]:
    """Those that a field's arguments are made of."""
    names: set[str] = set()
    waiting: list[object] = list(node.arguments or ())
    while waiting:
        part = waiting.pop()
        if isinstance(part, VariableNode):
            names.add(part.name.value)
        elif isinstance(part, Node):
            waiting.extend(getattr(part, key, None) for key in part.keys if key != "loc")
        elif isinstance(part, list | tuple):
            waiting.extend(part)
    return tuple(sorted(names))
