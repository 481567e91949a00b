"""Every place of the schema where a client puts a value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    get_named_type,
    is_composite_type,
    is_required_argument,
    is_required_input_field,
)

Path = tuple[str | int, ...]
Make = Callable[[object], object]

# How to come to objects whose fields take arguments.
PARENTS = {
    "Customer": 'customer(key: "acme")',
    "PlanSubscription": "planSubscription(id: $parent)",
    "Plan": 'plan(key: "pro")',
}
SAMPLES: dict[str, object] = {
    "Boolean": False,
    "BigInt": "1",
    "DateTime": "2026-05-05T12:00:00Z",
    "Decimal": "1",
    "ID": "cus_" + "0" * 32,
    "Int": 1,
    "JSON": {"a": "b"},
    "String": "acme",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A place inside of an argument, with a document whose variables lead to it."""

    document: str
    argument: str
    path: Path
    kind: str
    make: Make
    others: dict[str, object]

    def holding(self, value: object) -> dict[str, object]:
        """The variables with this value in the place, and nothing else that need not be there."""
        return {**self.others, self.argument: self.make(value)}

    @property
    def shown_path(self) -> list[str]:
        """Where it is, in an error's words."""
        return ["variables", self.argument, *map(str, self.path)]


def places(schema: GraphQLSchema) -> Iterator[Place]:
    """Every argument, and each field of each input type where it is first met."""
    seen: set[str] = set()
    for operation, parent, name, field in _fields(schema):
        required = {
            one: sample(argument.type)
            for one, argument in field.args.items()
            if is_required_argument(argument)
        }
        for one, argument in field.args.items():
            for path, kind, make in _leaves(argument.type, seen):
                document = _document(operation, parent, name, field)
                yield Place(document, one, path, kind, make, required)


def sample(kind: GraphQLInputType) -> object:
    """A value that the type takes."""
    match kind:
        case GraphQLNonNull():
            return sample(kind.of_type)
        case GraphQLList():
            return [sample(kind.of_type)]
        case GraphQLEnumType():
            return next(iter(kind.values))
        case GraphQLInputObjectType():
            return _required(kind)
        case _:
            return SAMPLES[kind.name]


def _required(kind: GraphQLInputObjectType) -> dict[str, object]:
    """What an object of this type must have."""
    fields = kind.fields.items()
    needed = [(name, field) for name, field in fields if is_required_input_field(field)]
    if kind.is_one_of:
        needed = list(fields)[-1:]
    return {name: sample(field.type) for name, field in needed}


def _leaves(kind: GraphQLInputType, seen: set[str]) -> Iterator[tuple[Path, str, Make]]:
    """The places inside of a type, each with what makes a value around a value for it."""
    match kind:
        case GraphQLNonNull():
            yield from _leaves(kind.of_type, seen)
        case GraphQLList():
            for path, name, make in _leaves(kind.of_type, seen):
                yield (0, *path), name, _in_list(make)
        case _:
            yield (), kind.name, lambda value: value
            if isinstance(kind, GraphQLInputObjectType) and kind.name not in seen:
                seen.add(kind.name)
                yield from _fields_of(kind, seen)


def _fields_of(kind: GraphQLInputObjectType, seen: set[str]) -> Iterator[tuple[Path, str, Make]]:
    base = {} if kind.is_one_of else _required(kind)
    for field_name, field in kind.fields.items():
        for path, name, make in _leaves(field.type, seen):
            yield (field_name, *path), name, _in_object(base, field_name, make)


def _in_list(make: Make) -> Make:
    return lambda value: [make(value)]


def _in_object(base: dict[str, object], name: str, make: Make) -> Make:
    return lambda value: {**base, name: make(value)}


def _fields(schema: GraphQLSchema) -> Iterator[tuple[str, str | None, str, GraphQLField]]:
    roots: list[tuple[str, str | None, Any]] = [
        ("query", None, schema.query_type),
        ("mutation", None, schema.mutation_type),
    ]
    roots += [("query", parent, schema.get_type(kind)) for kind, parent in PARENTS.items()]
    for operation, parent, kind in roots:
        for name, field in kind.fields.items():
            yield operation, parent, name, field


def _document(operation: str, parent: str | None, name: str, field: GraphQLField) -> str:
    """An operation that takes all of the field's arguments from variables of their names."""
    defined = [f"${one}: {argument.type}" for one, argument in field.args.items()]
    if parent and "$parent" in parent:
        defined.append("$parent: ID!")
    given = ", ".join(f"{one}: ${one}" for one in field.args)
    selected = "{ __typename }" if is_composite_type(get_named_type(field.type)) else ""
    errors = getattr(get_named_type(field.type), "fields", {}).get("errors")
    selected = "{ errors { code message path } }" if errors else selected
    asked = f"{name}({given}) {selected}"
    return (
        f"{operation} ({', '.join(defined)}) {{ {f'{parent} {{ {asked} }}' if parent else asked} }}"
    )
