"""`fubble usage import`: every event of a file once, and the rows that make none told why."""

from __future__ import annotations

import asyncio
import csv
import gzip
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import pytest
from tortoise.backends.base.executor import EXECUTOR_CACHE
from typer.testing import Result

from fubble_gql.cli.usage_import import BATCH
from fubble_gql.db.connection import Connection
from fubble_gql.db.setup import open_database
from fubble_gql.db.sql import sql
from fubble_gql.usage.events import UsageEventRow
from tests.cli.running import FUBBLE, PATIENCE_SECONDS, invoke
from tests.usage.builders import at, dimensions, make_customer, make_metric, stored

T = TypeVar("T")
TRACE = Path(__file__).parents[3] / "shared" / "data" / "llm_trace"
WIDE = (
    *("--column", "eventTime=TIMESTAMP", "--timezone", "UTC", "--truncate-time"),
    *("--quantity", "input_tokens=ContextTokens", "--quantity", "output_tokens=GeneratedTokens"),
    *("--key", "{file}:{line}:{metric}"),
)


def on(url: str, work: Callable[[Connection], Awaitable[T]]) -> T:
    """What the work makes of the database."""

    async def opened() -> T:
        async with open_database(url) as db:
            return await work(db)

    EXECUTOR_CACHE.clear()
    return asyncio.run(opened())


@pytest.fixture
def url(database_url: str) -> str:
    """A database with acme, and metrics: calls with a region and a size, and two of tokens."""

    async def fill(db: Connection) -> None:
        await make_customer(db, "acme")
        await make_metric(db, dimensions=dimensions(region="STRING", size="NUMBER"))
        for key in ("input_tokens", "output_tokens"):
            await make_metric(db, key)

    on(database_url, fill)
    return database_url


def events(url: str) -> list[UsageEventRow]:
    return on(url, stored)


def imported(url: str, file: Path, *options: str) -> Result:
    return invoke("usage", "import", str(file), *options, DATABASE_URL=url)


def counts(result: Result) -> list[int]:
    """Recorded, recorded before, rejected."""
    found = re.match(r"([\d,]+) recorded, ([\d,]+) recorded before, ([\d,]+) rows", result.stdout)
    assert found is not None, result.output
    return [int(number.replace(",", "")) for number in found.groups()]


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8", newline="")
    return file


CSV = (
    "idempotencyKey,customer,metric,quantity,eventTime,properties,note\r\n"
    'a,acme,calls,0.000000000000000001,2026-06-01T08:00:00+02:00,"{""region"":""eu"",""size"":1.50}",x\r\n'
    '"b, with a comma",acme,calls,12345678901234567890.5,2026-06-01 09:00:00Z,'
    '"{""region"":""ü"",""size"":2}",\r\n'
)


def test_fields_are_named_as_those_of_the_mutation(url: str, tmp_path: Path) -> None:
    result = imported(url, written(tmp_path, "events.csv", CSV))

    assert (result.exit_code, counts(result), result.stderr) == (0, [2, 0, 0], "")
    first, second = events(url)
    assert (first.idempotency_key, first.quantity) == ("a", Decimal("1E-18"))
    assert first.event_time == at("2026-06-01 06:00")
    assert first.properties == {"region": "eu", "size": Decimal("1.5")}
    assert second.idempotency_key == "b, with a comma"
    assert second.quantity == Decimal("12345678901234567890.5")


def test_json_lines_and_packed_files_say_the_same(url: str, tmp_path: Path) -> None:
    event = {"customer": "acme", "metric": "calls", "properties": {"region": "eu", "size": 1.5}}
    lines = [
        {**event, "idempotencyKey": "a", "quantity": "1", "eventTime": "2026-06-01T06:00:00Z"},
        {**event, "idempotencyKey": "b", "quantity": 0.1, "subscriptionId": None},
    ]
    text = "\n".join(json.dumps(line) for line in lines)

    assert counts(imported(url, written(tmp_path, "events.ndjson", text))) == [2, 0, 0]
    packed = tmp_path / "again.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    assert counts(imported(url, packed)) == [0, 2, 0]
    assert [row.quantity for row in events(url)] == [1, Decimal("0.1")]


