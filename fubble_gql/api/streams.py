"""Values over time: now, and after every change, at most one in a second for each subscriber."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Generic, TypeVar
from uuid import UUID

from fubble_gql.db.changes import Changes, Watch
from fubble_gql.errors import Refused, Unavailable

if TYPE_CHECKING:
    from fubble_gql.api.context import Context

T = TypeVar("T")

# What changes without being changed: credit that expires, a level that is averaged over time.
_REFRESH_SECONDS = 600.0
_RETRY_SECONDS = 5.0
# What a machine recorded whose clock is ahead of ours is known here only when ours is there too.
_SKEW_SECONDS = 3.0
# Values that are worked out at a time; all subscribers of a customer hear of a change at once.
_TURNS = 4


Pause = Callable[[], Awaitable[None]]


async def one_second() -> None:
    """Between two values for one subscriber."""
    await asyncio.sleep(1)


@dataclass(frozen=True, slots=True)
class Live:
    """Where changes are heard, and how long a subscriber waits between two values."""

    changes: Changes
    pause: Pause = one_second
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_TURNS))

    def watch(self, customer_id: UUID) -> AbstractContextManager[Watch]:
        """Be told of one customer's changes within the block."""
        return self.changes.watch(customer_id)


@dataclass(frozen=True, slots=True)
class Value(Generic[T]):
    """What a subscriber is shown, unless `essence` is what it was shown last.

    From `until` on it is another one, even if nothing changes.
    """

    shown: T
    essence: object
    until: datetime | None = None


async def latest(
    context: Context, customer_id: UUID, evaluate: Callable[[], Awaitable[Value[T]]]
) -> AsyncGenerator[T, None]:
    """The value now, and after every change of the customer that makes it another one.

    What cannot be worked out at the moment is an error in its place; the next value may follow.
    """
    live = context.live
    known: object = None
    was_told = True
    with live.watch(customer_id) as watch:
        while True:
            context.begin_anew()
            value = await _worked_out(live, evaluate)
            if value.essence != known:
                known = value.essence
                yield value.shown
            await live.pause()
            seconds = _seconds_until_refresh(context, value)
            was_told = await watch.change(min(seconds, _SKEW_SECONDS) if was_told else seconds)


async def _worked_out(live: Live, evaluate: Callable[[], Awaitable[Value[T]]]) -> Value[T]:
    try:
        async with live.turns:
            return await evaluate()
    except (Refused, Unavailable) as failure:
        # The executor raises an exception that it finds in the place of a value.
        return Value(failure, (type(failure), str(failure)))  # type: ignore[arg-type]


def _seconds_until_refresh(context: Context, value: Value[T]) -> float:
    if isinstance(value.shown, Unavailable):
        return _RETRY_SECONDS
    if value.until is None:
        return _REFRESH_SECONDS
    left = (value.until - context.clock()).total_seconds()
    return min(max(left, 0.0), _REFRESH_SECONDS)
