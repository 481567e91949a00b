"""Hour and day sums of usage, on PostgreSQL: see fubble_gql/usage/store/postgres_rollups.py."""

from tortoise import migrations

from fubble_gql.db.operations import DialectSQL

# Rows are written again and again: room in each page lets that happen without touching the index.
TABLE = """
create table usage_rollup (
  customer_id uuid not null,
  metric_id uuid not null,
  hours smallint not null check (hours in (1, 24)),
  start_at timestamptz not null,
  subscription_id uuid,
  events bigint not null check (events >= 0),
  total numeric not null,
  largest numeric,
  smallest numeric,
  known_from timestamptz not null,
  changed_at timestamptz not null check (changed_at >= known_from)
) with (fillfactor = 70)
"""
# Of an event without a subscription there is one bucket, not one for each null.
KEY = (
    "create unique index usage_rollup_key on usage_rollup "
    "(customer_id, metric_id, hours, start_at, subscription_id) nulls not distinct"
)
# What a running server is just recording would be in no bucket.
LOCK = "lock table usage_event in share row exclusive mode"
FILL = (
    "insert into usage_rollup (customer_id, metric_id, hours, start_at, subscription_id, "
    "events, total, largest, smallest, known_from, changed_at) "
    "select customer_id, metric_id, hours, "
    "date_bin(hours * interval '1 hour', event_time, timestamptz '1900-01-01Z'), subscription_id, "
    "count(*) filter (where voided_at is null), "
    "coalesce(sum(quantity) filter (where voided_at is null), 0), "
    "max(quantity) filter (where voided_at is null), "
    "min(quantity) filter (where voided_at is null), "
    "min(recorded_at), max(greatest(recorded_at, voided_at)) "
    "from usage_event cross join (values (1::smallint), (24::smallint)) as width(hours) "
    "group by 1, 2, 3, 4, 5"
)


class Migration(migrations.Migration):
    dependencies = [("fubble", "0004_money_promises")]

    operations = [
        DialectSQL(
            postgres=[LOCK, TABLE, KEY, FILL], reverse_postgres=["drop table usage_rollup"]
        )
    ]
