"""Each benchmark runs from end to end; how fast is nobody's business here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("arguments", "verdict"),
    [
        (
            "nested --customers 60 --plans 3 --subscriptions 130 --rounds 1 "
            "--seconds-per-round 0.2 --connections 2",
            "the answers are equal",
        ),
        (
            "ingest --customers 7 --events-per-call 20 --calls-per-round 3 --rounds 1 "
            "--connections 2 --receipts",
            "the tables are equal",
        ),
    ],
)
def test_a_tiny_benchmark_finds_equal_answers(
    postgres_server: str, arguments: str, verdict: str
) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.bench", *arguments.split()],
        cwd=ROOT,
        env={**os.environ, "FUBBLE_TEST_DATABASE_URL": postgres_server},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert verdict in run.stdout
    assert "ratio" in run.stdout
