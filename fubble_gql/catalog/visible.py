"""Which part of the catalog a customer sees, as conditions for a WHERE on each table."""

from __future__ import annotations

from uuid import UUID

from fubble_gql.db.sql import Sql, sql

# What stands between the names of a formula (`pricing/formula_source.py`), and what is none.
_BETWEEN = "-+*/%<>),=!\t\r\n"
_WORDS = ("if", "else", "and", "or", "not")
_NUMBERS = ".0123456789"


def plans(customer_id: UUID) -> Sql:
    """What could be subscribed to now, and the versions that the customer's subscriptions are on.

    Those that they ever were on too: its invoices name their prices.
    """
    return sql(
        "superseded_at is null and deactivated_at is null or id in (select plan_id "
        "from subscription_phase where subscription_id in "
        "(select id from plan_subscription where customer_id = ?))",
        customer_id,
    )


def components(customer_id: UUID) -> Sql:
    """The prices of those plans."""
    return sql("plan_id in (select id from plan where") + plans(customer_id) + ")"


def metrics(customer_id: UUID) -> Sql:
    """What those prices are for, with what their formulas name; what it committed to and ever used."""
    priced = sql("select metric_id from price_component where") + components(customer_id)
    committed = sql(
        "id in (select metric_id from commitment where subscription_id in "
        "(select id from plan_subscription where customer_id = ?))",
        customer_id,
    )
    used = sql(
        "exists (select 1 from usage_event "
        "where usage_event.metric_id = metric.id and usage_event.customer_id = ?)",
        customer_id,
    )
    operand = sql("exists (select 1 from metric composite where composite.id in (") + priced + ")"
    return (
        sql("id in (")
        + priced
        + ") or"
        + operand
        + f"and {_names('composite.formula', 'metric.key')}) or"
        + committed
        + "or"
        + used
    )


def _names(formula: str, key: str) -> str:
    """Whether a formula has a metric's key among its names, in SQL that both databases know.

    A function keeps its parenthesis, and so is no name.
    """
    words = f"replace({formula}, '(', '( ')"
    for mark in _BETWEEN:
        words = f"replace({words}, '{mark}', ' ')"
    words = f"' ' || {words} || ' '"
    return (
        f"{key} not in ({_texts(_WORDS)}) and substr({key}, 1, 1) not in ({_texts(_NUMBERS)}) "
        f"and replace({words}, ' ' || {key} || ' ', '') <> {words}"
    )


def _texts(values: tuple[str, ...] | str) -> str:
    return ", ".join(f"'{value}'" for value in values)
