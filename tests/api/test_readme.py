"""README's tour, run document by document."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from fubble_gql.config import Settings
from tests.api.builders import Json
from tests.api.conftest import Api

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


class Stop(NamedTuple):
    """A document of the tour, and the answer that stands below it."""

    document: str
    answer: str


def tour() -> list[Stop]:
    """In order."""
    text = README.partition("<!-- tour -->")[2].partition("<!-- /tour -->")[0]
    blocks = r"```graphql\n(.*?)```(?:\n\n```json\n(.*?)```)?"
    return [Stop(*found) for found in re.findall(blocks, text, re.DOTALL)]


def errors_in(answer: Json) -> list[Any]:
    """What mutations refused."""
    return [error for payload in answer.values() for error in payload.get("errors") or ()]


async def test_the_tour_works_as_it_is_written(api: Api) -> None:
    answers: list[Json] = [await api.ask(stop.document) for stop in tour()]
    assert len(answers) == 8
    assert [errors_in(answer) for answer in answers] == [[]] * 8
    assert answers[3]["recordUsage"]["accepted"] == 2
    total = answers[4]["customer"]["invoicePreview"]["total"]
    assert (Decimal(total["amount"]), total["currency"]) == (Decimal("52.41"), "EUR")
    assert "`52.41` EUR" in README


async def test_the_tour_gets_the_answers_that_are_shown(api: Api) -> None:
    shown = 0
    for stop in tour():
        answer = await api.ask(stop.document)
        if stop.answer:
            shown += 1
            assert answer == json.loads(stop.answer)
    assert shown == 3


async def test_the_tour_can_be_taken_twice(api: Api) -> None:
    for stop in tour():
        await api.ask(stop.document)
    again: list[Json] = [await api.ask(stop.document) for stop in tour()]
    assert [errors_in(answer) for answer in again] == [[]] * 8
    assert again[3]["recordUsage"]["duplicates"] == 2
    assert again[6]["runBilling"]["finalized"] == again[7]["runBilling"]["finalized"] == 0


def test_every_setting_is_listed() -> None:
    for name in Settings.model_fields:
        assert f"`FUBBLE_{name.upper()}`" in README


def test_what_is_said_to_be_proved_has_its_tests() -> None:
    named = set(re.findall(r"`(tests/[\w/.]+)`", README))
    assert len(named) > 15
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_what_it_is_called_here_is_in_the_schema_or_a_command() -> None:
    table = README.partition("## Coming from fubble or Stripe")[2].partition("\n\nCollecting")[0]
    ours = [row.split("|")[3] for row in table.splitlines() if row.startswith("|")][2:]
    named = set(re.findall(r"`([A-Za-z]+)\b(?![^`]* )[^`]*`", " ".join(ours)))
    schema = set(re.findall(r"\w+", (ROOT / "schema" / "schema.graphql").read_text("utf-8")))
    assert len(named) > 30
    assert sorted(named - schema) == []
