"""Settings: all of them listed, each refused by its name when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from fubble_gql.config import Settings
from tests.cli.running import invoke, run

WRONG = [
    ("DATABASE_URL", "mysql://localhost/fubble", "must start with sqlite:// (a file)"),
    ("DATABASE_URL", "", "must start with sqlite:// (a file)"),
    ("DATABASE_URL", "sqlite://", "needs a file, as in sqlite://fubble.sqlite3"),
    ("DATABASE_URL", "postgresql://localhost", "needs a database"),
    ("DATABASE_URL", "postgresql://localhost:port/fubble", "is not an address: Port"),
    ("SECRET_KEY", "hunter2", "needs at least 32 bytes"),
    ("PORTAL_URL", "ftp://example.com/", "must start with https://"),
    ("PORTAL_URL", "https://", "must start with https://"),
    ("PORTAL_URL", "http://[::1/", "is not an address: Invalid"),
    ("PORTAL_URL", "https://example.com/#here", "must not have a fragment"),
    ("DATABASE_POOL_SIZE", "many", "must be a valid integer"),
    ("DATABASE_POOL_SIZE", "0", "must be greater than or equal to 1"),
    ("DATABASE_WAIT_SECONDS", "0", "must be greater than or equal to 1"),
    ("STATEMENT_SECONDS", "1.5", "must be a valid integer"),
    ("REQUESTS_MAX", "0", "must be greater than or equal to 1"),
    ("REQUEST_BYTES_MAX", "1", "must be greater than or equal to 1000"),
    ("INGEST_BYTES_MAX", "1.5", "must be a valid integer"),
    ("INFLIGHT_BYTES_MAX", "15999999", "must be at least FUBBLE_INGEST_BYTES_MAX"),
    ("BODY_SECONDS", "0", "must be greater than or equal to 1"),
    ("DOCUMENT_TOKENS_MAX", "99", "must be greater than or equal to 100"),
    ("DOCUMENT_OPERATIONS_MAX", "0", "must be greater than or equal to 1"),
    ("DOCUMENT_ROOT_FIELDS_MAX", "0", "must be greater than or equal to 1"),
    ("DOCUMENT_FIELDS_MAX", "9", "must be greater than or equal to 10"),
    ("DOCUMENT_DEPTH_MAX", "101", "must be less than or equal to 100"),
    ("DOCUMENT_ALIASES_MAX", "-1", "must be greater than or equal to 0"),
    ("DOCUMENT_DIRECTIVES_MAX", "many", "must be a valid integer"),
    ("DOCUMENT_COST_MAX", "1", "must be greater than or equal to 100"),
    ("OPERATION_SECONDS", "1", "must be greater than or equal to 2"),
    ("CORS_ORIGINS", "*", "must list origins such as https://app.example.com"),
    ("CORS_ORIGINS", "https://a.example/path", "must list origins"),
    ("CORS_ORIGINS", "https://a.example,,", "must list origins"),
    ("CORS_ORIGINS", "null", "must list origins"),
    ("SOCKETS_MAX", "0", "must be greater than or equal to 1"),
    ("SUBSCRIPTIONS_MAX", "0", "must be greater than or equal to 1"),
    ("INTROSPECTION", "perhaps", "must be a valid boolean"),
    ("GRAPHIQL", "", "must be a valid boolean"),
    ("COMPILED_READS", "some", "must be a valid boolean"),
    ("METRICS", "some", "must be a valid boolean"),
    ("METRICS_TOKEN", "short", "needs at least 16 characters"),
    ("LOG_LEVEL", "debug", "must be 'info', 'warning' or 'error'"),
    ("SELLER_NAME", "x" * 256, "must have at most 255 characters"),
    ("SELLER_ADDRESS", "x" * 10_001, "must have at most 10000 characters"),
    ("SELLER_TAX_ID", "x" * 256, "must have at most 255 characters"),
    ("PAYMENT_TERMS_DAYS", "366", "must be less than or equal to 365"),
    ("BILLING_RUN_SECONDS", "60", "must be less than FUBBLE_OPERATION_SECONDS"),
    ("BILLING_RUN_SECONDS", "0", "must be greater than or equal to 1"),
]


def test_every_setting_has_a_wrong_value_here() -> None:
    assert {name for name, _, _ in WRONG} == {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize(("name", "text", "reason"), WRONG)
def test_a_wrong_setting_is_refused_by_its_name(name: str, text: str, reason: str) -> None:
    result = invoke("migrate", **{name: text})
    assert result.exit_code == 2
    assert result.stderr.startswith(f"FUBBLE_{name} {reason}")
    assert result.stdout == ""


def test_a_misspelt_setting_is_refused_and_makes_no_database(tmp_path: Path) -> None:
    done = run("migrate", folder=tmp_path, DATABSE_URL="postgresql://a@b/c", LOGLEVEL="info")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "FUBBLE_DATABSE_URL is no setting; FUBBLE_DATABASE_URL is.",
        "FUBBLE_LOGLEVEL is no setting; FUBBLE_LOG_LEVEL is.",
    ]
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_setting_of_ours_may_begin_like_one(sqlite_url: str) -> None:
    others = {"TEST_DATABASE_URL": "x", "SERVER": "http://127.0.0.1:8000"}
    assert invoke("migrate", DATABASE_URL=sqlite_url, **others).exit_code == 0


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    wrong = {"SECRET_KEY": "hunter2", "DATABASE_POOL_SIZE": "many"}
    done = run("serve", folder=tmp_path, **wrong)
    assert done.returncode == 2
    assert [line.split()[0] for line in done.stderr.splitlines()] == [
        "FUBBLE_SECRET_KEY",
        "FUBBLE_DATABASE_POOL_SIZE",
    ]
    assert "hunter2" not in done.stderr


def test_help_of_serve_lists_every_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    text = " ".join(invoke("serve", "--help").stdout.replace("│", " ").split())
    for name, field in Settings.model_fields.items():
        assert f"FUBBLE_{name.upper()} " in text
        assert field.description
        assert field.description in text
    assert "[default: sqlite://fubble.sqlite3]" in text
    assert "[default: true]" in text


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://clerk:hunter2@127.0.0.1:1/fubble", "Connect call failed"),
        ("postgresql://clerk:hunter2@nowhere.invalid/fubble", "not"),
        ("sqlite:///nowhere/fubble.sqlite3", "No such file or directory"),
    ],
)
def test_a_database_that_cannot_be_reached_is_named_without_its_password(
    url: str, reason: str, tmp_path: Path
) -> None:
    done = run("serve", "--port", "0", folder=tmp_path, DATABASE_URL=url)
    assert done.returncode == 1
    assert done.stderr.startswith(f"The database {url.replace(':hunter2', '')} cannot be used: ")
    assert reason in done.stderr
    assert "FUBBLE_DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear customer, " * 100)
    result = invoke("keys", "list", DATABASE_URL=f"sqlite://{file}")
    assert result.exit_code == 1
    assert "file is not a database" in result.stderr


@pytest.mark.parametrize("url", ["postgresql://localhost:99999/x", "postgresql://[::1/x"])
def test_a_wrong_address_leaves_no_traceback_anywhere(url: str, tmp_path: Path) -> None:
    helped = run("--help", folder=tmp_path, DATABASE_URL=url)
    assert (helped.returncode, helped.stderr) == (0, "")
    migrated = run("migrate", folder=tmp_path, DATABASE_URL=url)
    assert migrated.returncode == 2
    assert "Traceback" not in migrated.stderr
    assert migrated.stderr.startswith("FUBBLE_DATABASE_URL is not an address")
