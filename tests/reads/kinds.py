"""What kinds of thing random documents and their answers are made of, counted, so that none goes missing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    Node,
    VariableNode,
    is_interface_type,
    is_union_type,
    parse,
)

from tests.reads.documents import Sent

OF_DOCUMENTS = frozenset(
    {
        "variable",
        "alias",
        "fragment",
        "nested fragment",
        "inline fragment",
        "fragment of a union",
        "fragment of an interface",
        "@include by a literal",
        "@include by a variable",
        "@skip by a literal",
        "@skip by a variable",
    }
)
OF_ANSWERS = frozenset({"null", "error", "error beside data"})
# So seldom that only some hundred answers are sure to show it.
OF_MANY_ANSWERS = OF_ANSWERS | {"error inside a list"}


def kinds_sent(schema: GraphQLSchema, sent: Sent) -> Counter[str]:
    """Each kind that a document shows, once."""
    nodes = _nodes(parse(sent.query))
    return Counter({kind for node in nodes for kind in _kinds_of(schema, node)})


def kinds_answered(text: str) -> Counter[str]:
    """Each kind that an answer shows, once."""
    answer = json.loads(text)
    errors, data = answer.get("errors", ()), answer.get("data")
    paths = [step for error in errors for step in error.get("path") or ()]
    shown = {
        "error": bool(errors),
        "error beside data": bool(errors and data),
        "error inside a list": any(isinstance(step, int) for step in paths),
        "null": _has_null(data),
    }
    return Counter(kind for kind, is_shown in shown.items() if is_shown)


def _nodes(part: object) -> Iterator[Node]:
    if isinstance(part, Node):
        yield part
        for key in part.keys:
            if key != "loc":
                yield from _nodes(getattr(part, key, None))
    elif isinstance(part, list | tuple):
        for one in part:
            yield from _nodes(one)


def _kinds_of(schema: GraphQLSchema, node: Node) -> Iterator[str]:
    match node:
        case VariableNode():
            yield "variable"
        case FieldNode(alias=alias) if alias is not None:
            yield "alias"
        case FragmentDefinitionNode():
            yield "fragment"
            if any(isinstance(one, FragmentSpreadNode) for one in _nodes(node.selection_set)):
                yield "nested fragment"
        case InlineFragmentNode():
            yield "inline fragment"
            yield from _abstract(schema, node)
        case DirectiveNode():
            by_variable = any(isinstance(one, VariableNode) for one in _nodes(node))
            how = "variable" if by_variable else "literal"
            yield f"@{node.name.value} by a {how}"
        case _:
            pass


def _abstract(schema: GraphQLSchema, node: InlineFragmentNode) -> Iterator[str]:
    kind = schema.type_map.get(node.type_condition.name.value) if node.type_condition else None
    if is_interface_type(kind):
        yield "fragment of an interface"
    elif any(is_union_type(one) and kind in one.types for one in schema.type_map.values()):
        yield "fragment of a union"


def _has_null(part: object) -> bool:
    if isinstance(part, dict | list):
        return any(map(_has_null, part.values() if isinstance(part, dict) else part))
    return part is None
