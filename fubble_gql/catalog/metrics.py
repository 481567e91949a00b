"""Metrics: defined, described, archived. What one measures never changes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from fubble_gql import checks
from fubble_gql.catalog.kinds import VALID, Aggregation, DimensionKind, MetricType
from fubble_gql.catalog.models import Metric
from fubble_gql.catalog.rows import METRICS, MetricRow
from fubble_gql.db import refs
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.repeat import Call, make_once, new_id
from fubble_gql.db.sql import sql
from fubble_gql.errors import Code, Problems, refuse
from fubble_gql.pricing.formula import Formula, InvalidFormula

DIMENSIONS_MAX = 10
_WORD = re.compile("[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class NewDimension:
    """An event property that usage can be grouped and priced by."""

    property: str
    kind: DimensionKind


@dataclass(frozen=True, slots=True)
class NewMetric:
    """What a metric is made from; the type decides the aggregation where none is given."""

    key: str
    display_name: str
    type: MetricType
    description: str | None = None
    unit: str | None = None
    aggregation: Aggregation | None = None
    percentile: Decimal | None = None
    property: str | None = None
    dimensions: Sequence[NewDimension] = ()
    formula: str | None = None
    decimals: int | None = None

    def chosen(self) -> Aggregation | None:
        """The aggregation given, or the type's first."""
        return self.aggregation or next(iter(VALID[self.type]), None)


async def create(connection: Connection, new: NewMetric, now: datetime) -> MetricRow:
    """Define a metric; the same input again returns it as it is now.

    Raises Refused: INVALID with every reason, ALREADY_EXISTS when the key was used otherwise.
    """
    problems = Problems()
    checks.text(problems, new.key, "key")
    _check_description(problems, _stored(new))
    _check_aggregation(problems, new)
    _check_dimensions(problems, new)
    if new.type is MetricType.COMPOSITE:
        await _check_formula(connection, problems, new)
    elif new.formula is not None:
        problems.add("Only a COMPOSITE metric has a formula.", "formula")
    call = Call("createMetric", new.key, _stored(new), new_id())

    async def make(tx: Connection, id: UUID) -> None:
        await Metric.create(using_db=tx.client, id=id, created_at=now, **_stored(new))

    return await _row(connection, await make_once(connection, call, problems, make, now))


async def update(connection: Connection, ref: Ref, changes: Mapping[str, Any]) -> MetricRow:
    """Describe a metric otherwise: displayName, description, unit, decimals."""
    problems = Problems()
    _check_description(problems, changes)
    problems.raise_if_any("input")

    async def work(tx: Connection) -> MetricRow:
        row = await refs.get(tx, METRICS, ref, "metric")
        if changes:
            await Metric.filter(id=row.id).using_db(tx.client).update(**changes)
        return await _row(tx, row.id)

    return await connection.transaction(work)


async def archive(tx: Connection, row: MetricRow, now: datetime) -> MetricRow:
    """Take a metric out of use; again changes nothing. Refused while another metric needs it."""
    if row.archived_at is not None:
        return row
    for composite in await METRICS.select(
        tx, sql("where type = ? and archived_at is null", MetricType.COMPOSITE.value)
    ):
        if row.key in operand_keys(composite):
            raise refuse(
                Code.INVALID_STATE,
                f"Metric {composite.key!r} is computed from it; archive that one first.",
                "metric",
            )
    await Metric.filter(id=row.id).using_db(tx.client).update(archived_at=now)
    return await _row(tx, row.id)


def operand_keys(metric: MetricRow) -> frozenset[str]:
    """The keys of the metrics that a COMPOSITE is computed from; none for the others."""
    if metric.formula is None:
        return frozenset()
    return Formula.parse(metric.formula, _WORD.findall(metric.formula)).names


async def with_operands(
    connection: Connection, metrics: Sequence[MetricRow]
) -> dict[str, MetricRow]:
    """The operands of composites among these metrics, by key."""
    keys = frozenset[str]().union(*(operand_keys(metric) for metric in metrics))
    return {row.key: row for row in await METRICS.by(connection, "key", sorted(keys))}


async def _row(connection: Connection, id: UUID) -> MetricRow:
    (row,) = await METRICS.by(connection, "id", [id])
    return row


def _stored(new: NewMetric) -> dict[str, Any]:
    return {
        "key": new.key,
        "display_name": new.display_name,
        "description": new.description,
        "unit": new.unit,
        "type": new.type.value,
        "aggregation": chosen.value if (chosen := new.chosen()) else None,
        "percentile": new.percentile,
        "property": new.property,
        "dimensions": [
            {"property": dimension.property, "kind": dimension.kind.value}
            for dimension in new.dimensions
        ],
        "formula": new.formula,
        "decimals": new.decimals,
    }


def _check_description(problems: Problems, fields: Mapping[str, Any]) -> None:
    if "display_name" in fields:
        checks.text(problems, fields["display_name"], "displayName")
    checks.optional_text(
        problems, fields.get("description"), "description", limit=checks.LONG_TEXT_LENGTH_MAX
    )
    checks.optional_text(problems, fields.get("unit"), "unit", limit=64)
    checks.whole(problems, fields.get("decimals"), "decimals", least=0, most=18)


def _check_aggregation(problems: Problems, new: NewMetric) -> None:
    valid = VALID[new.type]
    if new.aggregation is not None and new.aggregation not in valid:
        known = f"takes {', '.join(valid)}" if valid else "has no aggregation of its own"
        problems.add(f"A {new.type} metric {known}.", "aggregation")
    if new.chosen() is Aggregation.PERCENTILE:
        if new.percentile is None or not 0 <= new.percentile <= 100:
            problems.add("PERCENTILE needs a percentile between 0 and 100.", "percentile")
    elif new.percentile is not None:
        problems.add("Only PERCENTILE has a percentile; leave it out.", "percentile")
    if new.chosen() is Aggregation.UNIQUE_COUNT:
        if not new.property:
            problems.add("UNIQUE_COUNT needs the property whose values it counts.", "property")
        checks.optional_text(problems, new.property, "property")
    elif new.property is not None:
        problems.add("Only UNIQUE_COUNT has a property; leave it out.", "property")


def _check_dimensions(problems: Problems, new: NewMetric) -> None:
    if new.dimensions and new.type is MetricType.COMPOSITE:
        problems.add("A COMPOSITE metric takes no events and has no dimensions.", "dimensions")
    if len(new.dimensions) > DIMENSIONS_MAX:
        problems.add(f"A metric has at most {DIMENSIONS_MAX} dimensions.", "dimensions")
    seen: set[str] = set()
    for index, dimension in enumerate(new.dimensions):
        path = ("dimensions", index, "property")
        checks.text(problems, dimension.property, *path)
        if dimension.property in seen:
            problems.add(f"{dimension.property!r} is declared twice.", *path)
        seen.add(dimension.property)


async def _check_formula(connection: Connection, problems: Problems, new: NewMetric) -> None:
    if not new.formula:
        problems.add("A COMPOSITE metric needs a formula over other metrics' keys.", "formula")
        return
    named = await METRICS.by(connection, "key", sorted(set(_WORD.findall(new.formula))))
    usable = [
        metric.key
        for metric in named
        if metric.archived_at is None and metric.type != MetricType.COMPOSITE
    ]
    try:
        formula = Formula.parse(new.formula, usable)
    except InvalidFormula as invalid:
        problems.add(f"{invalid} Names are keys of metrics that take events.", "formula")
        return
    if not formula.names:
        problems.add("The formula must refer to at least one metric's key.", "formula")
