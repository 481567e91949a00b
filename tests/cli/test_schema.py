"""The schema: exported, and compared with the committed file."""

from __future__ import annotations

from pathlib import Path

from graphql import build_schema

from fubble_gql.api.schema import print_schema
from tests.cli.running import invoke


def test_the_schema_is_printed_as_it_is() -> None:
    result = invoke("schema")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == print_schema()
    assert build_schema(result.stdout).query_type


def test_what_is_written_to_a_file_passes_the_check(tmp_path: Path) -> None:
    file = tmp_path / "schema.graphql"
    assert invoke("schema", "--output", str(file)).exit_code == 0
    result = invoke("schema", "--check", str(file))
    assert result.exit_code == 0
    assert result.stdout == f"{file} is the schema of this version.\n"


def test_drift_fails_and_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "schema.graphql"
    file.write_text(print_schema().replace("enum MetricType {", "enum MetricKind {"))
    result = invoke("schema", "--check", str(file))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "\n-enum MetricKind {\n+enum MetricType {\n" in result.stderr
    assert f"fubble schema --output {file}" in result.stderr


def test_a_file_that_is_not_there_fails(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere" / "schema.graphql"
    for option in ("--check", "--output"):
        result = invoke("schema", option, str(missing))
        assert result.exit_code == 1
        assert "No such file or directory" in result.stderr
