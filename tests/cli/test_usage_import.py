"""`fubble usage import`: every event of a file once, and the rows that make none told why."""

from __future__ import annotations

import asyncio
import csv
import gzip
import io
import json
import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import asyncpg
import pytest
from tortoise.backends.base.executor import EXECUTOR_CACHE
from typer.testing import Result

from fubble_gql.cli import import_recorder, import_run, rows
from fubble_gql.cli.import_cells import TimeFormat, Times, Unfit
from fubble_gql.cli.import_events import EventsOf
from fubble_gql.cli.import_mapping import FieldMapping
from fubble_gql.cli.lines import CHARACTERS_MAX
from fubble_gql.db.connection import Connection
from fubble_gql.db.setup import open_database
from fubble_gql.db.sql import sql
from fubble_gql.errors import Unavailable
from fubble_gql.pricing.wallclock import zone
from fubble_gql.usage import ingest
from fubble_gql.usage.events import UsageEventRow
from tests.cli.running import FUBBLE, PATIENCE_SECONDS, Running, invoke
from tests.usage.builders import at, dimensions, make_customer, make_metric, stored

T = TypeVar("T")
TRACE = Path(__file__).parents[3] / "shared" / "data" / "llm_trace"
WIDE = (
    *("--column", "eventTime=TIMESTAMP", "--timezone", "UTC", "--truncate-time"),
    *("--quantity", "input_tokens=ContextTokens", "--quantity", "output_tokens=GeneratedTokens"),
    *("--key", "{file}:{line}:{metric}"),
)
CALL = {
    "customer": "acme",
    "metric": "input_tokens",
    "quantity": 1,
    "eventTime": "2026-06-01T06:00:00Z",
    "idempotencyKey": "k",
}


def on(url: str, work: Callable[[Connection], Awaitable[T]]) -> T:
    """What the work makes of the database."""

    async def opened() -> T:
        async with open_database(url) as db:
            return await work(db)

    EXECUTOR_CACHE.clear()
    return asyncio.run(opened())


async def fill(db: Connection) -> None:
    """Acme and globex; calls with a region and a size, tokens in, and the most tokens out."""
    await make_customer(db, "acme")
    await make_customer(db, "globex")
    await make_metric(db, dimensions=dimensions(region="STRING", size="NUMBER"))
    await make_metric(db, "input_tokens")
    await make_metric(db, "output_tokens", aggregation="MAX")


@pytest.fixture
def url(database_url: str) -> str:
    on(database_url, fill)
    return database_url


@pytest.fixture
def file_url(sqlite_url: str) -> str:
    on(sqlite_url, fill)
    return sqlite_url


def events(url: str) -> list[UsageEventRow]:
    return on(url, stored)


def imported(url: str, file: Path, *options: str) -> Result:
    return invoke("usage", "import", str(file), *options, DATABASE_URL=url)


def counts(told: str) -> list[int]:
    """Recorded, recorded before, rejected."""
    found = re.match(r"([\d,]+) recorded, ([\d,]+) recorded before, ([\d,]+) rows", told)
    assert found is not None, told
    return [int(number.replace(",", "")) for number in found.groups()]


def written(folder: Path, name: str, text: str | bytes) -> Path:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def json_lines(*some: dict[str, object]) -> str:
    return "".join(f"{json.dumps(one)}\n" for one in some)


def test_fields_are_named_as_those_of_the_mutation(url: str, tmp_path: Path) -> None:
    text = (
        "\ufeffidempotencyKey,customer,metric,quantity,eventTime,properties,note\r\n"
        "a,acme,calls,0.000000000000000001,2026-06-01T08:00:00+02:00,"
        '"{""region"":""eu"",""size"":1.50}",x\r\n'
        '"b, with\na line",acme,calls,12345678901234567890.5,2026-06-01 09:00:00Z,'
        '"{""region"":""ü"",""size"":2}",\r\n'
    )

    result = imported(url, written(tmp_path, "events.csv", text))

    assert (result.exit_code, counts(result.stdout), result.stderr) == (0, [2, 0, 0], "")
    first, second = events(url)
    assert (first.idempotency_key, first.quantity) == ("a", Decimal("1E-18"))
    assert first.event_time == at("2026-06-01 06:00")
    assert first.properties == {"region": "eu", "size": Decimal("1.5")}
    assert second.idempotency_key == "b, with\na line"
    assert second.quantity == Decimal("12345678901234567890.5")
    assert not list(tmp_path.glob("*rejected*"))


