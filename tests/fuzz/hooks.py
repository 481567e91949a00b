"""What schemathesis is told (SCHEMATHESIS_HOOKS): our scalars, and what counts as a failure."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import graphql
import schemathesis
from hypothesis import strategies as st
from schemathesis.graphql import nodes, scalar

_TEXTS = st.text(max_size=20)
_NUMBERS = st.decimals(-(10**6), 10**6, allow_nan=False, allow_infinity=False, places=3).map(str)
_INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001
    lambda instant: f"{instant.isoformat()}Z"
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.from_regex("[a-z]{1,9}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=10,
)


def mostly(good: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Texts that the scalar takes, and one in ten that it need not take."""
    return st.integers(0, 9).flatmap(lambda tenth: good if tenth else _TEXTS)


def literal(value: Any) -> graphql.ValueNode:  # noqa: ANN401 - JSON
    """A JSON value as it is written in a document."""
    if isinstance(value, dict):
        fields = [
            graphql.ObjectFieldNode(name=graphql.NameNode(value=name), value=literal(inner))
            for name, inner in value.items()
        ]
        return graphql.ObjectValueNode(fields=tuple(fields))
    if isinstance(value, list):
        return graphql.ListValueNode(values=tuple(map(literal, value)))
    return graphql.parse_value(json.dumps(value))


scalar("BigInt", mostly(st.integers(0, 2**40).map(str)).map(nodes.String))
scalar("DateTime", mostly(_INSTANTS).map(nodes.String))
scalar("Decimal", mostly(_NUMBERS).map(nodes.String))
scalar("JSON", st.dictionaries(st.from_regex("[a-z]{1,9}", fullmatch=True), _JSON).map(literal))


@schemathesis.check
def no_surprise(ctx: Any, response: Any, case: Any) -> None:  # noqa: ANN401 - as it wants it
    """Any refusal will do, as long as it is one of ours."""
    assert response.status_code < 500
    assert '"code":"INTERNAL"' not in response.text
