"""Source text for one selection: a function for each type of object in it, which makes a dict of it.

A field that must be waited for leaves its place empty and notes the object and the dict; once its
value is known, the function that was written for it says what belongs there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from graphql import (
    GraphQLAbstractType,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet

from fubble_gql.reads.fields import (
    Call,
    Field,
    Selected,
    field_of,
    is_known_by_class,
    row_columns,
)
from fubble_gql.reads.leaves import AS_IT_IS, Surprise, writer

Slots = list[Any]
Shape = Callable[[Any, Slots], dict[str, Any]]


@dataclass(slots=True)
class Wait:
    """A field whose value is waited for: `slot` holds the objects, and where it is wanted.

    `key` is its place in there: in a dict, or in the parts of an object.
    """

    slot: int
    key: str | int
    call: Call
    complete: Callable[[Any, Slots], Any]


@dataclass(slots=True)
class Plan:
    """A compiled selection. A run has a list of slots: keywords of calls, and what waits.

    It makes dicts, or the parts of a text (`texts`).
    """

    root: Shape
    calls: list[tuple[int, Call]]
    waits: list[Wait]
    size: int
    fields: int
    are_parts: bool = False


class Compiler:
    """Writes the plan of one operation. Raises Surprise for what is left to the stock executor."""

    def __init__(self, executor: Executor[Any]) -> None:
        self._executor = executor
        self._names: dict[str, Any] = {"miss": _miss}
        self._lines: list[str] = []
        self._calls: list[tuple[int, Call]] = []
        self._waits: list[tuple[int, str | int, Call, str]] = []
        self._count = self._named = self._fields = 0

    def plan(self, root: GraphQLObjectType, fields: GroupedFieldSet) -> Plan:
        """The whole selection from the root on."""
        return self._finished(self._shape(root, fields, is_root=True))

    def _finished(self, name: str, *, are_parts: bool = False) -> Plan:
        exec(compile("\n".join(self._lines), "<selection>", "exec"), self._names)  # noqa: S102 - names and keys are quoted
        waits = [Wait(slot, key, call, self._names[done]) for slot, key, call, done in self._waits]
        return Plan(self._names[name], self._calls, waits, self._count, self._fields, are_parts)

    def _shape(
        self, kind: GraphQLObjectType, fields: GroupedFieldSet, *, is_root: bool = False
    ) -> str:
        """The function for objects of a type. The root's may be nothing at all."""
        scope = Scope(self._name("shape"), looks_at_object=is_root)
        parts = [
            f"{key!r}: {self._field(kind, key, details, scope)}" for key, details in fields.items()
        ]
        if not scope.looks_at_object:
            scope.before.append("if o is None or isinstance(o, BaseException): miss()")
        made = "{" + ", ".join(parts) + "}"
        body = [f"d = {made}", *scope.after, "return d"] if scope.after else [f"return {made}"]
        self._define(scope.name, "o", [*scope.before, *body])
        return scope.name

    def _field(
        self, parent: GraphQLObjectType, key: str, details: FieldDetailsList, scope: Scope
    ) -> str:
        """The expression for a field's value."""
        self._fields += 1
        node = details[0].node
        if node.name.value == "__typename":
            return repr(parent.name)
        if details[0].fragment_variable_values is not None:
            raise Surprise
        field = field_of(parent, node.name.value)
        kind = field.graphql.type
        if (attribute := field.attribute) is not None:
            scope.looks_at_object = True
            return self._value(kind, f"o.{attribute}", details, scope)
        call = Call(field, node, Selected(self._columns(kind, details)))
        if field.is_async or field.mark.many is not None:
            return self._waiting(key, kind, call, details, scope)
        return self._value(kind, self._called(call), details, scope)

    def _called(self, call: Call) -> str:
        function = self._bind("call", call.function)
        if not call.needs_keywords:
            return f"{function}({call.parent})"
        slot = self._slot()
        self._calls.append((slot, call))
        return f"{function}({', '.join(filter(None, (call.parent, f'**r[{slot}]')))})"

    def _waiting(
        self,
        key: str,
        kind: GraphQLOutputType,
        call: Call,
        details: FieldDetailsList,
        scope: Scope,
    ) -> str:
        slot, name = self._slot(), self._name("done")
        self._waits.append((slot, key, call, name))  # parents come before what is below them
        inner = Scope(name)
        self._define(name, "v", [f"return {self._value(kind, 'v', details, inner)}"])
        scope.after.append(f"r[{slot}].append((o, d))")
        return "None"

    def _value(
        self, kind: GraphQLOutputType, source: str, details: FieldDetailsList, scope: Scope
    ) -> str:
        """The expression that completes the value of another expression, as its type wants it."""
        is_required = is_non_null_type(kind)
        inner: Any = kind.of_type if is_required else kind  # type: ignore[union-attr]
        if is_leaf_type(inner):
            return self._leaf(inner, source, scope, is_required=is_required)
        name = self._composite(inner, details)
        bound, test = scope.bound(source)
        otherwise = "miss()" if is_required else "None"
        return f"({name}({bound}, r) if {test} is not None else {otherwise})"

    def _composite(self, kind: GraphQLOutputType, details: FieldDetailsList) -> str:
        """The function for a list, an object, or one of several types."""
        if is_list_type(kind):
            return self._list(kind.of_type, details)
        if is_object_type(kind):
            return self._shape(kind, self._selected(kind, details))
        if is_abstract_type(kind):
            return self._one_of(kind, details)
        raise Surprise

    def _leaf(self, kind: GraphQLLeafType, source: str, scope: Scope, *, is_required: bool) -> str:
        write = self._bind("write", writer(kind))
        bound, test = scope.bound(source)
        otherwise = "miss()" if is_required else "None"
        as_it_is = AS_IT_IS.get(kind.name)
        if as_it_is is None:
            return f"({write}({bound}) if {test} is not None else {otherwise})"
        plain = as_it_is.replace("{0}", test, 1).replace("{0}", bound)
        return f"({bound} if {plain} else {write}({bound}) if {bound} is not None else {otherwise})"

    def _list(self, item: GraphQLOutputType, details: FieldDetailsList) -> str:
        name = self._name("list")
        made = self._value(item, "x", details, Scope(name))
        check = "if v.__class__ is not list and v.__class__ is not tuple: miss()"
        self._define(name, "v", [check, f"return [{made} for x in v]"])
        return name

    def _one_of(self, kind: GraphQLAbstractType, details: FieldDetailsList) -> str:
        """Objects of several types, told apart by the classes of the values."""
        possible = self._executor.schema.get_possible_types(kind)
        if not all(map(is_known_by_class, possible)):
            raise Surprise
        shapes = {one: self._shape(one, self._selected(one, details)) for one in possible}

        def choose(value: object) -> Shape:
            for one, shape in shapes.items():
                if one.is_type_of is not None and one.is_type_of(value, cast(Any, None)):
                    known[value.__class__] = cast(Shape, self._names[shape])
                    return known[value.__class__]
            raise Surprise

        known: dict[type, Shape] = {}
        name, classes, chooser = (
            self._name("one_of"),
            self._bind("known", known),
            self._bind("choose", choose),
        )
        self._define(name, "v", [f"return ({classes}.get(v.__class__) or {chooser}(v))(v, r)"])
        return name

    def _columns(self, kind: GraphQLOutputType, details: FieldDetailsList) -> frozenset[str] | None:
        """The columns that are enough of the rows selected here; None where that is not known."""
        named = get_named_type(kind)
        if not is_object_type(named):
            return None
        found: frozenset[str] = frozenset()
        own = row_columns(named)
        for inner in self._selected(named, details).values():
            name = inner[0].node.name.value
            columns = frozenset() if name == "__typename" else self._columns_of(named, own, inner)
            if columns is None:
                return None
            found |= columns
        return found

    def _columns_of(
        self, parent: GraphQLObjectType, own: frozenset[str], details: FieldDetailsList
    ) -> frozenset[str] | None:
        field: Field = field_of(parent, details[0].node.name.value)
        if field.mark.passes_rows:
            return self._columns(field.graphql.type, details)
        if field.attribute in own:
            return frozenset({field.attribute})
        columns = field.mark.columns
        if columns is not None and field.mark.more:
            below = self._columns(field.graphql.type, details)
            return columns | field.mark.more if below is None else columns
        return columns

    def _selected(self, kind: GraphQLObjectType, details: FieldDetailsList) -> GroupedFieldSet:
        return self._executor.collect_subfields(kind, details).grouped_field_set

    def _slot(self) -> int:
        self._count += 1
        return self._count - 1

    def _name(self, what: str) -> str:
        self._named += 1
        return f"{what}_{self._named}"

    def _bind(self, what: str, value: object) -> str:
        name = self._name(what)
        self._names[name] = value
        return name

    def _define(self, name: str, parameter: str, body: list[str]) -> None:
        self._lines += [f"def {name}({parameter}, r):", *(f"    {line}" for line in body)]


@dataclass(slots=True)
class Scope:
    """A function that is being written: what it does before and after it makes the dict."""

    name: str
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    looks_at_object: bool = False
    variables: int = 0

    def bound(self, source: str) -> tuple[str, str]:
        """A variable for an expression, and the expression that sets it, to be evaluated first."""
        if source.isidentifier():
            return source, source
        self.variables += 1
        return f"t{self.variables}", f"(t{self.variables} := {source})"


def _miss() -> None:
    raise Surprise
