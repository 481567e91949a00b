"""What a plan would charge for usage that is only supposed: rated by the code that rates bills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from fubble_gql.billing.pieces import refuse_charge
from fubble_gql.billing.prices import Prices
from fubble_gql.catalog.kinds import DimensionKind
from fubble_gql.catalog.metrics import operand_keys
from fubble_gql.catalog.rows import MetricRow, PlanRow
from fubble_gql.errors import Code, Problems, Refused, refuse
from fubble_gql.pricing.bill import Bill, ChargeFailed, Component, Piece, rate_pieces
from fubble_gql.pricing.charge import Combination, Usage
from fubble_gql.pricing.formula import Formula, FormulaFailed
from fubble_gql.pricing.money import ZERO
from fubble_gql.pricing.period import Frequency, Period, Schedule
from fubble_gql.pricing.rates import Percentage, dimensions_of
from fubble_gql.usage.properties import dimension_value


@dataclass(frozen=True, slots=True)
class Supposed:
    """A quantity of a metric, for one combination of dimension values where these are priced."""

    metric: str
    quantity: Decimal
    event_count: int | None = None
    dimensions: object = None


def estimate(
    plan: PlanRow, priced: Prices, usage: Sequence[Supposed], now: datetime
) -> tuple[Period, Bill]:
    """One full period on a plan, from now, with this usage.

    Raises Refused: INVALID with every reason, FORMULA_FAILED.
    """
    _check(priced, usage)
    terms = priced.terms[plan.id]
    whole = Schedule(now, Frequency(plan.billing_frequency), "UTC").period_at(now)
    try:
        found = {
            component.id: _usage(component, priced.metrics[component.metric_id], usage)
            for component in terms.components
            if component.metric_id is not None
        }
        piece = Piece(None, terms, whole, whole, found)
        return whole, rate_pieces(plan.currency, [piece])
    except ChargeFailed as failed:
        raise refuse_charge(failed) from failed


def _check(priced: Prices, usage: Sequence[Supposed]) -> None:
    known = {metric.key for metric in priced.metrics.values()} | priced.operands.keys()
    problems = Problems()
    for index, one in enumerate(usage):
        if one.metric not in known:
            problems.add(f"The plan does not price {one.metric!r}.", "usage", index, "metric")
        if one.event_count is not None and one.event_count < 0:
            problems.add("eventCount must not be negative.", "usage", index, "eventCount")
        if not isinstance(one.dimensions, Mapping | None):
            problems.add("dimensions must be a JSON object.", "usage", index, "dimensions")
    problems.raise_if_any()


def _usage(component: Component, metric: MetricRow, supposed: Sequence[Supposed]) -> Usage:
    """The supposed usage of one component, several entries of a metric added up."""
    named = {metric.key} if any(one.metric == metric.key for one in supposed) else set()
    keys = named or operand_keys(metric)
    mine = [(index, one) for index, one in enumerate(supposed) if one.metric in keys]
    _check_event_counts(component, mine)
    quantities = dict.fromkeys(keys, ZERO)
    for _, one in mine:
        quantities[one.metric] += one.quantity
    return Usage(
        quantity=_quantity(component, metric, quantities) if mine else ZERO,
        event_count=sum(one.event_count or 0 for _, one in mine),
        combinations=_combinations(dimensions_of(component.rate), metric, mine),
    )


def _check_event_counts(component: Component, mine: Sequence[tuple[int, Supposed]]) -> None:
    if not (isinstance(component.rate, Percentage) and component.rate.fixed_fee):
        return
    problems = Problems()
    for index, one in mine:
        if one.event_count is None:
            problems.add(
                f"{component.name} has a fee for each event: say how many there are.",
                "usage",
                index,
                "eventCount",
            )
    problems.raise_if_any()


def _quantity(
    component: Component, metric: MetricRow, quantities: Mapping[str, Decimal]
) -> Decimal:
    """The metric's own quantity where it was given, else its formula over the operands'."""
    if metric.formula is None or metric.key in quantities:
        return quantities[metric.key]
    try:
        return Formula.parse(metric.formula, quantities).evaluate(quantities)
    except FormulaFailed as failed:
        raise ChargeFailed(component, failed) from failed


def _combinations(
    properties: Sequence[str], metric: MetricRow, mine: Sequence[tuple[int, Supposed]]
) -> tuple[Combination, ...]:
    """One for each distinct combination; refused when an entry lacks a priced dimension."""
    kinds = {one["property"]: one["kind"] for one in metric.dimensions}
    totals: dict[tuple[str, ...], tuple[Decimal, int]] = {}
    for index, one in mine if properties else ():
        values = tuple(_value(index, one, name, kinds[name]) for name in properties)
        quantity, count = totals.get(values, (ZERO, 0))
        totals[values] = (quantity + one.quantity, count + (one.event_count or 0))
    return tuple(Combination(values, *sums) for values, sums in totals.items())


def _value(index: int, one: Supposed, name: str, kind: str) -> str:
    """As recording would keep it."""
    given = one.dimensions if isinstance(one.dimensions, Mapping) else {}
    try:
        return dimension_value(given, property=name, kind=kind)
    except Refused:
        what = "a number" if kind == DimensionKind.NUMBER else "a text"
        raise refuse(
            Code.INVALID,
            f"{one.metric} is priced by {name!r}: give {what} for it in dimensions.",
            "usage",
            index,
            "dimensions",
            name,
        ) from None
