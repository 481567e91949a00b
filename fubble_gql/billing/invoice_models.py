"""The tables of invoices: their lines, the periods that they hold, their numbers, their documents."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.fields import OnDelete
from tortoise.models import Model

from fubble_gql.billing.models import PlanSubscription
from fubble_gql.catalog.models import Metric, PriceComponent
from fubble_gql.customers.models import Customer
from fubble_gql.db.fields import ExactDecimal, ExactJson, Instant


class Invoice(Model):
    """A bill that was written down: a draft until it is finalised, unchanged from then on.

    `terms` are what it was rated on, `bill_to` and `seller` are the parties as they were then.
    `sequence` is the whole number behind `number`: gapless.
    """

    id = fields.UUIDField(primary_key=True)
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "fubble.Customer", related_name=False, on_delete=OnDelete.RESTRICT
    )
    customer_id: UUID
    number = fields.CharField(max_length=32, null=True, unique=True)
    sequence = fields.BigIntField(null=True, unique=True)
    status = fields.CharField(max_length=8)
    currency = fields.CharField(max_length=3)
    period_start = Instant()
    period_end = Instant()
    subtotal = ExactDecimal()
    credits_applied = ExactDecimal()
    total = ExactDecimal()
    as_of = Instant(null=True)
    issued_at = Instant(null=True)
    due_at = Instant(null=True)
    paid_at = Instant(null=True)
    failed_at = Instant(null=True)
    failure_reason = fields.TextField(null=True)
    voided_at = Instant(null=True)
    void_reason = fields.TextField(null=True)
    bill_to = ExactJson(null=True)
    seller = ExactJson(null=True)
    terms = ExactJson(null=True)
    notes = fields.TextField(null=True)
    credit_grant_ids = ExactJson()
    created_at = Instant()

    class Meta:
        """Indexed for lists of all and of a customer's, for what is overdue, and for revenue."""

        table = "invoice"
        indexes = (
            ("created_at", "id"),
            ("customer_id", "created_at", "id"),
            ("status", "due_at"),
            ("currency", "issued_at"),
            ("currency", "paid_at"),
        )


class InvoiceLine(Model):
    """One line of an invoice, with the steps that explain its amount."""

    id = fields.UUIDField(primary_key=True)
    invoice: fields.ForeignKeyRelation[Invoice] = fields.ForeignKeyField(
        "fubble.Invoice", related_name=False, on_delete=OnDelete.RESTRICT
    )
    invoice_id: UUID
    position = fields.IntField()
    kind = fields.CharField(max_length=16)
    description = fields.TextField()
    component: fields.ForeignKeyNullableRelation[PriceComponent] = fields.ForeignKeyField(
        "fubble.PriceComponent", null=True, related_name=False, on_delete=OnDelete.RESTRICT
    )
    component_id: UUID | None
    metric: fields.ForeignKeyNullableRelation[Metric] = fields.ForeignKeyField(
        "fubble.Metric", null=True, related_name=False, on_delete=OnDelete.RESTRICT
    )
    metric_id: UUID | None
    subscription: fields.ForeignKeyNullableRelation[PlanSubscription] = fields.ForeignKeyField(
        "fubble.PlanSubscription", null=True, related_name=False, on_delete=OnDelete.RESTRICT
    )
    subscription_id: UUID | None
    period_start = Instant(null=True)
    period_end = Instant(null=True)
    quantity = ExactDecimal()
    unit_price = ExactDecimal(null=True)
    amount = ExactDecimal()
    steps = ExactJson()

    class Meta:
        """In the invoice's order; found by what they bill."""

        table = "invoice_line"
        unique_together = (("invoice_id", "position"),)
        indexes = (("subscription_id", "period_start"),)


class InvoicePeriod(Model):
    """A billing period that an invoice holds, so that no other can, until a void frees it."""

    id = fields.UUIDField(primary_key=True)
    subscription: fields.ForeignKeyRelation[PlanSubscription] = fields.ForeignKeyField(
        "fubble.PlanSubscription", related_name=False, on_delete=OnDelete.RESTRICT
    )
    subscription_id: UUID
    start_at = Instant()
    end_at = Instant()
    invoice: fields.ForeignKeyRelation[Invoice] = fields.ForeignKeyField(
        "fubble.Invoice", related_name=False, on_delete=OnDelete.RESTRICT
    )
    invoice_id: UUID
    freed_at = Instant(null=True)

    class Meta:
        """Found by subscription and by invoice."""

        table = "invoice_period"
        indexes = (("subscription_id", "start_at"), ("invoice_id",))


class InvoiceNumbering(Model):
    """The last number that was given: one row, counted up inside the finalising transaction."""

    id = fields.CharField(primary_key=True, max_length=16)
    last_sequence = fields.BigIntField()

    class Meta:
        """One row."""

        table = "invoice_numbering"


class InvoiceDocument(Model):
    """The PDF of an invoice, kept as it was first made, so that it is the same for ever."""

    id = fields.UUIDField(primary_key=True)
    invoice: fields.OneToOneRelation[Invoice] = fields.OneToOneField(
        "fubble.Invoice", related_name=False, on_delete=OnDelete.RESTRICT
    )
    invoice_id: UUID
    pdf = fields.BinaryField()
    made_at = Instant()

    class Meta:
        """One for each invoice."""

        table = "invoice_document"
