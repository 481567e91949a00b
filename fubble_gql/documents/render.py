"""The door of this package: a document in, the bytes of its PDF out."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType

from fubble_gql.documents.invoice import Document
from fubble_gql.errors import Code, refuse


def render(document: Document) -> bytes:
    """A PDF/A of the document; equal documents give equal bytes.

    It takes a processor for some milliseconds and lets other threads run meanwhile: call it in a
    thread. INVALID where a text has a character that no font here has, INVALID_STATE where the
    extra is not installed.
    """
    return bytes(_typesetting().typeset(document))


@cache
def _typesetting() -> ModuleType:
    """Loaded with the first document: typst and fonttools are an extra, and take 9 MB of a server."""
    try:
        return import_module("fubble_gql.documents.typeset")
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in {"typst", "fontTools"}:
            raise
        raise refuse(
            Code.INVALID_STATE,
            'PDFs need two more packages: install them with pip install "fubble-gql[pdf]".',
        ) from None
