"""The tables of subscriptions: their phases and their commitments."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.fields import OnDelete
from tortoise.models import Model

from fubble_gql.catalog.models import Metric, Plan
from fubble_gql.customers.models import Customer
from fubble_gql.db.fields import ExactDecimal, Instant


class PlanSubscription(Model):
    """A customer on a plan, from start_at until end_at. Its timezone is fixed when it begins.

    `agreed_end_at` is the end that was agreed when it began; `end_at` comes earlier when it was
    cancelled. `due_at` is the end of its earliest period that is not yet on an invoice; none when
    every period is. `settled_at` is the instant as of which what stands on its invoices was what
    its invoiced periods come to; none when that has to be found out anew.
    """

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
    agreed_end_at = Instant(null=True)
    due_at = Instant(null=True)
    settled_at = Instant(null=True)

    class Meta:
        """Listed for a customer, the one that started first first; found by what is due."""

        table = "plan_subscription"
        indexes = (("customer_id", "start_at", "id"), ("due_at",))


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


class Commitment(Model):
    """A quantity of a metric that is paid for in each period, used or not. Removing it ends it."""

    id = fields.UUIDField(primary_key=True)
    subscription: fields.ForeignKeyRelation[PlanSubscription] = fields.ForeignKeyField(
        "fubble.PlanSubscription", related_name=False, on_delete=OnDelete.RESTRICT
    )
    subscription_id: UUID
    metric: fields.ForeignKeyRelation[Metric] = fields.ForeignKeyField(
        "fubble.Metric", related_name=False, on_delete=OnDelete.RESTRICT
    )
    metric_id: UUID
    committed_quantity = ExactDecimal()
    rate = ExactDecimal()
    overage_rate = ExactDecimal(null=True)
    start_at = Instant()
    end_at = Instant(null=True)
    created_at = Instant()

    class Meta:
        """Read with their subscription."""

        table = "commitment"
        indexes = (("subscription_id", "start_at"),)
