"""API keys: printed once and alone, listed without secrets, dead once they are revoked."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cli.running import invoke, role_of, run, started

KEY = re.compile(r"fub_live_([0-9a-f]{16})_[A-Za-z0-9_-]{43}")


def made(url: str, name: str = "backend") -> str:
    """A new key."""
    return invoke("keys", "create", "--name", name, DATABASE_URL=url).stdout.strip()


def test_create_prints_the_key_alone(sqlite_url: str, tmp_path: Path) -> None:
    done = run("keys", "create", "--name", "backend", folder=tmp_path, DATABASE_URL=sqlite_url)
    assert done.returncode == 0
    assert KEY.fullmatch(done.stdout.removesuffix("\n"))
    assert "not shown again" in done.stderr
    assert not KEY.search(done.stderr)


def test_create_works_on_a_database_without_tables(empty_url: str) -> None:
    assert KEY.fullmatch(made(empty_url))


def test_create_refuses_a_blank_name(sqlite_url: str) -> None:
    result = invoke("keys", "create", "--name", " ", DATABASE_URL=sqlite_url)
    assert result.exit_code == 1
    assert result.stderr == "name must not be empty.\n"
    assert result.stdout == ""


def test_list_shows_names_and_never_secrets(sqlite_url: str) -> None:
    keys = [made(sqlite_url, name) for name in ("backend", "night job")]
    result = invoke("keys", "list", DATABASE_URL=sqlite_url)
    assert result.exit_code == 0
    assert result.stdout.index("backend") < result.stdout.index("night job")
    for key in keys:
        _, _, id, secret = key.split("_", 3)
        assert id in result.stdout
        assert secret not in result.stdout


def test_list_of_none_says_how_to_make_one(sqlite_url: str) -> None:
    result = invoke("keys", "list", DATABASE_URL=sqlite_url)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "fubble keys create --name NAME" in result.stderr


def test_revoking_twice_changes_nothing(sqlite_url: str) -> None:
    id = made(sqlite_url).split("_")[2]
    first, second = (invoke("keys", "revoke", id, DATABASE_URL=sqlite_url) for _ in range(2))
    assert first.exit_code == second.exit_code == 0
    assert first.stdout == second.stdout
    assert f"Key {id} (backend) was revoked at " in first.stdout


def test_revoking_an_unknown_key_fails(sqlite_url: str) -> None:
    result = invoke("keys", "revoke", "0123456789abcdef", DATABASE_URL=sqlite_url)
    assert result.exit_code == 1
    assert result.stderr == "There is no such key.\n"


def test_a_key_works_over_http_until_it_is_revoked(sqlite_url: str, tmp_path: Path) -> None:
    key, other = made(sqlite_url), made(sqlite_url)
    with started("serve", "--port", "0", folder=tmp_path, DATABASE_URL=sqlite_url) as server:
        address = server.address()
        assert role_of(address, key) == "OPERATOR"
        invoke("keys", "revoke", key.split("_")[2], DATABASE_URL=sqlite_url)
        assert role_of(address, key) is None
        assert role_of(address, other) == "OPERATOR"
        assert "Bearer" not in server.err.read_text()
        assert key not in server.err.read_text()
