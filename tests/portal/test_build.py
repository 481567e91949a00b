"""The portal that is served is the one whose source is here, and fits the schema as it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "examples" / "portal"
BUILT = ROOT / "fubble_gql" / "static" / "portal"
# What a browser loads in all, zipped, may grow to this.
KILOBYTES_MAX = 350


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file by its path."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture
def npm() -> str:
    """The command, where the portal's packages are installed."""
    found = shutil.which("npm")
    if found is None or not (SOURCE / "node_modules").exists():
        if os.environ.get("CI") == "true":
            pytest.fail("the portal's packages are missing: npm ci in examples/portal")
        pytest.skip("the portal is built by Node: npm ci in examples/portal")
    return found


def test_a_build_from_the_schema_gives_the_files_that_are_served(npm: str, tmp_path: Path) -> None:
    command = [npm, "run", "build"]
    variables = {**os.environ, "PORTAL_OUT": str(tmp_path)}
    ran = subprocess.run(
        command, cwd=SOURCE, env=variables, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    built, served = files_in(tmp_path), files_in(BUILT)
    assert sorted(built) == sorted(served), "npm run build in examples/portal, and commit it"
    assert [name for name in built if built[name] != served[name]] == []


def test_the_packages_are_pinned_without_a_registry() -> None:
    lock = (SOURCE / "package-lock.json").read_text("utf-8")
    assert '"resolved"' not in lock
    package = (SOURCE / "package.json").read_text("utf-8")
    assert not any(mark in package for mark in ("^", "~", "latest"))


def test_all_scripts_and_styles_together_are_small() -> None:
    texts = {name: text for name, text in files_in(BUILT).items() if name.endswith((".js", ".css"))}
    assert len(texts) >= 3
    zipped = sum(len(zlib.compress(text, 9)) for text in texts.values())
    assert zipped < KILOBYTES_MAX * 1_000
