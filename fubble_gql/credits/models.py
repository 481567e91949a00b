"""The tables of credit: grants, and the signed entries of their ledger."""

from __future__ import annotations

from uuid import UUID

from tortoise import fields
from tortoise.fields import OnDelete
from tortoise.models import Model

from fubble_gql.customers.models import Customer
from fubble_gql.db.fields import ExactDecimal, Instant


class CreditGrant(Model):
    """Money that a customer may spend on invoices: `remaining` is the sum of its entries.

    `invoice_id` is the invoice that it came from: the one that was below zero, or the voided one
    whose draw it returns.
    """

    id = fields.UUIDField(primary_key=True)
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "fubble.Customer", related_name=False, on_delete=OnDelete.RESTRICT
    )
    customer_id: UUID
    type = fields.CharField(max_length=16)
    amount = ExactDecimal()
    remaining = ExactDecimal()
    priority = fields.IntField()
    description = fields.TextField(null=True)
    effective_at = Instant()
    expires_at = Instant(null=True)
    created_at = Instant()
    cancelled_at = Instant(null=True)
    invoice_id = fields.UUIDField(null=True)

    class Meta:
        """Listed for a customer, found by the invoice that made it."""

        table = "credit_grant"
        indexes = (("customer_id", "created_at", "id"), ("invoice_id",))


class CreditTransaction(Model):
    """One entry of the ledger, signed: `balance` is what remains of the grant after it."""

    id = fields.UUIDField(primary_key=True)
    grant: fields.ForeignKeyRelation[CreditGrant] = fields.ForeignKeyField(
        "fubble.CreditGrant", related_name=False, on_delete=OnDelete.RESTRICT
    )
    grant_id: UUID
    position = fields.IntField()
    amount = ExactDecimal()
    balance = ExactDecimal()
    description = fields.TextField()
    invoice_id = fields.UUIDField(null=True)
    created_at = Instant()

    class Meta:
        """In the order in which they were entered; found by the invoice that they are for."""

        table = "credit_transaction"
        unique_together = (("grant_id", "position"),)
        indexes = (("invoice_id",),)
