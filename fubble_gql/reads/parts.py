"""JSON in the making: bytes that the database wrote, and between them what Python puts there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from fubble_gql.reads.leaves import Surprise


class Parts(list[Any]):
    """The JSON of an object or of a list: bytes, other parts, and values that Python writes."""

    __slots__ = ()


def written(whole: Parts, shared: Sequence[object]) -> orjson.Fragment:
    """The JSON of parts; of those that are shared it is made once. They come after what holds them."""
    for parts in reversed(shared):
        if isinstance(parts, Parts):
            parts[:] = [_joined(parts)]
    return orjson.Fragment(_joined(whole))


def _joined(parts: Parts) -> bytes:
    pieces: list[bytes] = []
    _collect(parts, pieces)
    return b"".join(pieces)


def _collect(parts: Parts, pieces: list[bytes]) -> None:
    for part in parts:
        if part.__class__ is bytes:
            pieces.append(part)
        elif part.__class__ is Parts:
            _collect(part, pieces)
        elif part is None:
            raise Surprise
        else:
            pieces.append(orjson.dumps(part))


def given(value: object) -> object:
    """A part that Python writes in the end, which may be null."""
    return b"null" if value is None else value
