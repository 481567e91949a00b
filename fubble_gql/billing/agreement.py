"""What a commitment must be to be agreed, and at which rate it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from fubble_gql import checks
from fubble_gql.billing.life import REACH, Life, invoiced_message
from fubble_gql.billing.rows import CommitmentRow
from fubble_gql.catalog.kinds import Aggregation
from fubble_gql.catalog.rows import ComponentRow, MetricRow
from fubble_gql.db.repeat import new_id
from fubble_gql.errors import Code, Problems
from fubble_gql.pricing.money import DIGITS_MAX, PLACES_MAX, is_in_range, plain
from fubble_gql.pricing.rates import PerUnit
from fubble_gql.pricing.wallclock import rfc3339

_AMOUNT_END = Decimal(10) ** DIGITS_MAX
_ADDS_UP = frozenset({Aggregation.COUNT, Aggregation.SUM})


@dataclass(frozen=True, slots=True)
class NewCommitment:
    """What a commitment is made from; the metric is named by its key."""

    metric: str
    committed_quantity: Decimal
    rate: Decimal | None = None
    overage_rate: Decimal | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None
    idempotency_key: str | None = None

    def comparable(self) -> dict[str, str | None]:
        """The input as it is compared under one key: numbers by value, times by instant."""
        return {
            "metric": self.metric,
            "committedQuantity": plain(self.committed_quantity),
            "rate": None if self.rate is None else plain(self.rate),
            "overageRate": None if self.overage_rate is None else plain(self.overage_rate),
            "startAt": None if self.start_at is None else self.start_at.isoformat(),
            "endAt": None if self.end_at is None else self.end_at.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class Ground:
    """What decides whether a subscription can commit to something, and at which rate.

    `metrics` and `components` are those that may be meant; nothing may reach before
    `invoiced_until`.
    """

    life: Life
    metrics: Mapping[str, MetricRow]
    components: Sequence[ComponentRow]
    invoiced_until: datetime | None
    now: datetime


def agree(
    problems: Problems,
    new: NewCommitment,
    start: datetime,
    ground: Ground,
    others: Sequence[CommitmentRow],
) -> CommitmentRow | None:
    """The commitment beside the others that there are; None when there are problems, all noted."""
    _check_numbers(problems, new)
    _check_span(problems, new, start, ground)
    metric = _metric(problems, new.metric, ground)
    if metric is None:
        return None
    _check_alone(problems, metric, new, start, others)
    rate = _rate(problems, metric, start, ground) if new.rate is None else new.rate
    if rate is not None:
        _check_amount(problems, new, rate)
    if problems.found or rate is None:
        return None
    return CommitmentRow(
        id=new_id(),
        subscription_id=ground.life.subscription.id,
        metric_id=metric.id,
        committed_quantity=new.committed_quantity,
        rate=rate,
        overage_rate=new.overage_rate,
        start_at=start,
        end_at=new.end_at,
    )


def _check_numbers(problems: Problems, new: NewCommitment) -> None:
    if new.committed_quantity <= 0 or not is_in_range(new.committed_quantity):
        problems.add(
            f"committedQuantity must be above 0, with at most {DIGITS_MAX} digits before the "
            f"point and {PLACES_MAX} after it.",
            "committedQuantity",
        )
    checks.not_negative(problems, new.rate, "rate")
    checks.not_negative(problems, new.overage_rate, "overageRate")


def _check_amount(problems: Problems, new: NewCommitment, rate: Decimal) -> None:
    """What no bill could show is not agreed."""
    if new.committed_quantity * rate >= _AMOUNT_END:
        problems.add(
            f"committedQuantity × rate must have at most {DIGITS_MAX} digits before the point: "
            "commit to less.",
            "committedQuantity",
        )


def _check_span(problems: Problems, new: NewCommitment, start: datetime, ground: Ground) -> None:
    subscription, invoiced = ground.life.subscription, ground.invoiced_until
    for name, instant in (("startAt", start), ("endAt", new.end_at)):
        if instant is not None and abs(instant - ground.now) > REACH:
            problems.add(f"{name} must be within 100 years from now.", name)
    if new.end_at is not None and new.end_at <= start:
        problems.add("endAt must come after startAt.", "endAt")
    if start < subscription.start_at:
        begun = rfc3339(subscription.start_at)
        problems.add(f"startAt must not come before the subscription's, {begun}.", "startAt")
    elif subscription.end_at is not None and start >= subscription.end_at:
        end = rfc3339(subscription.end_at)
        problems.add(f"startAt must come before the subscription's end, {end}.", "startAt")
    elif invoiced is not None and start < invoiced:
        problems.add(invoiced_message(invoiced), "startAt", code=Code.INVALID_STATE)


def _metric(problems: Problems, key: str, ground: Ground) -> MetricRow | None:
    metric = ground.metrics.get(key)
    if metric is None:
        problems.add(f'There is no metric "{key}".', "metric", code=Code.NOT_FOUND)
    elif metric.archived_at is not None:
        problems.add(f'The metric "{key}" is archived.', "metric", code=Code.INVALID_STATE)
    elif metric.aggregation not in _ADDS_UP:
        problems.add(
            f'Only what adds up can be committed to, with aggregation COUNT or SUM: "{key}" '
            f"is {metric.aggregation or metric.type}.",
            "metric",
        )
    else:
        return metric
    return None


def _check_alone(
    problems: Problems,
    metric: MetricRow,
    new: NewCommitment,
    start: datetime,
    others: Sequence[CommitmentRow],
) -> None:
    """One commitment to a metric at an instant."""
    for other in others:
        if (
            other.metric_id == metric.id
            and (new.end_at is None or other.start_at < new.end_at)
            and (other.end_at is None or start < other.end_at)
        ):
            end = "until it is removed" if other.end_at is None else rfc3339(other.end_at)
            problems.add(
                f'There is a commitment to "{metric.key}" from {rfc3339(other.start_at)} '
                f"to {end}; remove it first, or choose another span.",
                "metric",
                code=Code.CONFLICT,
            )
            return


def _rate(problems: Problems, metric: MetricRow, start: datetime, ground: Ground) -> Decimal | None:
    """The metric's one perUnit price in the plan version that holds when the commitment starts."""
    plan = ground.life.plan_at(start)
    prices = [
        component.pricing.unit_price
        for component in ground.components
        if component.plan_id == plan.id
        and component.metric_id == metric.id
        and isinstance(component.pricing, PerUnit)
    ]
    if len(prices) == 1:
        return prices[0]
    problems.add(
        f'rate is needed: plan "{plan.key}" has {len(prices) or "no"} perUnit '
        f'price{"s" if len(prices) > 1 else ""} for "{metric.key}" to take it from.',
        "rate",
    )
    return None
