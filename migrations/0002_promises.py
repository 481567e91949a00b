"""What the database itself refuses: two latest versions, inverted spans, rewritten history."""

from tortoise import migrations

from fubble_gql.db.operations import DialectSQL

ONE_LATEST = "create unique index one_latest_version on plan (key) where superseded_at is null"

CHECKS = {
    "plan": ("plan_counts", "version >= 1 and trial_days >= 0"),
    "plan_subscription": ("subscription_span", "end_at is null or end_at >= start_at"),
}

# Table, operation, and when the row may not be touched ('' = never).
FROZEN = {
    "usage_event": (
        "customer_id metric_id subscription_id idempotency_key quantity event_time recorded_at "
        "properties dimension_values unique_value defaulted"
    ),
    "plan": (
        "key version name description currency billing_frequency trial_days minimum created_at"
    ),
    "price_component": "plan_id position key display_name metric_id pricing minimum maximum",
}


def frozen_postgres(table, columns):
    listed = ", ".join(columns.split())
    return [
        f"create trigger {table}_frozen before update of {listed} on {table} "
        f"for each row execute function refuse_rewriting()",
        f"create trigger {table}_kept before delete on {table} "
        f"for each row execute function refuse_rewriting()",
    ]


def frozen_sqlite(table, columns):
    listed = ", ".join(columns.split())
    refusal = f"begin select raise(abort, '{table} is never rewritten'); end"
    return [
        f"create trigger {table}_frozen before update of {listed} on {table} {refusal}",
        f"create trigger {table}_kept before delete on {table} {refusal}",
    ]


def check_sqlite(table, name, condition):
    refusal = f"begin select raise(abort, 'CHECK constraint failed: {name}'); end"
    columns = ("version", "trial_days", "end_at", "start_at")
    seen = " ".join(
        f"new.{word}" if word in columns else word for word in condition.split()
    )
    return [
        f"create trigger {name}_insert before insert on {table} when not ({seen}) {refusal}",
        f"create trigger {name}_update before update on {table} when not ({seen}) {refusal}",
    ]


class Migration(migrations.Migration):
    dependencies = [("fubble", "0001_initial")]

    operations = [
        DialectSQL(
            postgres=[
                ONE_LATEST,
                *(
                    f"alter table {table} add constraint {name} check ({condition})"
                    for table, (name, condition) in CHECKS.items()
                ),
                "create function refuse_rewriting() returns trigger language plpgsql as "
                "$$ begin raise exception '% is never rewritten', tg_table_name "
                "using errcode = '23514'; end $$",
                *(line for table in FROZEN for line in frozen_postgres(table, FROZEN[table])),
            ],
            sqlite=[
                ONE_LATEST,
                *(line for table in CHECKS for line in check_sqlite(table, *CHECKS[table])),
                *(line for table in FROZEN for line in frozen_sqlite(table, FROZEN[table])),
            ],
            reverse_postgres=[
                *(f"drop trigger {table}_kept on {table}" for table in FROZEN),
                *(f"drop trigger {table}_frozen on {table}" for table in FROZEN),
                "drop function refuse_rewriting",
                *(
                    f"alter table {table} drop constraint {name}"
                    for table, (name, _) in CHECKS.items()
                ),
                "drop index one_latest_version",
            ],
            reverse_sqlite=[
                *(f"drop trigger {table}_kept" for table in FROZEN),
                *(f"drop trigger {table}_frozen" for table in FROZEN),
                *(f"drop trigger {name}_{on}" for name, _ in CHECKS.values() for on in ("insert", "update")),
                "drop index one_latest_version",
            ],
        )
    ]
