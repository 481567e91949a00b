"""README's tour, run document by document."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from fubble_gql.config import Settings
from tests.api.conftest import Api

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def tour() -> list[str]:
    """The GraphQL documents of the tour, in order."""
    text = README.partition("<!-- tour -->")[2].partition("<!-- /tour -->")[0]
    return re.findall(r"```graphql\n(.*?)```", text, re.DOTALL)


async def test_the_tour_works_as_it_is_written(api: Api) -> None:
    answers: list[Any] = [await api.ask(document) for document in tour()]
    assert len(answers) == 5
    for answer in answers[:4]:
        for payload in answer.values():
            assert not payload.get("errors")
    assert answers[3]["recordUsage"]["accepted"] == 2
    total = answers[4]["customer"]["invoicePreview"]["total"]
    assert (Decimal(total["amount"]), total["currency"]) == (Decimal("52.41"), "EUR")
    assert "`52.41` EUR" in README


async def test_the_tour_can_be_taken_twice(api: Api) -> None:
    for document in tour() * 2:
        await api.ask(document)
    again = await api.ask(tour()[3])
    assert again["recordUsage"]["duplicates"] == 2


def test_every_setting_is_listed() -> None:
    for name in Settings.model_fields:
        assert f"`FUBBLE_{name.upper()}`" in README
