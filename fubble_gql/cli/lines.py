"""The lines of a file that a command reads: bounded, numbered, under a bar of how far it is."""

from __future__ import annotations

import gzip
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from typing import BinaryIO, TextIO, cast

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from fubble_gql.cli.failures import Failure

CHARACTERS_MAX = 1_000_000
# Stands for a line of more than that, of which nothing is kept. Compared by identity.
TOO_LONG = "(too long)"

_PACKED = ".gz"
_COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    TaskProgressColumn(),
    TimeRemainingColumn(),
)


@dataclass(frozen=True, slots=True)
class Screen:
    """Standard error, while a file is read."""

    bar: Progress

    def tell(self, text: str) -> None:
        """Say something above the bar."""
        self.bar.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def show(self, doing: str) -> None:
        """What stands beside the bar from now on."""
        self.bar.update(self.bar.task_ids[0], description=doing)


@contextmanager
def opened(file: BinaryIO, doing: str) -> Iterator[tuple[TextIO, Screen]]:
    """The file's text, unpacked where its name ends in .gz, and a bar of how far it is read.

    The bar is on standard error, and gone when the file has been read. What is not UTF-8 becomes
    text that no database stores, so that only its row is rejected.
    """
    console = Console(stderr=True)
    is_hidden = not console.is_terminal
    with Progress(*_COLUMNS, console=console, transient=True, disable=is_hidden) as bar:
        size = _size(file)
        task = bar.add_task(doing, total=size)
        source = file if size is None else bar.wrap_file(file, task_id=task)
        if name_of(file).endswith(_PACKED):
            source = cast(BinaryIO, gzip.GzipFile(fileobj=source))
        text = TextIOWrapper(source, encoding="utf-8-sig", errors="surrogateescape", newline="")
        yield text, Screen(bar)


def name_of(file: BinaryIO) -> str:
    """The path by which the file was opened; "<stdin>", or nothing, where it was not."""
    return str(getattr(file, "name", ""))


def unpacked(name: str) -> str:
    """The name without the .gz of a packed file."""
    return name.removesuffix(_PACKED)


def _size(file: BinaryIO) -> int | None:
    """How long the file is; None for a pipe."""
    try:
        status = os.fstat(file.fileno())
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


@dataclass(slots=True)
class Lines:
    """The lines of a text, and the number of the last one that was read."""

    text: TextIO
    number: int = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            line = self.text.readline(CHARACTERS_MAX)
            if len(line) == CHARACTERS_MAX and not line.endswith("\n"):
                line = self._pass_over()
        except (OSError, EOFError, zlib.error) as error:
            raise Failure(
                f"The file cannot be read any further than line {self.number:,}: {error}."
            ) from None
        if not line:
            raise StopIteration
        self.number += 1
        return line

    def _pass_over(self) -> str:
        while (rest := self.text.readline(CHARACTERS_MAX)) and not rest.endswith("\n"):
            pass
        return TOO_LONG
