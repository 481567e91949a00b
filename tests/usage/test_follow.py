"""Usage as it grew is what is measured until each instant, for random histories, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from random import Random

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from fubble_gql.db.connection import Connection
from fubble_gql.pricing.formula import FormulaFailed
from fubble_gql.pricing.period import Period
from fubble_gql.usage.aggregate import Course, Measured, Request, Stretch, follow, measure
from tests.statements import collected_statements
from tests.usage.test_aggregate_against_oracle import (
    HOUR,
    World,
    a_history,
    a_question,
    an_instant,
    make_world,
    write,
)


def until(request: Request, instant: datetime) -> Request:
    """The same as if nothing came later, by the slow way."""
    spans = [(one, min(one.span.end, instant)) for one in request.stretches]
    return replace(
        request,
        stretches=tuple(
            Stretch(Period(one.span.start, end), one.scope)
            for one, end in spans
            if one.span.start < end
        ),
    )


def some_courses(random: Random, world: World) -> list[Course]:
    """Some instants for every metric: before, inside, between and after the stretches."""
    instants = {an_instant(random, world.step) for _ in range(random.choice([1, 2, 5, 9]))}
    return [Course(one, tuple(sorted(instants))) for one in a_question(random, world)]


def comparable(answer: list[Measured] | FormulaFailed) -> object:
    """Failures are alike when they have the same reason."""
    return str(answer) if isinstance(answer, FormulaFailed) else answer


@settings(max_examples=25, phases=[Phase.explicit, Phase.generate])
@given(random=st.randoms(use_true_random=True))
async def test_what_was_used_by_each_instant_is_what_is_measured_until_then(
    db: Connection, random: Random
) -> None:
    world = await make_world(db, random.choice([HOUR, 7 * HOUR, 12 * HOUR]))
    history = a_history(random, world)
    await db.transaction(lambda tx: write(replace(world, db=tx), history))
    courses = [one for _ in range(2) for one in some_courses(random, world)]

    with collected_statements() as statements:
        followed = await follow(db, courses, world.metrics.plain)
    prefixes = [until(one.request, instant) for one in courses for instant in one.instants]
    measured = iter(await measure(db, prefixes, world.metrics.plain))

    for one, answers in zip(courses, followed, strict=True):
        assert len(answers) == len(one.instants)
        for instant, answer in zip(one.instants, answers, strict=True):
            assert comparable(answer) == comparable(next(measured)), (one.request, instant)
    # Each reduction once for what groups and once for what does not.
    assert len(statements) <= 20
