"""What the database itself refuses of money: a period billed twice, credit overspent, bills rewritten."""

from tortoise import migrations

from fubble_gql.db.operations import DialectSQL

EVERYWHERE = [
    # A lower bound is enough: the first bill run finds out what is really due.
    "update plan_subscription set due_at = start_at, agreed_end_at = end_at",
    "insert into invoice_numbering (id, last_sequence) values ('invoice', 0)",
    "create unique index one_invoice_per_period on invoice_period (subscription_id, start_at) "
    "where freed_at is null",
    "create index late_events on usage_event (customer_id, recorded_at) where is_late",
    "create index voided_events on usage_event (customer_id, voided_at) "
    "where voided_at is not null",
]

# What was stamped last is asked for whenever an invoice is cut; the events lie in that order.
RECORDED = (
    "create index recorded_events on usage_event using brin (recorded_at) with (autosummarize = on)"
)

# Columns that never change: of every row, or once an invoice is finalised.
FROZEN = {
    "credit_grant": (
        "customer_id type amount priority description effective_at expires_at created_at invoice_id"
    ),
    "credit_transaction": "grant_id position amount balance description invoice_id created_at",
    "invoice_period": "subscription_id start_at end_at invoice_id",
    "invoice_document": "invoice_id pdf made_at",
    "commitment": (
        "subscription_id metric_id committed_quantity rate overage_rate start_at created_at"
    ),
}
ISSUED = (
    "customer_id number sequence currency period_start period_end subtotal credits_applied total "
    "as_of issued_at due_at bill_to seller terms notes credit_grant_ids created_at"
)

# Table, name, condition on PostgreSQL, condition on SQLite (decimals are text there).
CHECKS = [
    (
        "credit_grant",
        "credit_never_negative",
        "amount > 0 and remaining >= 0 and remaining <= amount",
        "new.amount not like '-%' and new.remaining not like '-%' "
        "and new.remaining <= new.amount",
    ),
    (
        "credit_transaction",
        "balance_never_negative",
        "balance >= 0 and amount <> 0",
        "new.balance not like '-%' and new.amount <> '0'",
    ),
    (
        "invoice",
        "invoice_amounts",
        "total >= 0 and credits_applied >= 0 and credits_applied <= greatest(subtotal, 0)",
        "new.total not like '-%' and new.credits_applied not like '-%'",
    ),
    (
        "invoice",
        "invoice_numbered",
        "(number is null) = (sequence is null) and "
        "(status in ('DRAFT', 'VOID') or number is not null) and (status <> 'DRAFT' or number is null)",
        "(new.number is null) = (new.sequence is null) and "
        "(new.status in ('DRAFT', 'VOID') or new.number is not null) "
        "and (new.status <> 'DRAFT' or new.number is null)",
    ),
    ("invoice_period", "invoice_period_span", "end_at > start_at", "new.end_at > new.start_at"),
    (
        "commitment",
        "commitment_span",
        "committed_quantity > 0 and (end_at is null or end_at >= start_at)",
        "new.committed_quantity not like '-%' and "
        "(new.end_at is null or new.end_at >= new.start_at)",
    ),
]

OVERLAP = (
    "select 1 from invoice_period as held where held.subscription_id = new.subscription_id "
    "and held.freed_at is null and held.start_at < new.end_at and held.end_at > new.start_at"
)
IS_DRAFT = "exists (select 1 from invoice where id = {}.invoice_id and status = 'DRAFT')"


def postgres():
    for table, name, condition, _ in CHECKS:
        yield f"alter table {table} add constraint {name} check ({condition})"
    for table, columns in FROZEN.items():
        listed = ", ".join(columns.split())
        yield (
            f"create trigger {table}_frozen before update of {listed} on {table} "
            f"for each row execute function refuse_rewriting()"
        )
        yield (
            f"create trigger {table}_kept before delete on {table} "
            f"for each row execute function refuse_rewriting()"
        )
    yield (
        "create trigger usage_event_late before update of is_late on usage_event "
        "for each row execute function refuse_rewriting()"
    )
    yield (
        f"create trigger invoice_frozen before update of {', '.join(ISSUED.split())} on invoice "
        f"for each row when (old.status <> 'DRAFT') execute function refuse_rewriting()"
    )
    yield (
        "create trigger invoice_kept before delete on invoice "
        "for each row execute function refuse_rewriting()"
    )
    yield (
        "create trigger invoice_undrafted before update of status on invoice for each row "
        "when (old.status <> 'DRAFT' and new.status = 'DRAFT' or "
        "old.status = 'VOID' and new.status <> 'VOID') execute function refuse_rewriting()"
    )
    # Waits for whoever bills the same subscription, then looks: two that race cannot both pass.
    yield (
        "create function refuse_second_bill() returns trigger language plpgsql as $$ begin "
        "perform 1 from plan_subscription where id = new.subscription_id for update; "
        f"if exists ({OVERLAP}) then raise exception 'this period is on an invoice' "
        "using errcode = '23P01'; end if; return new; end $$"
    )
    yield (
        "create trigger invoice_period_alone before insert on invoice_period "
        "for each row execute function refuse_second_bill()"
    )
    yield (
        "create function refuse_issued_lines() returns trigger language plpgsql as $$ begin "
        f"if tg_op <> 'INSERT' then if not {IS_DRAFT.format('old')} then "
        "raise exception 'lines of an issued invoice are never rewritten' "
        "using errcode = '23514'; end if; end if; "
        f"if tg_op <> 'DELETE' then if not {IS_DRAFT.format('new')} then "
        "raise exception 'lines of an issued invoice are never rewritten' "
        "using errcode = '23514'; end if; return new; end if; return old; end $$"
    )
    yield (
        "create trigger invoice_line_frozen before insert or update or delete on invoice_line "
        "for each row execute function refuse_issued_lines()"
    )


