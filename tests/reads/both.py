"""One database behind two applications: one compiles reads, one does not. Their answers compared."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

from fubble_gql.app import create_app
from fubble_gql.config import load_settings
from fubble_gql.reads import execution
from tests.api.conftest import SECRET_KEY, Api
from tests.reads.documents import Sent, Words

# A document is asked so often again to see which errors are told of it.
TIMES = 50
_CURSOR = re.compile(r'"(?:endCursor|startCursor|cursor)":"([^"]+)"')
_ID = re.compile(r'"((?:cus|met|plan|sub|evt|inv|crd)_[0-9a-f]+)"')


@dataclass
class Tally:
    """What became of the documents. `by_database`: their JSON came from it, in part at least."""

    documents: int = 0
    with_data: int = 0
    with_errors: int = 0
    bytes: int = 0
    plans: int = 0
    by_plan: int = 0
    by_database: int = 0
    reordered: int = 0
    varied: int = 0


@dataclass
class Both:
    """The two applications, and what was counted."""

    compiled: httpx.AsyncClient
    stock: httpx.AsyncClient
    tally: Tally = field(default_factory=Tally)

    async def ask(self, sent: Sent, headers: Mapping[str, str]) -> str:
        """The answer of both; AssertionError where they differ in a single byte.

        But errors of fields that are resolved at the same time come in the order in which they
        happened, and of those under one null the first is told, with graphql-core alone too. Such
        answers are counted: the same errors in another order, and what both say now and then.
        """
        body = {"query": sent.query, "variables": sent.variables}
        if sent.operation:
            body["operationName"] = sent.operation
        content = json.dumps(body).encode()
        known = {**headers, "X-Request-Id": "same", "Content-Type": "application/json"}
        ours = await self.compiled.post("/graphql", content=content, headers=known)
        theirs = await self.stock.post("/graphql", content=content, headers=known)
        assert ours.status_code == theirs.status_code, content
        if ours.content != theirs.content:
            if _in_order(ours.text) == _in_order(theirs.text):
                self.tally.reordered += 1
            else:
                await self._vary(content, known, ours.text, theirs.text)
                self.tally.varied += 1
        self._count(ours.text)
        return ours.text

    async def _vary(
        self, content: bytes, headers: Mapping[str, str], ours: str, theirs: str
    ) -> None:
        """AssertionError unless both answer the same now and then, with errors."""
        known = {self.compiled: {ours}, self.stock: {theirs}}
        for _ in range(TIMES if '"errors"' in ours and '"errors"' in theirs else 0):
            for client, answers in known.items():
                answer = await client.post("/graphql", content=content, headers=headers)
                answers.add(answer.text)
            if known[self.compiled] & known[self.stock]:
                return
        raise AssertionError(f"{content.decode()}\n{ours}\n{theirs}")

    def _count(self, text: str) -> None:
        self.tally.documents += 1
        self.tally.bytes += len(text)
        answer = json.loads(text)
        self.tally.with_data += answer.get("data") is not None
        self.tally.with_errors += "errors" in answer


@asynccontextmanager
async def both(api: Api, database_url: str) -> AsyncIterator[Both]:
    """Beside `api`, whose clock and database they share; its own application compiles reads."""
    settings = load_settings(database_url=database_url, secret_key=SECRET_KEY, compiled_reads=False)
    app = create_app(settings, now=api.clock)
    transport: Any = api.http._transport
    app.state = transport.app.state  # its connection, and what hears of changes
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost"
    ) as stock:
        found = Both(api.http, stock)
        with _counted(found.tally):
            yield found


@contextmanager
def _counted(tally: Tally) -> Iterator[None]:
    """Count what plans answer."""
    run = execution._run

    async def counting(*arguments: Any) -> Any:  # noqa: ANN401
        tally.plans += 1
        data = await run(*arguments)
        tally.by_plan += 1
        tally.by_database += isinstance(data, orjson.Fragment)
        return data

    execution._run = counting  # type: ignore[assignment]
    try:
        yield
    finally:
        execution._run = run


def _in_order(text: str) -> tuple[object, list[str]]:
    answer = json.loads(text)
    errors = sorted(json.dumps(error) for error in answer.pop("errors", ()))
    return answer, errors


def learn(words: Words, text: str) -> None:
    """Take cursors from an answer, to go on from there."""
    words.cursors += _CURSOR.findall(text)[:2]
    del words.cursors[:-200]


def words_from(texts: list[str]) -> Words:
    """The ids in some answers, and what is no id or nobody's."""
    ids = sorted({id for text in texts for id in _ID.findall(text)})
    return Words(
        ids=[*ids, "cus_" + "0" * 32, "nonsense", "evt_1"],
        texts=["acme", "rival", "open", "acme-plan", "calls", "acme_used", "INV-000001", "", "é"],
    )
