"""Asking for somebody else's things by everything that the schema lets a caller name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    get_named_type,
)

from tests.api.conftest import Api
from tests.api.graph import fields_in_reach
from tests.api.portal import sent

# Values that refer to nothing.
_PLAIN = {"Int", "Boolean", "Decimal", "DateTime", "BigInt", "JSON"}
_CURSORS = {"after", "before"}


@dataclass(frozen=True)
class Probe:
    """A document, the argument that it tries, and values for $x that must all look like nothing."""

    argument: str  # as in "Query.customer(id)"
    document: str
    foreign: tuple[str, ...]
    nothing: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """All that a caller can learn: the answer, but for the value that it sent, and what it cost."""

    status: int
    body: str
    statements: list[str]


async def outcome(api: Api, document: str, value: str) -> Outcome:
    """What comes of one value."""
    with api.statements() as statements:
        response = await sent(api, document, x=value)
    body = json.loads(response.content)
    for error in body.get("errors", ()):
        error["extensions"].pop("requestId", None)
        error["message"] = error["message"].replace(repr(value), "X")
    return Outcome(response.status_code, json.dumps(body, sort_keys=True), statements)


def named_arguments() -> set[str]:
    """Every argument in reach of a query that could name something, as in "Query.customer(id)"."""
    return {
        f"{place}({path})"
        for place, field in fields_in_reach()
        for name, argument in field.args.items()
        for path in _names(name, argument.type)
    }


def _names(path: str, kind: GraphQLInputType) -> Iterator[str]:
    named = get_named_type(kind)
    if isinstance(named, GraphQLInputObjectType):
        for name, one in named.fields.items():
            yield from _names(f"{path}.{name}", one.type)
    elif not (named.name in _PLAIN or isinstance(named, GraphQLEnumType) or path in _CURSORS):
        yield path


def unknown_id(prefix: str) -> str:
    """An id as one of this type looks that nothing has."""
    return f"{prefix}_{987_654_321 if prefix == 'evt' else 'f' * 32}"


def malformed_ids(prefix: str) -> tuple[str, ...]:
    """What only looks like an id of this type."""
    return (f"{prefix}_", f"{prefix}_zz", f"{prefix}_{'f' * 31}", f"{prefix}_{'9' * 40}")


def of_type(ids: Iterable[str], prefix: str) -> tuple[str, ...]:
    """The ids with this prefix."""
    return tuple(sorted(id for id in ids if id.partition("_")[0] == prefix))


def required(fields: Mapping[str, Any]) -> str:
    """Valid values for what must be given, whatever they mean, as GraphQL writes them."""
    given = {name: one.type for name, one in fields.items() if str(one.type).endswith("!")}
    return ", ".join(f"{name}: {_value(kind)}" for name, kind in given.items())


def _value(kind: GraphQLInputType) -> str:
    named = get_named_type(kind)
    if str(kind).startswith("["):
        return "[]"
    if isinstance(named, GraphQLEnumType):
        return str(next(iter(named.values)))
    if isinstance(named, GraphQLInputObjectType):
        if named.is_one_of:
            name, one = next(iter(named.fields.items()))
            return f"{{{name}: {_value(one.type)}}}"
        return f"{{{required(named.fields)}}}"
    return _SAMPLES.get(named.name, '"x"')


_SAMPLES = {
    "Int": "1",
    "Boolean": "true",
    "Decimal": '"1"',
    "DateTime": '"2026-05-01T00:00:00Z"',
}
