"""What PostgreSQL writes of answers: the JSON of columns, to the byte as Python would write it."""

# ruff: noqa: S608 - texts are put together from this package's own words only

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from graphql import GraphQLEnumType, GraphQLLeafType
from iso4217 import Currency

from fubble_gql.api import ids
from fubble_gql.api.context import Context
from fubble_gql.billing.invoice_rows import INVOICE_LINES
from fubble_gql.db.rows import INSTANT, ITSELF, Table
from fubble_gql.reads.marks import Within
from fubble_gql.reads.writing import Mode

# Where a row must be: the statement fails, and the answer is made by other means, which say why.
MISSING = f"(1 / (length({ITSELF}.id::text) - length({ITSELF}.id::text)))::text"
_PLACES_MOSTLY = 2


class Postgres:
    """Writes for whoever takes JSON as it is, where PostgreSQL is the database."""

    def mode(self, context: Context) -> Mode:
        """Over HTTP; elsewhere values are looked at. Customers see each row as its table says."""
        if not context.takes_json or context.connection.dialect != "postgres":
            return Mode.NOTHING
        return Mode.TREES if context.connection.customer_id is None else Mode.ROWS

    def column(self, hint: object, kind: GraphQLLeafType, name: str) -> str | None:
        """SQL for the JSON of a row's column as a text, null where it is null; None for Python's."""
        plain = _plain(hint)
        if isinstance(kind, GraphQLEnumType):
            return _enum(plain, kind, name)
        form = _FORMS.get((plain, kind.name))
        return form.format(f"{ITSELF}.{name}") if form else None


def own_id(type_name: str) -> str | None:
    """SQL for the JSON of a row's id, as clients see it; None for what has none."""
    prefix = ids.PREFIXES.get(type_name)
    if prefix is None:
        return None
    own = f"{ITSELF}.id"
    if type_name != "UsageEvent":
        own = f"replace({own}::text, '-', '')"
    return f"""'"{prefix}_' || {own} || '"'"""


def money(column: str) -> dict[str, str]:
    """SQL for the JSON of each field of a Money: a column of a row that has its currency."""
    return {
        "amount": _amount(f"{ITSELF}.{column}", _places(f"{ITSELF}.currency")),
        "currency": text("currency"),
    }


def text(column: str) -> str:
    """SQL for the JSON of a column that is a text."""
    return _FORMS[str, "String"].format(f"{ITSELF}.{column}")


def number(column: str) -> str:
    """SQL for the JSON of a column that is a number."""
    return _FORMS[Decimal, "Decimal"].format(f"{ITSELF}.{column}")


def name(column: str) -> str:
    """SQL for the JSON of a column that is a name of an enum."""
    return quoted(f"{ITSELF}.{column}")


def quoted(text: str) -> str:
    """SQL for the JSON of a text that has nothing to be escaped."""
    return f"""'"' || {text} || '"'"""


def span(start: str, end: str) -> dict[str, str]:
    """SQL for the JSON of each field of a Period."""
    return {"start": instant(f"{ITSELF}.{start}"), "end": instant(f"{ITSELF}.{end}")}


def _amount(value: str, places: str) -> str:
    """Rounded half away from zero."""
    return f"""'"' || round({value}, {places}) || '"'"""


def instant(column: str) -> str:
    """SQL for the JSON of an instant, with a fraction of a second where it has one."""
    return (
        f"""'"' || to_char({column} at time zone 'UTC', case when date_trunc('second', {column})"""
        f""" = {column} then 'YYYY-MM-DD"T"HH24:MI:SS' else 'YYYY-MM-DD"T"HH24:MI:SS.US' end)"""
        """ || 'Z"'"""
    )


_FORMS: dict[tuple[object, str], str] = {
    (str, "String"): "to_json({0})::text",
    (str, "ID"): "to_json({0})::text",
    (int, "Int"): "{0}::text",
    (bool, "Boolean"): "case {0} when true then 'true' when false then 'false' end",
    (Decimal, "Decimal"): """'"' || trim_scale({0}) || '"'""",
    (datetime, "DateTime"): instant("{0}"),
}


def _plain(hint: object) -> object:
    """The type itself, without None and without what is told of it besides."""
    if get_origin(hint) is Annotated:
        return _plain(get_args(hint)[0])
    others = [one for one in get_args(hint) if one is not NoneType]
    return _plain(others[0]) if len(others) == 1 and NoneType in get_args(hint) else hint


def _enum(plain: object, kind: GraphQLEnumType, column: str) -> str | None:
    """A name of an enum, where names are the values that are stored."""
    is_text = isinstance(plain, type) and issubclass(plain, str)
    are_stored = all(known == one.value for known, one in kind.values.items())
    return name(column) if is_text and are_stored else None


def _places(currency: str) -> str:
    """SQL for how many decimals a currency has."""
    others: dict[int, list[str]] = {}
    for one in Currency:
        if isinstance(one.exponent, int) and one.exponent != _PLACES_MOSTLY:
            others.setdefault(one.exponent, []).append(f"'{one.code}'")
    cases = "".join(
        f" when {currency} in ({', '.join(sorted(codes))}) then {places}"
        for places, codes in sorted(others.items())
    )
    return f"case{cases} else {_PLACES_MOSTLY} end"


def boolean(condition: str) -> str:
    """SQL for the JSON of a condition that is true or false."""
    return f"case when {condition} then 'true' else 'false' end"


def row_of(table: Table[Any], condition: str, otherwise: str = "'null'") -> Within:
    """SQL for the JSON of the one row of another table that belongs to a row.

    In the condition that row's table is `ITSELF`, the other one is named.
    """
    return lambda item: (
        f"coalesce((select {_of(table, item)} from {table.name} where {condition}), {otherwise})"
    )


def rows_of(table: Table[Any], column: str, position: str) -> Within:
    """SQL for the JSON of the rows of another table that refer to a row, in their order."""
    return lambda item: (
        f"coalesce((select '[' || string_agg({_of(table, item)}, ','"
        f" order by {table.name}.{position}) || ']' from {table.name}"
        f" where {table.name}.{column} = {ITSELF}.id), '[]')"
    )


def one_of(column: str, names: Mapping[str, str]) -> dict[str, str]:
    """SQL for the JSON of the name of an object's type, by the text that a column is for it."""
    cases = " ".join(f"when '{value}' then '\"{name}\"'" for value, name in names.items())
    return {"__typename": f"case {column} {cases} end"}


def _of(table: Table[Any], item: str) -> str:
    """SQL for the JSON of another table's row, as of the same instant."""
    instant = "{instant}"
    own = item.replace(INSTANT, instant).replace(ITSELF, table.name)
    return own.replace(instant, INSTANT)


def lines(line: str) -> str:
    """SQL for the JSON of an invoice's lines, in their order, by that of one, beside its `of`."""
    own = _of(INVOICE_LINES, line)
    currency = f"{ITSELF}.currency"
    return (
        f"coalesce((select '[' || string_agg({own}, ',' order by {INVOICE_LINES.name}.position) || ']'"
        f" from {INVOICE_LINES.name} cross join"
        f" (select {currency} as currency, {_places(currency)} as places offset 0) as of"
        f" where {INVOICE_LINES.name}.invoice_id = {ITSELF}.id), '[]')"
    )


# SQL for the JSON of each field of the amount of a line, beside `of` with its invoice's currency.
ON_INVOICE = {
    "amount": _amount(f"{ITSELF}.amount", "of.places"),
    "currency": "to_json(of.currency)::text",
}
