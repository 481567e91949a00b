"""The fonts that come with the package, and which texts they can show: never a box for a letter."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont

from fubble_gql.errors import Path as FieldPath
from fubble_gql.errors import Problems

FOLDER = Path(__file__).with_name("fonts")
# In the order in which a character looks for its glyph. The first has nothing but symbols that the
# second lacks: asked for one of them first, Noto would put it together badly, as an = and a slash.
FAMILIES = {
    "DejaVu Sans": ("DejaVuSans-Symbols.ttf",),
    "Noto Sans": ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf"),
}

_NEW_LINE = re.compile("\r\n|[\n\r\v\f\x85\u2028\u2029]")
_TAB = " " * 4
# Invisible, and harmless: where a word may or must not be broken, or letters be joined.
_INVISIBLE = frozenset("\u00ad\u200b\u200c\u200d\u2060")
# Controls (those of direction could turn an amount around), private use, halves, unassigned.
_NEVER = frozenset({"Cc", "Cf", "Co", "Cs", "Cn"})
_NAMED_MAX = 5


def written(text: str) -> str:
    """The text as it is set: every kind of line end is a new line, a tab is four spaces."""
    return _NEW_LINE.sub("\n", text).strip("\n").replace("\t", _TAB)


def on_one_line(text: str) -> str:
    """The same, for what has room for one line."""
    return written(text).replace("\n", " ")


def uncovered(text: str) -> list[str]:
    """The characters that no bundled font has, in order, each once."""
    covered = _covered()
    return [
        char for char in dict.fromkeys(written(text)) if char != "\n" and not _shows(char, covered)
    ]


def check_covered(document: object) -> None:
    """Refuse to render a document whose texts have such a character, naming it and its field."""
    problems = Problems()
    for path, text in _texts(document, ()):
        if missing := uncovered(text):
            problems.add(
                f"{_spelled(path)} has {_named(missing)}, which the fonts of documents cannot"
                " show: they have Latin, Greek and Cyrillic letters and common symbols.",
                *path,
            )
    problems.raise_if_any()


def _shows(char: str, covered: frozenset[int]) -> bool:
    if unicodedata.category(char) in _NEVER and char not in _INVISIBLE:
        return False
    return ord(char) in covered


@cache
def _covered() -> frozenset[int]:
    """What some family has in each of its weights."""
    families = ([_characters_of(file) for file in files] for files in FAMILIES.values())
    return frozenset().union(*(frozenset.intersection(*weights) for weights in families))


def _characters_of(file: str) -> frozenset[int]:
    with TTFont(FOLDER / file, lazy=True) as font:
        return frozenset(font.getBestCmap())


def _named(characters: list[str]) -> str:
    names = [_name(char) for char in characters[:_NAMED_MAX]]
    more = len(characters) - len(names)
    return ", ".join(names) + (f" and {more:,} more" if more else "")


def _name(char: str) -> str:
    """U+65E5 (CJK UNIFIED IDEOGRAPH-65E5); the character itself might turn the message around."""
    fallback = "a control character" if unicodedata.category(char) == "Cc" else "without a name"
    return f"U+{ord(char):04X} ({unicodedata.name(char, fallback)})"


def _spelled(path: FieldPath) -> str:
    return ".".join(map(str, path))


def _texts(value: object, path: FieldPath) -> Iterator[tuple[FieldPath, str]]:
    """Every text below the value, with the way to it in camelCase."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, tuple):
        for index, each in enumerate(value):
            yield from _texts(each, (*path, index))
    elif is_dataclass(value):
        for field in fields(value):
            yield from _texts(getattr(value, field.name), (*path, _camel(field.name)))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)
