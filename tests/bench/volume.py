"""Databases of one and of ten million events, and what is measured on them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass

from rich.console import Console

from tests.bench import bill_run, preview
from tests.bench.database import copied, fresh_database
from tests.bench.volume_data import SPREAD, Calendar, Filled, Load, calendar, fill


@dataclass(frozen=True, slots=True)
class Sizes:
    """`few` and `many` events of so many customers; `heavy` and `light` ones of one each."""

    customers: int
    few: int
    many: int
    heavy: int
    light: int


@dataclass(frozen=True, slots=True)
class Efforts:
    """What to measure, and how much of it; None: not at all."""

    preview: preview.Effort | None
    bill_run: bill_run.Effort | None


async def run(sizes: Sizes, efforts: Efforts) -> None:
    """Fill, then measure."""
    console = Console()
    today = calendar()
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(fresh_database())
        count = 2 if efforts.preview is None else 3
        copies = [await stack.enter_async_context(copied(first)) for _ in range(1, count)]
        few, many, *busy = await _fill([first, *copies], today, sizes, console)
        if efforts.preview is not None:
            crowds = preview.Crowds(few, many, busy[0], sizes.customers, sizes.heavy, sizes.light)
            await preview.run(crowds, today, efforts.preview, console)
        if efforts.bill_run is not None:
            await bill_run.run(few, many, today, efforts.bill_run, console)


async def _fill(urls: list[str], today: Calendar, sizes: Sizes, console: Console) -> list[Filled]:
    def tell(what: str) -> None:
        console.print(what, style="dim", highlight=False, soft_wrap=True)

    spread = [
        [Load(1, sizes.customers, events, today.now - SPREAD)] for events in (sizes.few, sizes.many)
    ]
    month = [
        Load(number, 1, events, today.anniversary)
        for number, events in ((preview.HEAVY, sizes.heavy), (preview.LIGHT, sizes.light))
    ]
    filling = [
        fill(url, today, sizes.customers, loads, tell)
        for url, loads in zip(urls, [*spread, month], strict=False)
    ]
    return await asyncio.gather(*filling)
