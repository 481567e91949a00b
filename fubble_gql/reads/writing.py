"""What a database can write of an answer, and how texts are put together in SQL."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from types import NoneType
from typing import Any, Protocol, get_args, get_type_hints

from graphql import (
    GraphQLLeafType,
    GraphQLObjectType,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetailsList

from fubble_gql.reads.code import Compiler
from fubble_gql.reads.fields import Field, field_of, row_class, row_columns


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
class Sql:
    """A part that the database writes."""

    text: str


Text = str | Sql


class SqlCompiler(Compiler):
    """Finds what of a selection the database writes."""

    def __init__(self, executor: Executor[Any], writer: Writer, mode: Mode) -> None:
        super().__init__(executor)
        self._writer, self._mode = writer, mode
        self._inside: list[str] = []

    def _object_parts(
        self,
        kind: Any,  # noqa: ANN401
        details: FieldDetailsList,
        of: Callable[[FieldDetailsList], list[Text] | None],
    ) -> list[Text] | None:
        """An object, where the database writes all that is selected of it: `of` a field, its parts."""
        parts: list[Text] = []
        for key, inner in self._selected(kind, details).items():
            is_name = inner[0].node.name.value == "__typename"
            written = [json.dumps(kind.name)] if is_name else of(inner)
            if written is None:
                return None
            parts += [f"{',' if parts else '{'}{json.dumps(key)}:", *written]
        return [*parts, "}"] if parts else ["{}"]

    def _written(
        self, parent: GraphQLObjectType, found: Field, details: FieldDetailsList
    ) -> list[Text] | None:
        """The parts of a field that the database writes wholly; None where it does not."""
        kind, is_required = found.graphql.type, is_non_null_type(found.graphql.type)
        inner: Any = kind.of_type if is_required else kind  # type: ignore[union-attr]
        written = found.mark.written
        if found.mark.within is not None and self._mode is Mode.TREES:
            item = self._written_item(get_named_type(kind), details)
            return None if item is None else [Sql(found.mark.within(item))]
        if isinstance(written, Mapping):
            return self._mapped(inner, details, written) if is_required else None
        sql = self._leaf_text(parent, found, inner) if is_leaf_type(inner) else None
        if sql is None:
            return None
        return [Sql(f"({sql})" if is_required else f"coalesce({sql}, 'null')")]

    def _leaf_text(
        self, parent: GraphQLObjectType, found: Field, kind: GraphQLLeafType
    ) -> str | None:
        """SQL for the JSON of a leaf, null where it is null; None where the database does not write it."""
        written, column = found.mark.written, found.attribute
        if callable(written):
            return written(parent.name)
        if isinstance(written, str):
            return written
        is_hidden = found.mark.is_hidden and self._mode is not Mode.TREES
        if column is None or column not in row_columns(parent) or is_hidden:
            return None
        hint = get_type_hints(row_class(parent), include_extras=True)[column]
        if is_non_null_type(found.graphql.type) and NoneType in get_args(hint):
            return None  # a null is an error there
        return self._writer.column(hint, kind, column)

    def _mapped(
        self,
        kind: Any,  # noqa: ANN401
        details: FieldDetailsList,
        written: Mapping[str, str],
    ) -> list[Text] | None:
        """An object by SQL for each field; one of several types as far as all have the same."""
        if is_object_type(kind):
            return self._object_parts(kind, details, _of(written))
        if not is_abstract_type(kind):
            return None
        possible = self._executor.schema.get_possible_types(kind)
        first, *others = [self._only_names(one, details) for one in possible]
        if first is None or any(other != first for other in others):
            return None
        name = Sql(f"({written['__typename']})")
        parts: list[Text] = []
        for key in first:
            parts += [f"{',' if parts else '{'}{json.dumps(key)}:", name]
        return [*parts, "}"]

    def _only_names(self, kind: GraphQLObjectType, details: FieldDetailsList) -> list[str] | None:
        """The keys of the selected fields where each is the type's name."""
        fields = self._selected(kind, details)
        are_names = all(one[0].node.name.value == "__typename" for one in fields.values())
        return [*fields] if fields and are_names else None

    def _written_item(self, kind: Any, details: FieldDetailsList) -> str | None:  # noqa: ANN401
        """SQL for the JSON of an object of its own row, which is not inside another of its type.

        There a column's name would mean two rows.
        """
        if kind.name in self._inside:
            return None
        self._inside.append(kind.name)
        parts = self._object_parts(
            kind,
            details,
            lambda inner: self._written(kind, field_of(kind, inner[0].node.name.value), inner),
        )
        self._inside.pop()
        return None if parts is None else in_sql(parts)


def _of(written: Mapping[str, str]) -> Callable[[FieldDetailsList], list[Text] | None]:
    """The parts of a field by SQL for each that there is."""

    def parts(details: FieldDetailsList) -> list[Text] | None:
        found = written.get(details[0].node.name.value)
        return None if found is None else [Sql(f"({found})")]

    return parts


def _merged(run: Sequence[Text]) -> list[Text]:
    made: list[Text] = []
    for part in run:
        if isinstance(part, str) and made and isinstance(made[-1], str):
            made[-1] += part
        else:
            made.append(part)
    return made


def in_sql(run: Sequence[Text]) -> str:
    """One expression for parts that follow each other."""
    return " || ".join(
        part.text if isinstance(part, Sql) else _quoted(part) for part in _merged(run)
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