def sqlite():
    for table, name, _, condition in CHECKS:
        refusal = f"begin select raise(abort, 'CHECK constraint failed: {name}'); end"
        for on in ("insert", "update"):
            yield (
                f"create trigger {name}_{on} before {on} on {table} "
                f"when not ({condition}) {refusal}"
            )
    for table, columns in FROZEN.items():
        refusal = f"begin select raise(abort, '{table} is never rewritten'); end"
        listed = ", ".join(columns.split())
        yield f"create trigger {table}_frozen before update of {listed} on {table} {refusal}"
        yield f"create trigger {table}_kept before delete on {table} {refusal}"
    refusal = "begin select raise(abort, 'usage_event is never rewritten'); end"
    yield f"create trigger usage_event_late before update of is_late on usage_event {refusal}"
    refusal = "begin select raise(abort, 'an issued invoice is never rewritten'); end"
    listed = ", ".join(ISSUED.split())
    yield (
        f"create trigger invoice_frozen before update of {listed} on invoice "
        f"when old.status <> 'DRAFT' {refusal}"
    )
    yield f"create trigger invoice_kept before delete on invoice {refusal}"
    yield (
        "create trigger invoice_undrafted before update of status on invoice "
        "when old.status <> 'DRAFT' and new.status = 'DRAFT' or "
        f"old.status = 'VOID' and new.status <> 'VOID' {refusal}"
    )
    yield (
        f"create trigger invoice_period_alone before insert on invoice_period when exists ({OVERLAP}) "
        "begin select raise(abort, 'this period is on an invoice'); end"
    )
    for on, row in (("insert", "new"), ("update", "old"), ("delete", "old")):
        yield (
            f"create trigger invoice_line_frozen_{on} before {on} on invoice_line "
            f"when not {IS_DRAFT.format(row)} {refusal}"
        )


def reverse_postgres():
    yield "drop index recorded_events"
    yield "drop trigger invoice_line_frozen on invoice_line"
    yield "drop trigger invoice_period_alone on invoice_period"
    yield "drop function refuse_issued_lines"
    yield "drop function refuse_second_bill"
    for name in ("invoice_frozen", "invoice_kept", "invoice_undrafted"):
        yield f"drop trigger {name} on invoice"
    yield "drop trigger usage_event_late on usage_event"
    for table in FROZEN:
        yield f"drop trigger {table}_frozen on {table}"
        yield f"drop trigger {table}_kept on {table}"
    for table, name, _, _ in CHECKS:
        yield f"alter table {table} drop constraint {name}"
    yield from REVERSE_EVERYWHERE


def reverse_sqlite():
    names = ["invoice_frozen", "invoice_kept", "invoice_undrafted", "invoice_period_alone"]
    names += [f"invoice_line_frozen_{on}" for on in ("insert", "update", "delete")]
    names += ["usage_event_late"]
    names += [f"{table}_{what}" for table in FROZEN for what in ("frozen", "kept")]
    names += [f"{name}_{on}" for _, name, _, _ in CHECKS for on in ("insert", "update")]
    yield from (f"drop trigger {name}" for name in names)
    yield from REVERSE_EVERYWHERE


REVERSE_EVERYWHERE = [
    "drop index one_invoice_per_period",
    "drop index late_events",
    "drop index voided_events",
    "delete from invoice_numbering",
]


class Migration(migrations.Migration):
    dependencies = [("fubble", "0003_invoices_and_credits")]

    operations = [
        DialectSQL(
            postgres=[*EVERYWHERE, RECORDED, *postgres()],
            sqlite=[*EVERYWHERE, *sqlite()],
            reverse_postgres=list(reverse_postgres()),
            reverse_sqlite=list(reverse_sqlite()),
        )
    ]