def test_json_lines_and_packed_files_say_the_same(file_url: str, tmp_path: Path) -> None:
    text = json_lines(
        {**CALL, "idempotencyKey": 7, "quantity": "1", "note": None},
        {**CALL, "idempotencyKey": "b", "subscriptionId": None},
    ).replace('"quantity": 1,', '"quantity": 0.100000000000000005,')

    assert counts(imported(file_url, written(tmp_path, "events.ndjson", text)).stdout) == [2, 0, 0]
    packed = written(tmp_path, "again.gz", gzip.compress(text.encode()))
    assert counts(imported(file_url, packed).stdout) == [0, 2, 0]
    assert [(row.idempotency_key, row.quantity) for row in events(file_url)] == [
        ("7", 1),
        ("b", Decimal("0.100000000000000005")),
    ]


def test_columns_and_constants_stand_for_fields(file_url: str, tmp_path: Path) -> None:
    text = "who;when;area;bytes;n\nacme;1748764800.25;eu;7;3\n;1748764801;;8;4\n"
    options = ["--delimiter", ";", "--column", "customer=who", "--column", "eventTime=when"]
    options += ["--value", "customer=globex", "--value", "metric=calls", "--column", "quantity=n"]
    options += ["--property", "region=area", "--property", "size:number=bytes"]
    options += ["--value", 'properties={"region":"us"}']
    options += ["--time-format", "seconds", "--key", "{{100%}} {line}-{n}"]

    result = imported(file_url, written(tmp_path, "events.csv", text), *options)

    assert (result.exit_code, counts(result.stdout)) == (0, [2, 0, 0])
    first, second = events(file_url)
    assert (first.idempotency_key, first.properties) == ("{100%} 2-3", {"region": "eu", "size": 7})
    assert first.event_time == at("2025-06-01 08:00:00.250000")
    assert first.customer_id != second.customer_id
    assert (second.idempotency_key, second.properties) == (
        "{100%} 3-4",
        {"region": "us", "size": 8},
    )


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-15 12:00:00.1234560", "2026-01-15 11:00:00.123456"),
        ("2026-07-15T12:00:00", "2026-07-15 10:00"),
        ("2026-10-25 02:30:00", "2026-10-25 00:30"),
        ("2026-07-15 12:00:00.5+00", "2026-07-15 12:00:00.500000"),
        ("2026-07-15 12:00:00+0530", "2026-07-15 06:30"),
        ("2026-07-15 12:00:00 UTC", "2026-07-15 12:00"),
    ],
)
def test_times_are_read_as_they_are_written(text: str, instant: str) -> None:
    berlin = Times(TimeFormat.ISO, zone("Europe/Berlin"), is_cut=False)

    assert berlin.read(text) == at(instant)


@pytest.mark.parametrize(
    ("form", "text", "instant"),
    [
        (TimeFormat.SECONDS, "-0.0000011", "1969-12-31 23:59:59.999998"),
        (TimeFormat.SECONDS, "7258118399.9999999", "2199-12-31 23:59:59.999999"),
        (TimeFormat.MILLISECONDS, "1748764800000.0019", "2025-06-01 08:00:00.000001"),
        (TimeFormat.ISO, "2026-06-01 08:00:00.1234569Z", "2026-06-01 08:00:00.123456"),
    ],
)
def test_what_is_finer_than_a_microsecond_is_cut_only_where_that_is_said(
    form: TimeFormat, text: str, instant: str
) -> None:
    assert Times(form, None, is_cut=True).read(text) == at(instant)
    with pytest.raises(Unfit, match="--truncate-time"):
        Times(form, None, is_cut=False).read(text)


