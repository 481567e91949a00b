"""The demo: loads, prints an address and a key, answers; whole again after it was killed."""

from __future__ import annotations

import asyncio
import re
import socket
import stat
import webbrowser
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from fubble_gql.cli import demo
from fubble_gql.db.setup import open_database
from fubble_gql.demo.customers import COMPANIES
from fubble_gql.demo.folder import Folder, Progress
from fubble_gql.demo.story import beginning, terms
from fubble_gql.demo.usage import Usage
from tests.cli.running import PATIENCE_SECONDS, Running, ask, run, started
from tests.demo.counting import rows_in

ARGUMENTS = ("demo", "--no-browser", "--port", "0", "--folder", "demo", "--every-days")
QUESTION = "{ customers(first: 1) { totalCount nodes { invoicePreview { total { amount } } } } }"

SESSION = f"""
mutation {{ createPortalSession(customer: {{key: "{COMPANIES[0].key}"}}) {{ url }} }}
"""
VIEWER = "{ viewer { customer { key } } }"


def welcome(server: Running) -> tuple[str, str]:
    """The address and the key that it prints, once it has loaded."""
    shape = re.compile(r"GraphiQL  (http://127\.0\.0\.1:\d+/graphql)\n  Key       (fub_live_\S+)\n")
    found = server.wait_for(lambda: shape.search(server.out.read_text()))
    return found[1], found[2]


def totals(folder: Folder) -> dict[str, int]:
    """How many rows there are."""

    async def count() -> dict[str, int]:
        async with open_database(folder.database_url) as connection:
            return await rows_in(connection, *expected(folder))

    return asyncio.run(count())


def expected(folder: Folder) -> dict[str, int]:
    """How many rows there must be, by what the folder says of itself."""
    progress = folder.progress()
    assert progress is not None
    usage = Usage(progress.begun_at, progress.every_days)
    return {
        "usage_event": len(usage.between(beginning(progress.begun_at), progress.loaded_until)),
        "customer": len(COMPANIES),
        "plan_subscription": len(terms(progress.begun_at)),
        "plan": 18 + 3,
        "metric": 20,
        "api_key": 1,
    }


def records(progress: Progress) -> bool:
    """Whether usage is being recorded already."""
    return progress.loaded_until > beginning(progress.begun_at)


def test_the_demo_answers_with_its_key_and_starts_again_with_the_same(tmp_path: Path) -> None:
    with started(*ARGUMENTS, "20", folder=tmp_path) as server:
        url, key = welcome(server)
        answer = ask(url, key, QUESTION)
        assert answer["data"]["customers"]["totalCount"] == len(COMPANIES)
        page = httpx.get(url, headers={"Accept": "text/html"}, timeout=PATIENCE_SECONDS).text
        assert key in page
        link = ask(url, key, SESSION)["data"]["createPortalSession"]["url"]
        portal, token = link.split("#token=")
        assert portal == url.removesuffix("/graphql") + "/portal/"
        assert "already there" not in server.out.read_text()
        assert server.stop() == 0
        assert server.err.read_text().strip() == ""
    folder = Folder(tmp_path / "demo")
    assert totals(folder) == expected(folder)
    with started(*ARGUMENTS, "20", folder=tmp_path) as server:
        url, same_key = welcome(server)
        assert "already there" in server.out.read_text()
        assert same_key == key
        assert ask(url, token, VIEWER)["data"]["viewer"]["customer"]["key"] == COMPANIES[0].key
        assert ask(url, key, QUESTION)["data"]["customers"]["totalCount"] == len(COMPANIES)
    assert totals(folder) == expected(folder)


def test_the_key_is_for_its_owner_only_and_not_in_the_database(tmp_path: Path) -> None:
    with started(*ARGUMENTS, "60", folder=tmp_path) as server:
        _, key = welcome(server)
    file = tmp_path / "demo" / "key"
    assert file.read_text() == key + "\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE((file.parent / "secret-key").stat().st_mode) == 0o600
    secret = key.split("_", 3)[3].encode()
    for stored in file.parent.glob("fubble.sqlite3*"):
        assert secret not in stored.read_bytes()


def test_a_revoked_key_is_replaced(tmp_path: Path) -> None:
    with started(*ARGUMENTS, "60", folder=tmp_path) as server:
        _, key = welcome(server)
    url = Folder(tmp_path / "demo").database_url
    run("keys", "revoke", key.split("_")[2], folder=tmp_path, DATABASE_URL=url)
    with started(*ARGUMENTS, "60", folder=tmp_path) as server:
        address, new_key = welcome(server)
        assert new_key != key
        assert "data" in ask(address, new_key, QUESTION)
        assert "data" not in ask(address, key, QUESTION)


@pytest.mark.parametrize(
    "is_midway",
    [
        pytest.param(lambda progress: not records(progress), id="while-creating"),
        pytest.param(records, id="while-recording"),
    ],
)
def test_killed_in_the_middle_it_completes_without_doubling(
    is_midway: Callable[[Progress], bool], tmp_path: Path
) -> None:
    folder = Folder(tmp_path / "demo")

    def midway() -> Progress | None:
        progress = folder.progress()
        return progress if progress is not None and is_midway(progress) else None

    with started(*ARGUMENTS, "4", folder=tmp_path) as server:
        begun_at = server.wait_for(midway).begun_at
        server.process.kill()
    killed = folder.progress()
    assert killed is not None
    assert not killed.is_complete
    with started(*ARGUMENTS, "4", folder=tmp_path) as server:
        welcome(server)
        assert "already there" not in server.out.read_text()
    completed = folder.progress()
    assert completed is not None
    assert completed.is_complete
    assert completed.begun_at == begun_at
    assert totals(folder) == expected(folder)


def test_a_busy_port_is_told_before_anything_is_loaded(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        done = run("demo", "--no-browser", "--port", port, folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr == f"Port {port} on 127.0.0.1 is in use: choose another with --port.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in ("file/demo", "what?"):
        done = run("demo", "--port", "0", "--folder", folder, folder=tmp_path)
        assert done.returncode == 1
        assert "choose another --folder" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_browser_that_fails_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> bool:
        raise webbrowser.Error("no browser")

    monkeypatch.setattr(webbrowser, "open", fail)
    demo._open("http://127.0.0.1:8000/graphql")
