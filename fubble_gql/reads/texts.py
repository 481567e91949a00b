"""Source text for selections of which the database writes what it can: objects become their JSON.

A row that is read for a selection comes with texts, `w0`, `w1`, …: its JSON, but for what only Python
knows or what must be waited for. An object is then its `Parts`, which are joined in the end.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson
from graphql import (
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet

from fubble_gql.reads.code import Compiler, Plan, Scope
from fubble_gql.reads.fields import Call, Field, Selected, field_of, row_columns
from fubble_gql.reads.leaves import Surprise
from fubble_gql.reads.parts import Parts, given
from fubble_gql.reads.writing import Mode, Sql, SqlCompiler, Text, Writer, in_sql


@dataclass(slots=True)
class _Waiting:
    """A part that is waited for."""

    call: Call
    kind: GraphQLOutputType
    details: FieldDetailsList
    rows: Selected | None


@dataclass(slots=True)
class _Python:
    """A part by its expression."""

    source: str


_Part = Text | _Python | _Waiting


@dataclass(slots=True)
class _Shape:
    """A function that makes the parts of an object; `alone` is the only text that it is."""

    name: str
    alone: str | None = None


class TextCompiler(SqlCompiler):
    """Writes plans whose rows come with texts."""

    def __init__(self, executor: Executor[Any], writer: Writer, mode: Mode) -> None:
        super().__init__(executor, writer, mode)
        self._names |= {"dumps": orjson.dumps, "given": given, "Parts": Parts}
        self._is_used = False
        self._known: dict[tuple[object, ...], bool] = {}

    def plan(self, root: GraphQLObjectType, fields: GroupedFieldSet) -> Plan:
        """The whole selection; without any text where the database writes nothing of it."""
        shape = self._parts(root, fields, None, is_root=True)
        if not self._is_used:
            return Compiler(self._executor).plan(root, fields)
        return self._finished(shape.name, are_parts=True)

    def _parts(
        self,
        kind: GraphQLObjectType,
        fields: GroupedFieldSet,
        rows: Selected | None,
        *,
        is_root: bool = False,
    ) -> _Shape:
        """The function for objects of a type."""
        scope = Scope(self._name("parts"), looks_at_object=is_root)
        found: list[_Part] = []
        for key, details in fields.items():
            found.append(f"{',' if found else '{'}{json.dumps(key)}:")
            found += self._field_parts(kind, details, scope, rows)
        known = len(rows.texts) if rows else 0
        made = [*self._merged([*found, "}"] if found else ["{}"], rows)]
        if len(made) == 1 and isinstance(made[0], str) and made[0].startswith("o.w"):
            self._define(scope.name, "o", [f"return {made[0]}"])
            return _Shape(scope.name, made[0].removeprefix("o."))
        if rows and len(rows.texts) > known:
            rows.singly = True
        if not scope.looks_at_object:
            scope.before.append("if o is None or isinstance(o, BaseException): miss()")
        for place, part in enumerate(made):
            if isinstance(part, _Waiting):
                scope.after.append(f"r[{self._wait(part, place)}].append((o, p))")
        sources = ", ".join("None" if isinstance(part, _Waiting) else part for part in made)
        body = [f"p = Parts(({sources},))", *scope.after, "return p"]
        self._define(scope.name, "o", [*scope.before, *body])
        return _Shape(scope.name)

    def _merged(self, parts: Sequence[_Part], rows: Selected | None) -> Sequence[str | _Waiting]:
        """Expressions for the parts: neighbours that the database writes, or nobody, are one."""
        made: list[str | _Waiting] = []
        run: list[Text] = []

        def flush() -> None:
            if rows is not None and any(isinstance(part, Sql) for part in run):
                made.append(f"o.w{len(rows.texts)}")
                rows.texts.append(in_sql(run))
                self._is_used = True
            elif run:
                made.append(repr("".join(cast(list[str], run)).encode()))
            run.clear()

        for part in parts:
            if isinstance(part, str | Sql):
                run.append(part)
                continue
            flush()
            made.append(part if isinstance(part, _Waiting) else part.source)
        flush()
        return made

    def _field_parts(
        self,
        parent: GraphQLObjectType,
        details: FieldDetailsList,
        scope: Scope,
        rows: Selected | None,
    ) -> list[_Part]:
        self._fields += 1
        node = details[0].node
        if node.name.value == "__typename":
            return [json.dumps(parent.name)]
        if details[0].fragment_variable_values is not None:
            raise Surprise
        found = field_of(parent, node.name.value)
        kind = found.graphql.type
        if rows is not None and (written := self._written(parent, found, details)) is not None:
            return [*written]
        if rows is not None and not (found.mark.passes_rows and self._writes(kind, details, rows)):
            self._need(parent, details, rows)
            # What passes rows on without a text still counts them, so that they must be a list.
            rows.singly |= found.mark.passes_rows
        if (attribute := found.attribute) is not None:
            scope.looks_at_object = True
            below = rows if found.mark.passes_rows else None
            return [_Python(self._part(kind, f"o.{attribute}", details, scope, below))]
        below = self._below(found, kind, details, rows)
        call = Call(found, node, below or Selected(self._columns(kind, details)))
        if found.is_async or found.mark.many is not None:
            return [_Waiting(call, kind, details, below)]
        return [_Python(self._part(kind, self._called(call), details, scope, below))]

    def _below(
        self,
        found: Field,
        kind: GraphQLOutputType,
        details: FieldDetailsList,
        rows: Selected | None,
    ) -> Selected | None:
        """What is selected of the rows below a field, where they come with texts."""
        if found.mark.passes_rows:
            return rows
        if not found.mark.writes or self._columns(kind, details) is None:
            return None
        rows = Selected(frozenset())
        return rows if self._writes(kind, details, rows) else None

    def _need(self, parent: GraphQLObjectType, details: FieldDetailsList, rows: Selected) -> None:
        """The columns of the rows that a field needs which Python makes."""
        columns = self._columns_of(parent, row_columns(parent), details)
        if columns is None or rows.columns is None:
            raise Surprise
        rows.columns |= columns

    def _part(
        self,
        kind: GraphQLOutputType,
        source: str,
        details: FieldDetailsList,
        scope: Scope,
        rows: Selected | None,
    ) -> str:
        """The expression for a part that Python makes of another expression's value."""
        is_required = is_non_null_type(kind)
        inner: Any = kind.of_type if is_required else kind  # type: ignore[union-attr]
        if is_leaf_type(inner):
            return f"dumps({self._leaf(inner, source, scope, is_required=is_required)})"
        if not self._writes(inner, details, rows):
            return f"given({self._value(kind, source, details, scope)})"
        name = self._list_parts(inner.of_type, details, rows) if is_list_type(inner) else ""
        if not name:
            shape = self._parts(inner, self._selected(inner, details), rows)
            name = shape.name
            if shape.alone and rows is not None:
                rows.singly = True
        bound, test = scope.bound(source)
        otherwise = "miss()" if is_required else "b'null'"
        return f"({name}({bound}, r) if {test} is not None else {otherwise})"

    def _list_parts(
        self, item: GraphQLOutputType, details: FieldDetailsList, rows: Selected | None
    ) -> str:
        name = self._name("list_parts")
        check = "if v.__class__ is not list and v.__class__ is not tuple: miss()"
        if is_non_null_type(item) and is_object_type(item.of_type):
            shape = self._parts(item.of_type, self._selected(item.of_type, details), rows)
            if shape.alone and rows is not None:
                rows.lists = True
                joined = f"return b'[' + b','.join([x.{shape.alone} for x in v]) + b']'"
                self._define(name, "v", ["if v.__class__ is bytes: return v", check, joined])
                return name
            made = f"({shape.name}(x, r) if x is not None else miss())"
        else:
            made = self._part(item, "x", details, Scope(name), rows)
        body = ["p = Parts((b'[',))", f"for x in v: p += ({made}, b',')"]
        end = ["if v: p[-1] = b']'", "else: p.append(b']')", "return p"]
        self._define(name, "v", [check, *body, *end])
        return name

    def _writes(
        self, kind: GraphQLOutputType, details: FieldDetailsList, rows: Selected | None
    ) -> bool:
        """Whether the database writes anything in it."""
        asked = get_named_type(kind).name, rows is None, *(id(one.node) for one in details)
        if asked not in self._known:
            self._known[asked] = self._finds_written(get_named_type(kind), details, rows)
        return self._known[asked]

    def _finds_written(
        self,
        kind: GraphQLNamedType,
        details: FieldDetailsList,
        rows: Selected | None,
    ) -> bool:
        if not is_object_type(kind):
            return False
        for inner in self._selected(kind, details).values():
            if inner[0].node.name.value == "__typename":
                continue
            found = field_of(kind, inner[0].node.name.value)
            if rows is not None and self._written(kind, found, inner) is not None:
                return True
            below = self._below(found, found.graphql.type, inner, rows)
            if self._writes(found.graphql.type, inner, below):
                return True
        return False

    def _wait(self, part: _Waiting, place: int) -> int:
        """The slot of a part that is waited for."""
        slot, name = self._slot(), self._name("done")
        self._waits.append((slot, place, part.call, name))
        made = self._part(part.kind, "v", part.details, Scope(name), part.rows)
        self._define(name, "v", [f"return {made}"])
        return slot
