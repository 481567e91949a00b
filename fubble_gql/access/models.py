"""The table of API keys: only their hashes."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

from fubble_gql.db.fields import Instant


class ApiKey(Model):
    """An operator's key. The secret itself is shown once, at creation, and kept nowhere."""

    id = fields.CharField(max_length=16, primary_key=True)
    name = fields.CharField(max_length=255)
    secret_sha256 = fields.CharField(max_length=64)
    created_at = Instant()
    revoked_at = Instant(null=True)

    class Meta:
        """Looked up by id."""

        table = "api_key"
