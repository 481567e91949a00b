"""The specification's own audits hold, every one: `tests/audit` runs them from Node."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.running import PATIENCE_SECONDS, invoke, started

AUDIT = Path(__file__).parent.parent / "audit"
INSTALL = ("ci", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=30000")


def missing(what: str) -> None:
    """Skips the test; where everything must run, fails it."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runner with its packages, in a folder of its own."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        missing("the HTTP audit needs Node: apt-get install nodejs npm")
    folder = tmp_path_factory.mktemp("audit")
    ignored = shutil.ignore_patterns("node_modules")
    shutil.copytree(AUDIT, folder, dirs_exist_ok=True, ignore=ignored)
    installed = subprocess.run(
        [str(npm), *INSTALL], cwd=folder, capture_output=True, text=True, check=False
    )
    if installed.returncode:
        missing(f"the HTTP audit's packages cannot be installed: {installed.stderr[:200]}")
    return folder


def test_all_audits_of_graphql_over_http_hold(audit: Path, sqlite_url: str, tmp_path: Path) -> None:
    created = invoke("keys", "create", "--name", "audit", DATABASE_URL=sqlite_url).stdout
    (key,) = re.findall(r"fub_live_\S+", created)
    with started("serve", "--port", "0", folder=tmp_path, DATABASE_URL=sqlite_url) as server:
        url = f"{server.address()}/graphql"
        ran = subprocess.run(
            ["node", "audit.mjs", url, "--header", f"Authorization: Bearer {key}"],
            cwd=audit,
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE_SECONDS,
        )
    assert json.loads(ran.stdout) == {
        "counts": {"MUST": [13, 13], "SHOULD": [23, 23], "MAY": [25, 25]},
        "failures": [],
    }
