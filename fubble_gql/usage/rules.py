"""What an event must be to count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from fubble_gql.catalog.kinds import COUNTING, Aggregation, MetricType
from fubble_gql.catalog.rows import MetricRow
from fubble_gql.checks import is_storable
from fubble_gql.db.fields import KEY_LENGTH_MAX
from fubble_gql.errors import Code, refuse
from fubble_gql.pricing.money import DIGITS_MAX, ONE, PLACES_MAX, is_in_range
from fubble_gql.pricing.wallclock import rfc3339
from fubble_gql.usage.new_event import NewEvent
from fubble_gql.usage.properties import Wanted, describe
from fubble_gql.usage.store.rows import QUANTITY_LEFT_OUT, TIME_LEFT_OUT, EventRow

AHEAD_MAX = timedelta(hours=24)


class KnownCustomer(NamedTuple):
    """What recording needs to know of a customer."""

    id: UUID
    key: str
    archived_at: datetime | None


class KnownSubscription(NamedTuple):
    """Whose a subscription is."""

    id: UUID
    customer_id: UUID


class Demands(NamedTuple):
    """What a metric demands of its events, worked out once for all of a batch."""

    metric: MetricRow
    needs_quantity: bool
    may_be_negative: bool
    wanted: Wanted

    @classmethod
    def of(cls, metric: MetricRow) -> Demands:
        """Which quantities may be left out or negative follows from what they mean.

        A SUM takes corrections. On a COUNTER that is TIME_WEIGHTED each event adds to a level,
        which must be able to fall. A GAUGE reads a level, and a level (a balance, a temperature)
        may lie below zero. Elsewhere a negative quantity could only be a mistake.
        """
        return cls(
            metric,
            needs_quantity=metric.aggregation not in COUNTING,
            may_be_negative=metric.type == MetricType.GAUGE
            or metric.aggregation in {Aggregation.SUM, Aggregation.TIME_WEIGHTED},
            wanted=Wanted.by(metric),
        )


@dataclass(frozen=True, slots=True)
class Facts:
    """What the keys and ids of a batch stand for; what is absent does not exist."""

    customers: Mapping[str, KnownCustomer]
    metrics: Mapping[str, MetricRow]
    subscriptions: Mapping[UUID, KnownSubscription]
    _demands: dict[str, Demands] = field(default_factory=dict, init=False, compare=False)

    def demands_on(self, event: NewEvent) -> Demands:
        """What its metric demands of the event; Refused where the metric takes none."""
        demands = self._demands.get(event.metric)
        if demands is None:
            demands = self._demands[event.metric] = Demands.of(_metric(event, self))
        return demands


def accept(event: NewEvent, facts: Facts, now: datetime) -> EventRow:
    """The row that the event becomes; Refused with its first problem, in the order of its fields."""
    customer = _customer(event, facts)
    demands = facts.demands_on(event)
    quantity = _quantity(event, demands)
    _check_time(event, now)
    _check_key(event)
    _check_subscription(event, customer, facts)
    described = describe(event.properties, demands.wanted)
    return EventRow(
        customer.id,
        demands.metric.id,
        event.subscription_id,
        event.idempotency_key,
        quantity,
        event.event_time or now,
        *described,
        QUANTITY_LEFT_OUT * (event.quantity is None) | TIME_LEFT_OUT * (event.event_time is None),
    )


def is_usable_key(key: str) -> bool:
    """Whether an event could have been recorded under the key."""
    # What can be printed can be stored, and is sooner told.
    return (
        bool(key.strip()) and len(key) <= KEY_LENGTH_MAX and (key.isprintable() or is_storable(key))
    )


def _customer(event: NewEvent, facts: Facts) -> KnownCustomer:
    customer = facts.customers.get(event.customer)
    if customer is None:
        raise refuse(Code.NOT_FOUND, f'There is no customer "{event.customer}".', "customer")
    if customer.archived_at is not None:
        message = f'The customer "{event.customer}" is archived and takes no more usage.'
        raise refuse(Code.INVALID_STATE, message, "customer")
    return customer


def _metric(event: NewEvent, facts: Facts) -> MetricRow:
    metric = facts.metrics.get(event.metric)
    if metric is None:
        raise refuse(Code.NOT_FOUND, f'There is no metric "{event.metric}".', "metric")
    if metric.archived_at is not None:
        message = f'The metric "{event.metric}" is archived and takes no more usage.'
        raise refuse(Code.INVALID_STATE, message, "metric")
    if metric.type == MetricType.COMPOSITE:
        message = f'"{event.metric}" is computed from other metrics: send events of those.'
        raise refuse(Code.INVALID, message, "metric")
    return metric


def _quantity(event: NewEvent, demands: Demands) -> Decimal:
    """The quantity to store."""
    quantity = event.quantity
    if quantity is None:
        if not demands.needs_quantity:
            return ONE
        message = f'quantity is required: "{demands.metric.key}" measures how much, not how often.'
        raise refuse(Code.INVALID, message, "quantity")
    if not is_in_range(quantity):
        message = f"quantity takes at most {DIGITS_MAX} digits before the point and {PLACES_MAX} after it."
        raise refuse(Code.INVALID, message, "quantity")
    if not demands.may_be_negative and quantity < 0:
        message = f'quantity of "{demands.metric.key}" must be zero or more.'
        raise refuse(Code.INVALID, message, "quantity")
    return quantity


def _check_time(event: NewEvent, now: datetime) -> None:
    if event.event_time is not None and event.event_time - now > AHEAD_MAX:
        message = f"eventTime may be at most 24 hours after now, which is {rfc3339(now)}."
        raise refuse(Code.INVALID, message, "eventTime")


def _check_key(event: NewEvent) -> None:
    if not is_usable_key(event.idempotency_key):
        message = (
            f"idempotencyKey must be a text of 1 to {KEY_LENGTH_MAX} characters, "
            f"not blank and without NUL."
        )
        raise refuse(Code.INVALID, message, "idempotencyKey")


def _check_subscription(event: NewEvent, customer: KnownCustomer, facts: Facts) -> None:
    """Another customer's subscription is refused in the same words as one that does not exist."""
    if event.subscription_id is None:
        return
    subscription = facts.subscriptions.get(event.subscription_id)
    if subscription is None or subscription.customer_id != customer.id:
        message = f'The customer "{customer.key}" has no such subscription.'
        raise refuse(Code.NOT_FOUND, message, "subscriptionId")
