"""The exported schema keeps the contract, describes itself, and matches the files in the tree."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    BreakingChange,
    GraphQLArgument,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLSchema,
    find_breaking_changes,
)
from graphql import build_schema as read_schema

from fubble_gql.api.schema import print_schema

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "schema" / "schema.graphql"
CONTRACT = ROOT / "schema" / "contract.graphql"

# What later issues bring: nothing is left of it.
TO_COME: set[str] = set()
_REMOVED = re.compile(r"(?:Field |Argument )?(\S+) was removed\.")


@pytest.fixture(scope="module")
def contract() -> GraphQLSchema:
    """What clients were promised."""
    return read_schema(CONTRACT.read_text("utf-8"))


@pytest.fixture(scope="module")
def exported() -> GraphQLSchema:
    """The schema as it is printed, read by graphql-core."""
    return read_schema(print_schema())


def test_the_exported_schema_breaks_nothing_but_what_is_to_come(
    contract: GraphQLSchema, exported: GraphQLSchema
) -> None:
    assert {named(change) for change in find_breaking_changes(contract, exported)} == TO_COME


def named(change: BreakingChange) -> str:
    """Its kind and its subject, as in "FIELD_REMOVED Customer.invoices"."""
    removed = _REMOVED.fullmatch(change.description)
    return f"{change.type.name} {removed[1] if removed else change.description}"


def test_every_one_of_input_is_still_one(contract: GraphQLSchema, exported: GraphQLSchema) -> None:
    promised = one_of_inputs(contract)

    assert promised == {"CustomerRef", "MetricRef", "PlanRef", "PricingInput"}
    assert one_of_inputs(exported) == promised


def one_of_inputs(schema: GraphQLSchema) -> set[str]:
    """The inputs that take exactly one of their fields."""
    return {
        name
        for name, kind in schema.type_map.items()
        if isinstance(kind, GraphQLInputObjectType) and kind.is_one_of
    }


def test_the_roots_are_the_same_types(contract: GraphQLSchema, exported: GraphQLSchema) -> None:
    assert exported.query_type is exported.type_map["Query"]
    assert exported.mutation_type is exported.type_map["Mutation"]
    assert contract.subscription_type is contract.type_map["Subscription"]
    # No other type may take the name of the root that is to come.
    assert exported.type_map.get("Subscription") is exported.subscription_type


def test_the_schema_file_is_what_the_code_exports() -> None:
    assert SCHEMA.read_text("utf-8") == print_schema()


def test_everything_in_the_schema_is_described(exported: GraphQLSchema) -> None:
    assert sorted(undescribed(exported)) == []


def undescribed(schema: GraphQLSchema) -> Iterator[str]:
    """Everything in a schema that has no description."""
    for kind in schema.type_map.values():
        if kind.name.startswith("__"):
            continue
        if not kind.description or kind.description.startswith(f"{kind.name}("):
            yield kind.name  # what dataclasses write by themselves describes nothing
        for name, part in parts(kind):
            if not part.description:
                yield f"{kind.name}.{name}"


def parts(
    kind: GraphQLNamedType,
) -> Iterator[tuple[str, GraphQLField | GraphQLInputField | GraphQLEnumValue | GraphQLArgument]]:
    """Its values, its fields and their arguments."""
    yield from getattr(kind, "values", {}).items()
    for name, field in getattr(kind, "fields", {}).items():
        yield name, field
        for argument, definition in getattr(field, "args", {}).items():
            yield f"{name}({argument}:)", definition


def test_what_is_not_described_is_found() -> None:
    schema = read_schema(
        '"Query()" type Query { a(b: Int): C } "C." enum C { D } "E." input E { f: Int }'
    )

    assert list(undescribed(schema)) == ["Query", "Query.a", "Query.a(b:)", "C.D", "E.f"]


def test_the_tables_are_what_the_migrations_make(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "migrations", tmp_path / "migrations")
    before = sorted(file.name for file in (tmp_path / "migrations").glob("*.py"))

    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "tortoise",
            "-c",
            "fubble_gql.db.tortoise_cli.TORTOISE_ORM",
            "makemigrations",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stdout.strip() == "No changes detected"
    assert sorted(file.name for file in (tmp_path / "migrations").glob("*.py")) == before
