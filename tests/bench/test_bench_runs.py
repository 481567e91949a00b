"""Each benchmark runs from end to end; how fast is nobody's business here."""

from __future__ import annotations

import os

import pytest
from tortoise.backends.base.executor import EXECUTOR_CACHE
from typer.testing import CliRunner

from tests.bench.__main__ import app

# npm would fetch it: not where somebody only wants to see the tests pass.
PEER = "--peer" if "CI" in os.environ else "--no-peer"


@pytest.mark.parametrize(
    ("arguments", "verdict"),
    [
        (
            "nested --customers 60 --plans 3 --subscriptions 130 --rounds 1 "
            "--seconds-per-round 0.2 --connections 2",
            "the answers are equal",
        ),
        (
            "read --customers 12 --plans 3 --subscriptions 26 --invoices 48 --rounds 1 "
            f"--seconds-per-round 0.1 --connections 2 {PEER}",
            "ONE: the answers are equal",
        ),
        (
            "scaling --customers 520 --plans 3 --subscriptions 530 --invoices 540 --rounds 1 "
            "--seconds-per-round 0.05 --connections 1",
            "500 customers: ",
        ),
        (
            "ingest --customers 7 --events-per-call 1 --events-per-call 20 "
            "--seconds-per-round 0.02 --rounds 1 --connections 2 --receipts",
            "the tables are equal",
        ),
        (
            "volume --customers 5 --few 50 --many 400 --heavy 300 --light 20 --rounds 1 "
            "--previews 3 --orm-customers 2",
            "previews are what plain SQL adds up to",
        ),
        (
            "bills --customers 6 --events 200 --rounds 1 --seconds-per-round 0.05",
            "costSeries: one customer's is the same in both",
        ),
        ("sqlite-sum --events 100 --rounds 1", "the exact sum is what Decimals add up to"),
        (
            "import --customers 5 --events-per-round 40 --rounds 1",
            "each is in both databases exactly once",
        ),
        ("start --rounds 1 --no-postgres", "SQLite: first answer after"),
        ("memory --customers 5 --few 20 --many 1100", "All of 1,100 events are recorded"),
    ],
)
def test_a_tiny_benchmark_finds_right_answers(
    postgres_server: str, arguments: str, verdict: str
) -> None:
    EXECUTOR_CACHE.clear()
    environment = {"FUBBLE_TEST_DATABASE_URL": postgres_server}
    run = CliRunner().invoke(app, arguments, env=environment, catch_exceptions=False)
    assert verdict in run.stdout
