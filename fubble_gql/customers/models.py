"""The table of customers."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from fubble_gql.db.fields import KEY_LENGTH_MAX, ExactJson, Instant


class Customer(Model):
    """Whom is billed: one currency, one timezone, never deleted.

    `cut_at` is the latest instant as of which an invoice was finalised: what is recorded from then
    on is stamped later. `invoiced_until` is the latest end of a period that was finalised: an event
    before it came late.
    """

    id = fields.UUIDField(primary_key=True)
    key = fields.CharField(max_length=KEY_LENGTH_MAX, unique=True)
    name = fields.CharField(max_length=255)
    email = fields.CharField(max_length=320, null=True)
    company_name = fields.CharField(max_length=255, null=True)
    billing_address = fields.TextField(null=True)
    payment_method_id = fields.CharField(max_length=255, null=True)
    currency = fields.CharField(max_length=3)
    timezone = fields.CharField(max_length=64)
    metadata = ExactJson()
    created_at = Instant()
    updated_at = Instant()
    archived_at = Instant(null=True)
    cut_at = Instant(null=True)
    invoiced_until = Instant(null=True)

    class Meta:
        """Indexed for each order that lists can have."""

        table = "customer"
        indexes = (("created_at", "id"), ("name", "id"))
