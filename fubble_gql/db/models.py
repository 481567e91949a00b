"""The table of repeated calls."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from fubble_gql.db.fields import KEY_LENGTH_MAX, ExactJson, Instant


class RepeatableCall(Model):
    """A mutation that made something, under the key that makes repeating it safe."""

    id = fields.UUIDField(primary_key=True)
    mutation = fields.CharField(max_length=64)
    key = fields.CharField(max_length=KEY_LENGTH_MAX)
    input = ExactJson()
    made_id = fields.UUIDField()
    created_at = Instant()

    class Meta:
        """One object per mutation and key."""

        table = "repeatable_call"
        unique_together = (("mutation", "key"),)
