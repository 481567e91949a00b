"""A minute of documents that schemathesis makes up from the schema: no surprise among them."""

from __future__ import annotations

import asyncio
import json
import os
import sysconfig
from asyncio.subprocess import PIPE, STDOUT
from collections import Counter
from pathlib import Path

import pytest

from tests.api.builders import (
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    event,
    per_unit,
    used,
)
from tests.api.conftest import Api, running
from tests.cli.running import PATIENCE_SECONDS, Running, started

SECONDS = 60
SCHEMATHESIS = Path(sysconfig.get_path("scripts")) / "schemathesis"
ROOT = Path(__file__).parents[2]
# Names that exist, among others that are made up; pages of sizes that are allowed.
CONFIGURATION = """
[dictionaries.names]
values = %s
[dictionaries.sizes]
values = [1, 2, 20, 100]
[generation.dictionaries]
string = { dictionary = "names", probability = 0.5 }
[parameters]
"*.*.first" = { dictionary = "sizes", probability = 0.9 }
"*.*.last" = { dictionary = "sizes", probability = 0.9 }
"""
IDS = """{
  customers { nodes { id key subscriptions { nodes { id } } invoices { nodes { id } } } }
  metrics { nodes { id key } } plans { nodes { id key } }
}"""
INVOICE = """mutation {
  createInvoice(input: { customer: { key: "acme" } }) { invoice { id } errors { message } }
  runBilling { created errors { message } }
}"""


async def a_world(api: Api) -> list[str]:
    """A customer with usage and invoices; the names and ids of everything."""
    await a_customer(api)
    await a_metric(api)
    await a_plan(api, per_unit())
    await a_subscription(api, startAt="2026-03-01T00:00:00Z")
    await used(api, *(event(key=f"e{n}", eventTime="2026-04-05T12:00:00Z") for n in range(5)))
    await api.ask(INVOICE)
    found = json.dumps(await api.ask(IDS))
    words = [part for part in found.split('"') if part[:1].isalpha() and len(part) > 2]
    return sorted({*words, "EUR", "Europe/Berlin"})


def seen_by(server: Running) -> Counter[tuple[int, str]]:
    """How often which status was answered with which codes, as the server's log tells."""
    return Counter((one["status"], " ".join(one["codes"])) for one in server.events("operation"))


@pytest.mark.skipif(not SCHEMATHESIS.exists(), reason="schemathesis is not installed")
async def test_a_minute_of_schemathesis_surprises_nobody(postgres_url: str, tmp_path: Path) -> None:
    async with running(postgres_url) as api:
        names, key = await a_world(api), api.key
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION % json.dumps(names))
    with started("serve", "--port", "0", folder=tmp_path, DATABASE_URL=postgres_url) as server:
        command = [
            *(str(SCHEMATHESIS), "run", f"{server.address()}/graphql"),
            *("--header", f"Authorization: Bearer {key}"),
            *("--max-time", str(SECONDS), "--phases", "fuzzing", "--mode", "positive"),
            *("--checks", "no_surprise", "--continue-on-failure", "--no-color"),
            *("--generation-database", "none", "--generation-graphql-allow-null", "false"),
        ]
        hooks = {"SCHEMATHESIS_HOOKS": "tests.fuzz.hooks", "PYTHONPATH": str(ROOT)}
        ran = await asyncio.create_subprocess_exec(
            *command, cwd=tmp_path, env={**os.environ, **hooks}, stdout=PIPE, stderr=STDOUT
        )
        async with asyncio.timeout(SECONDS + PATIENCE_SECONDS):
            told, _ = await ran.communicate()
    answered = seen_by(server)
    assert ran.returncode == 0, told.decode()
    assert server.events("resolver failed") == []
    assert answered[200, ""]
    assert not [status for status, codes in answered if status >= 500 or "INTERNAL" in codes]
