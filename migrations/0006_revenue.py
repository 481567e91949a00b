"""What was invoiced and paid in a span of time is found by an index."""

from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("fubble", "0005_usage_rollups")]

    operations = [
        ops.AddIndex(model_name="Invoice", index=Index(fields=["currency", "issued_at"])),
        ops.AddIndex(model_name="Invoice", index=Index(fields=["currency", "paid_at"])),
    ]
