"""How rarely a process of our own looks for garbage among what it holds."""

from __future__ import annotations

import gc


def look_for_garbage_rarely() -> None:
    """What is loaded by now stays, and what a call makes dies with it.

    Looking for garbage among all of it so often took a quarter of the time of recording usage, and
    a tenth of a start. At most 1.5 million objects wait for it: parsed documents are circles, and
    clients choose how many of them there are.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 3)
