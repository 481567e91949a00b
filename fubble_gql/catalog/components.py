"""Price components: what a plan version refuses, and how a component is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fubble_gql import checks
from fubble_gql.catalog.kinds import DimensionKind, MetricType
from fubble_gql.catalog.rows import METRICS, MetricRow
from fubble_gql.db.connection import Connection
from fubble_gql.errors import Problems
from fubble_gql.pricing.fault import Fault, InvalidTerms, camel
from fubble_gql.pricing.rates import Dimension, Rate, dimensions_of, needs_metric
from fubble_gql.pricing.rates.codec import decode, encode

COMPONENTS_MAX = 100


@dataclass(frozen=True, slots=True)
class NewComponent:
    """What a component is made from; `pricing` is a rate as rates.codec encodes it."""

    key: str
    display_name: str
    pricing: Mapping[str, Any]
    metric: str | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None


def stored_component(position: int, new: NewComponent) -> dict[str, Any]:
    """The columns of a component; equal rates are stored equally, however they were written."""
    return {
        "position": position,
        "key": new.key,
        "display_name": new.display_name,
        "pricing": encode(decode(new.pricing)),
        "minimum": new.minimum,
        "maximum": new.maximum,
    }


def is_readable(new: NewComponent) -> bool:
    """Whether its pricing is a rate at all."""
    try:
        decode(new.pricing)
    except ValueError:
        return False
    return True


async def check_components(
    connection: Connection, problems: Problems, components: Sequence[NewComponent]
) -> None:
    """Everything that is wrong with the components of a version. One statement."""
    if not components:
        problems.add("A plan needs at least one price component.", "priceComponents")
    if len(components) > COMPONENTS_MAX:
        problems.add(f"A plan has at most {COMPONENTS_MAX} price components.", "priceComponents")
    keys = [component.metric for component in components if component.metric is not None]
    metrics = {row.key: row for row in await METRICS.by(connection, "key", keys)}
    seen: set[str] = set()
    for index, component in enumerate(components):
        inner = Problems()
        checks.text(inner, component.key, "key")
        checks.text(inner, component.display_name, "displayName")
        if component.key in seen:
            inner.add(f"The key {component.key!r} names two components.", "key")
        seen.add(component.key)
        _check_bounds(inner, component)
        _check_pricing(inner, component, metrics)
        problems.found += [problem.below("priceComponents", index) for problem in inner.found]


def _check_bounds(problems: Problems, component: NewComponent) -> None:
    checks.not_negative(problems, component.minimum, "minimum")
    checks.not_negative(problems, component.maximum, "maximum")
    if (
        component.minimum is not None
        and component.maximum is not None
        and component.minimum > component.maximum
    ):
        problems.add("maximum must not be below minimum.", "maximum")


def _check_pricing(
    problems: Problems, component: NewComponent, metrics: Mapping[str, MetricRow]
) -> None:
    metric = None
    if component.metric is not None:
        metric = metrics.get(component.metric)
        if metric is None:
            problems.add(f"There is no metric with the key {component.metric!r}.", "metric")
        elif metric.archived_at is not None:
            problems.add(f"Metric {component.metric!r} is archived.", "metric")
    try:
        rate = decode(component.pricing)
    except InvalidTerms as invalid:
        for fault in invalid.faults:
            path = ("pricing", *_camel_path(component.pricing["model"], fault))
            problems.add(fault.message, *path)
        return
    except ValueError:
        # The only part of a rate that is free JSON.
        path = ("pricing", component.pricing["model"], "variables")
        problems.add('variables must be a JSON object of numbers, as in {"factor": "0.2"}.', *path)
        return
    _check_metric(problems, component, rate, metric)


def _check_metric(
    problems: Problems, component: NewComponent, rate: Rate, metric: MetricRow | None
) -> None:
    if needs_metric(rate) and component.metric is None:
        problems.add("This pricing is for usage: name the metric that it prices.", "metric")
    if not needs_metric(rate) and component.metric is not None:
        problems.add("This pricing is a fee, whatever the usage: leave the metric out.", "metric")
    if metric is None:
        return
    properties = dimensions_of(rate)
    if properties and metric.type == MetricType.COMPOSITE:
        problems.add("A COMPOSITE metric has no dimensions to price by.", "pricing")
        return
    kinds = {dimension["property"]: dimension["kind"] for dimension in metric.dimensions}
    for index, property_ in enumerate(properties):
        is_factor = isinstance(rate, Dimension)
        inner = ("dimensions", index, "property") if is_factor else ("properties", index)
        path = ("pricing", rate.model, *inner)
        if property_ not in kinds:
            problems.add(
                f"Metric {metric.key!r} does not declare the dimension {property_!r}.", *path
            )
        elif is_factor and kinds[property_] != DimensionKind.NUMBER:
            problems.add(f"The dimension {property_!r} must be of kind NUMBER.", *path)


def _camel_path(model: str, fault: Fault) -> list[str | int]:
    """In the words of the graph; what stands below `variables` are the caller's own names."""
    path: list[str | int] = [camel(model)]
    for part in fault.path:
        own = path[-1] == "variables"
        path.append(part if own or isinstance(part, int) else camel(part))
    return path
