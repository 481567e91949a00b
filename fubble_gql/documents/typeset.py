"""Typst at work: the template, the fonts of this package, and nothing of the machine beside them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import cast

import typst

from fubble_gql.documents.characters import FAMILIES, FOLDER, check_covered
from fubble_gql.documents.content import content
from fubble_gql.documents.invoice import Document
from fubble_gql.pricing.wallclock import in_utc

_TEMPLATE = Path(__file__).with_name("invoice.typ")


def typeset(document: Document) -> bytes:
    """The pages as PDF, dated when the invoice was issued."""
    check_covered(document)
    pdf = compiler(document).compile(
        format="pdf",
        # For archives and for screen readers; both refuse a page with a missing letter, too.
        pdf_standards=["a-2a", "ua-1"],
        timestamp=int(in_utc(document.issued_at).timestamp()),
    )
    return cast(bytes, pdf)


def compiler(document: Document) -> typst.Compiler:
    """Its texts go to the template as JSON, to be shown and never read as markup."""
    inputs = {"content": json.dumps(content(document)), "families": json.dumps(list(FAMILIES))}
    return typst.Compiler(
        _template(),
        root=_TEMPLATE.parent,
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs=inputs,
    )


@cache
def _template() -> bytes:
    return _TEMPLATE.read_bytes()


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FOLDER)]
    )
