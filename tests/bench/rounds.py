"""Contestants that take turns, and what their rounds come to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Contestant:
    """`run` takes the number of a round and returns how many units it did in a second."""

    name: str
    run: Callable[[int], Awaitable[float]]


Rates = dict[str, list[float]]


async def alternate(contestants: Sequence[Contestant], rounds: int) -> Rates:
    """Everybody's rate in each round: A B C, A B C, and so on. Round 0 warms up, uncounted."""
    rates: Rates = {each.name: [] for each in contestants}
    for number in range(rounds + 1):
        for each in contestants:
            rate = await each.run(number)
            if number:
                rates[each.name].append(rate)
    return rates


def ratios(rates: Rates, name: str, reference: str) -> list[float]:
    """One contestant's share of another's rate, round by round."""
    return [own / other for own, other in zip(rates[name], rates[reference], strict=True)]


def spread(values: Sequence[float], digits: int = 2) -> str:
    """The median, and the smallest and the largest."""
    low, middle, high = (
        f"{value:,.{digits}f}" for value in (min(values), median(values), max(values))
    )
    return f"{middle} ({low} to {high})"


def show(
    console: Console,
    rates: Rates,
    unit: str,
    pairs: Sequence[tuple[str, str, str]],
    digits: int = 0,
) -> None:
    """Everybody's rate, and for each label how the first one's compares with the second's."""
    table = Table("contestant", f"{unit}: median (least to most)")
    for name, values in rates.items():
        table.add_row(name, spread(values, digits))
    console.print(table)
    for label, name, reference in pairs:
        found = spread(ratios(rates, name, reference), 3)
        console.print(f"{label}: ratio {found}", highlight=False, soft_wrap=True)
