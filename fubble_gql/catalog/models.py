"""The tables of metrics, plan versions and price components."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.fields import OnDelete
from tortoise.models import Model

from fubble_gql.db.fields import KEY_LENGTH_MAX, ExactDecimal, ExactJson, Instant


class Metric(Model):
    """What is measured, and how events become a quantity."""

    id = fields.UUIDField(primary_key=True)
    key = fields.CharField(max_length=KEY_LENGTH_MAX, unique=True)
    display_name = fields.CharField(max_length=255)
    description = fields.TextField(null=True)
    unit = fields.CharField(max_length=64, null=True)
    type = fields.CharField(max_length=16)
    aggregation = fields.CharField(max_length=16, null=True)
    percentile = ExactDecimal(null=True)
    property = fields.CharField(max_length=255, null=True)
    dimensions = ExactJson()
    formula = fields.TextField(null=True)
    decimals = fields.IntField(null=True)
    created_at = Instant()
    archived_at = Instant(null=True)

    class Meta:
        """Listed by creation."""

        table = "metric"
        indexes = (("created_at", "id"),)


class Plan(Model):
    """One version of a plan. Only superseded_at and deactivated_at ever change."""

    id = fields.UUIDField(primary_key=True)
    key = fields.CharField(max_length=KEY_LENGTH_MAX)
    version = fields.IntField()
    name = fields.CharField(max_length=255)
    description = fields.TextField(null=True)
    currency = fields.CharField(max_length=3)
    billing_frequency = fields.CharField(max_length=16)
    trial_days = fields.IntField()
    minimum = ExactDecimal(null=True)
    created_at = Instant()
    superseded_at = Instant(null=True)
    deactivated_at = Instant(null=True)

    class Meta:
        """A version exists once; migrations add: one latest version for each key."""

        table = "plan"
        unique_together = (("key", "version"),)
        indexes = (("created_at", "id"),)


class PriceComponent(Model):
    """One price of a plan version: a rate, and the metric that it is for."""

    id = fields.UUIDField(primary_key=True)
    plan: fields.ForeignKeyRelation[Plan] = fields.ForeignKeyField(
        "fubble.Plan", related_name=False, on_delete=OnDelete.RESTRICT
    )
    plan_id: UUID
    position = fields.IntField()
    key = fields.CharField(max_length=KEY_LENGTH_MAX)
    display_name = fields.CharField(max_length=255)
    metric: fields.ForeignKeyNullableRelation[Metric] = fields.ForeignKeyField(
        "fubble.Metric", related_name=False, on_delete=OnDelete.RESTRICT, null=True
    )
    metric_id: UUID | None
    pricing = ExactJson()
    minimum = ExactDecimal(null=True)
    maximum = ExactDecimal(null=True)

    class Meta:
        """A key names one component of its version."""

        table = "price_component"
        unique_together = (("plan_id", "key"),)
        indexes = (("metric_id",),)
