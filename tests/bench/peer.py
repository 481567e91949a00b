"""PostGraphile 5 on the same database: what it is asked, and whether it answers the same."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from uuid import UUID

import asyncpg
import orjson

from tests.bench.servers import Server, answers, free_port

NAME = "PostGraphile"
PATH = "/graphql"
_FILES = Path(__file__).parent / "postgraphile"
_START_SECONDS = 60
# Its answers name things otherwise, and its ids and amounts are as they are stored.
_SIZES_DIFFER_AT_MOST = 0.3
_ID = re.compile(r"(?:[a-z]{2,4}_[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f-]{27})", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT.*", re.ASCII)

QUERIES = {
    "NESTED": """query Nested($first: Int) {
  customers(first: $first, orderBy: [CREATED_AT_ASC, ROW_ID_ASC]) { edges { node {
    id: rowId name
    subscriptions: customerSubscriptions(first: 20, orderBy: [START_AT_ASC, ROW_ID_ASC]) { nodes {
      id: rowId status plan {
        name
        priceComponents: priceComponentsList(orderBy: POSITION_ASC) { key displayName pricing }
      }
    } }
    invoices(first: 5, orderBy: [CREATED_AT_DESC, ROW_ID_DESC]) { nodes {
      id: rowId total issuedAt
      lines: invoiceLinesList(orderBy: POSITION_ASC) { description amount }
    } }
  } } }
}""",
    "FLAT": """query Flat($first: Int) {
  customers(first: $first, orderBy: [CREATED_AT_ASC, ROW_ID_ASC]) {
    nodes { id: rowId key name currency timezone }
  }
}""",
    "ONE": "query One($id: UUID!) { customer(rowId: $id) { id: rowId key name } }",
}


class Missing(Exception):
    """Why there is no PostGraphile to be compared with."""


@asynccontextmanager
async def postgraphile(url: str) -> AsyncIterator[Server]:
    """One process of it on a database, until the block ends. Raises Missing without npm."""
    folder = await _installed()
    await _show_views(url)
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(str(folder / "node_modules/.bin/node"), "server.mjs"),
        cwd=folder,
        env={**os.environ, "NODE_ENV": "production", "DATABASE_URL": url, "PORT": str(port)},
    )
    try:
        await asyncio.wait_for(answers(process, port), _START_SECONDS)
        yield Server(port, process.pid)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _installed() -> Path:
    """Where npm put it, with a Node of its own: once for each list of packages."""
    npm = shutil.which("npm")
    if npm is None:
        raise Missing("there is no npm")
    listed = b"".join(sorted(path.read_bytes() for path in _FILES.iterdir()))
    folder = Path(tempfile.gettempdir()) / f"fubble-peer-{hashlib.sha256(listed).hexdigest()[:12]}"
    if not (folder / "installed").exists():
        shutil.copytree(_FILES, folder, dirs_exist_ok=True)
        process = await asyncio.create_subprocess_exec(
            *(npm, "install", "--no-audit", "--no-fund", "--loglevel", "error"),
            cwd=folder,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, complaint = await process.communicate()
        if process.returncode:
            raise Missing(f"npm could not install it: {complaint.decode()[-300:].strip()}")
        (folder / "installed").touch()
    return folder


async def _show_views(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute((_FILES / "peer.sql").read_text())
    finally:
        await connection.close()


def body(page: str, variables: dict[str, object]) -> bytes:
    """What it is sent for a page."""
    own = {
        name: str(UUID(value.partition("_")[2])) if isinstance(value, str) else value
        for name, value in variables.items()
    }
    return orjson.dumps({"query": QUERIES[page], "variables": own})


def check(page: str, answer: bytes, ours: bytes) -> None:
    """Raises unless it holds the same values in the same order, and about as many bytes."""
    theirs, expected = [*_values(orjson.loads(answer))], [*_values(orjson.loads(ours))]
    for value, wanted in zip(theirs, expected, strict=True):
        if value != wanted:
            raise RuntimeError(f"{NAME} answers {page} otherwise: {value!r}, not {wanted!r}")
    if abs(len(answer) / len(ours) - 1) > _SIZES_DIFFER_AT_MOST:
        raise RuntimeError(f"{NAME} sends {len(answer)} bytes for {page}, not about {len(ours)}.")


def _values(part: object) -> Iterator[object]:
    """The leaves, in order, as both ways of writing mean them."""
    if isinstance(part, dict):
        for value in part.values():
            yield from _values(value)
    elif isinstance(part, list):
        for value in part:
            yield from _values(value)
    else:
        yield _meaning(part)


def _meaning(value: object) -> object:
    if not isinstance(value, str):
        return value
    if _ID.fullmatch(value):
        return UUID(value.partition("_")[2] or value)
    if _INSTANT.fullmatch(value):
        return datetime.fromisoformat(value)
    try:
        return Decimal(value)
    except InvalidOperation:
        return value.removesuffix("Pricing").replace("_", "").lower()
