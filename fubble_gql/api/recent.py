"""What was made of the documents that clients sent last, for when they send them again."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

V = TypeVar("V")

# A parsed document takes up to 300 bytes for each of its characters: 60 MB at the very most.
CHARACTERS_MAX = 200_000


class Recent(Generic[V]):
    """As many texts as fit, with what was made of each; the one that was not used longest goes first.

    Bounded by their length and not by their number, since clients choose both.
    """

    def __init__(self, characters_max: int = CHARACTERS_MAX) -> None:
        self._characters_max = characters_max
        self._characters = 0
        self._made: OrderedDict[str, V] = OrderedDict()

    def get(self, text: str) -> V | None:
        """What was made of a text that is still known."""
        if (made := self._made.get(text)) is not None:
            self._made.move_to_end(text)
        return made

    def keep(self, text: str, made: V) -> None:
        """Remember a new text; one that would push out everything else is not."""
        if text in self._made or len(text) > self._characters_max // 10:
            return
        self._made[text] = made
        self._characters += len(text)
        while self._characters > self._characters_max:
            forgotten, _ = self._made.popitem(last=False)
            self._characters -= len(forgotten)
