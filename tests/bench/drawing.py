"""Shares as bars, in a PNG file: set by typst, which invoices are set by too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import typst

_PAGE = """#set page(width: 16cm, height: auto, margin: 6mm)
#set text(font: "Noto Sans", size: 9pt)
#let bar(name, share, low, high) = grid(
  columns: (4.4cm, 7.6cm, 1fr), align: horizon, inset: 2pt, name,
  box(width: 100%, height: 3.4mm, fill: luma(235), place(left, rect(
    width: calc.min(share, 1.25) / 1.25 * 100%, height: 100%,
    fill: if name == "fubble" { rgb("#0b7285") } else { rgb("#adb5bd") },
  ))),
  [#share #text(size: 7pt, fill: luma(90))[(#low to #high)]],
)
"""


def draw(shares: Mapping[str, Mapping[str, Sequence[float]]], file: Path) -> None:
    """For each page every contestant's share of the bare statement's rate, with its spread."""
    text = _PAGE
    for page, contestants in shares.items():
        text += f"== {page}: share of the bare statement\n"
        for name, values in contestants.items():
            low, middle, high = (
                round(one, 3) for one in (min(values), median(values), max(values))
            )
            text += f'#bar("{name}", {middle}, {low}, {high})\n'
    file.write_bytes(typst.compile(text.encode(), format="png", ppi=144.0))
