"""Random documents over the whole schema: nearly all valid, some refused, some with errors inside."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from random import Random
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)

DEPTH_MAX = 7
FIELDS_MAX = 6
_OF_THE_SCHEMA = (
    "__schema { queryType { name } }",
    '__type(name: "Money") { name fields { name } }',
)
_TIMES = ("2026-05-01T00:00:00Z", "2026-06-01T02:00:00+02:00", "2026-07-01T00:00:00Z")


# Where rows are read that the database can write, by the type that is selected of.
ROWS = {
    "Customer": "customers { nodes %s }",
    "Invoice": "invoices { nodes %s }",
    "Plan": "plans { nodes %s }",
    "CustomerConnection": "customers(first: 2) %s",
    "InvoiceConnection": "customers { nodes { key invoices(first: 3) %s } }",
    "PlanSubscriptionConnection": "customers { nodes { key subscriptions(first: 3) %s } }",
    "CreditGrantConnection": "customers { nodes { key creditGrants(first: 3) %s } }",
}


@dataclass(frozen=True, slots=True)
class Sent:
    """What is sent: a document, its variables, and which of its operations is to run."""

    query: str
    variables: Mapping[str, Any]
    operation: str | None = None


@dataclass
class Words:
    """Values that mean something in the database that is asked."""

    ids: Sequence[str]
    texts: Sequence[str]
    cursors: list[str] = field(default_factory=list)


class Writer:
    """Writes one document."""

    def __init__(self, schema: GraphQLSchema, words: Words, random: Random) -> None:
        self._schema, self._words, self._random = schema, words, random
        self._definitions: dict[str, str] = {}
        self._variables: dict[str, Any] = {}
        self._fragments: dict[str, tuple[str, str]] = {}
        self._deciding: list[str] = []  # variables that directives use
        self._aliases = 0
        self._left = random.choice([4, 10, 20, 40])  # fields, about

    def document(self) -> Sent:
        """An operation with its fragments, sometimes beside another one."""
        selected = self._selection(self._schema.query_type, 0)
        if self._chance(0.03):
            selected = f"{{ {self._random.choice(_OF_THE_SCHEMA)} {selected[1:]}"
        query = self._written(selected)
        if self._chance(0.05):
            return Sent(f"query Other {{ viewer {{ role }} }}\n{query}", self._variables, "Asked")
        return Sent(query, self._variables)

    def document_of(self, kind: str) -> Sent:
        """An operation that reads rows, and selects of things of that type there."""
        selected = self._selection(self._schema.type_map[kind], 2)
        return Sent(self._written(f"{{ {ROWS[kind] % selected} }}"), self._variables)

    def _written(self, selected: str) -> str:
        defined = ", ".join(self._definitions.values())
        query = f"query Asked{f'({defined})' if defined else ''} {selected}"
        for name, (kind, text) in self._fragments.items():
            query += f"\nfragment {name} on {kind} {text}"
        return query

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _selection(self, kind: Any, depth: int) -> str:  # noqa: ANN401
        """A selection set for a composite type."""
        parts: list[str] = []
        written: dict[str, str] = {}
        for _ in range(self._random.randint(1, FIELDS_MAX if depth else 3)):
            if self._left <= 0:
                break
            self._left -= 1
            part = self._part(kind, depth, written)
            if part:
                parts.append(part)
        return "{ " + " ".join(parts or ["__typename"]) + " }"

    def _part(self, kind: Any, depth: int, written: dict[str, str]) -> str | None:  # noqa: ANN401
        dice = self._random.random()
        if dice < 0.06:
            return f"{self._alias() if self._chance(0.3) else ''}__typename"
        if dice < 0.16 or (is_abstract_type(kind) and dice < 0.75):
            return self._inline(kind, depth)
        if dice < 0.26 and depth and is_object_type(kind):
            return self._spread(kind, depth)
        if not hasattr(kind, "fields"):
            return None
        return self._field(kind, depth, written)

    def _inline(self, kind: Any, depth: int) -> str:  # noqa: ANN401
        if is_abstract_type(kind):
            inner = self._random.choice(self._schema.get_possible_types(kind))
        elif getattr(kind, "interfaces", ()) and self._chance(0.4):
            inner = self._random.choice(kind.interfaces)
        else:
            inner = kind
        condition = f" on {inner.name}" if inner is not kind or self._chance(0.5) else ""
        return f"...{condition}{self._directives()} {self._selection(inner, depth + (depth < 1))}"

    def _spread(self, kind: Any, depth: int) -> str:  # noqa: ANN401
        """A fragment, new or one that was there before, where it cannot become a circle."""
        fitting = [
            name for name, (own, text) in self._fragments.items() if own == kind.name and text
        ]
        if fitting and self._chance(0.5):
            return f"...{self._random.choice(fitting)}{self._directives()}"
        name = f"part{len(self._fragments)}"
        self._fragments[name] = (kind.name, "")
        self._fragments[name] = (kind.name, self._selection(kind, depth))
        return f"...{name}{self._directives()}"

    def _field(self, kind: Any, depth: int, written: dict[str, str]) -> str | None:  # noqa: ANN401
        name, one = self._random.choice(list(kind.fields.items()))
        named = get_named_type(one.type)
        if is_composite_type(named) and depth >= DEPTH_MAX:
            return None
        if name not in written and not one.args:
            written[name] = ""
        alias = ""
        if name in written and not one.args:
            arguments = ""  # the same field again: its selections are merged
        else:
            arguments = self._arguments(one)
            alias = self._alias() if one.args or self._chance(0.2) else ""
        below = f" {self._selection(named, depth + 1)}" if is_composite_type(named) else ""
        return f"{alias}{name}{arguments}{self._directives()}{below}"

    def _alias(self) -> str:
        self._aliases += 1
        return f"as{self._aliases}: "

    def _directives(self) -> str:
        if not self._chance(0.12):
            return ""
        name = self._random.choice(["include", "skip"])
        return f" @{name}(if: {self._condition()})"

    def _condition(self) -> str:
        decides = self._random.choice([True, False])
        if self._chance(0.4):
            return json.dumps(decides)
        if self._deciding and self._chance(0.3):
            return self._random.choice(self._deciding)
        self._deciding.append(self._variable("Boolean!", decides))
        return self._deciding[-1]

    def _arguments(self, one: GraphQLField) -> str:
        given = [
            f"{name}: {self._given(name, argument)}"
            for name, argument in one.args.items()
            if self._is_given(name, argument)
        ]
        return f"({', '.join(given)})" if given else ""

    def _is_given(self, name: str, argument: GraphQLArgument) -> bool:
        if is_non_null_type(argument.type):
            return True
        shares = {"first": 0.9, "last": 0.06, "after": 0.15, "before": 0.05, "id": 0.5, "key": 0.5}
        return self._chance(shares.get(name, 0.3))

    def _given(self, name: str, argument: GraphQLArgument) -> str:
        value = self._value(name, argument.type)
        if self._chance(0.5):
            return self._variable(str(argument.type), value)
        return _literal(value)

    def _variable(self, kind: str, value: object) -> str:
        name = f"v{len(self._definitions)}"
        default = ""
        if self._chance(0.15):
            is_null = not kind.endswith("!") and self._chance(0.5)
            default = f" = {'null' if is_null else _literal(value)}"
        self._definitions[name] = f"${name}: {kind}{default}"
        if not default or self._chance(0.5):
            self._variables[name] = _plain(value)
        return f"${name}"

    def _value(self, name: str, kind: Any) -> Any:  # noqa: ANN401
        """A value of an input type: a plausible one, seldom a senseless one."""
        if is_non_null_type(kind):
            return self._value(name, kind.of_type)
        if is_list_type(kind):
            values = [self._value(name, kind.of_type) for _ in range(self._random.randint(0, 3))]
            return values * (1 + self._chance(0.3))
        if isinstance(kind, GraphQLInputObjectType):
            return self._object(kind)
        if isinstance(kind, GraphQLEnumType):
            return _Bare(self._random.choice(list(kind.values)))
        return self._scalar(name, kind.name)

    def _object(self, kind: GraphQLInputObjectType) -> dict[str, Any]:
        names = list(kind.fields)
        if kind.is_one_of:
            chosen = [self._random.choice(names)]
        else:
            chosen = [
                name
                for name in names
                if is_non_null_type(kind.fields[name].type) or self._chance(0.25)
            ]
        return {name: self._value(name, kind.fields[name].type) for name in chosen}

    def _scalar(self, name: str, kind: str) -> Any:  # noqa: ANN401
        pick = self._random.choice
        scalars: dict[str, Callable[[], Any]] = {
            "ID": lambda: pick(self._words.ids),
            "Int": lambda: pick([1, 2, 3, 3, 3, 4, 0] if self._chance(0.3) else [1, 2, 3]),
            "Boolean": lambda: self._chance(0.5),
            "Decimal": lambda: pick(["1", "2.50", "0"]),
            "DateTime": lambda: pick(_TIMES),
            "JSON": lambda: {"a": 1},
            "BigInt": lambda: "12",
        }
        if kind == "String" and name in ("after", "before"):
            return pick(self._words.cursors or ["nothing"])
        return scalars.get(kind, lambda: pick(self._words.texts))()


class _Bare(str):
    """A name, as a literal."""


def _literal(value: object) -> str:
    if isinstance(value, _Bare):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_literal(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return json.dumps(value)


def _plain(value: object) -> object:
    if isinstance(value, _Bare):
        return str(value)
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def documents(schema: GraphQLSchema, words: Words, seed: int) -> Iterator[Sent]:
    """One after another without end, the same for the same seed."""
    random = Random(seed)  # noqa: S311 - nothing is kept secret by it
    while True:
        yield Writer(schema, words, random).document()


def documents_of_rows(schema: GraphQLSchema, words: Words, seed: int) -> Iterator[Sent]:
    """The same, of which most read what a database can write."""
    random = Random(seed)  # noqa: S311 - nothing is kept secret by it
    for kind in cycle(ROWS):
        yield Writer(schema, words, random).document_of(kind)
