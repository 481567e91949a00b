"""The documents of examples/, in their order, with what earlier answers put into later variables."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parents[2] / "examples"
_PLACE = re.compile(r"\{([\w.]+)\}")


@dataclass(frozen=True)
class Example:
    """A document, and the variables beside it."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def text(self) -> str:
        return self.path.read_text("utf-8")

    @property
    def is_watched(self) -> bool:
        """Whether it is a subscription, which has many answers."""
        return "\nsubscription " in self.text

    def variables(self, answers: Mapping[str, Any]) -> dict[str, Any]:
        """Each `{field.path}` is what that root field last answered there."""
        written = json.loads(self.path.with_suffix(".json").read_text("utf-8"))
        filled: dict[str, Any] = _filled(written, answers)
        return filled


# All of them, in order.
DOCUMENTS = [Example(path) for path in sorted((EXAMPLES / "documents").glob("*.graphql"))]


def _filled(value: Any, answers: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    match value:
        case dict():
            return {name: _filled(inner, answers) for name, inner in value.items()}
        case list():
            return [_filled(inner, answers) for inner in value]
        case str() if place := _PLACE.fullmatch(value):
            return _at(answers, place[1])
        case _:
            return value


def _at(found: Any, place: str) -> Any:  # noqa: ANN401 - JSON
    for step in place.split("."):
        found = found[int(step)] if isinstance(found, list) else found[step]
    return found
