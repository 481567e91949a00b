"""Usage as customers read it: by metric, over a period, as a series, by dimension."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from fubble_gql.billing import attribution
from fubble_gql.billing.facts import Facts, gather
from fubble_gql.billing.points import POINTS_MAX, Room, points, too_many
from fubble_gql.billing.timeline import Timeline
from fubble_gql.catalog.metrics import with_operands
from fubble_gql.catalog.rows import METRICS, MetricRow
from fubble_gql.db.connection import Connection
from fubble_gql.errors import Code, Refused, refuse
from fubble_gql.pricing.formula import Formula, FormulaFailed
from fubble_gql.pricing.money import ZERO
from fubble_gql.pricing.period import Granularity, Period, month_of
from fubble_gql.usage.aggregate import EVERYTHING, Measured, Request, Stretch, measure
from fubble_gql.usage.events import metrics_used

Values = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """Which usage is wanted: of a customer, of one subscription, or what none prices."""

    customer_id: UUID
    as_of: datetime
    subscription_id: UUID | None = None
    unbilled: bool = False
    period: Period | None = None
    metrics: tuple[str, ...] | None = None
    granularity: Granularity | None = None
    group_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """One bucket of a series."""

    period: Period
    quantity: Decimal
    event_count: int


@dataclass(frozen=True, slots=True)
class Report:
    """The usage of one metric, or of one group of it."""

    metric: MetricRow
    period: Period
    quantity: Decimal
    event_count: int
    group: tuple[tuple[str, str | None], ...]
    series: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class _Series:
    """One metric of a question: where its total is among the requests, its buckets behind it."""

    metric: MetricRow
    spans: Sequence[Period]
    first: int


async def report(
    connection: Connection, questions: Sequence[Question], room: Room
) -> list[list[Report] | Refused]:
    """The answers, each a list of reports by metric and group, or the reason why there is none.

    As many as there is room for.

    The number of statements depends on neither customers, metrics, buckets nor events.
    """
    facts = await gather(connection, [one.customer_id for one in questions])
    used = await metrics_used(connection, list(facts.customers))
    wanted = {key for one in questions for key in one.metrics or ()}
    ids = {id for found in used.values() for id in found}
    known = {row.id: row for row in await METRICS.by(connection, "id", list(ids))}
    known |= {row.id: row for row in await METRICS.by(connection, "key", sorted(wanted))}
    known |= facts.prices.metrics
    known |= {row.id: row for row in facts.prices.operands.values()}
    operands = await with_operands(connection, list(known.values()))
    requests: list[Request] = []
    planned: list[list[_Series] | Refused] = []
    for one in questions:
        try:
            chosen = _chosen(facts, one, known, used[one.customer_id])
            spans = _spans(facts, one, len(chosen))
            refused = room.take(len(spans) * sum(_width(metric, operands) for metric in chosen))
            planned.append(refused or _plan(facts, one, chosen, spans, requests))
        except Refused as refused:
            planned.append(refused)
    measured = await measure(connection, requests, operands)
    return [
        plan if isinstance(plan, Refused) else _answer(one, plan, measured)
        for one, plan in zip(questions, planned, strict=True)
    ]


def _chosen(
    facts: Facts, question: Question, known: Mapping[UUID, MetricRow], used: set[UUID]
) -> list[MetricRow]:
    """The metrics that a question is about, by key."""
    if question.metrics is not None:
        by_key = {row.key: row for row in known.values()}
        for index, key in enumerate(question.metrics):
            if key not in by_key:
                raise refuse(
                    Code.NOT_FOUND, f"There is no metric with the key {key!r}.", "metrics", index
                )
        chosen = [by_key[key] for key in dict.fromkeys(question.metrics)]
    elif question.subscription_id is not None:
        line = facts.timeline_of(question.subscription_id)
        ids = {id for phase in line.phases for id in facts.priced[phase.plan_id]}
        ids |= {row.metric_id for row in facts.commitments[question.subscription_id]}
        span = _span(facts, question)
        chosen = [known[id] for id in ids if facts.pricing_parts(line, id, span)]
    else:
        chosen = [known[id] for id in used]
    if question.unbilled:
        chosen = [metric for metric in chosen if metric.formula is None]
    _check_group_by(question, chosen)
    return sorted(chosen, key=lambda metric: metric.key)


def _check_group_by(question: Question, metrics: Sequence[MetricRow]) -> None:
    declared = {name for metric in metrics for name in metric.dimension_names()}
    named = set[str]()
    for index, name in enumerate(question.group_by):
        if name in named:
            raise refuse(Code.INVALID, f"{name!r} is named twice.", "groupBy", index)
        named.add(name)
        if metrics and name not in declared:
            raise refuse(
                Code.INVALID,
                f"None of the metrics declares the dimension {name!r}.",
                "groupBy",
                index,
            )


def _spans(facts: Facts, question: Question, metrics: int) -> list[Period]:
    """The period of a question, and behind it the buckets that it is cut into."""
    period, wanted = _span(facts, question), question.granularity
    if wanted is None:
        return [period]
    return [period, *points(period, wanted, _timezone(facts, question), metrics)]


def _width(metric: MetricRow, operands: Mapping[str, MetricRow]) -> int:
    """How many metrics must be measured for one."""
    if metric.formula is None:
        return 1
    return max(1, len(Formula.parse(metric.formula, operands).names))


def _plan(
    facts: Facts,
    question: Question,
    metrics: Sequence[MetricRow],
    spans: Sequence[Period],
    requests: list[Request],
) -> list[_Series]:
    """The series of a question; what must be measured for them is added to the requests."""
    stretches = _stretcher(facts, question)
    planned = []
    for metric in metrics:
        planned.append(_Series(metric, spans, len(requests)))
        requests += [
            Request(
                question.customer_id,
                metric,
                stretches(metric, span),
                question.as_of,
                whole=span,
                group_by=question.group_by,
            )
            for span in spans
        ]
    return planned


def _span(facts: Facts, question: Question) -> Period:
    return question.period or month_of(question.as_of, _timezone(facts, question))


def _timezone(facts: Facts, question: Question) -> str:
    if question.subscription_id is not None:
        return facts.timeline_of(question.subscription_id).subscription.timezone
    return facts.customers[question.customer_id].timezone


def _stretcher(
    facts: Facts, question: Question
) -> Callable[[MetricRow, Period], tuple[Stretch, ...]]:
    """How a span becomes the stretches in which events count for the question."""
    if question.unbilled:
        return lambda metric, span: attribution.uncounted(
            facts, question.customer_id, metric.id, span
        )
    if question.subscription_id is None:
        return lambda _, span: (Stretch(span, EVERYTHING),)
    line: Timeline = facts.timeline_of(question.subscription_id)
    return lambda metric, span: attribution.counted(facts, line, metric.id, span)


def _answer(
    question: Question,
    planned: Sequence[_Series],
    measured: Sequence[list[Measured] | FormulaFailed],
) -> list[Report] | Refused:
    if question.group_by and _points(planned, measured) > POINTS_MAX:
        return too_many("groupBy")
    reports: list[Report] = []
    for series in planned:
        found = measured[series.first : series.first + len(series.spans)]
        failed = next((one for one in found if isinstance(one, FormulaFailed)), None)
        if failed is not None and question.metrics is None:
            continue  # nobody asked for it by name, and the others still answer
        if failed is not None:
            return refuse(
                Code.FORMULA_FAILED,
                f"{series.metric.key} cannot be computed. {failed}",
                metric=series.metric.key,
                formula=series.metric.formula or "",
            )
        rows = [one for one in found if not isinstance(one, FormulaFailed)]
        reports += _reports(question, series, rows)
    if question.unbilled:
        return [one for one in reports if one.event_count]
    return reports


def _points(planned: Sequence[_Series], measured: Sequence[list[Measured] | FormulaFailed]) -> int:
    """How many points it takes to give each group every bucket; a group without a series is one."""
    groups = [(series, measured[series.first]) for series in planned]
    return sum(
        len(found) * max(1, len(series.spans) - 1)
        for series, found in groups
        if not isinstance(found, FormulaFailed)
    )


def _reports(
    question: Question, series: _Series, found: Sequence[Sequence[Measured]]
) -> list[Report]:
    """A report for each group of the total; its series has every bucket, also the empty ones."""
    total, *points = [{one.values: one for one in rows} for rows in found]
    return [
        Report(
            metric=series.metric,
            period=series.spans[0],
            quantity=one.quantity,
            event_count=one.event_count,
            group=tuple(zip(question.group_by, one.values, strict=True)),
            series=tuple(
                _point(span, bucket.get(values))
                for span, bucket in zip(series.spans[1:], points, strict=True)
            ),
        )
        for values, one in total.items()
    ]


def _point(span: Period, found: Measured | None) -> Point:
    return Point(span, found.quantity if found else ZERO, found.event_count if found else 0)