def test_columns_and_constants_stand_for_fields(url: str, tmp_path: Path) -> None:
    text = "who;when;area;bytes;n\nacme;1748764800.25;eu;7;3\n;1748764801;;8;4\n"
    options = ["--delimiter", ";", "--column", "customer=who", "--column", "eventTime=when"]
    options += ["--value", "customer=acme", "--value", "metric=calls", "--column", "quantity=n"]
    options += ["--property", "region=area", "--property", "size:number=bytes"]
    options += ["--value", 'properties={"region":"us"}']
    options += ["--time-format", "seconds", "--key", "import-{line}"]

    result = imported(url, written(tmp_path, "events.csv", text), *options)

    assert (result.exit_code, counts(result)) == (0, [2, 0, 0])
    first, second = events(url)
    assert (first.idempotency_key, first.properties) == ("import-2", {"region": "eu", "size": 7})
    assert first.event_time == at("2025-06-01 08:00:00.250000")
    assert (second.idempotency_key, second.properties) == ("import-3", {"region": "us", "size": 8})


def test_times_without_an_offset_are_of_the_timezone(url: str, tmp_path: Path) -> None:
    text = (
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2026-01-15 12:00:00.1234569,1,\n"
        "2026-07-15 12:00:00,,2\n"
    )
    options = [option if option != "UTC" else "Europe/Berlin" for option in WIDE]

    result = imported(url, written(tmp_path, "t.csv", text), "--value", "customer=acme", *options)

    assert (result.exit_code, counts(result)) == (0, [2, 0, 0])
    assert [(row.idempotency_key, row.event_time) for row in events(url)] == [
        ("t.csv:2:input_tokens", at("2026-01-15 11:00:00.123456")),
        ("t.csv:3:output_tokens", at("2026-07-15 10:00")),
    ]


