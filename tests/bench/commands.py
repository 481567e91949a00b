"""`fubble` on a benchmark's database, in a process of its own."""

from __future__ import annotations

import asyncio
import os
import sysconfig
from pathlib import Path

_FUBBLE = str(Path(sysconfig.get_path("scripts")) / "fubble")


async def fubble(url: str, *arguments: str) -> str:
    """Run a command to its end; what it printed. Raises where it fails."""
    process = await asyncio.create_subprocess_exec(
        *(_FUBBLE, *arguments),
        env={**os.environ, "FUBBLE_DATABASE_URL": url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    if process.returncode:
        command = " ".join(("fubble", *arguments))
        raise RuntimeError(f"`{command}` ended with {process.returncode}: {(out + err).decode()}")
    return out.decode()
