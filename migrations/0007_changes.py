"""What lets changes be heard: see fubble_gql/db/changes.

On PostgreSQL each statement that changes a customer's affairs tells so, once it is committed, to
whoever listens; where nobody watches that customer it costs a look at one or two locks. On SQLite
whoever wants to know looks: new events tell by their numbers, everything else leaves a row here.
"""

from tortoise import migrations

from fubble_gql.db.operations import DialectSQL

# Table, what happens to its rows, and whose affairs those are, on PostgreSQL and on SQLite.
OWN = ("select customer_id, null::uuid as invoice_id from changed", "{row}.customer_id, null")
SUBSCRIBED = (
    "select s.customer_id, null::uuid as invoice_id from changed"
    " join plan_subscription s on s.id = changed.subscription_id",
    "(select customer_id from plan_subscription where id = {row}.subscription_id), null",
)
CHANGES = [
    ("usage_event", "insert", OWN),
    ("usage_event", "update", OWN),
    ("customer", "update", ("select id as customer_id, null::uuid as invoice_id from changed", "{row}.id, null")),
    ("plan_subscription", "insert", OWN),
    ("plan_subscription", "update", OWN),
    ("subscription_phase", "insert", SUBSCRIBED),
    ("subscription_phase", "update", SUBSCRIBED),
    ("subscription_phase", "delete", SUBSCRIBED),
    ("commitment", "insert", SUBSCRIBED),
    ("commitment", "update", SUBSCRIBED),
    ("credit_grant", "insert", OWN),
    ("credit_grant", "update", OWN),
    # A change of an invoice's lines or periods always changes the invoice too.
    ("invoice", "insert", ("select customer_id, id as invoice_id from changed", "{row}.customer_id, {row}.id")),
    ("invoice", "update", ("select customer_id, id as invoice_id from changed", "{row}.customer_id, {row}.id")),
]

# Whoever watches shares the place's lock. It is free when it can be had, and is given back at once.
IS_WATCHED = """
create function is_watched(place int) returns boolean language plpgsql as $$
begin
  if pg_try_advisory_lock(727403, place) then
    perform pg_advisory_unlock(727403, place);
    return false;
  end if;
  return true;
end $$
"""
# Place 0: anybody at all; 1: all customers' invoices; the others: the last nine bits of customers' ids.
TELL = """
create function {name}() returns trigger language plpgsql as $$
begin
  if is_watched(0) then
    perform pg_notify('fubble_changes', concat_ws(' ', customer_id, invoice_id))
    from (select distinct * from ({whose}) as found) as told
    where is_watched(2 + (('x' || right(customer_id::text, 3))::bit(12)::int & 511))
      or (invoice_id is not null and is_watched(1));
  end if;
  return null;
end $$
"""

TABLE = (
    "create table customer_change (position integer primary key autoincrement, "
    "customer_id char(36) not null, invoice_id char(36))"
)
# One row for each customer and each invoice: the last change of it.
KEY = "create unique index customer_change_of on customer_change (customer_id, ifnull(invoice_id, ''))"


def name_of(table, event):
    return f"{table}_{event}_told"


def postgres():
    yield IS_WATCHED
    for table, event, (whose, _) in CHANGES:
        name = name_of(table, event)
        yield TELL.format(name=name, whose=whose)
        rows = "old" if event == "delete" else "new"
        yield (
            f"create trigger {name} after {event} on {table} "
            f"referencing {rows} table as changed for each statement execute function {name}()"
        )


def sqlite():
    yield TABLE
    yield KEY
    for table, event, (_, whose) in CHANGES:
        if (table, event) == ("usage_event", "insert"):
            continue  # the hot path: its numbers tell
        values = whose.format(row="old" if event == "delete" else "new")
        customer, _, invoice = values.rpartition(", ")
        yield (
            f"create trigger {name_of(table, event)} after {event} on {table} begin "
            f"delete from customer_change where customer_id = {customer} "
            f"and ifnull(invoice_id, '') = ifnull({invoice}, ''); "
            f"insert into customer_change (customer_id, invoice_id) values ({values}); end"
        )


def reverse_postgres():
    for table, event, _ in CHANGES:
        yield f"drop trigger {name_of(table, event)} on {table}"
        yield f"drop function {name_of(table, event)}()"
    yield "drop function is_watched(int)"


def reverse_sqlite():
    for table, event, _ in CHANGES:
        yield f"drop trigger if exists {name_of(table, event)}"
    yield "drop table customer_change"


class Migration(migrations.Migration):
    dependencies = [("fubble", "0006_revenue")]

    operations = [
        DialectSQL(
            postgres=list(postgres()),
            sqlite=list(sqlite()),
            reverse_postgres=list(reverse_postgres()),
            reverse_sqlite=list(reverse_sqlite()),
        )
    ]
