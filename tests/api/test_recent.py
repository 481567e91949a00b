"""What is remembered of clients' documents has a bound that no client can move."""

from __future__ import annotations

import json

from fubble_gql.api.document import read_document
from fubble_gql.api.recent import CHARACTERS_MAX, Recent
from tests.api.conftest import Api, read


def kept(recent: Recent[str], texts: list[str]) -> list[str]:
    """Those that are still known; looking does not change which."""
    return [text for text in texts if text in recent._made]


def test_a_text_is_known_until_others_need_its_room() -> None:
    recent = Recent[str](20)
    for text in ("aa", "bb"):
        recent.keep(text, text.upper())
    assert (recent.get("aa"), recent.get("zz")) == ("AA", None)

    for number in range(9):
        recent.keep(f"{number}!", "later")

    assert kept(recent, ["aa", "bb"]) == ["aa"]


def test_texts_are_bounded_by_their_length_together() -> None:
    recent = Recent[str](1_000)
    texts = [f"{number}".ljust(1 + number % 150, "x") for number in range(3_000)]

    for text in texts:
        recent.keep(text, "")
        recent.keep(text, "again")

        assert sum(map(len, recent._made)) == recent._characters <= 1_000
    assert max(map(len, recent._made)) <= 100
    assert len(recent._made) >= 10


async def test_what_is_refused_or_invalid_is_read_anew(sqlite_api: Api) -> None:
    """As is what is valid: with the same answer each time."""
    for document in ("{ nothing }", "{ viewer { role } }", "{ " + "a " * 500 + "}"):
        sent = json.dumps({"query": document}).encode()
        answers = [read(await sqlite_api.post(sent)) for _ in range(3)]
        for answer in answers:
            for error in answer.get("errors", []):
                del error["extensions"]["requestId"]
        assert answers[0] == answers[1] == answers[2]


def test_one_document_cannot_push_out_all_others() -> None:
    recent = Recent[object]()
    recent.keep("{ viewer { role } }", read_document("{ viewer { role } }", 100))

    recent.keep("{" + " " * CHARACTERS_MAX, object())

    assert recent.get("{ viewer { role } }")
