"""Walking the whole graph by its schema: every edge, from the roots or from an object, to the end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_composite_type,
    is_interface_type,
    is_required_argument,
    is_union_type,
)

from fubble_gql.api.operators import OperatorsOnly
from fubble_gql.api.schema import build_schema
from tests.api.conftest import Api

SPAN = 'period: {start: "2026-05-01T00:00:00Z", end: "2026-08-01T00:00:00Z"}'
# What an edge is asked with, where it shows more, or nothing at all, without.
ARGUMENTS = {
    "Customer.usage": f"({SPAN}, granularity: MONTH)",
    "Customer.unbilledUsage": f"({SPAN})",
    "Customer.usageEvents": "(filter: {includeVoided: true})",
    "PlanSubscription.usage": f"({SPAN}, granularity: MONTH)",
    "PlanSubscription.whatIf": '(plan: {key: "open"})',
    "Plan.estimate": "(usage: [])",
}
LISTS = {
    "viewer": "",
    "customers": "",
    "metrics": "(first: 100)",
    "plans": "(first: 100, filter: {allVersions: true})",
    "invoices": "(first: 100)",
}
CHUNK, WORDS_MAX = 10, 300


@cache
def schema() -> GraphQLSchema:
    """The whole schema, as graphql-core knows it."""
    return build_schema()._schema


def fields_of(kind: GraphQLNamedType) -> dict[str, GraphQLField]:
    """An object type's fields."""
    found: dict[str, GraphQLField] = cast(GraphQLObjectType, kind).fields
    return found


def is_node(kind: GraphQLNamedType) -> bool:
    """Whether its objects can be fetched by their ids."""
    node = schema().type_map["Node"]
    return kind is node or node in getattr(kind, "interfaces", ())


@cache
def leads_to_objects(kind: GraphQLNamedType) -> bool:
    """Whether something with an id can be reached through a value of this type."""
    waiting, seen = [kind], set[str]()
    while waiting:
        one = waiting.pop()
        fields = getattr(one, "fields", {})
        if "id" in fields:
            return True
        if one.name not in seen:
            waiting += [get_named_type(each.type) for each in fields.values()]
        seen.add(one.name)
    return False


def all_edges() -> set[str]:
    """Every field in reach that leads to objects, as in "Customer.invoices"."""
    return {
        place
        for place, field in fields_in_reach()
        if is_composite_type(get_named_type(field.type))
        and leads_to_objects(get_named_type(field.type))
    }


def fields_in_reach() -> Iterator[tuple[str, GraphQLField]]:
    """Every field in reach of the query root, with its place, as in "Customer.invoices".

    Without the roots for operators alone: whoever asks for one is refused before anything is read.
    """
    waiting, seen = [schema().type_map["Query"]], set[str]()
    while waiting:
        kind = waiting.pop()
        if kind.name in seen:
            continue
        seen.add(kind.name)
        if is_interface_type(kind):
            waiting += schema().get_implementations(kind).objects
        elif is_union_type(kind):
            waiting += kind.types
        for name, one in getattr(kind, "fields", {}).items():
            if kind.name != "Query" or name not in operators_only():
                yield f"{kind.name}.{name}", one
                waiting.append(get_named_type(one.type))


def operators_only() -> set[str]:
    """The query roots that portal tokens are refused."""
    return {
        name
        for name, one in fields_of(schema().type_map["Query"]).items()
        for extension in one.extensions["strawberry-definition"].extensions
        if isinstance(extension, OperatorsOnly)
    }


