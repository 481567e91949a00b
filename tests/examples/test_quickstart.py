"""examples/quickstart.py against a real server: once, again, and while the server is not there."""

from __future__ import annotations

import ast
import json
import runpy
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

from tests.cli.running import PATIENCE_SECONDS, invoke, started
from tests.examples.story import EXAMPLES

QUICKSTART = EXAMPLES / "quickstart.py"
BILL = """\
The bill:
  Plan: 1 = 49.00
    Fee: 1 × 49 = 49
  API calls: 2232 = 26.16
    Tier 1: 1000 × 0.02 = 20
    Tier 2: 1232 × 0.005 = 6.16
  Total 75.16 EUR
Issued INV-000001: 75.16 EUR, PENDING, proved.
"""


def run(address: str, key: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, QUICKSTART, "--url", f"{address}/graphql", "--key", key],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_it_needs_nothing_of_ours() -> None:
    imported = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(QUICKSTART.read_text("utf-8")))
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [one.name for one in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    }
    assert imported - set(sys.stdlib_module_names) == {"httpx"}


def test_it_issues_one_invoice_however_often_it_is_run(postgres_url: str, tmp_path: Path) -> None:
    key = invoke("keys", "create", DATABASE_URL=postgres_url).stdout.strip()
    with started("serve", "--port", "0", folder=tmp_path, DATABASE_URL=postgres_url) as server:
        address = server.address()
        first, second = run(address, key), run(address, key)
        wrong = run(address, "wrong")
    assert first.stdout == "Recorded 1488 events, 0 were there already.\n" + BILL, first.stderr
    assert second.stdout == "Recorded 0 events, 1488 were there already.\n" + BILL
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr.startswith("Send a valid key")


class Answers(BaseHTTPRequestHandler):
    """A server in trouble: busy, then without its database, then well."""

    waiting: ClassVar[list[tuple[int, dict[str, Any]]]] = []
    asked: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        Answers.asked.append(self.rfile.read(int(self.headers["Content-Length"])))
        status, answer = Answers.waiting.pop(0)
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_a_call_is_sent_again_as_it_was_until_it_is_answered() -> None:
    unavailable = {"code": "SERVICE_UNAVAILABLE", "message": "Again.", "path": []}
    Answers.waiting = [
        (503, {"errors": [{"message": "Busy.", "extensions": unavailable}]}),
        (200, {"data": {"grant": {"credit": None, "errors": [unavailable]}}}),
        (200, {"data": {"grant": {"credit": "one", "errors": []}}}),
    ]
    client = runpy.run_path(str(QUICKSTART))["Fubble"]
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            fubble = client(f"http://127.0.0.1:{server.server_port}/graphql", "key")
            made = fubble.do("mutation { grant { credit errors { code } } }", key="mine")
        finally:
            server.shutdown()
            thread.join()
    assert made["credit"] == "one"
    assert len(Answers.asked) == 3
    assert len(set(Answers.asked)) == 1