def test_rejected_rows_are_kept_as_they_were_mended_and_imported_again(
    url: str, tmp_path: Path
) -> None:
    text = (
        b"customer;TIMESTAMP;ContextTokens;GeneratedTokens;note\n"
        b"acme;2026-06-01 08:00:00;10;-1;one of two\n"
        b"caf\xe9;2026-06-01 08:00:00;20;2;\n"
        b'acme;"yesterday";30;3;"a ""note"""\n'
        b'acme;2026-06-01 08:00:00;40;4;"never closed\n'
        b"acme;2026-06-01 08:00:00;50;5;\n"
        b"acme;2026-06-01\n"
        b"acme;2026-06-01 08:00:00;;;\n"
    )
    file = written(tmp_path, "trace.csv", text)
    options = ("--delimiter", ";", *WIDE)

    result = imported(url, file, *options)

    assert (result.exit_code, counts(result.stdout)) == (1, [3, 0, 6])
    rejected = tmp_path / "trace.csv.rejected.csv"
    assert result.stderr == f"Rejected rows, with their reasons: {rejected}\n"
    kept = rejected.read_bytes().replace(b"\r\n", b"\n").splitlines()
    for line, original in zip(kept, text.splitlines()[:5] + text.splitlines()[6:], strict=True):
        assert line.endswith(original.replace(b'"yesterday"', b"yesterday"))
    with rejected.open(newline="", errors="surrogateescape") as lines:
        told = [row[:4] for row in csv.reader(lines, delimiter=";", quoting=csv.QUOTE_MINIMAL)]
    assert told[0] == ["rejectedFile", "rejectedLine", "rejectedCode", "rejectedReason"]
    assert [row[:3] for row in told[1:4]] == [["trace.csv", n, "INVALID"] for n in "234"]
    assert told[1][3] == 'quantity of "output_tokens" must be zero or more.'
    assert told[2][3] == "customer must be UTF-8, without NUL."
    assert told[3][3].startswith("TIMESTAMP must be an RFC 3339 instant")

    mended = rejected.read_bytes()
    for wrong, right in {
        b";-1;": b";1;",
        b";caf\xe9;": b";globex;",
        b"yesterday;": b"2026-06-02 00:00:00;",
    }.items():
        assert wrong in mended
        mended = mended.replace(wrong, right)
    again = imported(url, written(tmp_path, "mended.csv", mended), *options)

    assert (again.exit_code, counts(again.stdout)) == (1, [5, 1, 3])
    assert {row.idempotency_key for row in events(url)} == {
        f"trace.csv:{n}:{way}_tokens" for n in (2, 3, 4, 6) for way in ("input", "output")
    }
    left = (tmp_path / "mended.csv.rejected.csv").read_bytes().splitlines()
    assert [line.split(b";")[:2] for line in left[1:]] == [
        [b"trace.csv", n] for n in (b"5", b"7", b"8")
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("[]", "This is no JSON object."),
        ('{"customer":"acme"', "This is no JSON object."),
        ('{"quantity":' + "9" * 5_000 + "}", "This is no JSON object."),
        ("[" * 100_000, "This is no JSON object."),
        ("x" * (CHARACTERS_MAX + 1), "more than 1,000,000 characters."),
        ('{ "metric": 1.10, "customer": "\\ud800 é" }', "customer must be UTF-8, without NUL."),
        ("{}", "customer is empty. Say --column customer=COLUMN"),
        (json.dumps({**CALL, "customer": True}), "customer must be a text."),
        (json.dumps({**CALL, "metric": "no"}), 'There is no metric "no".'),
        (json.dumps({**CALL, "idempotencyKey": ""}), "--key '{file}:{line}:{metric}'"),
        (json.dumps({**CALL, "quantity": None}), "quantity is required"),
        (json.dumps({**CALL, "quantity": True}), "quantity must be a decimal number"),
        (json.dumps({**CALL, "eventTime": None}), "--value eventTime=now"),
        (json.dumps({**CALL, "eventTime": "2026-06-01T00:00:00"}), "--timezone UTC"),
        (json.dumps({**CALL, "eventTime": 5}), "RFC 3339"),
        (json.dumps({**CALL, "properties": []}), "properties must be a JSON object"),
        (json.dumps({**CALL, "subscriptionId": "sub_1"}), "no such subscription"),
    ],
)
def test_a_line_that_makes_no_event_is_kept_and_is_no_end(
    file_url: str, tmp_path: Path, line: str, why: str
) -> None:
    good = {**CALL, "idempotencyKey": "y"}, {**CALL, "idempotencyKey": "z"}
    text = f"{json.dumps(good[0])}\n{line}\n\n{json.dumps(good[1])}"
    file = written(tmp_path, "events.ndjson", text)

    result = imported(file_url, file)

    assert (result.exit_code, counts(result.stdout)) == (1, [2, 0, 1])
    rejected = tmp_path / "events.ndjson.rejected.ndjson"
    [kept] = rejected.read_text().splitlines()
    marks = '{"rejectedFile": "events.ndjson", "rejectedLine": 2, "rejectedCode": "'
    assert kept.startswith(marks)
    if line.startswith("{"):
        assert kept.endswith(line[1:].lstrip())
    elif len(line) <= CHARACTERS_MAX:
        assert json.loads(kept)["rejectedText"] == line
    assert why.replace('"', '\\"') in kept

    imported(file_url, rejected)  # as it is: it is rejected again, and still says where it is from
    [again] = (tmp_path / "events.ndjson.rejected.ndjson.rejected.ndjson").read_text().splitlines()
    assert again.startswith(marks)
    assert again.count('"rejectedReason"') == 1


