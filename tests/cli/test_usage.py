"""`fubble usage void`: every row of a file is voided, or told with its line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from tortoise.backends.base.executor import EXECUTOR_CACHE
from typer.testing import CliRunner, Result

from fubble_gql.cli.root import app
from fubble_gql.db.connection import Connection
from fubble_gql.db.setup import open_database
from tests.cli.running import run
from tests.usage.builders import accepted, make_customer, make_metric, new_event, stored

T = TypeVar("T")

SUMMARY = "{} voided, {} already voided, {} not found, {} rejected.\n"


def void(url: str, text: str | bytes, *options: str) -> Result:
    """The command, with the text on standard input."""
    EXECUTOR_CACHE.clear()  # it would remember another kind of database
    arguments = ["usage", "void", "-", *options]
    return CliRunner().invoke(app, arguments, input=text, env={"FUBBLE_DATABASE_URL": url})


def on(url: str, work: Callable[[Connection], Awaitable[T]]) -> T:
    """What the work makes of the database."""

    async def opened() -> T:
        async with open_database(url) as db:
            return await work(db)

    EXECUTOR_CACHE.clear()
    return asyncio.run(opened())


@pytest.fixture
def url(database_url: str) -> str:
    """A database in which acme and globex have used calls, under the keys a to d each."""

    async def fill(db: Connection) -> None:
        await make_metric(db)
        for customer in ("acme", "globex"):
            await make_customer(db, customer)
            await accepted(db, *(new_event(key, customer=customer) for key in "abcd"))

    on(database_url, fill)
    return database_url


def voided(url: str) -> dict[str, str | None]:
    """The keys of what is voided, acme's before globex's, with the reasons."""

    async def read(db: Connection) -> dict[str, str | None]:
        rows = await stored(db)
        names = {rows[0].customer_id: "acme", rows[-1].customer_id: "globex"}
        return {
            f"{names[row.customer_id]} {row.idempotency_key}": row.void_reason
            for row in rows
            if row.voided_at is not None
        }

    return on(url, read)


def lines(*fields: object) -> str:
    """JSON lines."""
    return "".join(json.dumps(one) + "\n" for one in fields)


def test_rows_of_csv_are_voided(url: str) -> None:
    text = 'customer,idempotencyKey,reason\nacme,a,"sent twice, by us"\nglobex,b,\nacme,c,wrong\n'

    result = void(url, text)

    assert (result.exit_code, result.stdout) == (0, SUMMARY.format(3, 0, 0, 0))
    assert result.stderr == ""
    assert voided(url) == {"acme a": "sent twice, by us", "globex b": None, "acme c": "wrong"}


def test_json_lines_are_voided(url: str) -> None:
    text = lines(
        {"customer": "acme", "idempotencyKey": "a", "reason": "wrong"},
        {"customer": "globex", "idempotencyKey": "b", "reason": None, "quantity": 7},
    )

    result = void(url, "\n" + text + "\n")

    assert (result.exit_code, result.stdout) == (0, SUMMARY.format(2, 0, 0, 0))
    assert voided(url) == {"acme a": "wrong", "globex b": None}


def test_options_stand_for_what_rows_leave_out(url: str) -> None:
    options = ("--customer", "acme", "--reason", "a bad import")

    assert void(url, "idempotencyKey\na\n", *options).exit_code == 0
    text = lines({"idempotencyKey": "b"}, {"customer": "globex", "idempotencyKey": "c"})
    assert void(url, text, *options).exit_code == 0
    text = "reason,idempotencyKey,customer\nits own,d,globex\n,c,\n"
    assert void(url, text, *options).exit_code == 0

    assert voided(url) == {
        "acme a": "a bad import",
        "acme b": "a bad import",
        "acme c": "a bad import",
        "globex c": "a bad import",
        "globex d": "its own",
    }


def test_running_it_again_changes_nothing(url: str) -> None:
    text = "customer,idempotencyKey\nacme,a\nacme,b\nacme,a\n"
    first = void(url, text, "--reason", "first")
    before = voided(url)

    again = void(url, text, "--reason", "second")

    assert (first.exit_code, first.stdout) == (0, SUMMARY.format(2, 1, 0, 0))
    assert (again.exit_code, again.stdout) == (0, SUMMARY.format(0, 3, 0, 0))
    assert voided(url) == before == {"acme a": "first", "acme b": "first"}


def test_rows_of_csv_that_void_nothing_are_listed(url: str) -> None:
    text = (
        b"\xef\xbb\xbfidempotencyKey,customer,reason\r\n"
        b"a,acme,fine\r\n"
        b"none,acme,\r\n"
        b"\r\n"
        b"a,nobody,\r\n"
        b",acme,\r\n"
        b"a,,\r\n"
        b"a,acme\r\n"
        b'b,acme,"on two\r\nlines"\r\n'
        b"\xff,acme,\r\n"
        b'"c"d,acme,\r\n'
        b"b,globex," + b"x" * 10_001 + b"\r\n"
        b"c,globex,fine"
    )

    result = void(url, text)

    assert (result.exit_code, result.stdout) == (1, SUMMARY.format(3, 0, 1, 7))
    assert result.stderr.splitlines() == [
        'Line 3: The customer has no event "none".',
        "Line 5: There is no such customer. (nobody)",
        "Line 6: idempotencyKey is missing.",
        "Line 7: customer is missing.",
        "Line 8: The header has 3 fields, this has 2.",
        "Line 11: idempotencyKey must be UTF-8, without NUL.",
        "Line 12: This is no row of CSV: ',' expected after '\"'.",
        "Line 13: reason may have 10,000 characters; this has 10,001.",
    ]
    assert voided(url) == {"acme a": "fine", "acme b": "on two\r\nlines", "globex c": "fine"}


def test_json_lines_that_void_nothing_are_listed(url: str) -> None:
    text = (
        lines({"customer": "acme", "idempotencyKey": "a"})
        + "\nacme,b\n[]\n"
        + "[" * 100_000
        + "\n"
        + lines(
            {"customer": "acme", "idempotencyKey": 7},
            {"customer": "acme", "idempotencyKey": "\ud800"},
            {"customer": "acme", "idempotencyKey": "\0"},
            {"customer": "acme", "idempotency_key": "b"},
            {"customer": "globex", "idempotencyKey": "none"},
        )
    )

    result = void(url, text)

    assert (result.exit_code, result.stdout) == (1, SUMMARY.format(1, 0, 1, 7))
    assert result.stderr.splitlines() == [
        "Line 3: This is no JSON object.",
        "Line 4: This is no JSON object.",
        "Line 5: This is no JSON object.",
        "Line 6: idempotencyKey must be a text.",
        "Line 7: idempotencyKey must be UTF-8, without NUL.",
        "Line 8: idempotencyKey must be UTF-8, without NUL.",
        "Line 9: idempotencyKey is missing.",
        'Line 10: The customer has no event "none".',
    ]
    assert voided(url) == {"acme a": None}


def test_a_quote_that_is_never_closed_costs_its_line_and_no_other(url: str) -> None:
    text = 'idempotencyKey,reason\na,fine\nb,"never\nc,fine\n'

    result = void(url, text, "--customer", "acme")

    assert (result.exit_code, result.stdout) == (1, SUMMARY.format(2, 0, 0, 1))
    assert result.stderr == "Line 3: This is no row of CSV: unexpected end of data.\n"
    assert voided(url) == {"acme a": "fine", "acme c": "fine"}


@pytest.mark.parametrize("text", ["", "\n \n", "customer,idempotencyKey\n"])
def test_input_without_rows_voids_nothing(url: str, text: str) -> None:
    result = void(url, text)

    assert (result.exit_code, result.stdout) == (0, SUMMARY.format(0, 0, 0, 0))
    assert voided(url) == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a\nb\n", "no column customer and no column idempotencyKey"),
        ("customer;idempotencyKey\nacme;a\n", "no column customer and no column idempotencyKey"),
        ("idempotencyKey\na\n", "It has no column customer."),
        ('[{"customer": "acme"}]', "no column customer and no column idempotencyKey"),
        ('"customer"x,idempotencyKey\n', "The header is no CSV"),
        (b"\x89PNG\r\n\x1a\n\0", "no column customer and no column idempotencyKey"),
    ],
)
def test_input_that_names_no_events_is_unusable(
    sqlite_url: str, text: str | bytes, why: str
) -> None:
    result = void(sqlite_url, text)

    assert (result.exit_code, result.stdout) == (2, "")
    assert why in " ".join(result.stderr.replace("│", " ").split())


def test_a_file_that_cannot_be_read_is_unusable(sqlite_url: str, tmp_path: Path) -> None:
    absent = run("usage", "void", "absent.csv", folder=tmp_path, DATABASE_URL=sqlite_url)
    folder = run("usage", "void", ".", folder=tmp_path, DATABASE_URL=sqlite_url)

    assert (absent.returncode, folder.returncode) == (2, 2)
    assert "absent.csv" in absent.stderr
    assert "Traceback" not in absent.stderr + folder.stderr


def test_a_file_is_voided_by_many_calls(database_url: str, tmp_path: Path) -> None:
    async def fill(db: Connection) -> None:
        await make_customer(db)
        await make_metric(db)
        for start in (0, 5_000, 10_000):
            await accepted(db, *(new_event(f"k{n}") for n in range(start, start + 5_000)))

    on(database_url, fill)
    file = tmp_path / "events.csv"
    file.write_text("idempotencyKey\n" + "".join(f"k{n}\n" for n in range(15_001)))

    done = run(
        *("usage", "void", "events.csv", "--customer", "acme"),
        folder=tmp_path,
        DATABASE_URL=database_url,
    )

    assert (done.returncode, done.stdout) == (1, SUMMARY.format("15,000", 0, 1, 0))
    assert done.stderr == 'Line 15002: The customer has no event "k15000".\n'
    assert len(voided(database_url)) == 15_000
