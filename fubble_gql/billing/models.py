"""The tables of subscriptions and their phases."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.fields import OnDelete
from tortoise.models import Model

from fubble_gql.catalog.models import Plan
from fubble_gql.customers.models import Customer
from fubble_gql.db.fields import Instant


class PlanSubscription(Model):
    """A customer on a plan, from start_at until end_at. Its timezone is fixed when it begins."""

    id = fields.UUIDField(primary_key=True)
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "fubble.Customer", related_name=False, on_delete=OnDelete.RESTRICT
    )
    customer_id: UUID
    timezone = fields.CharField(max_length=64)
    start_at = Instant()
    end_at = Instant(null=True)
    trial_end_at = Instant(null=True)
    created_at = Instant()

    class Meta:
        """Listed for a customer, the one that started first first."""

        table = "plan_subscription"
        indexes = (("customer_id", "start_at", "id"),)


class SubscriptionPhase(Model):
    """The plan version that a subscription is on from start_at until its next phase.

    A subscription begins with one phase; a plan change adds another. The anchor belongs to the
    phase, since a change to another frequency starts a new one.
    """

    id = fields.UUIDField(primary_key=True)
    subscription: fields.ForeignKeyRelation[PlanSubscription] = fields.ForeignKeyField(
        "fubble.PlanSubscription", related_name=False, on_delete=OnDelete.RESTRICT
    )
    subscription_id: UUID
    plan: fields.ForeignKeyRelation[Plan] = fields.ForeignKeyField(
        "fubble.Plan", related_name=False, on_delete=OnDelete.RESTRICT
    )
    plan_id: UUID
    start_at = Instant()
    billing_anchor = Instant()

    class Meta:
        """One plan at an instant."""

        table = "subscription_phase"
        unique_together = (("subscription_id", "start_at"),)
        indexes = (("plan_id",),)
