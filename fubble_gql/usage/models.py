"""The table of usage events: append-only."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.fields import OnDelete
from tortoise.models import Model

from fubble_gql.catalog.models import Metric
from fubble_gql.customers.models import Customer
from fubble_gql.db.fields import KEY_LENGTH_MAX, ExactDecimal, ExactJson, Instant


class UsageEvent(Model):
    """One use of a metric by a customer. Only voided_at and void_reason ever change.

    `dimension_values` holds the declared dimensions' values in the metric's order, and
    `unique_value` the counted property's, so that grouping and counting never look into a
    client's JSON. `defaulted` tells what the sender left out (1 quantity, 2 event time), because
    a repeated event is compared as it was sent. `is_late` says that a period which may hold it had
    been invoiced before it was recorded.
    """

    id = fields.BigIntField(primary_key=True, generated=True)
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "fubble.Customer", related_name=False, on_delete=OnDelete.RESTRICT
    )
    customer_id: UUID
    metric: fields.ForeignKeyRelation[Metric] = fields.ForeignKeyField(
        "fubble.Metric", related_name=False, on_delete=OnDelete.RESTRICT
    )
    metric_id: UUID
    subscription_id = fields.UUIDField(null=True)
    idempotency_key = fields.CharField(max_length=KEY_LENGTH_MAX)
    quantity = ExactDecimal()
    event_time = Instant()
    recorded_at = Instant()
    voided_at = Instant(null=True)
    void_reason = fields.TextField(null=True)
    properties = ExactJson(null=True)
    dimension_values = ExactJson(null=True)
    unique_value = fields.TextField(null=True)
    defaulted = fields.SmallIntField()
    is_late = fields.BooleanField(db_default=False)

    class Meta:
        """A key counts once for its customer, for ever; indexed for rating and for reading."""

        table = "usage_event"
        unique_together = (("customer_id", "idempotency_key"),)
        indexes = (
            ("customer_id", "metric_id", "event_time", "id"),
            ("customer_id", "event_time", "id"),
        )
