"""The folder that a demo lives in: its database, its key, and how far it was loaded."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

# Raised when the demo's data change: a folder that another version filled cannot be continued.
DATA_VERSION = 2
_UNUSABLE_IN_ADDRESS = "?#"


class FolderUnusable(Exception):
    """A folder that cannot be the demo's; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the data were loaded. `is_complete` is written only after all of it was."""

    begun_at: datetime
    loaded_until: datetime
    every_days: int = 1
    is_complete: bool = False


@dataclass(frozen=True, slots=True)
class Folder:
    """A demo's own folder. Deleting it is how to start over."""

    path: Path

    @property
    def database_url(self) -> str:
        return f"sqlite://{self._database}"

    @property
    def _database(self) -> Path:
        return self.path / "fubble.sqlite3"

    def prepare(self) -> None:
        """Make the folder, readable by its owner alone and invisible to git."""
        if any(mark in str(self.path) for mark in _UNUSABLE_IN_ADDRESS):
            raise FolderUnusable(f"{self.path} has a ? or # in its name; choose another --folder.")
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.path / ".gitignore").write_text("*\n", "utf-8")
        except OSError as error:
            raise FolderUnusable(
                f"{self.path} cannot be written to ({error.strerror}); choose another --folder."
            ) from error

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Held by one process at a time, while it loads."""
        with (self.path / "load.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise FolderUnusable(
                    f"Another demo is loading in {self.path}; wait, or choose another --folder."
                ) from None
            yield

    def progress(self) -> Progress | None:
        """How far it was loaded; None when nothing was, or when its database is gone."""
        if not self._database.exists() or not self._progress.exists():
            return None
        stored = json.loads(self._progress.read_text("utf-8"))
        if stored["data_version"] != DATA_VERSION:
            raise FolderUnusable(
                f"{self.path} was filled by another version of fubble; delete it, "
                "or choose another --folder."
            )
        return Progress(
            datetime.fromisoformat(stored["begun_at"]),
            datetime.fromisoformat(stored["loaded_until"]),
            stored["every_days"],
            stored["is_complete"],
        )

    def save(self, progress: Progress) -> None:
        """Remember how far it was loaded, whole or not at all."""
        stored = {
            "data_version": DATA_VERSION,
            "begun_at": progress.begun_at.isoformat(),
            "loaded_until": progress.loaded_until.isoformat(),
            "every_days": progress.every_days,
            "is_complete": progress.is_complete,
        }
        _replace(self._progress, json.dumps(stored, indent=2) + "\n")

    @property
    def key(self) -> str | None:
        """The demo's API key, kept here so that it stays the same between starts."""
        file = self.path / "key"
        return file.read_text("utf-8").strip() if file.exists() else None

    def save_key(self, key: str) -> None:
        """Keep the key, readable by its owner alone."""
        _replace(self.path / "key", key + "\n")

    def secret_key(self) -> str:
        """What the demo signs portal tokens with: made once, readable by its owner alone."""
        file = self.path / "secret-key"
        if not file.exists():
            _replace(file, secrets.token_urlsafe(32) + "\n")
        return file.read_text("utf-8").strip()

    @property
    def _progress(self) -> Path:
        return self.path / "progress.json"


def _replace(file: Path, text: str) -> None:
    draft = file.with_name(file.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    draft.replace(file)
