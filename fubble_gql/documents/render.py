"""The door of this package: a document in, the bytes of its PDF out."""

from __future__ import annotations

from collections.abc import Callable

from fubble_gql.documents.invoice import Document
from fubble_gql.errors import Code, refuse

_typeset: Callable[[Document], bytes] | None
try:
    from fubble_gql.documents.typeset import typeset as _typeset
except ModuleNotFoundError as missing:
    if (missing.name or "").partition(".")[0] not in {"typst", "fontTools"}:
        raise
    _typeset = None


def render(document: Document) -> bytes:
    """A PDF/A of the document; equal documents give equal bytes.

    It takes a processor for some milliseconds and lets other threads run meanwhile: call it in a
    thread. INVALID where a text has a character that no font here has, INVALID_STATE where the
    extra is not installed.
    """
    if _typeset is None:
        raise refuse(
            Code.INVALID_STATE,
            'PDFs need two more packages: install them with pip install "fubble-gql[pdf]".',
        )
    return _typeset(document)
