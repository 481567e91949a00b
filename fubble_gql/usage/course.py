"""What was used by each of several instants: a metric's quantity as it grew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fubble_gql.catalog.rows import MetricRow
from fubble_gql.db.connection import Connection
from fubble_gql.pricing.formula import FormulaFailed
from fubble_gql.pricing.period import Period
from fubble_gql.usage.aggregate import Measured, Request, Stretch, measure

Found = list[Measured] | FormulaFailed


@dataclass(frozen=True, slots=True)
class Course:
    """A request, and the instants by which its usage is wanted, in order."""

    request: Request
    instants: tuple[datetime, ...]


async def follow(
    connection: Connection, courses: Sequence[Course], operands: Mapping[str, MetricRow]
) -> list[list[Found]]:
    """What had been used by each instant of each course, as `measure` tells it.

    The number of statements depends on neither courses, instants nor events.
    """
    requests = [
        replace(one.request, stretches=_before(one.request.stretches, instant))
        for one in courses
        for instant in one.instants
    ]
    measured = iter(await measure(connection, requests, operands))
    return [[next(measured) for _ in one.instants] for one in courses]


def _before(stretches: Sequence[Stretch], instant: datetime) -> tuple[Stretch, ...]:
    return tuple(
        replace(one, span=Period(one.span.start, min(one.span.end, instant)))
        for one in stretches
        if one.span.start < instant
    )
