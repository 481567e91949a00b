"""Source text for selections of which the database writes what it can: objects become their JSON.

A row that is read for a selection comes with texts, `w0`, `w1`, …: its JSON, but for what only Python
knows or what must be waited for. An object is then its `Parts`, which are joined in the end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from types import NoneType
from typing import Any, Protocol, cast, get_args, get_type_hints

from graphql import (
    GraphQLLeafType,
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
from fubble_gql.reads.fields import Call, Field, Selected, field_of, row_class, row_columns
from fubble_gql.reads.leaves import Surprise
from fubble_gql.reads.parts import Parts, dumps, given


class Mode(IntEnum):
    """How much of an answer the database writes."""

    NOTHING = 0
    ROWS = 1
    """The JSON of rows."""
    TREES = 2
    """And in it that of other rows, which belong to them and which whoever sees them may see."""


class Writer(Protocol):
    """What the database can write."""

    def mode(self, context: Any) -> Mode:  # noqa: ANN401 - whatever an operation's context is
        """What it writes for this operation."""

    def column(self, hint: object, kind: GraphQLLeafType, name: str) -> str | None:
        """SQL for the JSON of a row's column as a text, null where it is null; None for Python's."""


@dataclass(slots=True)
class _Waiting:
    """A part that is waited for."""

    call: Call
    kind: GraphQLOutputType
    details: FieldDetailsList
    rows: Selected | None


@dataclass(slots=True)
class _Sql:
    """A part that the database writes."""

    text: str


@dataclass(slots=True)
class _Python:
    """A part by its expression."""

    source: str


_Text = str | _Sql
_Part = _Text | _Python | _Waiting


@dataclass(slots=True)
class _Shape:
    """A function that makes the parts of an object; `alone` is the only text that it is."""

    name: str
    alone: str | None = None


class TextCompiler(Compiler):
    """Writes plans whose rows come with texts."""

    def __init__(self, executor: Executor[Any], writer: Writer, mode: Mode) -> None:
        super().__init__(executor)
        self._writer, self._mode = writer, mode
        self._names |= {"dumps": dumps, "given": given, "Parts": Parts}
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
        run: list[_Text] = []

        def flush() -> None:
            if rows is not None and any(isinstance(part, _Sql) for part in run):
                made.append(f"o.w{len(rows.texts)}")
                rows.texts.append(_in_sql(run))
                self._is_used = True
            elif run:
                made.append(repr("".join(cast(list[str], run))))
            run.clear()

        for part in parts:
            if isinstance(part, str | _Sql):
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
        if found.mark.writes == "whole" and not self._object_text(get_named_type(kind), details):
            return None
        rows = Selected(frozenset())
        return rows if self._writes(kind, details, rows) else None

    def _object_text(self, kind: Any, details: FieldDetailsList) -> str | None:  # noqa: ANN401
        """SQL for the JSON of an object, where the database writes all that is selected of it."""
        parts: list[_Text] = []
        for key, inner in self._selected(kind, details).items():
            parts.append(f"{',' if parts else '{'}{json.dumps(key)}:")
            name = inner[0].node.name.value
            if name == "__typename":
                parts.append(json.dumps(kind.name))
                continue
            written = self._written(kind, field_of(kind, name), inner)
            if written is None:
                return None
            parts += written
        return _in_sql([*parts, "}"] if parts else ["{}"])

    def _need(self, parent: GraphQLObjectType, details: FieldDetailsList, rows: Selected) -> None:
        """The columns of the rows that a field needs which Python makes."""
        columns = self._columns_of(parent, row_columns(parent), details)
        if columns is None or rows.columns is None:
            raise Surprise
        rows.columns |= columns

    def _written(
        self, parent: GraphQLObjectType, found: Field, details: FieldDetailsList
    ) -> list[_Text] | None:
        """The parts of a field that the database writes wholly; None where it does not."""
        kind, is_required = found.graphql.type, is_non_null_type(found.graphql.type)
        inner: Any = kind.of_type if is_required else kind  # type: ignore[union-attr]
        written = found.mark.written
        if found.mark.within is not None and self._mode is Mode.TREES:
            item = self._object_text(get_named_type(kind), details)
            return None if item is None else [_Sql(found.mark.within(item))]
        if isinstance(written, Mapping):
            return self._written_object(inner, written, details) if is_required else None
        if not is_leaf_type(inner):
            return None
        if callable(written):
            written = written(parent.name)
        elif written is None and found.attribute in row_columns(parent):
            hint = get_type_hints(row_class(parent), include_extras=True)[found.attribute]
            if is_required and NoneType in get_args(hint):
                return None  # a null is an error there
            written = self._writer.column(hint, inner, found.attribute)
        if written is None:
            return None
        return [_Sql(f"({written})" if is_required else f"coalesce({written}, 'null')")]

    def _written_object(
        self, kind: GraphQLObjectType, written: Mapping[str, str], details: FieldDetailsList
    ) -> list[_Text] | None:
        parts: list[_Text] = []
        for key, inner in self._selected(kind, details).items():
            name = inner[0].node.name.value
            parts.append(f"{',' if parts else '{'}{json.dumps(key)}:")
            if name == "__typename":
                parts.append(json.dumps(kind.name))
            elif name in written:
                parts.append(_Sql(f"({written[name]})"))
            else:
                return None
        return [*parts, "}"] if parts else ["{}"]

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
        otherwise = "miss()" if is_required else "'null'"
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
                joined = f"return '[' + ','.join([x.{shape.alone} for x in v]) + ']'"
                self._define(name, "v", ["if v.__class__ is str: return v", check, joined])
                return name
            made = f"({shape.name}(x, r) if x is not None else miss())"
        else:
            made = self._part(item, "x", details, Scope(name), rows)
        body = ["p = Parts('[')", f"for x in v: p += ({made}, ',')"]
        end = ["if v: p[-1] = ']'", "else: p.append(']')", "return p"]
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


def _merged(run: Sequence[_Text]) -> list[_Text]:
    made: list[_Text] = []
    for part in run:
        if isinstance(part, str) and made and isinstance(made[-1], str):
            made[-1] += part
        else:
            made.append(part)
    return made


def _in_sql(run: Sequence[_Text]) -> str:
    return " || ".join(
        part.text if isinstance(part, _Sql) else _quoted(part) for part in _merged(run)
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
