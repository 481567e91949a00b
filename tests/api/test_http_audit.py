"""The specification's own audits hold, every one: `tests/audit` runs them from Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.api.toy import served, toy_app

AUDIT = Path(__file__).parent.parent / "audit"


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runner with its packages, in a folder of its own."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("the HTTP audit needs Node and npm")
    folder = tmp_path_factory.mktemp("audit")
    shutil.copytree(
        AUDIT, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules")
    )
    command = [npm, "ci", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=30000"]
    installed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if installed.returncode:
        pytest.skip(f"the HTTP audit's packages cannot be installed: {installed.stderr[:200]}")
    return folder


def test_all_audits_of_graphql_over_http_hold(audit: Path) -> None:
    with served(toy_app()) as url:
        command = ["node", "audit.mjs", f"{url}/graphql", "--header", "Authorization: Bearer good"]
        ran = subprocess.run(command, cwd=audit, capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == {
        "counts": {"MUST": [13, 13], "SHOULD": [23, 23], "MAY": [25, 25]},
        "failures": [],
    }
