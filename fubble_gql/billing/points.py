"""A period cut into the points of a series, as many as one call may have."""

from __future__ import annotations

from fubble_gql.errors import Code, Refused, refuse
from fubble_gql.pricing.period import Granularity, Period, buckets

POINTS_MAX = 10_000
# Billing periods of one bill.
PIECES_MAX = 1_000
# Of all series of an operation, with their rows, and with the lines of days: what is read once may be
# shown any number of times.
SHOWN_MAX = 200_000
# What an operation may have worked out: points of series for each metric that they are made of, lines
# of days, and billing periods of bills, each as much as ten points. A point takes up to 0.2 ms.
WORKED_MAX = 50_000
_OF_A_PERIOD = 10
_HOUR = 3_600_000_000
_MICROSECONDS = {
    Granularity.HOUR: _HOUR,
    Granularity.DAY: 24 * _HOUR,
    Granularity.WEEK: 7 * 24 * _HOUR,
    Granularity.MONTH: 28 * 24 * _HOUR,
}


class Room:
    """What an operation may still have worked out; asked before it is."""

    def __init__(self, most: int = WORKED_MAX) -> None:
        self._left = most

    def take(self, count: int) -> Refused | None:
        """Room for so many points; the refusal where there is not as much."""
        self._left -= count
        if self._left >= 0:
            return None
        return refuse(
            Code.LIMIT_EXCEEDED,
            "That is more than one operation may have worked out: ask in several calls, or for "
            "shorter periods or coarser granularities.",
            "period",
        )

    def take_periods(self, count: int) -> Refused | None:
        """Room for a bill of so many billing periods, which may not be more than PIECES_MAX."""
        if count > PIECES_MAX:
            return refuse(
                Code.LIMIT_EXCEEDED,
                f"The period holds more than {PIECES_MAX:,} billing periods; ask for a shorter one.",
                "period",
            )
        return self.take(count * _OF_A_PERIOD)


def points(
    period: Period, granularity: Granularity, timezone: str, series: int = 1
) -> list[Period]:
    """The buckets of each of so many series.

    Raises Refused: LIMIT_EXCEEDED before they are counted out one by one when far too many.
    """
    roughly = period.microseconds // _MICROSECONDS.get(granularity, period.microseconds)
    if roughly * max(1, series) > POINTS_MAX:
        raise too_many("period")
    return buckets(period, granularity, timezone)


def too_many_shown() -> Refused:
    """The refusal of more than an operation may show in all its series."""
    return refuse(
        Code.LIMIT_EXCEEDED,
        f"All series of an operation have at most {SHOWN_MAX:,} points together: ask in several "
        "calls, or for shorter periods or coarser granularities.",
    )


def too_many(argument: str) -> Refused:
    """The refusal of more points than that."""
    return refuse(
        Code.LIMIT_EXCEEDED,
        f"That would be more than {POINTS_MAX:,} points; ask for a shorter period, "
        "a coarser granularity, fewer metrics or fewer dimensions.",
        argument,
    )
