"""Which subscription an event counts for: the one that it names, else the first that prices it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from fubble_gql.billing.facts import Facts
from fubble_gql.billing.timeline import Timeline
from fubble_gql.pricing.period import Period
from fubble_gql.usage.aggregate import Scope, Stretch


def counted(facts: Facts, line: Timeline, metric_id: UUID, span: Period) -> tuple[Stretch, ...]:
    """The stretches of a span in which events count for a subscription.

    Where an earlier subscription of the customer prices the metric too, only events that name
    this one count; elsewhere those that name none count as well.
    """
    priced = _joined(facts.pricing_parts(line, metric_id, span))
    others = facts.timelines[line.subscription.customer_id]
    earlier = others[: others.index(line)]
    taken = [part for other in earlier for part in facts.pricing_parts(other, metric_id, span)]
    named = Scope(subscription_id=line.subscription.id)
    owned = Scope(subscription_id=line.subscription.id, unnamed=True)
    free = without(priced, taken)
    stretches = [Stretch(part, owned) for part in free]
    stretches += [Stretch(part, named) for part in without(priced, free)]
    return tuple(sorted(stretches, key=lambda stretch: stretch.span.start))


def uncounted(
    facts: Facts, customer_id: UUID, metric_id: UUID, span: Period
) -> tuple[Stretch, ...]:
    """The stretches of a span in which events count for no subscription.

    Events that name none, while none prices the metric; and events that name one which does not
    price it then. Stretches of different scopes may overlap; no event is in two.
    """
    lines = facts.timelines[customer_id]
    taken = [part for line in lines for part in facts.pricing_parts(line, metric_id, span)]
    stretches = [Stretch(part, Scope(unnamed=True)) for part in without([span], taken)]
    for line in lines:
        scope = Scope(subscription_id=line.subscription.id)
        outside = without([span], facts.pricing_parts(line, metric_id, span))
        stretches += [Stretch(part, scope) for part in outside]
    return tuple(sorted(stretches, key=lambda stretch: stretch.span.start))


def _joined(spans: Iterable[Period]) -> list[Period]:
    """The same time in spans that do not overlap; spans that only touch stay apart."""
    joined: list[Period] = []
    for span in spans:
        joined += without([span], joined)
    return joined


def without(spans: Sequence[Period], taken: Iterable[Period]) -> list[Period]:
    """The spans less what is taken from them."""
    rest = list(spans)
    for hole in taken:
        rest = [piece for span in rest for piece in _cut_out(span, hole)]
    return rest


def _cut_out(span: Period, hole: Period) -> list[Period]:
    if not span.overlaps(hole):
        return [span]
    sides = ((span.start, hole.start), (hole.end, span.end))
    return [Period(start, end) for start, end in sides if start < end]
