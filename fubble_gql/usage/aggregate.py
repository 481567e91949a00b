"""Aggregate usage exactly: many customers, metrics and spans of time in a handful of statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from fubble_gql.catalog.kinds import MetricType
from fubble_gql.catalog.rows import MetricRow
from fubble_gql.db.connection import Connection
from fubble_gql.pricing.formula import Formula, FormulaFailed
from fubble_gql.pricing.money import PLACES_MAX, ZERO, limit_places, tidy
from fubble_gql.pricing.period import Period
from fubble_gql.usage.quantities import quantities
from fubble_gql.usage.running import Running, running
from fubble_gql.usage.scope import EVERYTHING, Scope, Stretch
from fubble_gql.usage.series import Amount, Groups, Series
from fubble_gql.usage.store.rows import Values

__all__ = ["EVERYTHING", "Course", "Measured", "Request", "Scope", "Stretch", "follow", "measure"]


@dataclass(frozen=True, slots=True)
class Request:
    """What to measure: a customer's metric over disjoint stretches of time, in order.

    Only events count that were recorded by `as_of` and not voided by then. `whole` is what a
    TIME_WEIGHTED mean is taken over: the whole billing period, or the bucket of a series.
    `from_events` reads nothing that is kept beside the events: what a proof rests on.
    `group_by` names declared dimensions of the metric; the value of any other is None.
    """

    customer_id: UUID
    metric: MetricRow
    stretches: tuple[Stretch, ...]
    as_of: datetime
    whole: Period
    group_by: tuple[str, ...] = ()
    from_events: bool = False


@dataclass(frozen=True, slots=True)
class Course:
    """A request, and the instants by which its usage is wanted, in order: at most 1,024.

    Its stretches do not overlap.
    """

    request: Request
    instants: tuple[datetime, ...]


class Measured(NamedTuple):
    """The quantity of one combination of dimension values, and of how many events."""

    values: Values
    quantity: Decimal
    event_count: int


async def measure(
    connection: Connection, requests: Sequence[Request], operands: Mapping[str, MetricRow]
) -> list[list[Measured] | FormulaFailed]:
    """What was used, for each request.

    Without `group_by` that is exactly one Measured, zero where nothing happened; with it, one for
    each combination of values that has events or a level carried in, ordered by the values.
    A COMPOSITE is its formula over its `operands`, which are found by their keys; where that has
    no result, its request, and no other, is answered by the FormulaFailed.
    """
    width = max((len(request.group_by) for request in requests), default=0)
    plans = [_Plan.of(request, operands) for request in requests]
    series = [
        _series(plan.request, metric, width) for plan in plans for metric in plan.metrics.values()
    ]
    amounts = iter(await quantities(connection, series) if series else [])
    return [plan.answer({name: next(amounts) for name in plan.metrics}) for plan in plans]


async def follow(
    connection: Connection, courses: Sequence[Course], operands: Mapping[str, MetricRow]
) -> list[list[list[Measured] | FormulaFailed]]:
    """What had been used by each instant of each course, as `measure` tells it.

    The number of statements depends on neither courses, instants nor events.
    """
    width = max((len(one.request.group_by) for one in courses), default=0)
    plans = [_Plan.of(one.request, operands) for one in courses]
    wanted = [
        Running(_series(plan.request, metric, width), one.instants)
        for plan, one in zip(plans, courses, strict=True)
        for metric in plan.metrics.values()
    ]
    amounts = iter(await running(connection, wanted))
    answers = []
    for plan, one in zip(plans, courses, strict=True):
        found = {name: next(amounts) for name in plan.metrics}
        answers.append(
            [
                plan.answer({name: by_instant[place] for name, by_instant in found.items()})
                for place in range(len(one.instants))
            ]
        )
    return answers


def _series(request: Request, metric: MetricRow, width: int) -> Series:
    return Series(
        request.customer_id,
        metric,
        request.stretches,
        request.as_of,
        request.whole,
        _positions(request.group_by, metric, width) if request.group_by else (),
        request.from_events,
    )


def _positions(group_by: Sequence[str], metric: MetricRow, width: int) -> tuple[int | None, ...]:
    declared = metric.dimension_names()
    positions = [declared.index(name) if name in declared else None for name in group_by]
    return (*positions, *[None] * (width - len(positions)))


@dataclass(frozen=True, slots=True)
class _Plan:
    """The metrics that a request needs, and the formula over them if it is a COMPOSITE's."""

    request: Request
    metrics: Mapping[str, MetricRow]
    formula: Formula | None

    @classmethod
    def of(cls, request: Request, operands: Mapping[str, MetricRow]) -> _Plan:
        metric = request.metric
        if metric.type != MetricType.COMPOSITE:
            return cls(request, {metric.key: metric}, None)
        formula = Formula.parse(metric.formula or "", operands)
        return cls(request, {name: operands[name] for name in sorted(formula.names)}, formula)

    def answer(self, found: Mapping[str, Groups]) -> list[Measured] | FormulaFailed:
        """The groups in order; the ones of a request that does not group are all of them."""
        width = len(self.request.group_by)
        by_name = {
            name: {values[:width]: amount for values, amount in groups.items()}
            for name, groups in found.items()
        }
        groups = set().union(*by_name.values()) if width else {()}
        try:
            return [
                self._measured(values, [(n, by_name[n].get(values, _NOTHING)) for n in by_name])
                for values in sorted(groups, key=_in_order)
            ]
        except FormulaFailed as failure:
            return failure

    def _measured(self, values: Values, amounts: list[tuple[str, Amount]]) -> Measured:
        events = sum(amount.event_count for _, amount in amounts)
        if self.formula is None or not any(any(amount) for _, amount in amounts):
            quantity = amounts[0][1].quantity if self.formula is None else ZERO
        else:
            result = self.formula.evaluate({name: amount.quantity for name, amount in amounts})
            quantity = limit_places(result, PLACES_MAX)
        return Measured(values, tidy(quantity), events)


_NOTHING = Amount(ZERO, 0)


def _in_order(values: Values) -> list[tuple[bool, str]]:
    """By the texts; what has no value comes first."""
    return [(value is not None, value or "") for value in values]