def test_a_row_of_json_lines_is_mended_in_its_place(file_url: str, tmp_path: Path) -> None:
    text = json_lines({**CALL, "customer": "nobody", "quantity": 10**25})
    imported(file_url, written(tmp_path, "a.ndjson", text), "--key", "{file}-{line}")
    rejected = tmp_path / "a.ndjson.rejected.ndjson"
    mended = rejected.read_text().replace("nobody", "acme").replace(str(10**25), "3")

    result = imported(file_url, written(tmp_path, "b.ndjson", mended), "--key", "{file}-{line}")

    assert counts(result.stdout) == [1, 0, 0]
    [event] = events(file_url)
    assert (event.idempotency_key, event.quantity) == ("a.ndjson-1", Decimal(3))


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--column", "wrong=a"], "There is no field wrong."),
        (["--column", "customer=a"], "There is no column a. Columns are customer,"),
        (["--column", "customer"], "NAME=VALUE"),
        (["--value", "metric=m"], "There is no column eventTime. Say --column eventTime=COLUMN"),
        (["--value", "eventTime=now"], "There is no column metric."),
        (["--value", "quantity=much"], "quantity must be a decimal number"),
        (["--value", "idempotencyKey=k"], "make keys with --key"),
        (["--key", "{nope}"], "There is no column nope."),
        (["--key", "{line!r}"], "Only names stand in braces"),
        (["--key", "{line"], "expected '}' before end of string"),
        (["--quantity", "a=n", "--quantity", "b=n"], "say --key with {metric} in it"),
        (["--quantity", "a=n", "--value", "metric=b"], "leave out metric"),
        (["--timezone", "Mars/Base"], '"Mars/Base" is no timezone'),
        (["--delimiter", "::"], "one character"),
        (["--property", "p=twice", "--value", "metric=m", *WIDE[:2]], "There are 2 columns twice."),
        (["--rejected", "events.csv"], "is the file that is read"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_recorded(
    file_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: Sequence[str],
    why: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "customer,idempotencyKey,n,TIMESTAMP,twice,twice\nacme,k,1,2026-06-01T00:00:00Z,,\n"
    file = written(tmp_path, "events.csv", text)
    most = ["--column", "eventTime=TIMESTAMP", "--quantity", "input_tokens=n"]

    result = imported(file_url, file, *(most if "--rejected" in options else []), *options)

    assert result.exit_code == 2
    assert why in " ".join(re.sub(r"[│╭╮╰╯─]", " ", result.stderr).split())
    assert file.read_text() == text
    assert events(file_url) == []


def test_an_option_that_names_what_no_row_has_is_told(file_url: str, tmp_path: Path) -> None:
    file = written(tmp_path, "a.ndjson", json_lines(CALL))

    result = imported(file_url, file, "--property", "region=reigon")

    assert (result.exit_code, counts(result.stdout)) == (1, [1, 0, 0])
    assert result.stderr == "No row has reigon, which the options name.\n"


def test_only_a_run_that_rejects_rows_replaces_those_of_an_earlier_one(
    file_url: str, tmp_path: Path
) -> None:
    rejected = written(tmp_path, "rows", "of an earlier run")
    option = ("--rejected", str(rejected))

    imported(file_url, written(tmp_path, "a.ndjson", json_lines(CALL)), *option)
    assert rejected.read_text() == "of an earlier run"

    imported(
        file_url, written(tmp_path, "b.ndjson", json_lines({**CALL, "customer": "no"})), *option
    )
    assert "There is no customer" in rejected.read_text()
    assert not list(tmp_path.glob("*.part"))


def test_a_customers_events_keep_their_order_whatever_is_recorded_at_the_same_time(
    postgres_url: str, tmp_path: Path
) -> None:
    """Of equal times the later line is the last."""
    on(postgres_url, fill)
    names = "acme", "acme", "globex"
    some = [{**CALL, "customer": names[n % 3], "idempotencyKey": f"{n:03}"} for n in range(300)]

    imported(postgres_url, written(tmp_path, "events.ndjson", json_lines(*some)))

    recorded = events(postgres_url)
    for customer in {row.customer_id for row in recorded}:
        keys = [row.idempotency_key for row in recorded if row.customer_id == customer]
        assert keys == sorted(keys)
    assert len(recorded) == 300


def test_only_so_much_is_read_ahead_of_the_database() -> None:
    """A file without an end: what is asked for is read, some thousand events or a few megabytes."""
    mapping = FieldMapping({}, {}, [], {}, None, Times(TimeFormat.ISO, None, is_cut=False))
    for padding, read in ((0, ingest.EVENTS_MAX), (CHARACTERS_MAX // 2, 8)):
        endless = Endless(json.dumps({**CALL, "note": "x" * padding}))
        batches = import_run.batches(rows.read(endless).rows, EventsOf.by(mapping), 1)

        assert (len(next(batches).events), endless.count) == (read, read)
        assert (len(next(batches).events), endless.count) == (read, 2 * read)


class Endless(io.StringIO):
    """One line again and again."""

    count = 0

    def readline(self, _: int | None = -1, /) -> str:  # type: ignore[override]  # as StringIO's is
        self.count += 1
        return f"{self.getvalue()}\n"


def test_a_database_that_cannot_answer_is_asked_again_and_told_in_the_end(
    file_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, "a.ndjson", json_lines(CALL))
    recorded = ingest.record
    failures = [Unavailable(), Unavailable()]

    async def fail(*arguments: object) -> list[ingest.Receipt]:
        if failures:
            raise failures.pop() from OSError("it is gone")
        return await recorded(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(ingest, "record", fail)
    monkeypatch.setattr(import_recorder, "PAUSES", (0, 0))

    result = imported(file_url, file)
    assert (result.exit_code, counts(result.stdout)) == (0, [1, 0, 0])
    told = "The database cannot answer now, trying again in 0 seconds: it is gone\n"
    assert result.stderr == 2 * told

    failures.extend(Unavailable() for _ in range(3))
    result = imported(file_url, file)
    assert (result.exit_code, counts(result.stdout)) == (1, [0, 0, 0])
    assert result.stderr.endswith(
        "The database cannot answer. Everything up to line 0 is done; "
        "run the same command again for the rest.\n"
    )


def test_a_packed_file_that_breaks_off_is_recorded_as_far_as_it_goes(
    file_url: str, tmp_path: Path
) -> None:
    text = json_lines(*({**CALL, "idempotencyKey": f"k{n}"} for n in range(2_000)))
    packed = written(tmp_path, "a.ndjson.gz", gzip.compress(text.encode())[:-100])

    result = imported(file_url, packed)

    assert result.exit_code == 1
    recorded = len(events(file_url))
    assert counts(result.stdout) == [recorded, 0, 0]
    assert recorded > 0
    assert f"Everything up to line {recorded:,} is done" in result.stderr


@contextmanager
def piped(url: str, folder: Path) -> Iterator[tuple[Running, subprocess.Popen[bytes]]]:
    """An import of what is written to its standard input."""
    out, err = folder / "out", folder / "err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            [FUBBLE, "usage", "import", "-"],
            cwd=folder,
            env={**os.environ, "FUBBLE_DATABASE_URL": url},
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=stderr,
        )
    try:
        yield Running(process, out, err), process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE_SECONDS)


def sent(process: subprocess.Popen[bytes], events: int) -> None:
    """Write so many rows; more than fit into the pipe are written as they are read."""
    assert process.stdin is not None
    for n in range(events):
        process.stdin.write(json_lines({**CALL, "idempotencyKey": f"k{n}"}).encode())
    process.stdin.flush()


def count(url: str) -> int:
    """How many events there are, as another process sees it."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite://"))) as file:
            return int(file.execute("select count(*) from usage_event").fetchone()[0])

    async def counted() -> int:
        connection = await asyncpg.connect(url)
        try:
            return int(await connection.fetchval("select count(*) from usage_event"))
        finally:
            await connection.close()

    return asyncio.run(counted())


def test_what_a_killed_import_has_not_recorded_is_added_by_the_next(
    url: str, tmp_path: Path
) -> None:
    with piped(url, tmp_path) as (running, process):
        sent(process, 6_000)
        running.wait_for(lambda: count(url) or None)
        assert running.stop(signal.SIGKILL) == -signal.SIGKILL
    kept = count(url)
    assert 0 < kept < 6_000

    with piped(url, tmp_path) as (again, process):
        sent(process, 6_000)
        process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 0
    assert counts(again.out.read_text()) == [6_000 - kept, kept, 0]
    assert count(url) == 6_000


def test_an_interrupted_import_says_how_far_it_came(file_url: str, tmp_path: Path) -> None:
    with piped(file_url, tmp_path) as (running, process):
        sent(process, 5_100)
        running.wait_for(lambda: count(file_url) or None)
        assert running.stop(signal.SIGINT) == 130

    assert counts(running.out.read_text()) == [5_000, 0, 0]
    assert running.err.read_text() == (
        "Interrupted. Everything up to line 5,000 is done; run the same command again for the rest.\n"
    )
    assert count(file_url) == 5_000


@pytest.mark.skipif(
    not TRACE.exists(), reason="the LLM trace is not beside the checkout (shared/data/llm_trace)"
)
def test_a_real_hour_is_imported_to_the_token_and_once(url: str, tmp_path: Path) -> None:
    file = written(tmp_path, "code.csv", (TRACE / "code.csv").read_bytes())
    options = ("--value", "customer=acme", *WIDE)

    assert counts(imported(url, file, *options).stdout) == [17_638, 0, 0]
    assert counts(imported(url, file, *options).stdout) == [0, 17_638, 0]

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
    times = {row.event_time for row in events(url)}
    assert (min(times), max(times)) == (
        at("2023-11-16 18:17:03.979960"),
        at("2023-11-16 19:14:19.928016"),
    )
