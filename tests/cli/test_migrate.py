"""Migrations: what was applied is told, and processes that start together all succeed."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path

from tests.cli.running import PATIENCE_SECONDS, invoke, role_of, started


def test_the_first_time_applies_and_the_second_finds_nothing(empty_url: str) -> None:
    first, second = (invoke("migrate", DATABASE_URL=empty_url) for _ in range(2))
    assert first.exit_code == second.exit_code == 0
    assert re.fullmatch(r"(Applied \d{4}_\w+\n)+", first.stdout)
    assert second.stdout == "Nothing to do: the database is up to date.\n"


def test_four_migrations_at_once_apply_each_step_once(empty_url: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        together = [
            stack.enter_context(started("migrate", folder=tmp_path, DATABASE_URL=empty_url))
            for _ in range(4)
        ]
        codes = [one.process.wait(PATIENCE_SECONDS) for one in together]
    assert codes == [0, 0, 0, 0]
    told = sorted(one.out.read_text() for one in together)
    assert told[0].startswith("Applied ")
    assert told[1:] == ["Nothing to do: the database is up to date.\n"] * 3


def test_four_servers_at_once_all_answer(empty_url: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        servers = [
            stack.enter_context(
                started("serve", "--port", "0", folder=tmp_path, DATABASE_URL=empty_url)
            )
            for _ in range(4)
        ]
        addresses = [server.address() for server in servers]
        key = invoke("keys", "create", "--name", "test", DATABASE_URL=empty_url).stdout.strip()
        assert [role_of(address, key) for address in addresses] == ["OPERATOR"] * 4
        assert [server.stop() for server in servers] == [0, 0, 0, 0]
    applied = [event["migrations_applied"] for one in servers for event in one.events("serving")]
    assert sorted(map(bool, applied)) == [False, False, False, True]
