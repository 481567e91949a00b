"""How much a GraphQL document asks for, measured in one pass.

Linear in the document's length: a fragment is measured once, however often it is spread, where
walking it again for each spread takes time that doubles with each level. What a field may cost comes
from the schema and from `first` and `last`; their variables are known by then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
)

from fubble_gql.api.listed import Listed
from fubble_gql.api.pagination import SIZE_DEFAULT, SIZE_MAX

# What a list is taken to hold that is not paged; those of the schema are longer.
LIST_SIZE = 5
SCHEMA_LIST_SIZE = 10
# Behind these fields usage is summed or a bill is computed: as much work as for ten objects.
COMPUTED_COST = 10
COMPUTED = frozenset(
    {
        "costSeries",
        "estimate",
        "invoicePreview",
        "revenue",
        "topCustomers",
        "unbilledUsage",
        "usage",
        "verification",
        "whatIf",
    }
)
# So many fields beside each other come with their object; as many more cost as much as another one.
FIELDS_OF_ONE = 10
# The schema has four directives. A long row of wrong ones would be reported one by one.
DIRECTIVES_AT_ONE_PLACE = 4
# Fields and fragments inside of each other: graphql-core gives up at twice as many, without a reason.
NESTED_MAX = 100
_ABOUT_SCHEMA = {"__schema": "__Schema", "__type": "__Type"}
_Annotated = (
    SelectionNode | OperationDefinitionNode | FragmentDefinitionNode | VariableDefinitionNode
)


@dataclass(slots=True)
class Size:
    """What a selection comes to with its fragments spread out.

    `width` is how many fields stand beside each other. Each object of the page that it is selected
    from costs `each` on top of `cost`. Questions about the schema are counted apart.
    """

    width: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    depth: int = 0
    cost: int = 0
    each: int = 0
    schema_depth: int = 0
    schema_cost: int = 0

    def add(self, other: Size) -> None:
        """Put another selection beside this one."""
        self.width += other.width
        self.fields += other.fields
        self.aliases += other.aliases
        self.directives += other.directives
        self.depth = max(self.depth, other.depth)
        self.cost += other.cost
        self.each += other.each
        self.schema_depth = max(self.schema_depth, other.schema_depth)
        self.schema_cost += other.schema_cost

    def add_leaf(self, node: FieldNode) -> None:
        """Put a field beside this one from which nothing is selected: it comes with its object."""
        self.width += 1
        self.aliases += node.alias is not None
        self.depth = max(self.depth, 1)


class Beyond(Exception):
    """A limit that holds whatever is set was passed, so that the rest need not be measured."""

    def __init__(self, name: str, amount: int, maximum: int) -> None:
        self.name, self.amount, self.maximum = name, amount, maximum


class Measure:
    """Measures the parts of one document, each once."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        chosen: OperationDefinitionNode | None,
        variables: Mapping[str, Any],
    ) -> None:
        self._schema = schema
        self._document = document
        self._values = _values(chosen, variables)
        self._listed = Listed(self._values)
        self._fragments = {
            part.name.value: part
            for part in document.definitions
            if isinstance(part, FragmentDefinitionNode)
        }
        self._spread: dict[str, Size] = {}

    def operations(self) -> list[tuple[OperationDefinitionNode, Size]]:
        """What each operation comes to."""
        return [
            (part, self._operation(part))
            for part in self._document.definitions
            if isinstance(part, OperationDefinitionNode)
        ]

    def unused_fragments(self) -> Size:
        """The fragments that no operation spreads: they are validated all the same."""
        size = Size()
        for name in self._fragments.keys() - self._spread.keys():
            size.add(self._fragment(name, 0))
        return size

    def _operation(self, operation: OperationDefinitionNode) -> Size:
        size = self._selected(
            operation.selection_set, self._schema.get_root_type(operation.operation), 0
        )
        size.directives += _directives(operation)
        size.directives += sum(map(_directives, operation.variable_definitions or ()))
        return size

    def _selected(
        self, selected: SelectionSetNode | None, parent: GraphQLNamedType | None, level: int
    ) -> Size:
        """`level` is how many fields and fragments are around it."""
        size = Size()
        if level > NESTED_MAX:
            raise Beyond("depth", level, NESTED_MAX)
        for selection in selected.selections if selected else ():
            if isinstance(selection, FieldNode) and selection.selection_set is None:
                size.add_leaf(selection)
            elif isinstance(selection, FieldNode):
                size.add(self._field(selection, parent, level))
            elif isinstance(selection, FragmentSpreadNode):
                size.add(self._fragment(selection.name.value, level))
            elif isinstance(selection, InlineFragmentNode):
                size.add(self._inline(selection, parent, level))
            size.fields += 1
            size.directives += _directives(selection)
        return size

    def _inline(
        self, fragment: InlineFragmentNode, parent: GraphQLNamedType | None, level: int
    ) -> Size:
        condition = fragment.type_condition
        kind = self._schema.get_type(condition.name.value) if condition else parent
        return self._selected(fragment.selection_set, kind, level + 1)

    def _fragment(self, name: str, level: int) -> Size:
        """A circle counts as nothing: it is refused when the document is validated."""
        if name not in self._spread:
            self._spread[name] = Size()
            if (fragment := self._fragments.get(name)) is not None:
                kind = self._schema.get_type(fragment.type_condition.name.value)
                size = self._selected(fragment.selection_set, kind, level + 1)
                size.directives += _directives(fragment)
                self._spread[name] = size
        return self._spread[name]

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, level: int) -> Size:
        name = node.name.value
        about_schema = _ABOUT_SCHEMA.get(name)
        field = getattr(parent, "fields", {}).get(name)
        kind: Any = self._schema.get_type(about_schema) if about_schema else field and field.type
        size = self._selected(node.selection_set, kind and get_named_type(kind), level + 1)
        wide, size.width = size.width // FIELDS_OF_ONE, 1
        size.aliases += node.alias is not None
        if about_schema:
            size.schema_depth, size.schema_cost = size.depth + 1, size.cost + 1
            size.depth, size.cost = 1, 0
        else:
            size.depth += 1
            size.cost += wide
            self._charge(size, node, kind)
            if parent is not self._schema.mutation_type:  # those have limits of their own
                size.cost += self._listed.of(node)
        return size

    def _charge(self, size: Size, node: FieldNode, kind: Any) -> None:  # noqa: ANN401
        """What a field of some type costs whose selection is `size`."""
        name = node.name.value
        cost = size.cost + (size.each and size.each * self._page(node))
        size.cost, size.each = COMPUTED_COST if name in COMPUTED else 0, 0
        if kind is None or not is_composite_type(get_named_type(kind)):
            return
        if name == "nodes" and not node.arguments:
            size.each = 1 + cost
        elif name == "edges":
            size.each = cost
        elif is_list_type(get_nullable_type(kind)):
            size.cost += self._length(node, get_named_type(kind)) * (1 + cost)
        else:
            size.cost += 1 + cost

    def _page(self, node: FieldNode) -> int:
        """How many objects a page may have; what cannot be right counts as the largest."""
        sizes: list[Any] = [one for one in self._given(node, "first", "last") if one is not None]
        if not sizes:
            return SIZE_DEFAULT
        if not all(isinstance(value, int) for value in sizes):
            return SIZE_MAX
        return int(min(max(1, *sizes), SIZE_MAX))

    def _length(self, node: FieldNode, kind: GraphQLNamedType) -> int:
        """How many objects a list may have that is not paged: as many as were asked for by id."""
        lists = (value for value in self._given(node, "ids") if isinstance(value, list))
        is_schema = kind.name.startswith("__")
        return max(map(len, lists), default=SCHEMA_LIST_SIZE if is_schema else LIST_SIZE)

    def _given(self, node: FieldNode, *names: str) -> Iterator[object]:
        for argument in node.arguments or ():
            if argument.name.value in names:
                value = argument.value
                if isinstance(value, VariableNode):
                    yield self._values.get(value.name.value)
                else:
                    yield _literal(value)


def _values(
    operation: OperationDefinitionNode | None, variables: Mapping[str, Any]
) -> dict[str, object]:
    """The value of each variable, as it was sent, or by default."""
    definitions = operation.variable_definitions or () if operation else ()
    return {
        (name := one.variable.name.value): variables[name]
        if name in variables
        else _literal(one.default_value)
        for one in definitions
    }


def _literal(value: ValueNode | None) -> object:
    """What is written in the document, as far as it can be a size, a list, or hold one."""
    if isinstance(value, IntValueNode):
        return int(value.value) if len(value.value) < 10 else SIZE_MAX
    if isinstance(value, ObjectValueNode):
        return {field.name.value: field.value for field in value.fields}
    return list(value.values) if isinstance(value, ListValueNode) else None


def _directives(node: _Annotated) -> int:
    count = len(node.directives or ())
    if count > DIRECTIVES_AT_ONE_PLACE:
        raise Beyond("directives", count, DIRECTIVES_AT_ONE_PLACE)
    return count