@dataclass
class Walk:
    """What a caller reached: the objects by id, the edges that led somewhere, every answer's text."""

    api: Api
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    edges: set[str] = field(default_factory=set)
    text: str = ""
    waiting: dict[str, str] = field(default_factory=dict)

    async def from_lists(self) -> Walk:
        """From every root that is a list."""
        for name, arguments in LISTS.items():
            kind = schema().type_map["Query"]
            named = get_named_type(fields_of(kind)[name].type)
            answer = await self._ask(f"{{ {name}{arguments} {{ {selection(named)} }} }}")
            self._take(named, answer[name], f"Query.{name}")
        return await self._on(())

    async def from_object(self, type_name: str, id: str, *, but: Sequence[str] = ()) -> Walk:
        """From one object on, without going on from objects of the types named in `but`."""
        self.waiting[id] = type_name
        return await self._on(but)

    async def _on(self, but: Sequence[str]) -> Walk:
        while True:
            left = {id: name for id, name in self.waiting.items() if id not in self.objects}
            left = {id: name for id, name in left.items() if name not in but}
            if not left:
                return self
            for name in sorted(set(left.values())):
                ids = [id for id, own in left.items() if own == name]
                for start in range(0, len(ids), CHUNK):
                    await self._fetch(name, ids[start : start + CHUNK])

    async def _fetch(self, name: str, ids: Sequence[str]) -> None:
        kind = schema().type_map[name]
        found: dict[str, dict[str, Any]] = {id: {} for id in ids}
        for part in _parts(kind):
            document = (
                f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on {name} {{ {part} }} }} }}"
            )
            for id, fields in zip(ids, (await self._ask(document, ids=ids))["nodes"], strict=True):
                assert fields is not None, f"{id} was shown, and cannot be fetched"
                found[id] |= fields
        self.objects |= found
        for data in found.values():
            self._take(kind, data, None)

    async def _ask(self, document: str, **variables: object) -> dict[str, Any]:
        answer = cast(dict[str, Any], await self.api.ask(document, **variables))
        self.text += json.dumps(answer, default=str) + "\n"
        return answer

    def _take(self, kind: GraphQLNamedType, value: object, edge: str | None) -> None:
        """Note the objects in a value, and the edges that led to them."""
        if isinstance(value, list):
            for one in value:
                self._take(kind, one, edge)
            return
        if value is None or is_union_type(kind):
            return
        assert isinstance(value, dict)
        if edge is not None:
            self.edges.add(edge)
            if is_node(kind):
                self.waiting[value["id"]] = value["__typename"]
                return
        for name, one in fields_of(kind).items():
            named = get_named_type(one.type)
            if is_composite_type(named):
                self._take(named, value[name], f"{kind.name}.{name}")


def selection(kind: GraphQLNamedType) -> str:
    """Every field of a type, down to leaves and to objects that can be fetched by themselves."""
    if is_union_type(kind):
        clashing = _clashing(kind.types)
        parts = (f"... on {one.name} {{ {_aliased(one, clashing)} }}" for one in kind.types)
        return " ".join(parts)
    return " ".join(_selected(kind))


def _parts(kind: GraphQLNamedType) -> list[str]:
    """The same in several documents: what one may select is limited."""
    parts = [""]
    for one in _selected(kind):
        if len(re.findall(r"\w+", parts[-1] + one)) > WORDS_MAX:
            parts.append("")
        parts[-1] += one + " "
    return parts


def _selected(kind: GraphQLNamedType) -> Iterator[str]:
    for name, one in fields_of(kind).items():
        place = f"{kind.name}.{name}"
        missing = [key for key, argument in one.args.items() if is_required_argument(argument)]
        assert not missing or place in ARGUMENTS, f"Say in ARGUMENTS how to walk {place}"
        yield f"{name}{ARGUMENTS.get(place, '')}{_below(get_named_type(one.type))}"


def _below(kind: GraphQLNamedType) -> str:
    if not is_composite_type(kind):
        return ""
    return f" {{ {'__typename id' if is_node(kind) else selection(kind)} }}"


def _clashing(members: Sequence[GraphQLNamedType]) -> set[str]:
    """The names of fields that are of several types among the members of a union."""
    types: dict[str, set[str]] = {}
    for member in members:
        for name, one in fields_of(member).items():
            types.setdefault(name, set()).add(str(one.type))
    return {name for name, found in types.items() if len(found) > 1}


def _aliased(kind: GraphQLNamedType, clashing: set[str]) -> str:
    """The fields of a member of a union; those that clash go by other names."""
    return " ".join(
        f"{f'{kind.name}_{name}: ' * (name in clashing)}{name}{_below(get_named_type(one.type))}"
        for name, one in fields_of(kind).items()
    )
