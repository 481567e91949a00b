"""Pieces before they are rated: a span on a plan version, and what must be measured in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from fubble_gql.billing import attribution
from fubble_gql.billing.facts import Facts
from fubble_gql.billing.prices import Prices
from fubble_gql.billing.timeline import Cut, Timeline
from fubble_gql.errors import Code, Refused, refuse
from fubble_gql.pricing.bill import ChargeFailed, Committed, Component, Part, Piece
from fubble_gql.pricing.charge import Combination, Usage
from fubble_gql.pricing.formula import FormulaFailed
from fubble_gql.pricing.line import Line
from fubble_gql.pricing.money import ZERO
from fubble_gql.pricing.period import Period, Share
from fubble_gql.pricing.rates import dimensions_of
from fubble_gql.usage.aggregate import Measured, Request, Stretch

Found = list[Measured] | FormulaFailed


@dataclass(frozen=True, slots=True)
class Need:
    """Usage that one price needs: a component's or a commitment's, in a span."""

    metric_id: UUID
    span: Period
    stretches: tuple[Stretch, ...]
    component_id: UUID | None = None
    commitment_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """A piece of a subscription's billing period, and the usage that it needs, in the plan's order.

    `resting` are the components whose own price does not hold over the whole piece, because of
    commitments. `own_periods` as in `pricing.bill.Piece`.
    """

    subscription_id: UUID
    plan_id: UUID
    span: Period
    whole: Period
    in_trial: bool
    needs: tuple[Need, ...]
    resting: tuple[UUID, ...] = ()
    own_periods: tuple[Period, ...] = ()

    def requests(self, prices: Prices, customer_id: UUID, as_of: datetime) -> Iterator[Request]:
        """What to measure: one for each need, in their order."""
        components = {one.id: one for one in prices.terms[self.plan_id].components}
        for need in self.needs:
            component = components.get(need.component_id) if need.component_id else None
            yield Request(
                customer_id=customer_id,
                metric=prices.metrics[need.metric_id],
                stretches=need.stretches,
                as_of=as_of,
                whole=self._measured_over(),
                group_by=dimensions_of(component.rate) if component else (),
            )

    def _measured_over(self) -> Period:
        """What a TIME_WEIGHTED mean is taken over: the whole period, or as long as the plan's own."""
        if not self.own_periods:
            return self.whole
        share = Share.over(self.span, self.own_periods)
        microseconds = self.span.microseconds * share.whole // share.covered
        return Period(self.span.start, self.span.start + timedelta(microseconds=microseconds))

    def piece(self, prices: Prices, found: Sequence[Found], until: datetime | None = None) -> Piece:
        """The piece with what was measured for its needs, by `until`. Raises ChargeFailed."""
        terms = prices.terms[self.plan_id]
        components = {one.id: one for one in terms.components}
        usage: dict[UUID, Usage] = {}
        parts: dict[UUID, tuple[Part, ...]] = dict.fromkeys(self.resting, ())
        committed: list[Committed] = []
        for need, measured in zip(self.needs, found, strict=True):
            if need.commitment_id is not None:
                commitment = prices.commitments[need.commitment_id]
                committed.append(Committed(commitment, need.span, _total(measured)))
            elif need.component_id is not None:
                one = _usage(components[need.component_id], measured)
                usage[need.component_id] = one
                if need.component_id in parts:
                    parts[need.component_id] += (Part(need.span, one),)
        return Piece(
            subscription_id=self.subscription_id,
            terms=terms,
            span=self.span,
            period=self.whole,
            usage=usage,
            in_trial=self.in_trial,
            parts=parts,
            committed=tuple(committed),
            own_periods=self.own_periods,
            until=until,
        )


def plan(facts: Facts, line: Timeline, cut: Cut) -> Planned:
    """A cut of a subscription's life, with the usage that its prices need."""
    if cut.in_trial:
        return _planned(line, cut, (), ())
    needs: list[Need] = []
    resting: list[UUID] = []
    committed: dict[UUID, None] = {}
    for component in facts.prices.terms[cut.plan_id].components:
        if component.metric_id is None:
            continue
        spans = _free(facts, line, component.metric_id, cut.span)
        if spans != [cut.span]:
            resting.append(component.id)
        needs += [
            _need(facts, line, component.metric_id, span, component_id=component.id)
            for span in spans
        ]
    for row in facts.commitments[line.subscription.id]:
        committed.setdefault(row.metric_id)
    for metric_id in committed:
        needs += [
            _need(facts, line, metric_id, span, commitment_id=row.id)
            for row, span in facts.committed(line.subscription.id, metric_id, cut.span)
        ]
    return _planned(line, cut, tuple(needs), tuple(resting))


def _planned(
    line: Timeline, cut: Cut, needs: tuple[Need, ...], resting: tuple[UUID, ...]
) -> Planned:
    return Planned(
        subscription_id=line.subscription.id,
        plan_id=cut.plan_id,
        span=cut.span,
        whole=cut.whole,
        in_trial=cut.in_trial,
        needs=needs,
        resting=resting,
        own_periods=cut.own_periods,
    )


def _free(facts: Facts, line: Timeline, metric_id: UUID, span: Period) -> list[Period]:
    """Where no commitment of the metric holds."""
    taken = [part for _, part in facts.committed(line.subscription.id, metric_id, span)]
    return attribution.without([span], taken)


def _need(
    facts: Facts,
    line: Timeline,
    metric_id: UUID,
    span: Period,
    *,
    component_id: UUID | None = None,
    commitment_id: UUID | None = None,
) -> Need:
    stretches = attribution.counted(facts, line, metric_id, span)
    return Need(metric_id, span, stretches, component_id, commitment_id)


def _total(found: Found) -> Usage:
    assert not isinstance(found, FormulaFailed)  # noqa: S101 - a COMPOSITE takes no commitment
    return Usage(sum((one.quantity for one in found), ZERO), sum(one.event_count for one in found))


def _usage(component: Component, found: Found) -> Usage:
    if isinstance(found, FormulaFailed):
        raise ChargeFailed(component, found) from found
    if not dimensions_of(component.rate):
        return _total(found)
    total = _total(found)
    return Usage(
        quantity=total.quantity,
        event_count=total.event_count,
        combinations=tuple(
            Combination(tuple(value or "" for value in one.values), one.quantity, one.event_count)
            for one in found
        ),
    )


def refuse_charge(failed: ChargeFailed) -> Refused:
    """A bill that has no amount, because a formula has no result."""
    return refuse(
        Code.FORMULA_FAILED,
        f"{failed}",
        component=failed.component_key,
        formula=failed.formula,
    )


def needs_behind(pieces: Sequence[Planned], line: Line) -> list[Need]:
    """The usage that a line was rated from; none behind a fee."""
    return [
        need
        for piece in pieces
        if piece.subscription_id == line.subscription_id
        for need in piece.needs
        if need.span == line.period
        and need.metric_id == line.metric_id
        and need.component_id == line.component_id
    ]