def test_rejected_rows_are_kept_mended_and_imported_again(url: str, tmp_path: Path) -> None:
    text = (
        "customer,TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "acme,2026-06-01 08:00:00,10,1\n"
        "nobody,2026-06-01 08:00:00,20,2\n"
        "acme,yesterday,30,3\n"
        "acme,2026-06-01 08:00:00,1e400,4\n"
        "acme,2026-06-01\n"
        "acme,2026-06-01 08:00:00,,\n"
    )
    file = written(tmp_path, "trace.csv", text)

    result = imported(url, file, *WIDE)

    rejected = tmp_path / "trace.csv.rejected.csv"
    assert (result.exit_code, counts(result)) == (1, [2, 0, 5])
    assert result.stderr == f"Rejected rows, with their reasons: {rejected}\n"
    with rejected.open(newline="") as kept:
        rows = list(csv.DictReader(kept))
    assert [(row["rejectedLine"], row["rejectedCode"]) for row in rows] == [
        ("3", "NOT_FOUND"),
        *((str(line), "INVALID") for line in (4, 5, 6, 7)),
    ]
    assert rows[0]["rejectedReason"] == 'There is no customer "nobody".'
    assert rows[1]["rejectedReason"].startswith("eventTime must be an RFC 3339 instant")
    assert rows[3]["rejectedReason"] == "The header has 4 fields, this has 2."
    assert rows[3]["rejectedText"] == "acme,2026-06-01"

    mended = (
        rejected.read_text().replace("nobody", "acme").replace("yesterday", "2026-06-01 09:00:00")
    )
    again = imported(url, written(tmp_path, "mended.csv", mended), *WIDE)

    assert (again.exit_code, counts(again)) == (1, [4, 0, 3])
    keys = [row.idempotency_key for row in events(url)]
    assert keys == [f"trace.csv:{n}:{way}_tokens" for n in (2, 3, 4) for way in ("input", "output")]
    # The whole once more: what was mended meanwhile has other content under its keys.
    assert counts(imported(url, file, *WIDE)) == [0, 2, 5]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("[]", "This is no JSON object."),
        ('{"customer":"acme"', "This is no JSON object."),
        ("x" * 1_000_001, "The line is longer than 1,000,000 characters."),
        ('{"metric":"calls","idempotencyKey":"a"}', "customer is missing."),
        ('{"customer":7,"metric":"calls","idempotencyKey":"a"}', "customer must be a text."),
        ('{"customer":"acme","metric":"calls","idempotencyKey":"\\u0000"}', "without NUL"),
        ('{"customer":"acme","metric":"calls","idempotencyKey":"a"}', "quantity is required"),
        (
            '{"customer":"acme","metric":"calls","idempotencyKey":"a","quantity":true}',
            "quantity must be a decimal number",
        ),
        (
            '{"customer":"acme","metric":"calls","idempotencyKey":"a","quantity":1,'
            '"eventTime":"2026-06-01T00:00:00"}',
            "--timezone",
        ),
        (
            '{"customer":"acme","metric":"calls","idempotencyKey":"a","quantity":1,'
            '"eventTime":"2026-06-01T00:00:00.1234567Z"}',
            "--truncate-time",
        ),
        (
            '{"customer":"acme","metric":"calls","idempotencyKey":"a","quantity":1,"properties":[]}',
            "properties must be a JSON object",
        ),
    ],
)
def test_a_line_that_makes_no_event_is_no_end(
    sqlite_url: str, tmp_path: Path, line: str, why: str
) -> None:
    async def fill(db: Connection) -> None:
        await make_customer(db, "acme")
        await make_metric(db)

    on(sqlite_url, fill)
    good = '{"customer":"acme","metric":"calls","idempotencyKey":"z","quantity":1}'
    file = written(tmp_path, "events.ndjson", f"{good}\n{line}\n\n{good.replace('z', 'y')}")

    result = imported(sqlite_url, file)

    assert (result.exit_code, counts(result)) == (1, [2, 0, 1])
    [kept] = (tmp_path / "events.ndjson.rejected.ndjson").read_text().splitlines()
    assert why in json.loads(kept)["rejectedReason"]
    assert json.loads(kept)["rejectedLine"] == 2


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--column", "wrong=a"], "There is no field wrong."),
        (["--column", "customer=a"], "There is no column a."),
        (["--key", "{nope}"], "There is no column nope."),
        (["--key", "{line!r}"], "only names stand in braces"),
        (["--key", "{line"], "--key {line"),
        (["--value", "idempotencyKey=k"], "make them with --key"),
        (["--column", "customer"], "NAME=VALUE"),
        (["--timezone", "Mars/Base"], "no timezone"),
        (["--column", "idempotencyKey=eventTime", "--value", "customer=x"], "is the metric"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_read(
    sqlite_url: str, tmp_path: Path, options: Sequence[str], why: str
) -> None:
    file = written(tmp_path, "events.csv", "eventTime,quantity\n2026-06-01T00:00:00Z,1\n")

    result = imported(sqlite_url, file, *options)

    assert result.exit_code == 2
    assert why in " ".join(re.sub(r"[│╭╮╰╯─]", " ", result.stderr).split())
    assert events(sqlite_url) == []


def test_rows_are_read_only_when_they_are_wanted(url: str, tmp_path: Path) -> None:
    """A writer that never ends meets a reader that stops reading: memory is bounded."""
    row = b'{"customer":"acme","metric":"input_tokens","idempotencyKey":"%d","quantity":1}\n'
    command = [FUBBLE, "usage", "import", "-"]
    environment = {**os.environ, "FUBBLE_DATABASE_URL": url}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        for number in range(12_000):
            process.stdin.write(row % number)
        process.stdin.flush()
        wait_until(lambda: count(url) >= BATCH)
        process.send_signal(signal.SIGKILL)
    kept = count(url)
    assert kept % BATCH == 0

    rest = b"".join(row % number for number in range(12_000))
    again = subprocess.run(
        command, cwd=tmp_path, env=environment, input=rest, capture_output=True,
        timeout=PATIENCE_SECONDS, check=True,
    )  # fmt: skip

    assert again.stdout.startswith(f"{12_000 - kept:,} recorded, {kept:,} recorded before".encode())
    assert count(url) == 12_000


def count(url: str) -> int:
    async def counted(db: Connection) -> int:
        [record] = await db.fetch(sql("select count(*) from usage_event"))
        return int(record[0])

    return on(url, counted)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.skipif(
    not TRACE.exists(), reason="the LLM trace is not beside the checkout (shared/data/llm_trace)"
)
def test_a_real_hour_is_imported_to_the_token_and_once(url: str, tmp_path: Path) -> None:
    file = tmp_path / "code.csv"
    file.write_bytes((TRACE / "code.csv").read_bytes())
    options = ("--value", "customer=acme", *WIDE)

    assert counts(imported(url, file, *options)) == [17_638, 0, 0]
    assert counts(imported(url, file, *options)) == [0, 17_638, 0]

    async def totals(db: Connection) -> list[tuple[str, Decimal, int]]:
        quantity = db.exact_sum("quantity")
        statement = sql(
            f"select metric.key, {quantity}, count(*) from usage_event "  # noqa: S608
            "join metric on metric.id = metric_id group by metric.key order by metric.key"
        )
        return [(key, Decimal(total), n) for key, total, n in await db.fetch(statement)]

    assert on(url, totals) == [
        ("input_tokens", Decimal(18_059_974), 8_819),
        ("output_tokens", Decimal(245_896), 8_819),
    ]
