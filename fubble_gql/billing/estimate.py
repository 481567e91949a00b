"""What a plan would charge for usage that is only supposed: rated by the code that rates bills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from fubble_gql.billing.facts import terms_of
from fubble_gql.billing.preview import refuse_charge
from fubble_gql.catalog.metrics import operand_keys
from fubble_gql.catalog.rows import MetricRow, PlanRow
from fubble_gql.db.connection import Connection
from fubble_gql.errors import Code, Problems, refuse
from fubble_gql.pricing.bill import Bill, ChargeFailed, Component, Piece, rate_pieces
from fubble_gql.pricing.charge import Combination, Usage
from fubble_gql.pricing.formula import Formula, FormulaFailed
from fubble_gql.pricing.money import ZERO, plain
from fubble_gql.pricing.period import Frequency, Period, Schedule
from fubble_gql.pricing.rates import Percentage, dimensions_of


@dataclass(frozen=True, slots=True)
class Supposed:
    """A quantity of a metric, for one combination of dimension values where these are priced."""

    metric: str
    quantity: Decimal
    event_count: int | None = None
    dimensions: object = None


async def estimate(
    connection: Connection, plan: PlanRow, usage: Sequence[Supposed], now: datetime
) -> tuple[Period, Bill]:
    """One full period on a plan, from now, with this usage.

    Raises Refused: INVALID with every reason, FORMULA_FAILED.
    """
    terms_by_id, metrics, operands = await terms_of(connection, [plan])
    terms = terms_by_id[plan.id]
    known = {metric.key for metric in metrics.values()} | operands.keys()
    problems = Problems()
    for index, one in enumerate(usage):
        if one.metric not in known:
            problems.add(f"The plan does not price {one.metric!r}.", "usage", index, "metric")
        if one.event_count is not None and one.event_count < 0:
            problems.add("eventCount must not be negative.", "usage", index, "eventCount")
        if not isinstance(one.dimensions, Mapping | None):
            problems.add("dimensions must be a JSON object.", "usage", index, "dimensions")
    problems.raise_if_any()
    whole = Schedule(now, Frequency(plan.billing_frequency), "UTC").period_at(now)
    found = {
        component.id: _usage(component, metrics[component.metric_id], usage)
        for component in terms.components
        if component.metric_id is not None
    }
    piece = Piece(None, terms, whole, whole, found)
    try:
        return whole, rate_pieces(plan.currency, [piece])
    except ChargeFailed as failed:
        raise refuse_charge(failed) from failed


def _usage(component: Component, metric: MetricRow, supposed: Sequence[Supposed]) -> Usage:
    """The supposed usage of one component, several entries of a metric added up."""
    mine = [one for one in supposed if one.metric == metric.key]
    if metric.formula is not None and not mine:
        return _composite(component, metric, supposed)
    counts = [one.event_count for one in mine]
    if isinstance(component.rate, Percentage) and component.rate.fixed_fee and None in counts:
        raise refuse(
            Code.INVALID,
            f"{component.name} has a fee for each event: say how many with eventCount.",
            "usage",
        )
    return Usage(
        quantity=sum((one.quantity for one in mine), ZERO),
        event_count=sum(count for count in counts if count is not None),
        combinations=_combinations(dimensions_of(component.rate), mine),
    )


def _composite(component: Component, metric: MetricRow, supposed: Sequence[Supposed]) -> Usage:
    keys = operand_keys(metric)
    quantities = dict.fromkeys(keys, ZERO)
    for one in supposed:
        if one.metric in keys:
            quantities[one.metric] += one.quantity
    if not any(one.metric in keys for one in supposed):
        return Usage()
    assert metric.formula is not None  # noqa: S101 - only composites come here
    try:
        quantity = Formula.parse(metric.formula, keys).evaluate(quantities)
    except FormulaFailed as failed:
        raise ChargeFailed(component, failed) from failed
    return Usage(quantity=quantity)


def _combinations(
    properties: Sequence[str], supposed: Sequence[Supposed]
) -> tuple[Combination, ...]:
    """One for each distinct combination; refused when an entry lacks a priced dimension."""
    totals: dict[tuple[str, ...], tuple[Decimal, int]] = {}
    for one in supposed if properties else ():
        values = tuple(_value(one, name) for name in properties)
        quantity, count = totals.get(values, (ZERO, 0))
        totals[values] = (quantity + one.quantity, count + (one.event_count or 0))
    return tuple(Combination(values, *sums) for values, sums in totals.items())


def _value(one: Supposed, name: str) -> str:
    value = one.dimensions.get(name) if isinstance(one.dimensions, Mapping) else None
    if isinstance(value, str):
        return value
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return plain(Decimal(value))
    raise refuse(
        Code.INVALID,
        f"{one.metric} is priced by its dimension {name!r}: give a value for it in dimensions.",
        "usage",
    )
